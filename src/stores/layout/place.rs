//! One location in one payload store, and the steps that every layout takes there.
//!
//! Owns what it needs to be sure of a write: recognising a lost answer, checking before a write that the store cannot
//! condition, bringing back a name that is scheduled for deletion.

use super::NameCodec;
use crate::domain::environment::{Address, Location, Timestamp};
use crate::domain::key::Key;
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{PayloadName, RemoteState, VersionId};
use crate::ports::{Clock, CommitReport, RemoteChange, Retry, StoreError, StoreErrorKind, StoreTraits, WriteGuarantee};
use crate::stores::layers::checked::{self, EMPTY, Refusal};
use crate::stores::payload::{
    Capabilities, History, Labels, Lookup, Payload, PayloadStore, Precondition, Put, WriteId, Written,
};
use crate::stores::store_error;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// How many independent requests are made at a time, where the store's pace allows it.
pub(super) const AT_A_TIME: usize = 8;

/// How often a write that did not arrive is made again where the store cannot condition it.
const REPEATS: usize = 2;
const REPEAT_PAUSE: Duration = Duration::from_millis(200);

/// One location in one payload store.
#[derive(Debug, Clone)]
pub struct Place {
    /// The store.
    pub payloads: Rc<dyn PayloadStore>,
    /// How it spells names.
    pub names: Rc<dyn NameCodec>,
    /// The location.
    pub location: Location,
    /// Time and randomness.
    pub clock: Rc<dyn Clock>,
}

impl Place {
    pub(super) fn address(&self) -> Address {
        self.address_in(self.payloads.scope())
    }

    /// The address under the scope that really answered.
    pub(super) fn address_in(&self, scope: String) -> Address {
        Address { kind: self.payloads.kind(), scope, location: self.location.clone() }
    }

    pub(super) fn capabilities(&self) -> &Capabilities {
        self.payloads.capabilities()
    }

    pub(super) fn traits(&self) -> StoreTraits {
        StoreTraits { in_tree: self.capabilities().in_tree, writes: self.capabilities().writes, pace: None }
    }

    pub(super) async fn now(&self) -> Timestamp {
        self.clock.now().await
    }

    pub(super) async fn write_id(&self) -> WriteId {
        WriteId::from_random(self.clock.random().await, self.clock.random().await)
    }

    pub(super) fn error(
        &self,
        kind: StoreErrorKind,
        operation: &'static str,
        payload: &PayloadName,
        detail: impl Into<String>,
    ) -> StoreError {
        StoreError { payload: Some(payload.clone()), ..store_error(&self.payloads, kind, operation, detail) }
    }

    pub(super) fn moved(&self, payload: &PayloadName) -> StoreError {
        self.error(StoreErrorKind::Moved, "write", payload, format!("{} was changed by somebody else", payload.0))
    }

    pub(super) fn pending_deletion(&self, payload: &PayloadName) -> StoreError {
        let detail = format!("{} is scheduled for deletion", payload.0);
        self.error(StoreErrorKind::PendingDeletion, "read", payload, detail)
    }

    /// What `known` is good for: nothing, where it was read from another address.
    pub(super) fn comparable<'a>(&self, known: Option<&'a RemoteState>) -> Option<&'a RemoteState> {
        let here = self.address();
        known.filter(|known| known.address.kind == here.kind && known.address.location == here.location)
    }

    /// The bytes that stand for `content` in this store.
    pub(super) fn encode(&self, content: &[u8]) -> SecretBytes {
        checked::encode(self.capabilities(), content)
    }

    /// The content that bytes of this store stand for.
    pub(super) fn decode<'a>(&self, bytes: &'a SecretBytes) -> &'a [u8] {
        checked::decode(self.capabilities(), bytes)
    }

    /// Why the store cannot keep this content of `what`.
    pub(super) fn refusal(&self, payload: &PayloadName, what: &str, content: &[u8]) -> Option<StoreError> {
        if let Some(why) = self.payloads.refuses(content) {
            return Some(self.error(StoreErrorKind::Unstorable, "write", payload, format!("{what} is refused: {why}")));
        }
        let (kind, detail) = match checked::refusal(self.capabilities(), content)? {
            Refusal::TooLarge(limit) => {
                let detail = format!("{} would have {} bytes, the store takes {limit}", payload.0, content.len());
                (StoreErrorKind::TooLarge, detail)
            }
            Refusal::MeansEmpty => {
                let detail = format!("{what} is what this store keeps for an empty one: {EMPTY}");
                (StoreErrorKind::Unstorable, detail)
            }
        };
        Some(self.error(kind, "write", payload, detail))
    }

    /// How many writes are made at a time.
    pub(super) fn writers(&self) -> usize {
        self.capabilities().pace.writes.map_or(AT_A_TIME, |rate| AT_A_TIME.min(rate.burst as usize)).max(1)
    }

    /// Waits for a random while: writers that met once shall not meet again.
    pub(super) async fn jitter(&self, ceiling: Duration) {
        let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
        let wait = Duration::from_nanos(self.clock.random().await % nanos.saturating_add(1));
        self.clock.sleep(wait).await;
    }

    /// What to say where a write met other writers in a weaker way than the store is known for.
    pub(super) fn note(&self, payload: &PayloadName, made: WriteGuarantee) -> Option<String> {
        let name = &payload.0;
        match (self.capabilities().writes, made) {
            (promised, made) if promised == made => None,
            (_, WriteGuarantee::Conditional) => None,
            (_, WriteGuarantee::Detected) => {
                Some(format!("{name} may not be written on a condition: it was written, then checked"))
            }
            (_, WriteGuarantee::Blind) => {
                Some(format!("{name} may not be written on a condition: it was read before and after the write"))
            }
        }
    }

    pub(super) async fn get(&self, name: &PayloadName) -> Result<Lookup<Payload>, StoreError> {
        let mut answers = self.payloads.get_many(std::slice::from_ref(name)).await?;
        let nonsense =
            || self.error(StoreErrorKind::Nonsense, "read", name, format!("the store did not answer for {}", name.0));
        answers.remove(name).ok_or_else(nonsense)
    }

    /// Brings a name back that is scheduled for deletion, and says what a write must replace then.
    pub(super) async fn revive(&self, name: &PayloadName) -> Result<Precondition, StoreError> {
        self.payloads.restore(name).await?;
        match self.get(name).await? {
            Lookup::Found(payload) => Ok(Precondition::Unchanged(payload.version)),
            Lookup::Absent => Ok(Precondition::Absent),
            Lookup::Deleted { .. } => Err(self.pending_deletion(name)),
            Lookup::Unreadable(error) => Err(error),
        }
    }

    /// Looks before a write that the store would not refuse, and before a creation (the name may be reserved).
    pub(super) async fn look(&self, name: &PayloadName, when: Precondition) -> Result<Precondition, StoreError> {
        match (self.get(name).await?, &when) {
            (Lookup::Absent, Precondition::Absent) => Ok(when),
            (Lookup::Found(payload), Precondition::Unchanged(version)) if payload.version == *version => Ok(when),
            (Lookup::Deleted { recoverable: true }, Precondition::Absent) => self.revive(name).await,
            (Lookup::Deleted { recoverable: false }, Precondition::Absent) => Err(self.pending_deletion(name)),
            (Lookup::Unreadable(error), _) => Err(error),
            _ => Err(self.moved(name)),
        }
    }

    /// Writes, once. Where the answer is lost it looks whether the write is there; only where it is not, and where the
    /// store could not have refused a second one, it writes again.
    pub(super) async fn put(
        &self,
        name: &PayloadName,
        value: &SecretBytes,
        when: &Precondition,
        labels: &Labels,
        write: &WriteId,
    ) -> Result<Written, StoreError> {
        let mut repeats = match self.capabilities().writes {
            // Under its condition the write has been repeated already, if that could help.
            WriteGuarantee::Conditional => 0,
            WriteGuarantee::Detected | WriteGuarantee::Blind => REPEATS,
        };
        loop {
            let put = Put { name, value, when: when.clone(), write, labels };
            let error = match self.payloads.put(put).await {
                Ok(written) => return Ok(written),
                Err(error) if !may_have_happened(error.kind) => return Err(error),
                Err(error) => error,
            };
            match self.get(name).await {
                Ok(Lookup::Found(payload)) if is_of(&payload, write, value) && is_new(&payload, when) => {
                    let overwrote = self.version_before(name, when).await;
                    // Nobody said whether the write was conditioned: what it replaced does.
                    let guarantee = match overwrote.as_ref() == when.version() {
                        true => self.capabilities().writes,
                        false => self.payloads.least_guarantee(),
                    };
                    return Ok(Written {
                        version: payload.version,
                        stamp: payload.stamp,
                        guarantee,
                        overwrote,
                        resource: payload.resource,
                    });
                }
                Ok(now) if repeats > 0 && error.retry != Retry::Never && is_unchanged(&now, when) => {
                    repeats -= 1;
                    self.jitter(REPEAT_PAUSE).await;
                }
                _ => return Err(error),
            }
        }
    }

    /// What a write whose answer was lost ran over: the history knows; without one, what it was meant to replace.
    async fn version_before(&self, name: &PayloadName, when: &Precondition) -> Option<VersionId> {
        if self.capabilities().history == History::Kept
            && let Ok(versions) = self.payloads.history(name, 2).await
        {
            return versions.into_iter().nth(1).map(|former| former.version);
        }
        when.version().cloned()
    }

    /// Deletes, once. Where the answer is lost it looks whether the payload is gone.
    pub(super) async fn delete(
        &self,
        name: &PayloadName,
        expected: &VersionId,
    ) -> Result<Option<VersionId>, StoreError> {
        match self.payloads.delete(name, expected).await {
            Ok(deleted) => Ok(deleted.overwrote),
            Err(error) if may_have_happened(error.kind) => match self.get(name).await {
                Ok(Lookup::Absent | Lookup::Deleted { .. }) => Ok(Some(expected.clone())),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// The report of a commit in which nothing was written because of `refused`: what is refused says why, the
    /// other keys say whose fault it is.
    pub(super) fn refused(&self, changes: &[RemoteChange], refused: &BTreeMap<Key, StoreError>) -> CommitReport {
        let culprits: Vec<&str> = refused.keys().map(Key::as_str).collect();
        let detail = format!("nothing was written, because the store cannot take {}", culprits.join(", "));
        let kind = refused.values().next().map_or(StoreErrorKind::Unstorable, |error| error.kind);
        let bystander = store_error(&self.payloads, kind, "write", detail);
        let outcomes = changes
            .iter()
            .map(|change| (change.key.clone(), Err(refused.get(&change.key).unwrap_or(&bystander).clone())))
            .collect();
        CommitReport { outcomes, after: None, failure: None, notes: Vec::new() }
    }
}

/// Whether a write that answered with an error of this kind may be in the store all the same. `Moved` too: an adapter
/// that tries again after a lost answer meets its own write.
pub(super) fn may_have_happened(kind: StoreErrorKind) -> bool {
    kind.leaves_doubt() || kind == StoreErrorKind::Moved
}

/// Whether a payload is what a write put there: by its id, or by its content where the store keeps no ids.
pub(super) fn is_of(payload: &Payload, write: &WriteId, value: &SecretBytes) -> bool {
    match &payload.write {
        Some(found) => found == write,
        None => payload.value == *value,
    }
}

/// Whether a payload is another one than a write was to replace.
fn is_new(payload: &Payload, when: &Precondition) -> bool {
    when.version() != Some(&payload.version)
}

/// Whether a look answered what a write is to replace.
fn is_unchanged(now: &Lookup<Payload>, when: &Precondition) -> bool {
    match (now, when) {
        (Lookup::Absent, Precondition::Absent) => true,
        (Lookup::Found(payload), Precondition::Unchanged(version)) => payload.version == *version,
        _ => false,
    }
}
