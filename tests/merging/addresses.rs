//! A store whose answers name the account: records belong to what answered, snapshots are found by what is configured.

use super::bench::{Bench, kind};
use envsync::app::compare::{self, Side};
use envsync::app::decide::Request;
use envsync::app::hooks::{Cause, run as hook};
use envsync::app::remote::Fallback;
use envsync::config::file;
use envsync::domain::config::Layout;
use envsync::domain::environment::EnvironmentName;
use envsync::domain::plan::Direction;
use envsync::domain::snapshot::PayloadName;
use envsync::ports::{FailureKind, StoreErrorKind, block_on};
use std::time::Duration;

/// The config says where to look; an account answers.
fn account(name: &str) -> Bench {
    let bench = Bench::new(Layout::Dotenv);
    bench.answer_from("profile=dev");
    *bench.script().answers_as.borrow_mut() = Some(name.to_owned());
    bench.agree("A=canary-a\nB=canary-b\n");
    bench
}

fn use_main(bench: &Bench) -> Option<FailureKind> {
    let request = Request { fallback: Fallback::Snapshot, named: true, ..Request::new("use", Direction::ToLocal) };
    kind(bench.run(&request))
}

#[test]
fn the_record_belongs_to_the_account_that_answered_from_the_first_push_on() {
    let bench = account("one");
    let record = bench.state().record.expect("a record");
    assert_eq!((record.address.scope.as_str(), record.configured.scope.as_str()), ("one", "profile=dev"));
    bench.remotely("A", Some("canary-a2"));
    assert_eq!(kind(bench.pull()), None, "an answer of the same account is no change");
    assert_eq!(bench.files.text(), "A=canary-a2\nB=canary-b\n");
}

#[test]
fn a_renamed_profile_that_answers_from_the_same_account_is_the_same_environment() {
    let bench = account("one");
    bench.files.write("A=canary-edited\nB=canary-b\n");
    bench.answer_from("profile=renamed");
    bench.remotely("B", Some("canary-b2"));
    let report = bench.pull().expect("no switch");
    assert!(report.failure.is_none() && report.targets[0].parked.is_empty());
    assert_eq!(bench.files.text(), "A=canary-edited\nB=canary-b2\n");
    assert_eq!(bench.state().record.expect("a record").configured.scope, "profile=renamed");
}

#[test]
fn parked_changes_are_found_again_under_a_renamed_profile() {
    let mut bench = account("one");
    bench.files.write("A=canary-edited\nB=canary-b\n");
    bench.payloads.raw_put(&PayloadName("top".to_owned()), b"T=canary-t\n");
    bench.on_branch("top");
    assert_eq!(kind(bench.pull()), None);
    assert_eq!(bench.files.text(), "T=canary-t\n");
    bench.answer_from("profile=renamed");
    bench.on_branch("main");
    assert_eq!(kind(bench.pull()), None);
    assert!(bench.files.text().contains("A=canary-edited"), "{}", bench.files.text());
    assert!(bench.state().parked.is_empty());
}

#[test]
fn another_account_under_the_same_entry_is_refused_and_use_accepts_it_as_a_switch() {
    let bench = account("one");
    bench.files.write("A=canary-edited\nB=canary-b\n");
    *bench.script().answers_as.borrow_mut() = Some("two".to_owned());
    for result in [bench.pull(), bench.push(), bench.sync()] {
        assert_eq!(kind(result), Some(FailureKind::Refused));
    }
    assert_eq!(bench.files.text(), "A=canary-edited\nB=canary-b\n");
    let status = block_on(compare::status(&bench.workspace)).expect("it only tells");
    assert!(format!("{:?}", status.targets[0].event).contains("answers from two"), "{:?}", status.targets[0].event);
    assert_eq!(use_main(&bench), None);
    let state = bench.state();
    assert_eq!(state.record.expect("a record").address.scope, "two");
    assert_eq!(state.parked.keys().map(|address| address.scope.as_str()).collect::<Vec<_>>(), ["one"]);
    assert_eq!(bench.files.text(), "A=canary-a\nB=canary-b\n");
}

#[test]
fn an_answer_that_names_no_account_is_no_other_account() {
    let bench = account("one");
    bench.payloads.raw_delete(&bench.name(""));
    assert_eq!(kind(bench.pull()), Some(FailureKind::Emptied));
    assert_eq!(bench.files.text(), "A=canary-a\nB=canary-b\n");
}

#[test]
fn snapshots_are_found_offline_before_anything_has_answered() {
    let mut bench = account("one");
    bench.remotely("A", Some("canary-a2"));
    block_on(compare::fetch(&bench.workspace)).expect("reachable");
    bench.workspace.options.offline = true;
    assert_eq!(kind(bench.pull()), None);
    assert_eq!(bench.files.text(), "A=canary-a2\nB=canary-b\n");
    assert_eq!(bench.state().record.expect("a record").address.scope, "one");
}

#[test]
fn an_expired_sign_in_falls_back_to_the_snapshot_where_only_reading_is_asked_for() {
    let mut bench = account("one");
    bench.clock.pass(Duration::from_secs(300));
    bench.payloads.refuse(&bench.name(""), StoreErrorKind::SignedOut);
    block_on(compare::status(&bench.workspace)).expect("the snapshot serves");
    assert!(bench.told.lines.borrow().iter().any(|line| line.contains("5 min ago")), "{:?}", bench.told.lines);
    assert_eq!(use_main(&bench), None);
    for result in [bench.pull(), bench.push(), bench.sync()] {
        assert_eq!(kind(result), Some(FailureKind::SignedOut));
    }
    bench.workspace.options.max_age = Some(Duration::ZERO);
    let failure = block_on(compare::status(&bench.workspace)).expect_err("status 5");
    assert_eq!(failure.kind, FailureKind::SignedOut);
}

#[test]
fn a_denial_is_an_answer_and_no_snapshot_stands_in_for_it() {
    let bench = account("one");
    bench.payloads.refuse(&bench.name(""), StoreErrorKind::Denied);
    let failure = block_on(compare::status(&bench.workspace)).expect_err("status 5");
    assert_eq!(failure.kind, FailureKind::Denied);
}

#[test]
fn a_hook_asks_nothing_where_the_file_holds_the_environment_or_the_snapshot_is_fresh() {
    let mut bench = account("one");
    bench.payloads.raw_put(&PayloadName("top".to_owned()), b"T=canary-t\n");
    bench.on_branch("top");
    block_on(compare::fetch(&bench.workspace)).expect("reachable");
    let requests = bench.payloads.log().len();
    block_on(hook(&bench.workspace, Cause::Checkout));
    assert_eq!(bench.files.text(), "T=canary-t\n", "a fresh snapshot is enough for a switch");
    for cause in [Cause::Checkout, Cause::Merge] {
        block_on(hook(&bench.workspace, cause));
    }
    assert_eq!(bench.payloads.log().len(), requests, "the store was asked");
}

#[test]
fn a_hook_whose_sign_in_has_expired_works_from_the_snapshot_and_says_so_once() {
    let mut bench = account("one");
    bench.payloads.raw_put(&PayloadName("top".to_owned()), b"T=canary-t\n");
    bench.on_branch("top");
    block_on(compare::fetch(&bench.workspace)).expect("reachable");
    bench.clock.pass(Duration::from_secs(3_600));
    bench.payloads.refuse(&PayloadName("top".to_owned()), StoreErrorKind::SignedOut);
    bench.told.lines.borrow_mut().clear();
    block_on(hook(&bench.workspace, Cause::Checkout));
    assert_eq!(bench.files.text(), "T=canary-t\n");
    let said = bench.told.lines.borrow();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with(".env holds top: 1 key, as of 60 min ago; memory: "), "{said:?}");
}

#[test]
fn an_environment_extends_one_of_another_store_and_sides_of_both_can_be_compared() {
    let mut bench = Bench::new(Layout::Dotenv);
    let config = "
        version = 1
        [[environment]]
        name = \"top\"
        branches = [\"top\"]
        store = \"other\"
        path = \"top\"
        [[environment]]
        name = \"main\"
        branches = [\"main\"]
        store = \"cloud\"
        path = \"main\"
        extends = \"top\"
        [stores.cloud]
        kind = \"age\"
        [stores.other]
        kind = \"age\"
        directory = \"other\"
    ";
    bench.workspace.config = file::parse(config).expect("a config");
    bench.other().raw_put(&PayloadName("top".to_owned()), b"T=canary-t\nA=canary-below\n");
    bench.payloads.raw_put(&PayloadName("main".to_owned()), b"A=canary-a\n");
    assert_eq!(kind(bench.pull()), None);
    assert_eq!(bench.files.text(), "A=canary-a\nT=canary-t\n");
    bench.files.write("A=canary-a\nT=canary-mine\n");
    assert_eq!(kind(bench.push()), None);
    assert_eq!(bench.stored("T").as_deref(), Some("canary-mine"), "writes never go below");
    let sides = (Side::Environment(EnvironmentName::new("top")), Side::Remote, ("env:top".into(), "remote".into()));
    let report = block_on(compare::diff(&bench.workspace, Some(sides))).expect("two stores");
    let keys: Vec<&str> = report.targets[0].changes.iter().map(|change| change.step.key.as_str()).collect();
    assert_eq!(keys, ["A", "T"]);
}
