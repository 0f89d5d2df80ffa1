//! `history` and `rollback`.

use super::bench::{Bench, kind, outcomes};
use super::scenes::three_environments;
use crate::support::Lab;
use envsync::app::decide::Prefer;
use envsync::app::history::history;
use envsync::app::report::Report;
use envsync::app::rollback::{Rollback, rollback};
use envsync::app::undo::undo;
use envsync::domain::config::Layout;
use envsync::domain::key::Key;
use envsync::domain::snapshot::VersionId;
use envsync::ports::{Failure, FailureKind, block_on};

fn key(name: &str) -> Key {
    Key::new(name).expect("a key")
}

/// The store and the file hold a newer version than `v1`.
fn bench() -> Bench {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a2\nB=canary-b\nNEW=canary-new\n");
    let values = [("A", "canary-a1"), ("B", "canary-b")].map(|(name, value)| (key(name), value.into()));
    bench.script().versions.borrow_mut().push(("v1".to_owned(), values.into()));
    bench
}

fn to_v1() -> Rollback {
    Rollback {
        version: VersionId("v1".to_owned()),
        key: None,
        prune: false,
        prefer: Prefer::Stop,
        dry_run: false,
        allow_protected: None,
    }
}

fn roll(bench: &Bench, request: &Rollback) -> Result<Report, Failure> {
    block_on(rollback(&bench.workspace, request))
}

#[test]
fn versions_are_listed_newest_first() {
    let bench = bench();
    bench.script().versions.borrow_mut().push(("v2".to_owned(), [].into()));
    let listed = block_on(history(&bench.workspace, None, 9)).expect("versions");
    assert_eq!(listed.iter().map(|one| one.version.0.as_str()).collect::<Vec<_>>(), ["v2", "v1"]);
    assert_eq!(block_on(history(&bench.workspace, None, 1)).expect("versions").len(), 1);
}

#[test]
fn a_version_is_written_again_comes_into_the_file_and_keys_added_since_are_withheld() {
    let bench = bench();
    let report = roll(&bench, &to_v1()).expect("a rollback");
    assert!(report.failure.is_none());
    assert_eq!(outcomes(&report), ["A applied", "NEW nothing"]);
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a1"));
    assert_eq!(bench.stored("NEW").as_deref(), Some("canary-new"));
    assert_eq!(bench.files.text(), "A=canary-a1\nB=canary-b\nNEW=canary-new\n");
    assert_eq!(kind(bench.push()), None);
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a1"), "nothing of it is an unpushed change");
}

#[test]
fn prune_removes_what_was_added_since() {
    let bench = bench();
    roll(&bench, &Rollback { prune: true, ..to_v1() }).expect("a rollback");
    assert_eq!(bench.stored("NEW"), None);
    assert_eq!(bench.files.text(), "A=canary-a1\nB=canary-b\n");
}

#[test]
fn a_dry_run_writes_nothing_and_one_key_is_rolled_back_alone() {
    let bench = bench();
    let report = roll(&bench, &Rollback { dry_run: true, ..to_v1() }).expect("a plan");
    assert_eq!(outcomes(&report), ["A planned", "NEW nothing"]);
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a2"));
    let report = roll(&bench, &Rollback { key: Some(key("A")), ..to_v1() }).expect("a rollback");
    assert_eq!(outcomes(&report), ["A applied"]);
    let missing = roll(&bench, &Rollback { key: Some(key("NONE")), ..to_v1() });
    assert_eq!(kind(missing), Some(FailureKind::Missing));
}

#[test]
fn an_unpushed_change_of_the_same_key_stops_it_before_anything_is_written_unless_a_side_is_named() {
    let edited = "A=canary-mine\nB=canary-b\nNEW=canary-new\n";
    let bench = bench();
    bench.files.write(edited);
    assert_eq!(kind(roll(&bench, &to_v1())), Some(FailureKind::Conflict));
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a2"));
    assert_eq!(kind(roll(&bench, &Rollback { prefer: Prefer::Local, ..to_v1() })), None);
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a1"));
    assert_eq!(bench.files.text(), edited, "the edit stays, as an unpushed change");
    let other = self::bench();
    other.files.write(edited);
    assert_eq!(kind(roll(&other, &Rollback { prefer: Prefer::Remote, ..to_v1() })), None);
    assert_eq!(other.files.text(), "A=canary-a1\nB=canary-b\nNEW=canary-new\n");
}

#[test]
fn other_unpushed_edits_stay() {
    let bench = bench();
    bench.files.write("A=canary-a2\nB=canary-mine\nNEW=canary-new\n");
    assert_eq!(kind(roll(&bench, &to_v1())), None);
    assert_eq!(bench.files.text(), "A=canary-a1\nB=canary-mine\nNEW=canary-new\n");
    assert_eq!(bench.stored("B").as_deref(), Some("canary-b"));
}

#[test]
fn what_is_written_over_can_be_taken_back() {
    let bench = bench();
    roll(&bench, &to_v1()).expect("a rollback");
    block_on(undo(&bench.workspace, None, false)).expect("something to undo");
    assert_eq!(bench.files.text(), "A=canary-a2\nB=canary-b\nNEW=canary-new\n");
}

#[test]
fn another_writer_of_the_same_key_stops_it_and_of_another_key_does_not() {
    let bench = bench();
    bench.payloads.interfere(0, bench.interference("OTHER", Some("canary-other")));
    assert_eq!(kind(roll(&bench, &to_v1())), None);
    assert_eq!(bench.stored("OTHER").as_deref(), Some("canary-other"));
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a1"));
    let raced = self::bench();
    raced.payloads.interfere(0, raced.interference("A", Some("canary-theirs")));
    assert_eq!(kind(roll(&raced, &to_v1())), Some(FailureKind::Conflict));
    assert_eq!(raced.stored("A").as_deref(), Some("canary-theirs"));
}

#[test]
fn offline_and_unknown_versions_are_refused() {
    let mut bench = bench();
    let nowhere = roll(&bench, &Rollback { version: VersionId("v9".to_owned()), ..to_v1() });
    assert_eq!(kind(nowhere), Some(FailureKind::Missing));
    bench.workspace.options.offline = true;
    assert_eq!(kind(roll(&bench, &to_v1())), Some(FailureKind::Offline));
    let failure = block_on(history(&bench.workspace, None, 9)).expect_err("status 6");
    assert_eq!(failure.kind, FailureKind::Offline);
}

#[test]
fn the_versions_of_an_age_store_are_git_s() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.envsync(["history"]).ends(4).says("git log -- .envsync/development.env.age");
    repo.envsync(["rollback", "v1"]).ends(4).says("git checkout COMMIT -- .envsync/development.env.age");
}
