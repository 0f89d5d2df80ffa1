//! The contract of stores: what every one keeps, whatever it is made of.
//!
//! A store runs it by a [`Harness`], which gives an environment, a way around it, and what the store declares. What a
//! store cannot do is asserted to be refused, never skipped.

use super::support::{
    MemoryJournal, assert_done, block_on, commit, fetch, fetch_knowing, key, moved, outcome, put, set, stop_after,
    unset, value,
};
use envsync::domain::snapshot::VersionId;
use envsync::domain::snapshot::{Presence, RemoteState, UnknownReason};
use envsync::ports::{EnvironmentStore, Reading, StoreErrorKind, WriteGuarantee, concurrently};
use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A store under test: one environment in it, empty of everything, and a way around it.
pub(crate) trait Harness {
    /// The environment.
    fn store(&self) -> &dyn EnvironmentStore;
    /// What the store declares.
    fn declared(&self) -> Declared;
    /// Sets a variable as another program would, leaving everything else as it is.
    fn raw_set(&self, key: &str, value: &str);
    /// Removes a variable as another program would.
    fn raw_remove(&self, key: &str);
    /// Puts something there that no env file can hold, and answers the name it is listed by.
    fn plant_foreign(&self) -> String;
    /// Whether it is still there as it was.
    fn foreign_is_intact(&self) -> bool;
    /// Sets a variable around envsync right before the next write arrives.
    fn interfere(&self, key: &'static str, value: &'static str);
    /// Does the next write and loses its answer.
    fn lose_next_answer(&self);
    /// Does not do the next write, and gives no better answer than for a lost one.
    fn lose_next_request(&self);
    /// Makes what holds this variable unreadable for the present user.
    fn deny(&self, key: &str);
    /// How many writes arrived so far.
    fn writes(&self) -> usize;
    /// Whether the store can name this key; others it must refuse.
    fn can_name(&self, _key: &str) -> bool {
        true
    }
    /// Refuses to list what is below a location; answers whether that can be done here. A store of one payload has no list.
    fn deny_list(&self) -> Staged {
        Staged::Cannot
    }
    /// Answers from another account or project than the one that is configured, and names it.
    fn answer_from_elsewhere(&self) -> Option<String> {
        None
    }
    /// Another client of the same environment, from another process as it were.
    fn another(&self) -> Option<Box<dyn EnvironmentStore>> {
        None
    }
    /// Makes every request take a while, so that a client can be stopped on its way.
    fn slow_down(&self) -> Staged {
        Staged::Cannot
    }
    /// Lets time pass in the store, where versions are told apart by time.
    fn pass_time(&self) {}
}

/// Whether a situation could be staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Staged {
    Yes,
    Cannot,
}

/// What a store declares of itself, beside its traits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Declared {
    /// What one payload holds.
    pub(crate) unit: Unit,
    /// Whether it can hold an environment without keys.
    pub(crate) empty_environment: Support,
    /// Whether it takes a payload of no bytes.
    pub(crate) empty_payload: Support,
    /// The most bytes a payload has; none for no limit.
    pub(crate) max_bytes: Option<usize>,
    /// Whether it keeps earlier versions.
    pub(crate) history: Support,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Environment,
    Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    Yes,
    No,
}

type Claim = (&'static str, fn(&dyn Harness));

/// Runs every claim on a fresh store, and names all that do not hold.
pub(crate) fn suite(make: &dyn Fn() -> Box<dyn Harness>) {
    let broken: Vec<String> = CLAIMS
        .iter()
        .filter_map(|(name, claim)| {
            let held = catch_unwind(AssertUnwindSafe(|| claim(&*make())));
            held.err().map(|panic| format!("{name}: {}", message(&*panic)))
        })
        .collect();
    assert!(broken.is_empty(), "{} of {} claims are broken:\n{}", broken.len(), CLAIMS.len(), broken.join("\n"));
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}

macro_rules! claims {
    ($($name:ident),* $(,)?) => {
        const CLAIMS: &[Claim] = &[$((stringify!($name), $name)),*];
    };
}

claims![
    an_environment_nobody_wrote_is_absent,
    a_first_commit_creates_the_environment,
    an_empty_commit_creates_an_empty_environment,
    an_environment_that_lost_its_last_key_is_not_mistaken,
    values_are_updated_and_removed,
    removing_what_is_not_there_is_done,
    a_removed_key_can_be_made_again,
    every_value_reads_back_as_it_was_written,
    the_text_that_stands_for_empty_is_refused_where_it_would_be_misread,
    every_legal_key_reads_back,
    a_thousand_keys_fit,
    a_big_value_is_kept_or_refused_as_too_large,
    a_commit_on_a_stale_absence_is_refused,
    an_update_of_a_key_that_moved_is_refused,
    a_removal_of_a_key_that_moved_is_refused,
    a_change_of_another_key_before_the_write_survives,
    a_change_of_another_key_during_the_write_survives,
    a_change_of_the_same_key_during_the_write_is_not_run_over,
    what_belongs_to_somebody_else_is_listed_and_left_alone,
    a_lost_answer_is_recognised_and_the_write_done_once,
    the_lost_answer_of_a_creation_is_recognised,
    the_lost_answer_of_a_removal_is_recognised,
    a_lost_request_is_never_called_done,
    one_refused_change_stops_all,
    what_is_denied_is_not_absent_and_not_written_over,
    a_probe_tells_what_moved,
    a_fetch_on_known_state_answers_as_a_fresh_one,
    what_a_commit_says_is_there_afterwards_is_there,
    an_address_is_what_answered,
    history_names_what_each_version_changed,
    an_earlier_version_can_be_read_and_written_again,
    a_version_that_never_was_is_an_error,
    expected_keys_are_read_where_nothing_may_be_listed,
    an_interrupted_commit_loses_nothing_wherever_it_stopped,
    a_journal_is_empty_after_a_commit_that_ended,
    twenty_writers_lose_nothing,
];

fn an_environment_nobody_wrote_is_absent(harness: &dyn Harness) {
    let state = fetch(harness.store());
    assert_eq!(state.presence, Presence::Absent);
    assert!(!state.has_keys());
    assert_eq!(state.address, harness.store().address());
}

fn a_first_commit_creates_the_environment(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let state = fetch(harness.store());
    assert_eq!(state.presence, Presence::Held);
    assert_eq!(value(&state, "A").as_deref(), Some("canary-1"));
    assert_eq!(value(&state, "B").as_deref(), Some("canary-2"));
    assert_eq!(state.entries.len(), 2);
}

fn an_empty_commit_creates_an_empty_environment(harness: &dyn Harness) {
    put(harness.store(), &[]);
    let state = fetch(harness.store());
    let expected = match harness.declared().empty_environment {
        Support::Yes => Presence::Held,
        Support::No => Presence::Absent,
    };
    assert_eq!(state.presence, expected);
    assert!(!state.has_keys());
    put(harness.store(), &[set("A", "canary-1")]);
    assert_eq!(value(&fetch(harness.store()), "A").as_deref(), Some("canary-1"));
}

fn an_environment_that_lost_its_last_key_is_not_mistaken(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1")]);
    put(harness.store(), &[unset("A")]);
    let state = fetch(harness.store());
    assert!(state.entries.is_empty());
    if harness.declared().empty_environment == Support::Yes {
        assert_eq!(state.presence, Presence::Held);
    }
}

fn values_are_updated_and_removed(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2"), set("C", "canary-3")]);
    put(harness.store(), &[set("A", "canary-4"), unset("B")]);
    let state = fetch(harness.store());
    assert_eq!(value(&state, "A").as_deref(), Some("canary-4"));
    assert_eq!(value(&state, "B"), None);
    assert_eq!(value(&state, "C").as_deref(), Some("canary-3"));
}

fn removing_what_is_not_there_is_done(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1")]);
    put(harness.store(), &[unset("B")]);
    assert_eq!(fetch(harness.store()).entries.len(), 1);
}

fn a_removed_key_can_be_made_again(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    put(harness.store(), &[unset("A")]);
    let state = fetch(harness.store());
    assert_eq!(value(&state, "A"), None);
    assert_done(&commit(harness.store(), &[set("A", "canary-3")], &state));
    assert_eq!(value(&fetch(harness.store()), "A").as_deref(), Some("canary-3"));
}

fn every_value_reads_back_as_it_was_written(harness: &dyn Harness) {
    let values = [
        "",
        " canary padded ",
        "canary-ünïcödé 🗝 \u{202e}",
        "canary\nover\n\nlines\n",
        "canary\ttab",
        "canary'single'",
        "canary\"double\"",
        "canary\\back\\n",
        "canary #hash",
        "canary$HOME ${HOME} $(id) `id`",
        "canary=equals",
        "{\"canary\": [1, null]}",
        "true",
        "null",
        "1.10",
        "-----BEGIN KEY-----\ncanary\n-----END KEY-----",
    ];
    let changes: Vec<_> = values.iter().enumerate().map(|(at, value)| set(&format!("K{at}"), value)).collect();
    put(harness.store(), &changes);
    let state = fetch(harness.store());
    for (at, expected) in values.iter().enumerate() {
        assert_eq!(value(&state, &format!("K{at}")).as_deref(), Some(*expected));
    }
}

fn the_text_that_stands_for_empty_is_refused_where_it_would_be_misread(harness: &dyn Harness) {
    let declared = harness.declared();
    let report = commit(harness.store(), &[set("A", "envsync:empty")], &fetch(harness.store()));
    if declared.unit == Unit::Key && declared.empty_payload == Support::No {
        assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Unstorable));
        assert_eq!(harness.writes(), 0);
    } else {
        assert_done(&report);
        assert_eq!(value(&fetch(harness.store()), "A").as_deref(), Some("envsync:empty"));
    }
}

fn every_legal_key_reads_back(harness: &dyn Harness) {
    let all: String = (0..=127_u8).map(char::from).filter(|letter| key_may_have(*letter)).collect();
    let names = [all.as_str(), "lower.case", "kebab-case", "_", "1ST", "UPPER_CASE", "upper_case", "A"];
    let (names, strange): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| harness.can_name(name));
    for name in strange {
        let report = commit(harness.store(), &[set(name, "canary"), set("A", "canary")], &fetch(harness.store()));
        assert_eq!(outcome(&report, name), Some(StoreErrorKind::Unstorable));
        assert_eq!(harness.writes(), 0);
    }
    let changes: Vec<_> = names.iter().map(|name| set(name, &format!("canary-{name}"))).collect();
    put(harness.store(), &changes);
    let state = fetch(harness.store());
    assert_eq!(state.entries.len(), names.len());
    for name in names {
        assert_eq!(value(&state, name), Some(format!("canary-{name}")));
    }
}

fn key_may_have(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_.-".contains(letter)
}

fn a_thousand_keys_fit(harness: &dyn Harness) {
    let changes: Vec<_> = (0..1000).map(|at| set(&format!("KEY_{at}"), &format!("canary-{at}"))).collect();
    let declared = harness.declared();
    if declared.unit == Unit::Environment && declared.max_bytes.is_some_and(|limit| limit < 20_000) {
        let report = commit(harness.store(), &changes, &fetch(harness.store()));
        assert_eq!(outcome(&report, "KEY_777"), Some(StoreErrorKind::TooLarge));
        assert_eq!(harness.writes(), 0);
        return;
    }
    put(harness.store(), &changes);
    let state = fetch(harness.store());
    assert_eq!(state.entries.len(), 1000);
    assert_eq!(value(&state, "KEY_777").as_deref(), Some("canary-777"));
}

fn a_big_value_is_kept_or_refused_as_too_large(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1")]);
    let size = harness.declared().max_bytes.map_or(300_000, |limit| limit + 1);
    let big = "canary-".repeat(size / 7 + 1);
    let state = fetch(harness.store());
    let writes = harness.writes();
    let report = commit(harness.store(), &[set("A", "canary-2"), set("BIG", &big)], &state);
    if harness.declared().max_bytes.is_some() {
        assert_eq!(outcome(&report, "BIG"), Some(StoreErrorKind::TooLarge));
        assert!(outcome(&report, "A").is_some());
        assert_eq!(harness.writes(), writes);
        assert_eq!(value(&fetch(harness.store()), "A").as_deref(), Some("canary-1"));
    } else {
        assert_done(&report);
        assert!(value(&fetch(harness.store()), "BIG") == Some(big));
    }
}

fn a_commit_on_a_stale_absence_is_refused(harness: &dyn Harness) {
    let absent = fetch(harness.store());
    put(harness.store(), &[set("A", "canary-1")]);
    let report = commit(harness.store(), &[set("A", "canary-2")], &absent);
    assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Moved));
    assert_eq!(value(&fetch(harness.store()), "A").as_deref(), Some("canary-1"));
}

fn an_update_of_a_key_that_moved_is_refused(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1")]);
    let stale = fetch(harness.store());
    harness.raw_set("A", "canary-foreign");
    let report = commit(harness.store(), &[set("A", "canary-2")], &stale);
    assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Moved));
    assert_eq!(value(&fetch(harness.store()), "A").as_deref(), Some("canary-foreign"));
}

fn a_removal_of_a_key_that_moved_is_refused(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let stale = fetch(harness.store());
    harness.raw_set("A", "canary-foreign");
    let report = commit(harness.store(), &[unset("A")], &stale);
    assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Moved));
    assert_eq!(value(&fetch(harness.store()), "A").as_deref(), Some("canary-foreign"));
}

fn a_change_of_another_key_before_the_write_survives(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let stale = fetch(harness.store());
    harness.raw_set("B", "canary-foreign");
    let first = commit(harness.store(), &[set("A", "canary-3")], &stale);
    if outcome(&first, "A").is_some() {
        assert_eq!(outcome(&first, "A"), Some(StoreErrorKind::Moved));
        put(harness.store(), &[set("A", "canary-3")]);
    }
    let state = fetch(harness.store());
    assert_eq!(value(&state, "A").as_deref(), Some("canary-3"));
    assert_eq!(value(&state, "B").as_deref(), Some("canary-foreign"));
}

fn a_change_of_another_key_during_the_write_survives(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let state = fetch(harness.store());
    harness.interfere("B", "canary-foreign");
    let report = commit(harness.store(), &[set("A", "canary-3")], &state);
    let done = outcome(&report, "A").is_none();
    let now = fetch(harness.store());
    match (harness.store().traits().writes, harness.declared().unit) {
        // The one thing a blind store cannot promise; the plan's output says so.
        (WriteGuarantee::Blind, Unit::Environment) => assert!(done),
        (WriteGuarantee::Conditional, Unit::Environment) => {
            assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Moved));
            assert_eq!(value(&now, "B").as_deref(), Some("canary-foreign"));
        }
        _ => {
            assert!(done, "{report:?}");
            assert_eq!(value(&now, "B").as_deref(), Some("canary-foreign"));
        }
    }
    assert_eq!(value(&now, "A").as_deref(), Some(if done { "canary-3" } else { "canary-1" }));
}

fn a_change_of_the_same_key_during_the_write_is_not_run_over(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let state = fetch(harness.store());
    harness.interfere("A", "canary-foreign");
    let report = commit(harness.store(), &[set("A", "canary-3")], &state);
    let now = fetch(harness.store());
    if harness.store().traits().writes == WriteGuarantee::Blind {
        assert_eq!(outcome(&report, "A"), None);
        assert_eq!(value(&now, "A").as_deref(), Some("canary-3"));
    } else {
        assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Moved));
        assert_eq!(value(&now, "A").as_deref(), Some("canary-foreign"));
    }
    assert_eq!(value(&now, "B").as_deref(), Some("canary-2"));
}

fn what_belongs_to_somebody_else_is_listed_and_left_alone(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1")]);
    let name = harness.plant_foreign();
    let state = fetch(harness.store());
    assert_eq!(state.unknown.get(&name), Some(&UnknownReason::Foreign));
    assert_done(&commit(harness.store(), &[set("A", "canary-2"), set("B", "canary-3")], &state));
    put(harness.store(), &[unset("A"), unset("B")]);
    assert!(harness.foreign_is_intact());
    assert!(fetch(harness.store()).unknown.contains_key(&name));
}

fn a_lost_answer_is_recognised_and_the_write_done_once(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1")]);
    let state = fetch(harness.store());
    let writes = harness.writes();
    harness.lose_next_answer();
    assert_done(&commit(harness.store(), &[set("A", "canary-2")], &state));
    assert_eq!(harness.writes(), writes + 1);
    assert_eq!(value(&fetch(harness.store()), "A").as_deref(), Some("canary-2"));
}

fn the_lost_answer_of_a_creation_is_recognised(harness: &dyn Harness) {
    let state = fetch(harness.store());
    harness.lose_next_answer();
    assert_done(&commit(harness.store(), &[set("A", "canary-1")], &state));
    assert_eq!(harness.writes(), 1);
    assert_eq!(value(&fetch(harness.store()), "A").as_deref(), Some("canary-1"));
}

fn the_lost_answer_of_a_removal_is_recognised(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let state = fetch(harness.store());
    let writes = harness.writes();
    harness.lose_next_answer();
    assert_done(&commit(harness.store(), &[unset("A")], &state));
    assert_eq!(harness.writes(), writes + 1);
    assert_eq!(value(&fetch(harness.store()), "A"), None);
}

fn a_lost_request_is_never_called_done(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    for change in [set("A", "canary-3"), set("NEW", "canary-4"), unset("B")] {
        let state = fetch(harness.store());
        harness.lose_next_request();
        let report = commit(harness.store(), std::slice::from_ref(&change), &state);
        let there = fetch(harness.store()).entries;
        match &report.outcomes[&change.key] {
            // It looked, and did it again: then it is there.
            Ok(()) => assert_eq!(there.get(&change.key), change.value.as_ref()),
            Err(_) => assert_eq!(there, state.entries),
        }
    }
}

fn one_refused_change_stops_all(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1")]);
    let state = fetch(harness.store());
    let writes = harness.writes();
    let report = commit(harness.store(), &[set("A", "canary-2"), set("NUL", "canary\0")], &state);
    assert_eq!(outcome(&report, "NUL"), Some(StoreErrorKind::Unstorable));
    assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Unstorable));
    assert_eq!(harness.writes(), writes);
    assert_eq!(fetch(harness.store()).entries, state.entries);
}

fn what_is_denied_is_not_absent_and_not_written_over(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let before = fetch(harness.store());
    harness.deny("A");
    let writes = harness.writes();
    let answer = block_on(harness.store().fetch(Reading::default()));
    match harness.declared().unit {
        Unit::Key => {
            let state = answer.expect("the other key can be read");
            assert!(state.is_unknown(&key("A")));
            assert_eq!(value(&state, "B").as_deref(), Some("canary-2"));
            let report = commit(harness.store(), &[set("B", "canary-3"), set("A", "canary-4")], &state);
            assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Unstorable));
            assert!(outcome(&report, "B").is_some());
            assert_eq!(harness.writes(), writes);
        }
        Unit::Environment => {
            let kind = answer.expect_err("nothing can be read").kind;
            assert!(matches!(kind, StoreErrorKind::Denied | StoreErrorKind::Undecryptable), "{kind:?}");
            let report = commit(harness.store(), &[set("A", "canary-3")], &before);
            assert!(outcome(&report, "A").is_some());
        }
    }
}

fn a_probe_tells_what_moved(harness: &dyn Harness) {
    let moved = |state: &RemoteState| moved(harness.store(), state);
    let absent = fetch(harness.store());
    assert!(!moved(&absent));
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    assert!(moved(&absent));
    let state = fetch(harness.store());
    assert!(!moved(&state));
    harness.raw_set("A", "canary-foreign");
    assert!(moved(&state));
    let state = fetch(harness.store());
    harness.raw_remove("B");
    assert!(moved(&state));
}

fn a_fetch_on_known_state_answers_as_a_fresh_one(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2"), set("C", "canary-3")]);
    let known = fetch(harness.store());
    let again = fetch_knowing(harness.store(), &known);
    assert_eq!(RemoteState { read_at: known.read_at, ..again.clone() }, known);
    assert!(again.read_at > known.read_at);
    harness.raw_set("A", "canary-foreign");
    harness.raw_remove("B");
    let on_known = fetch_knowing(harness.store(), &known);
    let fresh = fetch(harness.store());
    assert_eq!(RemoteState { read_at: fresh.read_at, ..on_known }, fresh);
    assert_eq!(fresh.entries.len(), 2);
}

fn what_a_commit_says_is_there_afterwards_is_there(harness: &dyn Harness) {
    for changes in [vec![set("A", "canary-1"), set("B", "canary-2")], vec![set("A", ""), unset("B")], vec![unset("A")]]
    {
        let after = put(harness.store(), &changes).after.expect("the answers tell");
        let fresh = fetch(harness.store());
        let after = RemoteState { read_at: fresh.read_at, ..after };
        if fresh.presence == Presence::Absent && fresh.address == harness.store().address() {
            // What is not there names nobody who could have answered.
            assert_eq!(RemoteState { address: fresh.address.clone(), ..after }, fresh);
        } else {
            assert_eq!(after, fresh);
        }
    }
}

fn an_address_is_what_answered(harness: &dyn Harness) {
    let Some(elsewhere) = harness.answer_from_elsewhere() else {
        put(harness.store(), &[set("A", "canary-1")]);
        assert_eq!(fetch(harness.store()).address, harness.store().address());
        return;
    };
    let after = put(harness.store(), &[set("A", "canary-1")]).after.expect("the answers tell");
    assert_eq!(after.address.scope, elsewhere);
    let state = fetch(harness.store());
    assert_eq!(state.address.scope, elsewhere);
    assert_eq!(state.address.location, harness.store().address().location);
    assert_eq!(fetch_knowing(harness.store(), &state).address.scope, elsewhere);
}

fn history_names_what_each_version_changed(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    harness.pass_time();
    put(harness.store(), &[set("A", "canary-3")]);
    let history = block_on(harness.store().history(None, 10));
    if harness.declared().history == Support::No {
        assert_eq!(history.expect_err("it keeps none").kind, StoreErrorKind::Unsupported);
        return;
    }
    let history = history.expect("it keeps versions");
    assert_eq!(history[0].keys, BTreeSet::from([key("A")]));
    assert!(history[0].current);
    let earlier: BTreeSet<_> = history[1..].iter().flat_map(|version| version.keys.clone()).collect();
    assert_eq!(earlier, BTreeSet::from([key("A"), key("B")]));
    assert!(history[1..].iter().all(|version| !version.current));
    let of_b = block_on(harness.store().history(Some(&key("B")), 10)).expect("it keeps versions");
    assert_eq!(of_b.len(), 1);
    assert_eq!(block_on(harness.store().history(None, 1)).expect("it keeps versions").len(), 1);
}

fn an_earlier_version_can_be_read_and_written_again(harness: &dyn Harness) {
    if harness.declared().history == Support::No {
        let error = block_on(harness.store().at(&VersionId("1".to_owned()))).expect_err("it keeps none");
        assert!(matches!(error.kind, StoreErrorKind::Unsupported), "{error:?}");
        return;
    }
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let before = fetch(harness.store());
    harness.pass_time();
    put(harness.store(), &[set("A", "canary-3"), unset("B")]);
    harness.pass_time();
    put(harness.store(), &[set("A", "canary-4"), set("C", "canary-5")]);
    let history = block_on(harness.store().history(Some(&key("A")), 10)).expect("it keeps versions");
    let second = block_on(harness.store().at(&history[1].version)).expect("it was there");
    assert_eq!(value(&second, "A").as_deref(), Some("canary-3"));
    assert_eq!(value(&second, "C"), None);
    let first = block_on(harness.store().at(&history[2].version)).expect("it was there");
    assert_eq!(value(&first, "A").as_deref(), Some("canary-1"));
    // What is written again is a change like any other.
    let changes = [set("A", value(&first, "A").expect("just read").as_str())];
    assert_done(&commit(harness.store(), &changes, &fetch(harness.store())));
    assert_eq!(value(&fetch(harness.store()), "A"), value(&before, "A"));
}

fn a_version_that_never_was_is_an_error(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1")]);
    for never in ["canary version", "1969-12-31T00:00:00Z"] {
        let error = block_on(harness.store().at(&VersionId(never.to_owned()))).expect_err("it never was");
        assert_ne!(error.kind, StoreErrorKind::Unreachable);
    }
}

fn expected_keys_are_read_where_nothing_may_be_listed(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let known = fetch(harness.store());
    if harness.deny_list() == Staged::Cannot {
        assert_eq!(harness.declared().unit, Unit::Environment, "only one payload needs no list");
        return;
    }
    let nothing = block_on(harness.store().fetch(Reading::default())).expect_err("there is no name to ask for");
    assert_eq!(nothing.kind, StoreErrorKind::Denied);
    let expected = BTreeSet::from([key("A"), key("NEW")]);
    let reading = Reading { known: None, expected: &expected };
    let state = block_on(harness.store().fetch(reading)).expect("names are known");
    assert_eq!(value(&state, "A").as_deref(), Some("canary-1"));
    assert_eq!(state.entries.len(), 1);
    assert!(state.unknown.is_empty());
    let reading = Reading { known: Some(&known), expected: &expected };
    assert_eq!(block_on(harness.store().fetch(reading)).expect("names are known").entries.len(), 2);
    assert_done(&commit(harness.store(), &[set("NEW", "canary-3"), set("A", "canary-4")], &state));
    let state = block_on(harness.store().fetch(reading)).expect("names are known");
    assert_eq!(value(&state, "NEW").as_deref(), Some("canary-3"));
    assert_eq!(value(&state, "A").as_deref(), Some("canary-4"));
    // A key that nobody knows of: the condition of the write knows.
    let stale = block_on(harness.store().fetch(Reading { known: None, expected: &BTreeSet::from([key("A")]) }));
    let report = commit(harness.store(), &[set("B", "canary-5")], &stale.expect("names are known"));
    assert_eq!(outcome(&report, "B"), Some(StoreErrorKind::Moved));
}

/// Stops a commit after each of its steps, while somebody else changes a key of theirs and one of ours.
fn an_interrupted_commit_loses_nothing_wherever_it_stopped(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-0"), set("THEIRS", "canary-0"), set("BOTH", "canary-0")]);
    if harness.slow_down() == Staged::Cannot {
        let report = commit(harness.store(), &[set("A", "canary-1")], &fetch(harness.store()));
        assert_done(&report);
        return;
    }
    stop_everywhere(harness, "THEIRS");
    stop_everywhere(harness, "A");
}

fn stop_everywhere(harness: &dyn Harness, target: &'static str) {
    for steps in 0..400 {
        let state = block_on(harness.store().fetch(Reading::default())).expect("readable");
        let (ours, theirs) = (format!("canary-ours-{steps}"), format!("canary-theirs-{steps}"));
        let (ours, theirs): (&'static str, &'static str) = (ours.leak(), theirs.leak());
        harness.interfere(target, theirs);
        let mut journal = MemoryJournal::default();
        let changes = [set("A", ours), set("BOTH", ours)];
        let ended = stop_after(steps, harness.store().commit(&changes, &state, &mut journal));
        for round in 0..2 {
            let settled = block_on(harness.store().settle(&journal.open)).expect("it can be looked into");
            let spoken = format!("{settled:?}");
            assert!(!spoken.contains("Lost") && !spoken.contains("canary"), "after {steps} in round {round}: {spoken}");
        }
        let now = block_on(harness.store().fetch(Reading::default())).expect("readable");
        let arrived = now.entries.values().any(|value| value.expose() == theirs);
        // Our write is there where a key shows it; then theirs, which it met, must be there too.
        let signs: &[&str] = if target == "A" { &["A"] } else { &["A", "BOTH"] };
        let wrote = signs.iter().any(|name| value(&now, name).as_deref() == Some(ours));
        let blind = harness.store().traits().writes == WriteGuarantee::Blind;
        assert!(arrived || !wrote || blind, "after {steps} steps theirs was lost: {journal:?}");
        if let Some(report) = ended {
            assert!(journal.open.is_empty(), "{report:?}");
            return;
        }
        // What was staged and did not happen must not happen later.
        harness.raw_set(target, "canary-0");
        drop(block_on(harness.store().commit(
            &[set("SPARE", ours)],
            &fetch_driven(harness),
            &mut MemoryJournal::default(),
        )));
    }
    panic!("a commit did not end");
}

fn fetch_driven(harness: &dyn Harness) -> RemoteState {
    block_on(harness.store().fetch(Reading::default())).expect("readable")
}

fn a_journal_is_empty_after_a_commit_that_ended(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let state = fetch(harness.store());
    let mut journal = MemoryJournal::default();
    harness.interfere("A", "canary-foreign");
    let report = block_on(harness.store().commit(&[set("A", "canary-3"), unset("B")], &state, &mut journal));
    assert!(journal.open.is_empty(), "{report:?}");
    let single = harness.declared().unit == Unit::Environment;
    if harness.store().traits().writes != WriteGuarantee::Conditional || !single {
        assert!(journal.begun > 0, "a write that can be interrupted stood nowhere");
    }
}

/// Each with a key of its own, all from the same state, all at once; who loses reads again, as a push does.
fn twenty_writers_lose_nothing(harness: &dyn Harness) {
    put(harness.store(), &[set("A", "canary-0")]);
    let Some(_) = harness.another() else {
        assert_eq!(harness.slow_down(), Staged::Cannot, "who can be slow can have many clients");
        return;
    };
    let state = fetch(harness.store());
    harness.slow_down();
    let clients: Vec<_> = (0..20).map(|_| harness.another().expect("there was one")).collect();
    let write = clients.iter().enumerate().map(|(number, client)| {
        let mut on = state.clone();
        async move {
            let name = format!("W{number}");
            for _ in 0..40 {
                let changes = [set(&name, "canary-mine")];
                let report = client.commit(&changes, &on, &mut MemoryJournal::default()).await;
                match &report.outcomes[&key(&name)] {
                    Ok(()) => return true,
                    Err(error) => assert_eq!(error.kind, StoreErrorKind::Moved, "{error}"),
                }
                on = client.fetch(Reading::default()).await.expect("readable");
            }
            false
        }
    });
    let done = block_on(concurrently(20, write));
    let now = fetch_driven(harness);
    let blind = harness.store().traits().writes == WriteGuarantee::Blind;
    for (number, done) in done.into_iter().enumerate() {
        let there = value(&now, &format!("W{number}")).is_some();
        assert!(there || !done || blind, "W{number} was called done and is not there");
        assert!(done, "W{number} never won");
    }
    assert_eq!(value(&now, "A").as_deref(), Some("canary-0"));
}
