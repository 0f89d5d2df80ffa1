//! What the tests of stores share: a clock, a way to drive futures that never pend, short names.

use async_trait::async_trait;
use envsync::domain::environment::Timestamp;
use envsync::domain::key::Key;
use envsync::domain::secret::SecretValue;
use envsync::domain::snapshot::RemoteState;
use envsync::ports::{Clock, CommitReport, EnvironmentStore, RemoteChange, StoreErrorKind};
use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Drives a future that never waits for anybody.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a store of the tests waited"),
    }
}

/// Counts up, once a look.
#[derive(Debug, Default)]
pub(super) struct TestClock(Cell<u64>);

impl TestClock {
    fn tick(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

#[async_trait(?Send)]
impl Clock for TestClock {
    async fn now(&self) -> Timestamp {
        Timestamp(self.tick())
    }

    async fn elapsed(&self) -> Duration {
        Duration::from_secs(self.tick())
    }

    async fn sleep(&self, _duration: Duration) {}

    async fn random(&self) -> u64 {
        self.tick()
    }
}

pub(super) fn key(name: &str) -> Key {
    Key::new(name).expect("an env key")
}

pub(super) fn set(name: &str, value: &str) -> RemoteChange {
    RemoteChange { key: key(name), value: Some(SecretValue::new(value)) }
}

pub(super) fn unset(name: &str) -> RemoteChange {
    RemoteChange { key: key(name), value: None }
}

pub(super) fn fetch(store: &dyn EnvironmentStore) -> RemoteState {
    block_on(store.fetch(None)).expect("the environment can be read")
}

pub(super) fn commit(store: &dyn EnvironmentStore, changes: &[RemoteChange], on: &RemoteState) -> CommitReport {
    let report = block_on(store.commit(changes, on));
    let reported: Vec<&Key> = report.outcomes.keys().collect();
    let mut asked: Vec<&Key> = changes.iter().map(|change| &change.key).collect();
    asked.sort();
    assert_eq!(reported, asked, "one outcome per key");
    let spoken = format!("{report:?}");
    let errors = report.outcomes.values().filter_map(|outcome| outcome.as_ref().err());
    let spoken = errors.fold(spoken, |all, error| format!("{all} {error} {:?}", error.hint));
    assert!(!spoken.contains("canary"), "a value was printed");
    report
}

/// Commits on what is there now, and expects it done.
pub(super) fn put(store: &dyn EnvironmentStore, changes: &[RemoteChange]) -> CommitReport {
    let report = commit(store, changes, &fetch(store));
    assert_done(&report);
    report
}

#[track_caller]
pub(super) fn assert_done(report: &CommitReport) {
    for (key, outcome) in &report.outcomes {
        assert!(outcome.is_ok(), "{key}: {outcome:?}");
    }
    assert!(report.failure.is_none(), "{:?}", report.failure);
}

/// The outcome of a key: its error's kind, or none where it was done.
pub(super) fn outcome(report: &CommitReport, name: &str) -> Option<StoreErrorKind> {
    report.outcomes[&key(name)].as_ref().err().map(|error| error.kind)
}

pub(super) fn value(state: &RemoteState, name: &str) -> Option<String> {
    state.entries.get(&key(name)).map(|value| value.expose().to_owned())
}
