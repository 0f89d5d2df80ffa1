//! What cannot be read, what answers from elsewhere, what was emptied, and what loads code.

use super::bench::{Bench, kind, outcomes};
use envsync::app::decide::{Prefer, Request};
use envsync::app::report::Report;
use envsync::domain::config::Layout;
use envsync::domain::merge::{ConflictKind, KeyState};
use envsync::domain::plan::{Choice, Direction, Note};
use envsync::domain::snapshot::PayloadName;
use envsync::ports::{FailureKind, StoreErrorKind, WriteGuarantee};
use envsync::stores::memory::MemoryPayloads;
use envsync::stores::payload::Deletion;

fn state(report: &Report, key: &str) -> Option<KeyState> {
    let changes = &report.targets[0].changes;
    changes.iter().find(|change| change.step.key.as_str() == key).map(|change| change.step.state)
}

#[test]
fn a_key_that_cannot_be_read_is_listed_and_left_alone_on_both_sides() {
    for refusal in [StoreErrorKind::Denied, StoreErrorKind::Disabled, StoreErrorKind::Undecryptable] {
        let bench = Bench::agreed(Layout::Keys, "A=canary-a\nB=canary-b\n");
        bench.remotely("A", Some("canary-a2"));
        bench.payloads.refuse(&bench.name("A"), refusal);
        bench.files.write("A=canary-mine\nB=canary-b2\n");
        let request = Request { prune: true, prefer: Prefer::Local, ..Request::new("sync", Direction::Both) };
        let report = bench.run(&request).expect("a report");
        assert_eq!(state(&report, "A"), Some(KeyState::Unknown), "{refusal:?}");
        assert!(report.failure.is_none());
        assert_eq!(bench.files.text(), "A=canary-mine\nB=canary-b2\n", "it is not deleted");
        assert_eq!(bench.stored("B").as_deref(), Some("canary-b2"));
        bench.payloads.allow(&bench.name("A"));
        assert_eq!(bench.stored("A").as_deref(), Some("canary-a2"), "it is not pushed over");
        let report = bench.push().expect("a report");
        let conflict = KeyState::Conflict(ConflictKind::BothModified);
        assert_eq!(state(&report, "A"), Some(conflict), "its base has not moved");
    }
}

#[test]
fn a_local_deletion_of_an_unknown_key_is_not_sent() {
    let bench = Bench::agreed(Layout::Keys, "A=canary-a\nB=canary-b\n");
    bench.remotely("A", Some("canary-a2"));
    bench.payloads.refuse(&bench.name("A"), StoreErrorKind::Denied);
    bench.files.write("B=canary-b\n");
    let request = Request { prune: true, ..Request::new("push", Direction::ToRemote) };
    assert_eq!(kind(bench.run(&request)), None);
    bench.payloads.allow(&bench.name("A"));
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a2"));
}

#[test]
fn a_name_that_no_env_file_can_spell_is_listed_and_survives_prune() {
    let bench = Bench::agreed(Layout::Keys, "A=canary-a\n");
    let foreign = PayloadName("main/not a key".to_owned());
    bench.payloads.raw_put(&foreign, b"canary-foreign");
    let request = Request { prune: true, ..Request::new("sync", Direction::Both) };
    let report = bench.run(&request).expect("a report");
    assert!(report.targets[0].unknown.iter().any(|(name, _)| name == "not a key"));
    assert!(bench.payloads.raw(&foreign).is_some());
}

/// Deletions wait in a window, as in Key Vault.
fn with_a_window() -> Bench {
    let payloads = MemoryPayloads::new(WriteGuarantee::Conditional).with(|all| all.deletion = Deletion::Window);
    let bench = Bench::over(Layout::Keys, payloads);
    bench.agree("A=canary-a\nB=canary-b\n");
    bench
}

#[test]
fn a_name_scheduled_for_deletion_is_unknown_while_the_base_has_the_key() {
    let bench = with_a_window();
    bench.remotely("A", Some("canary-a2"));
    bench.payloads.schedule_deletion(&bench.name("A"), true);
    let report = bench.sync().expect("a report");
    assert_eq!(state(&report, "A"), Some(KeyState::Unknown));
    assert_eq!(bench.files.text(), "A=canary-a\nB=canary-b\n");
}

#[test]
fn where_the_base_has_none_a_local_value_restores_the_name_and_the_plan_says_so() {
    let bench = with_a_window();
    bench.files.write("B=canary-b\n");
    let prune = Request { prune: true, ..Request::new("push", Direction::ToRemote) };
    assert_eq!(kind(bench.run(&prune)), None);
    bench.files.write("A=canary-again\nB=canary-b\n");
    let report = bench.push().expect("a report");
    let change = report.targets[0].changes.iter().find(|change| change.step.key.as_str() == "A").expect("listed");
    assert_eq!(change.step.state, KeyState::LocalAdded);
    assert_eq!(change.step.note, Some(Note::RestoresName));
    assert_eq!(outcomes(&report), ["A applied"]);
    assert_eq!(bench.stored("A").as_deref(), Some("canary-again"));
    assert!(bench.push().expect("a report").targets[0].changes.is_empty(), "agreed");
}

#[test]
fn an_emptied_environment_stops_until_it_is_believed() {
    for layout in [Layout::Keys, Layout::Dotenv] {
        let bench = Bench::agreed(layout, "A=canary-a\n");
        bench.remotely("A", None);
        for result in [bench.pull(), bench.sync()] {
            let kind = kind(result);
            assert!(
                matches!(kind, Some(FailureKind::Emptied | FailureKind::WrongEnvironment)),
                "{layout:?}: {kind:?}, status 4"
            );
        }
        assert_eq!(bench.files.text(), "A=canary-a\n");
        let believed = Request { allow_empty: true, ..Request::new("pull", Direction::ToLocal) };
        assert_eq!(kind(bench.run(&believed)), None);
        assert_eq!(bench.files.text(), "", "{layout:?}");
    }
}

#[test]
fn the_same_config_entry_that_answers_from_another_account_is_refused_but_for_use() {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.files.write("A=canary-unpushed\n");
    bench.answer_from("another account");
    for result in [bench.pull(), bench.push(), bench.sync()] {
        assert_eq!(kind(result), Some(FailureKind::Refused));
    }
    assert_eq!(bench.files.text(), "A=canary-unpushed\n");
    let named = Request { named: true, ..Request::new("use", Direction::ToLocal) };
    let report = bench.run(&named).expect("a switch");
    assert_eq!(report.targets[0].summary.conflicts, 0);
    assert_eq!(bench.files.text(), "A=canary-a\n", "the change is parked with the account it was made in");
}

#[test]
fn keys_that_load_code_come_in_only_when_somebody_says_so() {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.remotely("NODE_OPTIONS", Some("canary-options"));
    let report = bench.pull().expect("status 0");
    assert!(report.failure.is_none());
    assert_eq!(report.targets[0].changes[0].step.note, Some(Note::LoadsCode), "listed");
    assert_eq!(bench.files.text(), "A=canary-a\n");
    assert!(bench.told.lines.borrow().iter().any(|line| line.contains("NODE_OPTIONS")), "pull asks");
    bench.told.answer.set(true);
    assert_eq!(kind(bench.pull()), None);
    assert_eq!(bench.files.text(), "A=canary-a\nNODE_OPTIONS=canary-options\n");
}

#[test]
fn yes_accepts_keys_that_load_code() {
    let mut bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.remotely("PATH", Some("canary-path"));
    bench.workspace.options.yes = true;
    assert_eq!(kind(bench.pull()), None);
    assert_eq!(bench.files.text(), "A=canary-a\nPATH=canary-path\n");
}

#[test]
fn on_a_terminal_conflicts_are_asked_about_one_by_one() {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.remotely("A", Some("canary-theirs"));
    bench.files.write("A=canary-mine\n");
    assert_eq!(kind(bench.pull()), Some(FailureKind::Conflict), "nobody to ask");
    bench.told.choice.set(Some(Choice::Remote));
    assert_eq!(kind(bench.pull()), None);
    assert_eq!(bench.files.text(), "A=canary-theirs\n");
    let told = bench.told.lines.borrow();
    assert_eq!(told.iter().filter(|line| line.contains("which A?")).count(), 1);
}
