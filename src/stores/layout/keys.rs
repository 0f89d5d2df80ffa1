//! The keys layout: one payload per key, the payload is the value.
//!
//! Only direct children belong to a location; names that are no env keys are foreign: listed, never touched. A
//! location without payloads is absent: there is nowhere to write down that it is held and empty.

use super::place::Place;
use super::{Decoded, EMPTY, readable, unknown_reason};
use crate::domain::environment::Address;
use crate::domain::key::Key;
use crate::domain::secret::{SecretBytes, SecretValue};
use crate::domain::snapshot::{PayloadMark, PayloadName, Presence, RemoteState, Stamp, UnknownReason, VersionId};
use crate::ports::{
    CommitReport, EnvironmentStore, Moved, RemoteChange, StoreError, StoreErrorKind, StoreTraits, WriteGuarantee,
};
use crate::stores::payload::{Deletion, EmptyPayloads, Labels, Listed, Lookup, Payload, Precondition, Probe, Written};
use crate::stores::store_error;
use async_trait::async_trait;
use std::collections::BTreeMap;
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
        self.place.traits()
    }

    async fn probe(&self, known: &RemoteState) -> Result<Moved, StoreError> {
        let Some(known) = self.place.comparable(Some(known)) else { return Ok(Moved::Perhaps) };
        if self.place.capabilities().probe == Probe::ByReading {
            return Ok(Moved::Perhaps);
        }
        let children = self.children().await?;
        let settled = |name: &PayloadName| known.payloads.get(name).is_some_and(|mark| children.same(name, mark));
        // What could not be read may be readable now: only reading tells.
        let waiting = known.unknown.values().any(|reason| *reason != UnknownReason::Foreign);
        let same = !waiting
            && children.keys.len() == known.payloads.len()
            && children.keys.values().all(settled)
            && children.foreign == foreign_names(known);
        Ok(if same { Moved::No } else { Moved::Perhaps })
    }

    async fn fetch(&self, known: Option<&RemoteState>) -> Result<RemoteState, StoreError> {
        let began = self.place.now().await;
        let children = self.children().await?;
        let mut state = RemoteState::absent(self.address(), began);
        state.unknown = children.foreign.iter().map(|name| (name.clone(), UnknownReason::Foreign)).collect();
        let known = self.place.comparable(known);
        let mut wanted = Vec::new();
        for (key, name) in &children.keys {
            let reusable = known.and_then(|known| Some((known.payloads.get(name)?, known.entries.get(key)?)));
            match reusable {
                Some((mark, value)) if children.same(name, mark) => {
                    state.entries.insert(key.clone(), value.clone());
                    state.payloads.insert(name.clone(), mark.clone());
                    state.address.clone_from(&known.expect("it had the key").address);
                }
                _ => wanted.push((key, name.clone())),
            }
        }
        self.read(&mut state, &wanted).await?;
        if state.has_keys() {
            state.presence = Presence::Held;
        }
        Ok(state)
    }

    async fn commit(&self, changes: &[RemoteChange], on: &RemoteState) -> CommitReport {
        let (steps, refused) = self.steps(changes, on);
        if !refused.is_empty() {
            return self.place.refused(changes, &refused);
        }
        let began = self.place.now().await;
        let mut after = RemoteState { read_at: began, ..on.clone() };
        let mut outcomes = BTreeMap::new();
        let mut stopped: Option<StoreError> = None;
        for step in steps {
            let outcome = match &stopped {
                Some(error) => Err(error.clone()),
                None => self.take(&step, &mut after).await,
            };
            if let Err(error) = &outcome
                && stops_all(error.kind)
            {
                stopped = Some(error.clone());
            }
            outcomes.insert(step.key, outcome);
        }
        after.presence = if after.has_keys() { Presence::Held } else { Presence::Absent };
        let all_done = outcomes.values().all(Result::is_ok);
        CommitReport { outcomes, after: all_done.then_some(after), failure: None }
    }
}

/// What lies directly below the location.
#[derive(Debug, Default)]
struct Children {
    keys: BTreeMap<Key, PayloadName>,
    foreign: Vec<String>,
    stamps: BTreeMap<PayloadName, Stamp>,
}

impl Children {
    /// Whether a payload is the one the mark was made of.
    fn same(&self, name: &PayloadName, mark: &PayloadMark) -> bool {
        self.stamps.get(name) == Some(&mark.stamp)
    }
}

/// One change, ready to be made.
#[derive(Debug)]
struct Step {
    key: Key,
    name: PayloadName,
    value: Option<SecretValue>,
    /// The version the state saw; none where it saw no payload.
    seen: Option<VersionId>,
    /// Whether the state saw the name scheduled for deletion.
    reserved: bool,
}

fn foreign_names(known: &RemoteState) -> Vec<String> {
    known
        .unknown
        .iter()
        .filter(|(_, reason)| **reason == UnknownReason::Foreign)
        .map(|(name, _)| name.clone())
        .collect()
}

/// Whether the other keys would meet the same error.
fn stops_all(kind: StoreErrorKind) -> bool {
    matches!(kind, StoreErrorKind::SignedOut | StoreErrorKind::Unreachable | StoreErrorKind::Throttled)
}

impl PayloadPerKey {
    async fn children(&self) -> Result<Children, StoreError> {
        let mut children = Children::default();
        let mut listed = self.place.payloads.list(&self.place.location).await?;
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        for listed in listed {
            match self.place.names.decode(&self.place.location, &listed) {
                Decoded::Elsewhere => continue,
                Decoded::Foreign(name) => children.foreign.push(name),
                Decoded::Key(key) => self.adopt(&mut children, key, &listed)?,
            }
            if let Some(stamp) = listed.stamp {
                children.stamps.insert(listed.name, stamp);
            }
        }
        children.foreign.sort();
        if self.place.capabilities().probe == Probe::PerName {
            let names: Vec<PayloadName> = children.keys.values().cloned().collect();
            for (name, lookup) in self.place.payloads.stamps(&names).await? {
                if let Lookup::Found(stamp) = lookup {
                    children.stamps.insert(name, stamp);
                }
            }
        }
        Ok(children)
    }

    fn adopt(&self, children: &mut Children, key: Key, listed: &Listed) -> Result<(), StoreError> {
        if let Some(other) = children.keys.get(&key) {
            let detail = format!("{} and {} both claim to hold {key}", other.0, listed.name.0);
            return Err(self.place.error(StoreErrorKind::Corrupt, "read", &listed.name, detail));
        }
        children.keys.insert(key, listed.name.clone());
        Ok(())
    }

    /// Reads the wanted payloads into the state, one outcome per key.
    async fn read(&self, state: &mut RemoteState, wanted: &[(&Key, PayloadName)]) -> Result<(), StoreError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let names: Vec<PayloadName> = wanted.iter().map(|(_, name)| name.clone()).collect();
        let mut answers = self.place.payloads.get_many(&names).await?;
        let mut denied = None;
        for (key, name) in wanted {
            let reason = match answers.remove(name) {
                Some(Lookup::Found(payload)) => match self.value(&payload) {
                    Ok(value) => {
                        state.address = self.place.address_in(payload.resource.scope);
                        state.entries.insert((*key).clone(), value);
                        state.payloads.insert(
                            name.clone(),
                            PayloadMark { version: payload.version, stamp: payload.stamp, body: None },
                        );
                        continue;
                    }
                    Err(reason) => reason,
                },
                // Gone between the list and the read.
                Some(Lookup::Absent) => continue,
                Some(Lookup::Deleted { .. }) => UnknownReason::PendingDeletion,
                Some(Lookup::Unreadable(error)) => {
                    let Some(reason) = unknown_reason(error.kind) else { return Err(error) };
                    if reason == UnknownReason::Denied {
                        denied = Some(error);
                    }
                    reason
                }
                None => {
                    let detail = format!("the store did not answer for {}", name.0);
                    return Err(self.place.error(StoreErrorKind::Nonsense, "read", name, detail));
                }
            };
            state.unknown.insert(key.as_str().to_owned(), reason);
        }
        // Not a single value may be read: that is the answer, not an environment of unknown keys.
        match denied {
            Some(error) if state.entries.is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    fn value(&self, payload: &Payload) -> Result<SecretValue, UnknownReason> {
        let text = str::from_utf8(self.place.decode(&payload.value)).map_err(|_| UnknownReason::Undecryptable)?;
        readable(text)
    }

    /// The changes as steps, and those that this store cannot hold.
    fn steps(&self, changes: &[RemoteChange], on: &RemoteState) -> (Vec<Step>, BTreeMap<Key, StoreError>) {
        let mut owners: BTreeMap<PayloadName, &Key> = BTreeMap::new();
        for key in on.entries.keys() {
            if let Ok(name) = self.place.names.key_name(&self.place.location, key) {
                owners.insert(name, key);
            }
        }
        let mut steps = Vec::new();
        let mut refused = BTreeMap::new();
        for change in changes {
            match self.step(change, on, &owners) {
                Ok(step) => {
                    owners.insert(step.name.clone(), &change.key);
                    steps.push(step);
                }
                Err(error) => drop(refused.insert(change.key.clone(), error)),
            }
        }
        (steps, refused)
    }

    fn step(
        &self,
        change: &RemoteChange,
        on: &RemoteState,
        owners: &BTreeMap<PayloadName, &Key>,
    ) -> Result<Step, StoreError> {
        let key = &change.key;
        let name = self.place.names.key_name(&self.place.location, key).map_err(|refusal| {
            store_error(&self.place.payloads, StoreErrorKind::Unstorable, "write", refusal.to_string())
        })?;
        let refuse = |detail: String| Err(self.place.error(StoreErrorKind::Unstorable, "write", &name, detail));
        if let Some(owner) = owners.get(&name).filter(|owner| **owner != key) {
            return refuse(format!("{key} and {owner} would share the name {}", name.0));
        }
        let reason = on.unknown.get(key.as_str()).copied();
        match reason {
            None | Some(UnknownReason::PendingDeletion) => {}
            Some(reason) => return refuse(format!("{key} could not be read ({reason}) and is not written over")),
        }
        if let Some(value) = &change.value {
            let text = value.expose();
            if text == EMPTY && self.place.capabilities().empty == EmptyPayloads::Refused {
                return refuse(format!("the value of {key} is what this store keeps for an empty one: {EMPTY}"));
            }
            if readable(text).is_err() {
                return refuse(format!("the value of {key} has a NUL character"));
            }
            if let Some(error) = self.place.over_limit(&name, text.as_bytes()) {
                return Err(error);
            }
        }
        let seen = on.payloads.get(&name).map(|mark| mark.version.clone());
        Ok(Step { key: key.clone(), name, value: change.value.clone(), seen, reserved: reason.is_some() })
    }

    /// Makes one change, and notes in `after` what it made.
    async fn take(&self, step: &Step, after: &mut RemoteState) -> Result<(), StoreError> {
        match (&step.value, &step.seen) {
            (Some(value), _) => {
                let bytes = self.place.encode(value.expose().as_bytes());
                let written = self.set(step, &bytes).await?;
                let mark = PayloadMark { version: written.version, stamp: written.stamp, body: None };
                after.unknown.remove(step.key.as_str());
                after.payloads.insert(step.name.clone(), mark);
                after.entries.insert(step.key.clone(), value.clone());
            }
            (None, Some(version)) => {
                self.unset(step, version).await?;
                after.payloads.remove(&step.name);
                after.entries.remove(&step.key);
            }
            (None, None) => {}
        }
        Ok(())
    }

    async fn set(&self, step: &Step, bytes: &SecretBytes) -> Result<Written, StoreError> {
        let name = &step.name;
        let guarantee = self.place.capabilities().writes;
        let when = step.seen.clone().map_or(Precondition::Absent, Precondition::Unchanged);
        let mut when = match guarantee {
            WriteGuarantee::Conditional if step.reserved => self.place.revive(name).await?,
            WriteGuarantee::Conditional => when,
            WriteGuarantee::Detected | WriteGuarantee::Blind => self.place.look(name, when).await?,
        };
        let labels = self.place.names.key_labels(&step.key);
        let mut result = self.place.put(name, bytes, &when, &labels).await;
        if when == Precondition::Absent
            && result.as_ref().is_err_and(|error| error.kind == StoreErrorKind::PendingDeletion)
        {
            when = self.place.revive(name).await?;
            result = self.place.put(name, bytes, &when, &labels).await;
        }
        let written = result?;
        match guarantee {
            WriteGuarantee::Conditional => Ok(written),
            WriteGuarantee::Detected if written.overwrote.as_ref() == when.version() => Ok(written),
            WriteGuarantee::Detected => Err(self.give_back(name, &written, &labels).await),
            WriteGuarantee::Blind => match self.place.get(name).await? {
                Lookup::Found(payload) if payload.value == *bytes => {
                    Ok(Written { version: payload.version, stamp: payload.stamp, overwrote: None })
                }
                Lookup::Unreadable(error) => Err(error),
                _ => Err(self.place.moved(name)),
            },
        }
    }

    /// Puts back what a write ran over: the other change was first. The answer is the error to report.
    async fn give_back(&self, name: &PayloadName, written: &Written, labels: &Labels) -> StoreError {
        let Some(version) = &written.overwrote else {
            return match self.place.delete(name, &written.version).await {
                Ok(_) => self.place.moved(name),
                Err(error) => error,
            };
        };
        let when = Precondition::Unchanged(written.version.clone());
        let returned = match self.place.payloads.get_version(name, version).await {
            Ok(payload) => self.place.put(name, &payload.value, &when, labels).await.map(drop),
            Err(error) => Err(error),
        };
        match returned {
            Ok(()) => self.place.moved(name),
            Err(error) => {
                let detail = format!("version {} of {} was overwritten and could not be put back", version.0, name.0);
                StoreError { kind: StoreErrorKind::Moved, detail, payload: Some(name.clone()), ..error }
            }
        }
    }

    async fn unset(&self, step: &Step, version: &VersionId) -> Result<(), StoreError> {
        let name = &step.name;
        let capabilities = self.place.capabilities();
        if capabilities.deletes != WriteGuarantee::Conditional {
            match self.place.get(name).await? {
                Lookup::Found(payload) if payload.version == *version => {}
                Lookup::Absent | Lookup::Deleted { .. } => return Ok(()),
                Lookup::Unreadable(error) => return Err(error),
                Lookup::Found(_) => return Err(self.place.moved(name)),
            }
        }
        let overwrote = self.place.delete(name, version).await?;
        if capabilities.deletes == WriteGuarantee::Detected && overwrote.as_ref() != Some(version) {
            if overwrote.is_some() && capabilities.deletion == Deletion::Window {
                self.place.payloads.restore(name).await?;
            }
            return Err(self.place.moved(name));
        }
        Ok(())
    }
}
