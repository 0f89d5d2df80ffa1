//! Reading all keys of a location: in one go, by list and name, or by known names alone.

use super::PayloadPerKey;
use crate::domain::key::Key;
use crate::domain::secret::SecretValue;
use crate::domain::snapshot::{PayloadMark, PayloadName, Presence, RemoteState, Stamp, UnknownReason};
use crate::ports::{Reading, StoreError, StoreErrorKind};
use crate::stores::layout::{Decoded, readable, unknown_reason};
use crate::stores::payload::{ByName, Listed, Lookup, Payload, Probe, Schedule};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// What lies directly below the location.
#[derive(Debug, Default)]
pub(super) struct Children {
    pub(super) keys: BTreeMap<Key, PayloadName>,
    foreign: Vec<String>,
    stamps: BTreeMap<PayloadName, Stamp>,
    /// Keys that are scheduled for deletion: there is nothing to read.
    scheduled: BTreeSet<Key>,
    /// The scope that answered.
    scope: Option<String>,
}

impl Children {
    /// Whether a payload is the one the mark was made of.
    fn same(&self, name: &PayloadName, mark: &PayloadMark) -> bool {
        self.stamps.get(name) == Some(&mark.stamp)
    }
}

impl PayloadPerKey {
    pub(super) async fn read(&self, reading: Reading<'_>) -> Result<RemoteState, StoreError> {
        let began = self.place.now().await;
        let known = self.place.comparable(reading.known);
        let mut state = RemoteState::absent(self.place.address(), began);
        let (children, answers) = match self.find(known, &reading).await {
            Ok(found) => found,
            Err(error) if error.kind == StoreErrorKind::Denied => {
                let children = self.names_without_list(&reading);
                if children.keys.is_empty() {
                    return Err(error);
                }
                (children, ByName::new())
            }
            Err(error) => return Err(error),
        };
        state.unknown = children.foreign.iter().map(|name| (name.clone(), UnknownReason::Foreign)).collect();
        if let Some(scope) = &children.scope {
            state.address = self.place.address_in(scope.clone());
        }
        let mut wanted = Vec::new();
        for (key, name) in &children.keys {
            if children.scheduled.contains(key) {
                state.unknown.insert(key.as_str().to_owned(), UnknownReason::PendingDeletion);
                continue;
            }
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
        self.take_in(&mut state, &wanted, answers).await?;
        if state.has_keys() {
            state.presence = Presence::Held;
        }
        Ok(state)
    }

    /// What is there, and the payloads that were read on the way.
    async fn find(
        &self,
        known: Option<&RemoteState>,
        reading: &Reading<'_>,
    ) -> Result<(Children, ByName<Payload>), StoreError> {
        let payloads = &self.place.payloads;
        if known.is_some_and(RemoteState::has_keys) {
            return Ok((self.stamped_children().await?, ByName::new()));
        }
        let expected = self.named(reading.expected.iter());
        if expected.is_empty()
            && let Some(all) = payloads.read_all(&self.place.location).await?
        {
            let (listed, answers): (Vec<Listed>, Vec<_>) = all.into_iter().unzip();
            let answers = listed.iter().map(|listed| listed.name.clone()).zip(answers).collect();
            return Ok((self.decoded(listed)?, answers));
        }
        if expected.is_empty() {
            return Ok((self.children().await?, ByName::new()));
        }
        // Names that are expected are read while the list is still on its way.
        let names: Vec<PayloadName> = expected.into_values().collect();
        let (children, answers) = both(self.children(), payloads.get_many(&names)).await;
        let children = children?;
        // An answer that went wrong is no answer: what is listed is asked for once more.
        Ok((children, answers.unwrap_or_default()))
    }

    pub(super) async fn children(&self) -> Result<Children, StoreError> {
        let listed = self.place.payloads.list(&self.place.location).await?;
        self.decoded(listed)
    }

    /// With all stamps there are: only who knows something has a use for those that cost a request each.
    async fn stamped_children(&self) -> Result<Children, StoreError> {
        let mut children = self.children().await?;
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

    fn decoded(&self, mut listed: Vec<Listed>) -> Result<Children, StoreError> {
        let mut children = Children::default();
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        for listed in listed {
            let decoded = self.place.names.decode(&self.place.location, &listed);
            if decoded != Decoded::Elsewhere && listed.scope.is_some() {
                children.scope.clone_from(&listed.scope);
            }
            match decoded {
                Decoded::Elsewhere => continue,
                Decoded::Foreign(name) => children.foreign.push(name),
                Decoded::Key(key) => {
                    if listed.schedule == Schedule::Deletion {
                        children.scheduled.insert(key.clone());
                    }
                    self.adopt(&mut children, key, &listed)?;
                }
            }
            if let Some(stamp) = listed.stamp {
                children.stamps.insert(listed.name, stamp);
            }
        }
        children.foreign.sort();
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

    /// The keys that may be there, where the store may not be listed.
    fn names_without_list(&self, reading: &Reading<'_>) -> Children {
        let mut keys: BTreeSet<Key> = reading.expected.clone();
        if let Some(known) = self.place.comparable(reading.known) {
            keys.extend(known.entries.keys().cloned());
            keys.extend(known.unknown.keys().filter_map(|name| Key::new(name.as_str()).ok()));
        }
        Children { keys: self.named(keys.iter()), ..Children::default() }
    }

    fn named<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> BTreeMap<Key, PayloadName> {
        let name = |key: &'a Key| Some((key.clone(), self.place.names.key_name(&self.place.location, key).ok()?));
        keys.filter_map(name).collect()
    }

    /// Reads the wanted payloads into the state, one outcome per key; those in `answers` have been read.
    async fn take_in(
        &self,
        state: &mut RemoteState,
        wanted: &[(&Key, PayloadName)],
        mut answers: ByName<Payload>,
    ) -> Result<(), StoreError> {
        let is_answered = |name: &PayloadName| match answers.get(name) {
            None | Some(Lookup::Absent) => false,
            Some(Lookup::Unreadable(error)) => unknown_reason(error.kind).is_some(),
            Some(Lookup::Found(_) | Lookup::Deleted { .. }) => true,
        };
        let open: Vec<PayloadName> =
            wanted.iter().map(|(_, name)| name).filter(|name| !is_answered(name)).cloned().collect();
        if !open.is_empty() {
            answers.extend(self.place.payloads.get_many(&open).await?);
        }
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

    pub(super) fn value(&self, payload: &Payload) -> Result<SecretValue, UnknownReason> {
        let text = str::from_utf8(self.place.decode(&payload.value)).map_err(|_| UnknownReason::Undecryptable)?;
        readable(text)
    }
}

/// Two questions at the same time.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(answer) = one.as_mut().poll(context)
        {
            first = Some(answer);
        }
        if second.is_none()
            && let Poll::Ready(answer) = other.as_mut().poll(context)
        {
            second = Some(answer);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}
