//! Other writers: a push that loses a race, and one that cannot write everything.

use super::bench::{Bench, kind, outcomes};
use envsync::app::decide::{Prefer, Request};
use envsync::app::variables::{self, Edit};
use envsync::domain::config::{EnvFileEntry, Layout};
use envsync::domain::environment::{EnvFilePath, EnvironmentName};
use envsync::domain::key::Key;
use envsync::domain::plan::Direction;
use envsync::domain::snapshot::PayloadName;
use envsync::ports::{FailureKind, StoreErrorKind, WriteGuarantee, block_on};
use envsync::stores::memory::MemoryPayloads;
use std::rc::Rc;

#[test]
fn a_push_that_loses_a_race_reads_and_plans_again() {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\nB=canary-b\n");
    bench.files.write("A=canary-a2\nB=canary-b\n");
    bench.payloads.interfere(0, bench.interference("B", Some("canary-theirs")));
    let report = bench.push().expect("it wins in the end");
    assert!(report.failure.is_none());
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a2"));
    assert_eq!(bench.stored("B").as_deref(), Some("canary-theirs"), "the other writer's key is there");
}

#[test]
fn a_push_whose_own_key_conflicts_after_a_race_ends_with_3() {
    for guarantee in [WriteGuarantee::Conditional, WriteGuarantee::Detected, WriteGuarantee::Blind] {
        for layout in [Layout::Dotenv, Layout::Keys] {
            let bench = Bench::over(layout, MemoryPayloads::new(guarantee));
            bench.agree("A=canary-a\n");
            bench.files.write("A=canary-a2\n");
            bench.remotely("A", Some("canary-theirs"));
            assert_eq!(kind(bench.push()), Some(FailureKind::Conflict), "{guarantee:?} {layout:?}");
            assert_eq!(bench.stored("A").as_deref(), Some("canary-theirs"), "{guarantee:?} {layout:?}");
        }
    }
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.files.write("A=canary-a2\n");
    bench.payloads.interfere(0, bench.interference("A", Some("canary-theirs")));
    assert_eq!(kind(bench.push()), Some(FailureKind::Conflict));
    assert_eq!(bench.stored("A").as_deref(), Some("canary-theirs"));
    assert!(block_on(bench.workspace.state.undo_entries(&env_file())).expect("entries").is_empty());
}

#[test]
fn a_conflict_after_other_keys_were_written_is_8() {
    let bench = Bench::agreed(Layout::Keys, "A=canary-a\nB=canary-b\n");
    bench.files.write("A=canary-a2\nB=canary-b2\n");
    bench.payloads.interfere(1, bench.interference("B", Some("canary-theirs")));
    let report = bench.push().expect("a report");
    let failure = report.failure.as_ref().expect("a failure");
    assert_eq!(failure.kind, FailureKind::Partial);
    assert!(!failure.what.contains("nothing was written"), "{}", failure.what);
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a2"));
    assert_eq!(bench.stored("B").as_deref(), Some("canary-theirs"));
    assert!(outcomes(&report).contains(&"A applied".to_owned()), "{:?}", outcomes(&report));
}

#[test]
fn a_push_that_cannot_win_until_the_time_is_used_up_ends_with_4() {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\nB=canary-b\n");
    bench.files.write("A=canary-a2\nB=canary-b\n");
    for write in 0..2_000 {
        let value: &'static str = if write % 2 == 0 { "canary-x" } else { "canary-y" };
        bench.payloads.interfere(write, bench.interference("B", Some(value)));
    }
    let failure = bench.push().expect("a report").failure.expect("a failure");
    assert_eq!(failure.kind, FailureKind::LostRace);
    assert!(failure.hint.expect("a hint").contains("--timeout"));
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a"), "nothing is said done that is not there");
}

#[test]
fn what_was_not_written_is_listed_and_running_again_goes_on() {
    let bench = Bench::agreed(Layout::Keys, "A=canary-a\nB=canary-b\n");
    bench.files.write("A=canary-a2\nB=canary-b2\n");
    bench.payloads.refuse(&PayloadName("main/B".to_owned()), StoreErrorKind::TooLarge);
    let report = bench.push();
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a2"));
    let report = report.expect("a report");
    assert_eq!(outcomes(&report), ["A applied", "B failed"]);
    assert_eq!(report.failure.expect("a failure").kind, FailureKind::Partial);
    bench.payloads.allow(&PayloadName("main/B".to_owned()));
    let report = bench.push().expect("a report");
    assert_eq!(outcomes(&report), ["B applied"]);
}

#[test]
fn an_environment_that_somebody_else_starts_meanwhile_is_not_pushed_into() {
    let mut bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.on_branch("top");
    bench.told.answer.set(true);
    let theirs: Box<dyn FnOnce(&MemoryPayloads)> =
        Box::new(|payloads| payloads.raw_put(&PayloadName("top".to_owned()), b"B=canary-theirs\n"));
    bench.payloads.interfere(0, theirs);
    assert_eq!(kind(bench.push()), Some(FailureKind::LostRace));
    let body = bench.payloads.raw(&PayloadName("top".to_owned())).expect("theirs");
    assert_eq!(body.expose(), b"B=canary-theirs\n");
    bench.on_branch("main");
    assert!(bench.push().expect("in step").failure.is_none(), "the file still holds main");
}

#[test]
fn what_may_have_lost_in_the_store_stays_in_the_undo_record() {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.files.write("A=canary-mine\n");
    bench.remotely("A", Some("canary-theirs"));
    // The write arrives, its answer does not, and nobody can look afterwards.
    bench.payloads.interfere(0, Box::new(|payloads| payloads.fail_after(0)));
    bench.payloads.lose_answer(0);
    let request = Request { prefer: Prefer::Local, ..Request::new("push", Direction::ToRemote) };
    assert_eq!(kind(bench.run(&request)), Some(FailureKind::Unreachable));
    bench.payloads.recover();
    assert_eq!(bench.stored("A").as_deref(), Some("canary-mine"));
    let entries = block_on(bench.workspace.state.undo_entries(&env_file())).expect("entries");
    let changes = &entries.first().expect("an entry").1.environments[0].changes;
    let before = changes[&Key::new("A").expect("a key")].before.as_ref().expect("a value");
    assert_eq!(before.expose(), "canary-theirs");
}

#[test]
fn what_lost_in_the_store_stays_in_the_undo_record_when_the_env_file_cannot_be_written() {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\nB=canary-b\n");
    bench.remotely("A", Some("canary-theirs"));
    bench.remotely("B", Some("canary-b2"));
    bench.files.write("A=canary-mine\nB=canary-b\n");
    let files = Rc::clone(&bench.files);
    bench.payloads.interfere(0, Box::new(move |_| files.write("A=canary-mine\nB=canary-b\nC=canary-edited\n")));
    let request = Request { prefer: Prefer::Local, ..Request::new("sync", Direction::Both) };
    assert_eq!(kind(bench.run(&request)), Some(FailureKind::Partial));
    assert_eq!(bench.stored("A").as_deref(), Some("canary-mine"));
    assert!(bench.files.text().contains("C=canary-edited"), "the edit is kept");
    let entries = block_on(bench.workspace.state.undo_entries(&env_file())).expect("entries");
    let key = Key::new("A").expect("a key");
    let before = entries[0].1.environments[0].changes[&key].before.clone();
    assert_eq!(before.expect("the store's value").expose(), "canary-theirs");
    assert!(bench.sync().expect("again").failure.is_none());
    assert_eq!(bench.files.text(), "A=canary-mine\nB=canary-b2\nC=canary-edited\n");
    assert_eq!(bench.stored("C").as_deref(), Some("canary-edited"));
}

#[test]
fn a_failure_in_a_later_file_is_8_and_says_which_file_is_done() {
    let mut bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.workspace.config.files.push(EnvFileEntry {
        path: EnvFilePath::new("web/.env"),
        suffix: Some("web".to_owned()),
        example: None,
        local: Vec::new(),
        environment: None,
    });
    bench.agree("A=canary-a\n");
    bench.files.write("A=canary-a2\n");
    let second = PayloadName("main/web".to_owned());
    let refused = second.clone();
    bench.payloads.interfere(1, Box::new(move |service| service.refuse(&refused, StoreErrorKind::TooLarge)));
    let report = bench.push().expect("a report");
    let failure = report.failure.expect("a failure");
    assert_eq!(failure.kind, FailureKind::Partial);
    assert!(failure.what.ends_with("done already: .env"), "{}", failure.what);
    assert_eq!(report.targets.len(), 2, "what was not done is listed");
    bench.payloads.allow(&second);
    assert!(bench.push().expect("a report").failure.is_none(), "running again goes on");
    assert_eq!(bench.payloads.raw(&second).expect("there").expose(), b"A=canary-a2\n");
}

fn edit(key: &str, value: &str) -> Edit {
    Edit {
        command: "set",
        key: Key::new(key).expect("a key"),
        value: Some(value.into()),
        dry_run: false,
        allow_protected: None,
    }
}

#[test]
fn set_on_a_store_tries_again_and_never_writes_over_a_change_it_has_not_seen() {
    let mut bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.on_branch("top");
    bench.payloads.raw_put(&PayloadName("top".to_owned()), b"T=canary-t\n");
    assert!(bench.pull().expect("a switch").failure.is_none());
    bench.workspace.wanted.environment = Some(EnvironmentName::new("main"));
    bench.payloads.interfere(0, bench.interference("OTHER", Some("canary-theirs")));
    block_on(variables::edit(&bench.workspace, &edit("A", "canary-set"))).expect("it wins in the end");
    assert_eq!(bench.stored("A").as_deref(), Some("canary-set"));
    assert_eq!(bench.stored("OTHER").as_deref(), Some("canary-theirs"));
    bench.payloads.interfere(0, bench.interference("A", Some("canary-theirs")));
    let failure = block_on(variables::edit(&bench.workspace, &edit("A", "canary-again"))).expect_err("a conflict");
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert_eq!(bench.stored("A").as_deref(), Some("canary-theirs"));
}

fn env_file() -> EnvFilePath {
    EnvFilePath::new(".env")
}
