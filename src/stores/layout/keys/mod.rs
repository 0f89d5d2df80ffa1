//! The keys layout: one payload per key, the payload is the value.
//!
//! Only direct children belong to a location; names that are no env keys are foreign: listed, never touched. A
//! location without payloads is absent: there is nowhere to write down that it is held and empty. [`reading`] has the
//! ways to read, [`writing`] writes key by key, [`settling`] looks after writes of a command that did not end, and
//! [`versions`] makes times of the versions of many payloads.

mod reading;
mod settling;
mod versions;
mod writing;

use super::place::Place;
use crate::domain::environment::Address;
use crate::domain::key::Key;
use crate::domain::record::BegunWrite;
use crate::domain::snapshot::{RemoteState, VersionId};
use crate::ports::{
    CommitReport, EnvironmentStore, EnvironmentVersion, KeyPace, Reading, RemoteChange, Settled, StoreError,
    StoreErrorKind, StoreTraits, WriteJournal,
};
use async_trait::async_trait;
use std::fmt;

/// An environment with one payload per key.
#[derive(Debug)]
pub struct PayloadPerKey {
    place: Place,
}

impl PayloadPerKey {
    /// The environment at `place`.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self { place }
    }
}

impl fmt::Display for PayloadPerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.place.payloads, formatter)
    }
}

#[async_trait(?Send)]
impl EnvironmentStore for PayloadPerKey {
    fn address(&self) -> Address {
        self.place.address()
    }

    fn traits(&self) -> StoreTraits {
        let pace = self.place.capabilities().pace.writes;
        let pace = pace.map(|rate| KeyPace { per_second: rate.per_second, burst: rate.burst });
        StoreTraits { pace, ..self.place.traits() }
    }

    async fn fetch(&self, reading: Reading<'_>) -> Result<RemoteState, StoreError> {
        self.read(reading).await
    }

    async fn commit(&self, changes: &[RemoteChange], on: &RemoteState, journal: &mut dyn WriteJournal) -> CommitReport {
        self.write(changes, on, journal).await
    }

    async fn settle(&self, begun: &[BegunWrite]) -> Result<Vec<Settled>, StoreError> {
        self.settle_writes(begun).await
    }

    async fn history(&self, key: Option<&Key>, limit: usize) -> Result<Vec<EnvironmentVersion>, StoreError> {
        self.moments(key, limit).await
    }

    async fn at(&self, version: &VersionId) -> Result<RemoteState, StoreError> {
        self.state_at(version).await
    }
}

/// Whether the other keys would meet the same error.
fn stops_all(kind: StoreErrorKind) -> bool {
    matches!(kind, StoreErrorKind::SignedOut | StoreErrorKind::Unreachable | StoreErrorKind::Throttled)
}
