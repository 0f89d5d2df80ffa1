//! Stores that cannot be asked: what a snapshot may do, and what it may not.

use super::bench::{Bench, kind};
use envsync::app::decide::Request;
use envsync::app::remote::Fallback;
use envsync::app::undo::undo;
use envsync::app::{compare, settle, variables};
use envsync::domain::config::Layout;
use envsync::domain::environment::{EnvFilePath, Timestamp};
use envsync::domain::key::Key;
use envsync::domain::plan::Direction;
use envsync::ports::{FailureKind, block_on};
use std::time::Duration;

/// The store has moved on since it was read, and does not answer.
fn unreachable() -> Bench {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.clock.pass(Duration::from_secs(300));
    bench.payloads.fail_after(0);
    bench
}

#[test]
fn what_only_reads_falls_back_to_the_snapshot_and_says_its_age() {
    let bench = unreachable();
    let report = block_on(compare::status(&bench.workspace)).expect("the snapshot serves");
    assert!(report.targets[0].snapshot_age.is_some_and(|age| age >= 300));
    assert!(bench.told.lines.borrow().iter().any(|line| line.contains("5 min ago")), "{:?}", bench.told.lines);
    block_on(compare::diff(&bench.workspace, None)).expect("the snapshot serves");
    block_on(variables::list(&bench.workspace)).expect("the file is enough");
    let request = Request { fallback: Fallback::Snapshot, named: true, ..Request::new("use", Direction::ToLocal) };
    assert_eq!(kind(bench.run(&request)), None, "use falls back too");
}

#[test]
fn max_age_0_forbids_the_snapshot() {
    let mut bench = unreachable();
    bench.workspace.options.max_age = Some(Duration::ZERO);
    let failure = block_on(compare::status(&bench.workspace)).expect_err("status 6");
    assert_eq!(failure.kind, FailureKind::Offline);
    bench.clock.turn_back(Duration::from_secs(300));
    assert!(block_on(compare::status(&bench.workspace)).is_err(), "one that was made this second too");
}

#[test]
fn fetch_pull_push_and_sync_end_with_6() {
    let bench = unreachable();
    bench.files.write("A=canary-a2\n");
    let failure = block_on(compare::fetch(&bench.workspace)).expect_err("status 6");
    assert_eq!(failure.kind, FailureKind::Unreachable);
    for result in [bench.pull(), bench.push(), bench.sync()] {
        assert_eq!(kind(result), Some(FailureKind::Unreachable));
    }
    assert_eq!(bench.files.text(), "A=canary-a2\n");
}

#[test]
fn offline_never_asks_pull_merges_the_snapshot_and_the_others_end_with_6() {
    let mut bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.remotely("A", Some("canary-a2"));
    block_on(compare::fetch(&bench.workspace)).expect("reachable");
    bench.workspace.options.offline = true;
    let requests = bench.payloads.log().len();
    for result in [bench.push(), bench.sync()] {
        assert_eq!(kind(result), Some(FailureKind::Offline));
    }
    assert_eq!(block_on(compare::fetch(&bench.workspace)).expect_err("status 6").kind, FailureKind::Offline);
    assert_eq!(kind(bench.pull()), None);
    assert_eq!(bench.files.text(), "A=canary-a2\n");
    assert_eq!(bench.payloads.log().len(), requests, "the store was asked");
}

#[test]
fn offline_without_a_snapshot_is_6() {
    let mut bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.workspace.options.offline = true;
    bench.on_branch("top");
    assert_eq!(kind(bench.pull()), Some(FailureKind::Offline));
}

#[test]
fn a_snapshot_older_than_the_base_is_discarded() {
    let mut bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    // Another work tree's snapshot of an older store file than the one this file agreed on.
    bench.clock.pass(Duration::from_secs(500));
    bench.remotely("A", Some("canary-a2"));
    assert_eq!(kind(bench.pull()), None);
    let known = block_on(bench.workspace.state.snapshots()).expect("snapshots").remove(0);
    let mut later = block_on(bench.workspace.state.load(&EnvFilePath::new(".env"))).expect("a state");
    later.record.as_mut().expect("a record").agreed_at = Timestamp(known.state.read_at.0 + 100);
    block_on(bench.workspace.state.save(&EnvFilePath::new(".env"), &later)).expect("saved");
    bench.files.write("A=canary-mine\n");
    bench.workspace.options.offline = true;
    assert_eq!(kind(bench.pull()), Some(FailureKind::Offline));
    let restored = block_on(settle::restore(&bench.workspace, &[Key::new("A").expect("a key")]));
    assert_eq!(restored.expect_err("status 6").kind, FailureKind::Offline);
    assert_eq!(bench.files.text(), "A=canary-mine\n");
}

#[test]
fn a_clock_that_was_set_back_stops_nobody() {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.clock.turn_back(Duration::from_secs(100));
    bench.remotely("A", Some("canary-a2"));
    assert_eq!(kind(bench.pull()), None, "what the store answers now is not older than the base");
    assert_eq!(bench.files.text(), "A=canary-a2\n");
}

#[test]
fn metadata_is_asked_first_and_values_only_where_something_moved() {
    let bench = Bench::agreed(Layout::Keys, "A=canary-a\nB=canary-b\n");
    block_on(compare::fetch(&bench.workspace)).expect("reachable");
    let before = bench.payloads.log().len();
    assert_eq!(kind(bench.pull()), None);
    assert!(bench.payloads.log()[before..].iter().all(|request| request.operation != "get"), "values travelled");
}

#[test]
fn undo_takes_back_the_last_change_also_where_the_clock_was_set_back_in_between() {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\nB=canary-b\n");
    for (key, value) in [("A", "canary-a2"), ("B", "canary-b2")] {
        bench.remotely(key, Some(value));
        bench.pull().expect("a pull");
        bench.clock.turn_back(Duration::from_secs(100));
    }
    let undone = block_on(undo(&bench.workspace, None, false)).expect("something to undo");
    assert_eq!(undone.restored.len(), 1);
    assert_eq!(bench.files.text(), "A=canary-a2\nB=canary-b\n");
}
