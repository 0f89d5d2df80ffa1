//! The layouts with one payload per environment: reading, writing, and what a write does when it meets another one.
//!
//! What the payload's content means is the business of a [`BodyFormat`], which is pure. The next content always starts
//! from the content the state was read from, so that what belongs to somebody else stays. [`writing`] meets other
//! writers; [`settling`] does so for a command that did not end; [`versions`] are those of the payload.

mod settling;
mod versions;
mod writing;

use super::place::Place;
use crate::domain::environment::{Address, Timestamp};
use crate::domain::key::Key;
use crate::domain::record::{BegunWrite, Values};
use crate::domain::secret::{SecretBytes, SecretValue};
use crate::domain::snapshot::{PayloadMark, PayloadName, Presence, RemoteState, Stamp, UnknownReason, VersionId};
use crate::ports::{
    CommitReport, EnvironmentStore, EnvironmentVersion, Reading, RemoteChange, Settled, StoreError, StoreErrorKind,
    StoreTraits, WriteJournal,
};
use crate::stores::payload::{Lookup, Payload, Precondition, Probe};
use crate::stores::store_error;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};

/// What the content of a payload means. Pure.
pub trait BodyFormat: Debug {
    /// The content of an environment without variables.
    fn empty(&self) -> &'static [u8];

    /// The variables in it, and what is there beside them.
    ///
    /// # Errors
    /// Content that is not of this format.
    fn read(&self, body: &[u8]) -> Result<Content, Damage>;

    /// The content with some variables changed, and nothing else.
    ///
    /// # Errors
    /// Content that is not of this format.
    fn edit(&self, body: &[u8], changes: &[RemoteChange]) -> Result<SecretBytes, Damage>;

    /// Everything that one writer can change and another leave: variables by their keys, and what is there beside them
    /// by names that no variable has. Two spellings of one thing are the same part.
    ///
    /// # Errors
    /// Content that is not of this format.
    fn parts(&self, body: &[u8]) -> Result<Parts, Damage>;

    /// The content with some parts changed, added or removed.
    ///
    /// # Errors
    /// Content that is not of this format.
    fn overlay(&self, body: &[u8], parts: &BTreeMap<String, Option<SecretValue>>) -> Result<SecretBytes, Damage>;
}

/// What is in a payload, part by part.
pub type Parts = super::replay::Parts<SecretValue>;

/// The variables in a payload, and what is there beside them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    /// The variables.
    pub entries: Values,
    /// What is there and is none; changes to these names are refused.
    pub unknown: BTreeMap<String, UnknownReason>,
}

/// Where content is not of its format: positions only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage(pub String);

/// An environment in one payload.
#[derive(Debug)]
pub struct SinglePayload {
    place: Place,
    format: Box<dyn BodyFormat>,
}

impl SinglePayload {
    /// The environment at `place`.
    #[must_use]
    pub fn new(place: Place, format: Box<dyn BodyFormat>) -> Self {
        Self { place, format }
    }
}

impl fmt::Display for SinglePayload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.place.payloads, formatter)
    }
}

#[async_trait(?Send)]
impl EnvironmentStore for SinglePayload {
    fn address(&self) -> Address {
        self.place.address()
    }

    fn traits(&self) -> StoreTraits {
        self.place.traits()
    }

    async fn fetch(&self, reading: Reading<'_>) -> Result<RemoteState, StoreError> {
        let name = self.name()?;
        let began = self.place.now().await;
        if let Some(known) = self.place.comparable(reading.known)
            && known.presence == Presence::Held
            && self.unmoved(&name, known).await?
        {
            return Ok(RemoteState { read_at: began, ..known.clone() });
        }
        let payload = match self.place.get(&name).await? {
            Lookup::Found(payload) => payload,
            Lookup::Absent => return Ok(RemoteState::absent(self.address(), began)),
            Lookup::Deleted { .. } => return Err(self.place.pending_deletion(&name)),
            Lookup::Unreadable(error) => return Err(error),
        };
        let address = self.place.address_in(payload.resource.scope.clone());
        let landed = self.landed(payload);
        let content = self.content(&name, &landed.body)?;
        Ok(state(address, began, &name, content, landed))
    }

    async fn commit(&self, changes: &[RemoteChange], on: &RemoteState, journal: &mut dyn WriteJournal) -> CommitReport {
        match self.try_commit(changes, on, journal).await {
            Ok(report) => report,
            Err(error) => CommitReport::all_failed(changes, &error),
        }
    }

    async fn settle(&self, begun: &[BegunWrite]) -> Result<Vec<Settled>, StoreError> {
        self.settle_writes(begun).await
    }

    async fn history(&self, key: Option<&Key>, limit: usize) -> Result<Vec<EnvironmentVersion>, StoreError> {
        self.versions(key, limit).await
    }

    async fn at(&self, version: &VersionId) -> Result<RemoteState, StoreError> {
        self.state_at(version).await
    }
}

/// A content that is in the store.
#[derive(Debug, Clone)]
struct Landed {
    body: SecretBytes,
    version: VersionId,
    stamp: Stamp,
    scope: String,
}

impl SinglePayload {
    fn name(&self) -> Result<PayloadName, StoreError> {
        self.place.names.location_name(&self.place.location).map_err(|refusal| {
            store_error(&self.place.payloads, StoreErrorKind::Unstorable, "read", refusal.to_string())
        })
    }

    fn landed(&self, payload: Payload) -> Landed {
        let body = self.body(&payload);
        Landed { body, version: payload.version, stamp: payload.stamp, scope: payload.resource.scope }
    }

    fn body(&self, payload: &Payload) -> SecretBytes {
        SecretBytes::new(self.place.decode(&payload.value).to_vec())
    }

    fn content(&self, name: &PayloadName, body: &SecretBytes) -> Result<Content, StoreError> {
        self.format.read(body.expose()).map_err(|damage| self.damaged(name, &damage))
    }

    fn edited(
        &self,
        name: &PayloadName,
        body: &SecretBytes,
        changes: &[RemoteChange],
    ) -> Result<SecretBytes, StoreError> {
        self.format.edit(body.expose(), changes).map_err(|damage| self.damaged(name, &damage))
    }

    fn parts(&self, name: &PayloadName, body: &SecretBytes) -> Result<Parts, StoreError> {
        self.format.parts(body.expose()).map_err(|damage| self.damaged(name, &damage))
    }

    fn damaged(&self, name: &PayloadName, damage: &Damage) -> StoreError {
        self.place.error(StoreErrorKind::Corrupt, "read", name, format!("{}: {}", name.0, damage.0))
    }

    /// Whether metadata says that the payload is the one `known` was read from.
    async fn unmoved(&self, name: &PayloadName, known: &RemoteState) -> Result<bool, StoreError> {
        if self.place.capabilities().probe == Probe::ByReading {
            return Ok(false);
        }
        let stamps = self.place.payloads.stamps(std::slice::from_ref(name)).await?;
        Ok(match (stamps.get(name), known.payloads.get(name)) {
            (Some(Lookup::Found(stamp)), Some(mark)) => mark.body.is_some() && mark.stamp == *stamp,
            (Some(Lookup::Absent), None) => known.presence == Presence::Absent,
            _ => false,
        })
    }

    /// The content the state was read from, and what a write must replace.
    fn start(&self, name: &PayloadName, on: &RemoteState) -> Result<(SecretBytes, Precondition), StoreError> {
        match (on.presence, on.payloads.get(name)) {
            (Presence::Absent, _) => Ok((SecretBytes::new(self.format.empty().to_vec()), Precondition::Absent)),
            (Presence::Held, Some(PayloadMark { version, body: Some(body), .. })) => {
                Ok((body.clone(), Precondition::Unchanged(version.clone())))
            }
            // A state that another place answered, or that an older release kept: it must be read again.
            (Presence::Held, _) => Err(self.place.moved(name)),
        }
    }
}

fn state(address: Address, read_at: Timestamp, name: &PayloadName, content: Content, landed: Landed) -> RemoteState {
    let mark = PayloadMark { version: landed.version, stamp: landed.stamp, body: Some(landed.body) };
    RemoteState {
        address,
        presence: Presence::Held,
        entries: content.entries,
        unknown: content.unknown,
        payloads: BTreeMap::from([(name.clone(), mark)]),
        read_at,
    }
}
