//! The layouts with one payload per environment: reading, writing, and what a write does when it meets another one.
//!
//! What the payload's content means is the business of a [`BodyFormat`], which is pure. The next content always starts
//! from the content the state was read from, so that what belongs to somebody else stays.

use super::place::Place;
use super::readable;
use crate::domain::environment::{Address, Timestamp};
use crate::domain::key::Key;
use crate::domain::record::Values;
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{PayloadMark, PayloadName, Presence, RemoteState, Stamp, UnknownReason, VersionId};
use crate::ports::{
    CommitReport, EnvironmentStore, Moved, RemoteChange, StoreError, StoreErrorKind, StoreTraits, WriteGuarantee,
};
use crate::stores::payload::{Labels, Lookup, Payload, Precondition, Probe, Written};
use crate::stores::store_error;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
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
}

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

/// How often a write that ran over somebody else's is mended before it gives up.
const TRIES: usize = 5;

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

    async fn probe(&self, known: &RemoteState) -> Result<Moved, StoreError> {
        let Some(known) = self.place.comparable(Some(known)) else { return Ok(Moved::Perhaps) };
        self.unmoved(&self.name()?, known).await.map(|unmoved| if unmoved { Moved::No } else { Moved::Perhaps })
    }

    async fn fetch(&self, known: Option<&RemoteState>) -> Result<RemoteState, StoreError> {
        let name = self.name()?;
        let began = self.place.now().await;
        if let Some(known) = self.place.comparable(known)
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
        let body = self.body(&payload);
        let content = self.content(&name, &body)?;
        Ok(state(address, began, &name, content, Landed { body, version: payload.version, stamp: payload.stamp }))
    }

    async fn commit(&self, changes: &[RemoteChange], on: &RemoteState) -> CommitReport {
        match self.try_commit(changes, on).await {
            Ok(report) => report,
            Err(error) => CommitReport::all_failed(changes, &error),
        }
    }
}

/// A content that is in the store.
#[derive(Debug)]
struct Landed {
    body: SecretBytes,
    version: VersionId,
    stamp: Stamp,
}

/// What is to be written, and what became of it so far.
#[derive(Debug)]
struct Intent {
    /// Our changes that nobody contradicted.
    ours: BTreeMap<Key, RemoteChange>,
    /// Changes of others that a write of ours ran over.
    theirs: BTreeMap<Key, RemoteChange>,
    /// Our changes that met another change of the same key: the other one stays.
    lost: BTreeSet<Key>,
}

impl Intent {
    fn new(changes: &[RemoteChange]) -> Self {
        let ours = changes.iter().map(|change| (change.key.clone(), change.clone())).collect();
        Self { ours, theirs: BTreeMap::new(), lost: BTreeSet::new() }
    }

    /// Takes up what somebody did between `expected`, the values our write was meant to replace, and `found`, those
    /// it really replaced. Later changes win over earlier ones, and changes of others over ours.
    fn yield_to(&mut self, expected: &Values, found: &Values) {
        let keys: BTreeSet<&Key> = expected.keys().chain(found.keys()).collect();
        for key in keys.into_iter().filter(|key| expected.get(key) != found.get(key)) {
            let theirs = found.get(key);
            if self.ours.get(key).is_some_and(|ours| ours.value.as_ref() != theirs) {
                self.ours.remove(key);
                self.lost.insert(key.clone());
            }
            self.theirs.insert(key.clone(), RemoteChange { key: key.clone(), value: theirs.cloned() });
        }
    }

    /// What to change in the content that was found.
    fn changes(&self) -> Vec<RemoteChange> {
        self.theirs.values().chain(self.ours.values()).cloned().collect()
    }
}

impl SinglePayload {
    fn name(&self) -> Result<PayloadName, StoreError> {
        self.place.names.location_name(&self.place.location).map_err(|refusal| {
            store_error(&self.place.payloads, StoreErrorKind::Unstorable, "read", refusal.to_string())
        })
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

    async fn try_commit(&self, changes: &[RemoteChange], on: &RemoteState) -> Result<CommitReport, StoreError> {
        let name = self.name()?;
        let began = self.place.now().await;
        let (body, when) = self.start(&name, on)?;
        let next = self.edited(&name, &body, changes)?;
        let refused = self.refusals(&name, &body, &next, changes)?;
        if !refused.is_empty() {
            return Ok(self.place.refused(changes, &refused));
        }
        if let Some(error) = self.place.over_limit(&name, next.expose()) {
            return Err(error);
        }
        let mut intent = Intent::new(changes);
        let landed = match when {
            Precondition::Unchanged(version) if next == body => self.renew(&name, body, version).await?,
            when => self.write(&name, body, next, when, &mut intent).await?,
        };
        let content = self.content(&name, &landed.body)?;
        let outcomes = changes
            .iter()
            .map(|change| {
                // What the store holds now decides, whatever the way there was.
                let there = content.entries.get(&change.key) == change.value.as_ref();
                let done = there && !intent.lost.contains(&change.key);
                (change.key.clone(), if done { Ok(()) } else { Err(self.place.moved(&name)) })
            })
            .collect();
        let after = state(on.address.clone(), began, &name, content, landed);
        Ok(CommitReport { outcomes, after: Some(after), failure: None })
    }

    /// The changes this layout cannot hold: keys that are taken by something else in `body`, values that do not read
    /// back from `next`.
    fn refusals(
        &self,
        name: &PayloadName,
        body: &SecretBytes,
        next: &SecretBytes,
        changes: &[RemoteChange],
    ) -> Result<BTreeMap<Key, StoreError>, StoreError> {
        let unknown = self.content(name, body)?.unknown;
        let edited = self.content(name, next)?.entries;
        let refuse = |change: &RemoteChange| {
            let key = &change.key;
            let detail = if let Some(reason) = unknown.get(key.as_str()) {
                format!("{key} is taken: {reason}")
            } else if change.value.as_ref().is_some_and(|value| readable(value.expose()).is_err()) {
                format!("the value of {key} has a NUL character")
            } else if edited.get(key) != change.value.as_ref() {
                format!("the value of {key} cannot be written in this layout")
            } else {
                return None;
            };
            Some((key.clone(), self.place.error(StoreErrorKind::Unstorable, "write", name, detail)))
        };
        Ok(changes.iter().filter_map(refuse).collect())
    }

    /// Nothing to change: makes sure that the payload is still what it was, and that its wrapping is up to date.
    async fn renew(&self, name: &PayloadName, body: SecretBytes, version: VersionId) -> Result<Landed, StoreError> {
        let payload = match self.place.get(name).await? {
            Lookup::Found(payload) if payload.version == version => payload,
            Lookup::Unreadable(error) => return Err(error),
            _ => return Err(self.place.moved(name)),
        };
        let renewed = self.place.payloads.renew(name, &version, &self.place.write_id().await).await?;
        Ok(match renewed {
            Some(Written { version, stamp, .. }) => Landed { body, version, stamp },
            None => Landed { body, version, stamp: payload.stamp },
        })
    }

    /// Writes `next` in the place of `body`, and mends what the write ran over.
    async fn write(
        &self,
        name: &PayloadName,
        body: SecretBytes,
        next: SecretBytes,
        when: Precondition,
        intent: &mut Intent,
    ) -> Result<Landed, StoreError> {
        let guarantee = self.place.capabilities().writes;
        let mut when = match (guarantee, when) {
            (WriteGuarantee::Conditional, when @ Precondition::Unchanged(_)) => when,
            (_, when) => self.place.look(name, when).await?,
        };
        let (mut replaces, mut next) = (body, next);
        let mut last_lost = None;
        for _ in 0..TRIES {
            let written = self.place.put(name, &self.place.encode(next.expose()), &when, &Labels::new()).await?;
            match guarantee {
                WriteGuarantee::Conditional => {}
                WriteGuarantee::Blind => return self.read_back(name).await,
                WriteGuarantee::Detected if written.overwrote.as_ref() == when.version() => {}
                WriteGuarantee::Detected => {
                    let found = self.overwritten(name, &written).await?;
                    let expected = self.content(name, &replaces)?.entries;
                    intent.yield_to(&expected, &self.content(name, &found)?.entries);
                    let mended = self.edited(name, &found, &intent.changes())?;
                    replaces = std::mem::replace(&mut next, mended);
                    when = Precondition::Unchanged(written.version);
                    last_lost = written.overwrote;
                    continue;
                }
            }
            return Ok(Landed { body: next, version: written.version, stamp: written.stamp });
        }
        let version = last_lost.map_or_else(String::new, |version| version.0);
        let detail = format!("others write {} all the time; the last write ran over version {version}", name.0);
        Err(self.place.error(StoreErrorKind::Moved, "write", name, detail))
    }

    /// The content a write ran over. Where somebody had deleted the payload, the deletion is done again.
    async fn overwritten(&self, name: &PayloadName, written: &Written) -> Result<SecretBytes, StoreError> {
        let Some(version) = &written.overwrote else {
            self.place.delete(name, &written.version).await?;
            return Err(self.place.moved(name));
        };
        match self.place.payloads.get_version(name, version).await {
            Ok(payload) => Ok(self.body(&payload)),
            Err(error) => {
                let detail = format!("version {} of {} was overwritten and cannot be read back", version.0, name.0);
                Err(StoreError { detail, kind: StoreErrorKind::Moved, payload: Some(name.clone()), ..error })
            }
        }
    }

    /// What is really there after a write that the store cannot condition.
    async fn read_back(&self, name: &PayloadName) -> Result<Landed, StoreError> {
        match self.place.get(name).await? {
            Lookup::Found(payload) => {
                Ok(Landed { body: self.body(&payload), version: payload.version, stamp: payload.stamp })
            }
            Lookup::Unreadable(error) => Err(error),
            Lookup::Absent | Lookup::Deleted { .. } => Err(self.place.moved(name)),
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
