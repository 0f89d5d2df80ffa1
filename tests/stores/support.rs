//! What the tests of stores share: a clock, a way to drive futures, short names.

use async_trait::async_trait;
use envsync::domain::environment::Timestamp;
use envsync::domain::key::Key;
use envsync::domain::record::BegunWrite;
use envsync::domain::secret::SecretValue;
use envsync::domain::snapshot::RemoteState;
use envsync::ports::{
    Clock, CommitReport, EnvironmentStore, Reading, RemoteChange, StoreError, StoreErrorKind, WriteJournal,
};
use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Drives a future; one of a store on the network waits.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    envsync::ports::block_on(future)
}

/// Drives a future for some steps and drops it then: a process that is killed. None where it had not ended.
pub(crate) fn stop_after<F: Future>(steps: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..=steps {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
    }
    None
}

/// A journal in memory, which outlives the commit that writes it.
#[derive(Debug, Default)]
pub(crate) struct MemoryJournal {
    pub(crate) open: Vec<BegunWrite>,
    pub(crate) begun: usize,
}

#[async_trait(?Send)]
impl WriteJournal for MemoryJournal {
    async fn begin(&mut self, writes: Vec<BegunWrite>) -> Result<(), StoreError> {
        self.begun += 1;
        for write in writes {
            self.open.retain(|known| known.write != write.write);
            self.open.push(write);
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), StoreError> {
        self.open.clear();
        Ok(())
    }
}

/// Counts up, once a look.
#[derive(Debug, Default)]
pub(crate) struct TestClock(Cell<u64>);

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

pub(crate) fn key(name: &str) -> Key {
    Key::new(name).expect("an env key")
}

pub(crate) fn set(name: &str, value: &str) -> RemoteChange {
    RemoteChange { key: key(name), value: Some(SecretValue::new(value)) }
}

pub(crate) fn unset(name: &str) -> RemoteChange {
    RemoteChange { key: key(name), value: None }
}

pub(crate) fn fetch(store: &dyn EnvironmentStore) -> RemoteState {
    block_on(store.fetch(Reading::default())).expect("the environment can be read")
}

pub(crate) fn commit(store: &dyn EnvironmentStore, changes: &[RemoteChange], on: &RemoteState) -> CommitReport {
    let report = block_on(store.commit(changes, on, &mut NoJournal));
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
pub(crate) fn put(store: &dyn EnvironmentStore, changes: &[RemoteChange]) -> CommitReport {
    let report = commit(store, changes, &fetch(store));
    assert_done(&report);
    report
}

#[track_caller]
pub(crate) fn assert_done(report: &CommitReport) {
    for (key, outcome) in &report.outcomes {
        assert!(outcome.is_ok(), "{key}: {outcome:?}");
    }
    assert!(report.failure.is_none(), "{:?}", report.failure);
}

/// The outcome of a key: its error's kind, or none where it was done.
pub(crate) fn outcome(report: &CommitReport, name: &str) -> Option<StoreErrorKind> {
    report.outcomes[&key(name)].as_ref().err().map(|error| error.kind)
}

pub(crate) fn value(state: &RemoteState, name: &str) -> Option<String> {
    state.entries.get(&key(name)).map(|value| value.expose().to_owned())
}

/// Remembers nothing: for claims that are not about crashes.
#[derive(Debug)]
pub(crate) struct NoJournal;

#[async_trait::async_trait(?Send)]
impl WriteJournal for NoJournal {
    async fn begin(&mut self, _: Vec<BegunWrite>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn end(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Reads again, knowing a state: only what moved travels.
pub(crate) fn fetch_knowing(store: &dyn EnvironmentStore, known: &RemoteState) -> RemoteState {
    block_on(store.fetch(Reading { known: Some(known), ..Reading::default() })).expect("the environment can be read")
}

/// Whether something moved since a state was read.
pub(crate) fn moved(store: &dyn EnvironmentStore, known: &RemoteState) -> bool {
    let now = fetch_knowing(store, known);
    RemoteState { read_at: known.read_at, ..now } != *known
}
