//! The store in memory, as a cloud would be: it answers from an account, keeps versions, and can be interrupted.

use async_trait::async_trait;
use envsync::domain::environment::{Address, Timestamp};
use envsync::domain::key::Key;
use envsync::domain::record::{BegunWrite, Values};
use envsync::domain::snapshot::{PayloadName, Presence, RemoteState, VersionId};
use envsync::ports::{
    CommitReport, EnvironmentStore, EnvironmentVersion, KeyPace, Reading, RemoteChange, Retry, Settled, StoreError,
    StoreErrorKind, StoreTraits, WriteJournal,
};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

/// What the store does beside what the one in memory can.
#[derive(Default)]
pub(super) struct Script {
    /// The account that answers, where it is not the configured one.
    pub(super) answers_as: RefCell<Option<String>>,
    /// Versions of the environment, by name, oldest first.
    pub(super) versions: RefCell<Vec<(String, Values)>>,
    /// Whether the next commit begins a write and is interrupted.
    pub(super) interrupted: Cell<bool>,
    /// What becomes of writes that were begun; how many it was asked about.
    pub(super) settled: RefCell<Vec<Settled>>,
    pub(super) asked_about: Cell<usize>,
    /// How fast keys are written.
    pub(super) pace: Cell<Option<KeyPace>>,
    /// What a commit notes.
    pub(super) notes: RefCell<Vec<String>>,
}

/// A store that may answer from another account than its config entry once did.
pub(super) struct Elsewhere {
    pub(super) inner: Box<dyn EnvironmentStore>,
    pub(super) scope: Option<String>,
    pub(super) script: Rc<Script>,
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.inner)
    }
}

impl Elsewhere {
    fn elsewhere(&self, address: Address) -> Address {
        Address { scope: self.scope.clone().unwrap_or_else(|| address.scope.clone()), ..address }
    }

    /// As a cloud answers: what is there names the account, what is not names none.
    fn answered(&self, state: RemoteState) -> RemoteState {
        let configured = self.elsewhere(state.address.clone());
        let account = self.script.answers_as.borrow().clone().filter(|_| state.presence == Presence::Held);
        let address = Address { scope: account.unwrap_or_else(|| configured.scope.clone()), ..configured };
        RemoteState { address, ..state }
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.inner)
    }
}

#[async_trait(?Send)]
impl EnvironmentStore for Elsewhere {
    fn address(&self) -> Address {
        self.elsewhere(self.inner.address())
    }

    fn traits(&self) -> StoreTraits {
        StoreTraits { pace: self.script.pace.get(), ..self.inner.traits() }
    }

    async fn fetch(&self, reading: Reading<'_>) -> Result<RemoteState, StoreError> {
        Ok(self.answered(self.inner.fetch(reading).await?))
    }

    async fn commit(&self, changes: &[RemoteChange], on: &RemoteState, journal: &mut dyn WriteJournal) -> CommitReport {
        if self.script.interrupted.take() {
            let begun = |change: &RemoteChange| BegunWrite {
                key: Some(change.key.clone()),
                payload: PayloadName("main".to_owned()),
                replaces: None,
                write: "0".repeat(32),
                value: None,
            };
            let begun = changes.iter().map(begun).collect();
            let detail = "cut".to_owned();
            let error = journal.begin(begun).await.err().unwrap_or_else(|| StoreError {
                kind: StoreErrorKind::Unreachable,
                retry: Retry::Never,
                operation: "write",
                store: "memory".to_owned(),
                payload: None,
                detail,
                hint: None,
            });
            return CommitReport::all_failed(changes, &error);
        }
        let mut report = self.inner.commit(changes, on, journal).await;
        report.after = report.after.map(|after| self.answered(after));
        report.notes.extend(self.script.notes.borrow().iter().cloned());
        report
    }

    async fn settle(&self, begun: &[BegunWrite]) -> Result<Vec<Settled>, StoreError> {
        self.script.asked_about.set(self.script.asked_about.get() + begun.len());
        let settled = self.script.settled.take();
        if settled.is_empty() { self.inner.settle(begun).await } else { Ok(settled) }
    }

    async fn history(&self, _: Option<&Key>, limit: usize) -> Result<Vec<EnvironmentVersion>, StoreError> {
        let versions = self.script.versions.borrow();
        let version = |(name, values): &(String, Values)| EnvironmentVersion {
            version: VersionId(name.clone()),
            created: None,
            current: false,
            keys: values.keys().cloned().collect(),
        };
        Ok(versions.iter().rev().take(limit).map(version).collect())
    }

    async fn at(&self, version: &VersionId) -> Result<RemoteState, StoreError> {
        let kept = self.script.versions.borrow().iter().find(|(name, _)| *name == version.0).cloned();
        let Some((_, values)) = kept else {
            return self.inner.at(version).await;
        };
        let state = RemoteState::absent(self.address(), Timestamp(1));
        Ok(RemoteState { entries: values, presence: Presence::Held, ..state })
    }
}
