//! After a write that ran over others: reads what they wrote from the history, and writes what all of it comes to.
//!
//! Every layout does it alike; they differ in the parts of a payload. Everybody who lost a race mends, each waits for a
//! random while first, longer the more there are, and looks before it writes: what somebody else has mended by then
//! needs no write. A writer that replaced what it was meant to replace never looks back: who runs over it mends.

use super::place::{AT_A_TIME, Place, is_of, may_have_happened};
use super::replay::{self, Parts, Version};
use crate::domain::environment::Timestamp;
use crate::domain::record::BegunWrite;
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{PayloadName, VersionId};
use crate::ports::{StoreError, StoreErrorKind, WriteGuarantee, WriteJournal, concurrently};
use crate::stores::payload::{Labels, Lookup, Payload, Precondition, WriteId, Written};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often it writes before it gives up.
const ROUNDS: u32 = 50;

/// How often it lets others write first.
const PATIENCE: u32 = 6;

/// The pause is up to this for every version that came since the start, and no longer than the other.
const PAUSE_STEP: Duration = Duration::from_millis(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How far back a version is looked for.
pub(super) const LOOK_BACK: usize = 100;

/// How many versions from before the start are looked at: those who were late started from them.
const EARLIER: usize = 8;

/// The parts of a payload, and a payload of parts.
pub(super) trait Anatomy {
    /// What one part is.
    type Part: Clone + PartialEq;

    /// The parts.
    fn parts(&self, payload: &Payload) -> Result<Parts<Self::Part>, StoreError>;

    /// The next value of a payload that shall have the parts of `state`. `changed` names those it has not.
    fn next(&self, now: &Payload, state: &Parts<Self::Part>, changed: &[String]) -> Result<SecretBytes, StoreError>;
}

/// What is known of the versions of a payload since a write of ours started.
pub(super) struct Story<'a, A: Anatomy> {
    place: &'a Place,
    name: &'a PayloadName,
    anatomy: A,
    start: Option<VersionId>,
    start_parts: Parts<A::Part>,
    read: BTreeMap<VersionId, Parts<A::Part>>,
    /// Writes of ours, and what each was to replace.
    ours: BTreeMap<VersionId, Option<VersionId>>,
    /// What was met on the way, oldest first: all there is where the history may not be read.
    met: Vec<VersionId>,
}

/// How a mending ended.
pub(super) enum Mended {
    /// Everything is there, in this version.
    Together(Payload),
    /// The payload was deleted meanwhile.
    Deleted,
}

/// A version of the history: when it was made.
type Made = (VersionId, Option<Timestamp>);

impl<'a, A: Anatomy> Story<'a, A> {
    /// Of the writes that were to replace `start`, which has these parts.
    pub(super) fn new(
        place: &'a Place,
        name: &'a PayloadName,
        anatomy: A,
        start: Option<VersionId>,
        start_parts: Parts<A::Part>,
    ) -> Self {
        Self { place, name, anatomy, start, start_parts, read: BTreeMap::new(), ours: BTreeMap::new(), met: Vec::new() }
    }

    /// A write of ours made `version`; it ran over `overwrote` in the place of what it was to replace.
    pub(super) fn wrote(&mut self, version: &VersionId, replaces: Option<&VersionId>, overwrote: Option<&VersionId>) {
        self.ours.insert(version.clone(), replaces.cloned());
        for version in overwrote.into_iter().chain([version]) {
            self.meet(version);
        }
    }

    fn meet(&mut self, version: &VersionId) {
        if !self.met.contains(version) {
            self.met.push(version.clone());
        }
    }

    /// The versions of others since the start, oldest first, as far as they were looked at.
    pub(super) fn of_others(&self) -> Vec<&VersionId> {
        let is_theirs =
            |version: &&VersionId| !self.ours.contains_key(*version) && self.start.as_ref() != Some(*version);
        self.met.iter().filter(is_theirs).collect()
    }

    /// What all versions up to `now` come to, and the parts that are otherwise in `now`.
    pub(super) async fn state(&mut self, now: &Payload) -> Result<(Parts<A::Part>, Vec<String>), StoreError> {
        self.read.insert(now.version.clone(), self.anatomy.parts(now)?);
        self.meet(&now.version);
        let (earlier, since) = self.versions(now).await?;
        self.met = since.iter().map(|(version, _)| version.clone()).collect();
        self.read_all(earlier.iter().chain(&since)).await?;
        let start = (self.start.clone(), None);
        let mut all: Vec<(Option<&VersionId>, Version<'_, A::Part>)> = Vec::new();
        let ids = earlier.iter().map(|(id, made)| (Some(id), made)).chain([(start.0.as_ref(), &start.1)]);
        for (id, made) in ids.chain(since.iter().map(|(id, made)| (Some(id), made))) {
            let parts = match id {
                id if id == self.start.as_ref() => &self.start_parts,
                Some(id) => match self.read.get(id) {
                    Some(parts) => parts,
                    // Pruned since it was listed.
                    None => continue,
                },
                None => &self.start_parts,
            };
            let replaced = id.and_then(|id| self.ours.get(id));
            let from = replaced.and_then(|replaced| all.iter().rposition(|(id, _)| *id == replaced.as_ref()));
            all.push((id, Version { parts, created: *made, from }));
        }
        let start = all.iter().position(|(id, _)| *id == self.start.as_ref()).unwrap_or_default();
        let versions: Vec<Version<'_, A::Part>> = all.into_iter().map(|(_, version)| version).collect();
        let state = replay::replayed(&versions, start);
        let changed = replay::changes(&self.read[&now.version], &state).map(|(name, _)| name.to_owned()).collect();
        Ok((state, changed))
    }

    /// The versions from shortly before the start, and those after it up to `now`, oldest first.
    async fn versions(&self, now: &Payload) -> Result<(Vec<Made>, Vec<Made>), StoreError> {
        let met = || (Vec::new(), self.met.iter().map(|version| (version.clone(), None)).collect());
        // Elsewhere the history also has tries that were refused.
        if self.place.capabilities().writes != WriteGuarantee::Detected {
            return Ok(met());
        }
        let infos = match self.place.payloads.history(self.name, LOOK_BACK).await {
            Ok(infos) => infos,
            Err(error) if matches!(error.kind, StoreErrorKind::Denied | StoreErrorKind::Unsupported) => {
                return Ok(met());
            }
            Err(error) => return Err(error),
        };
        let mut known: Vec<Made> = infos.into_iter().map(|info| (info.version, info.created)).collect();
        known.reverse();
        let Some(last) = known.iter().position(|(version, _)| *version == now.version) else { return Ok(met()) };
        known.truncate(last + 1);
        let start = known.iter().position(|(version, _)| Some(version) == self.start.as_ref());
        let since = known.split_off(start.map_or(0, |start| start + 1));
        // The start itself is known.
        known.pop();
        let earlier = known.split_off(known.len().saturating_sub(EARLIER));
        Ok((earlier, since))
    }

    async fn read_all(&mut self, versions: impl Iterator<Item = &Made>) -> Result<(), StoreError> {
        let open: Vec<&VersionId> =
            versions.map(|(version, _)| version).filter(|version| !self.read.contains_key(*version)).collect();
        let read = open.iter().map(|version| self.place.payloads.get_version(self.name, version));
        let answers = concurrently(AT_A_TIME, read).await;
        let open: Vec<VersionId> = open.into_iter().cloned().collect();
        for (version, answer) in open.into_iter().zip(answers) {
            match answer {
                Ok(payload) => drop(self.read.insert(version, self.anatomy.parts(&payload)?)),
                Err(error) if error.kind == StoreErrorKind::Unsupported => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes what all versions come to, until that is there.
    ///
    /// # Errors
    /// It is not: the versions that were run over are named.
    pub(super) async fn mend(&mut self, labels: &Labels, journal: &mut Journaled<'_>) -> Result<Mended, StoreError> {
        let mended = self.try_mend(labels, journal).await;
        mended.map_err(|error| {
            let others = self.of_others();
            let Some(last) = others.last() else { return error };
            let detail = format!(
                "{}; version {} of {} was written over and is not yet merged again: run the command again",
                error.detail, last.0, self.name.0
            );
            StoreError { detail, payload: Some(self.name.clone()), ..error }
        })
    }

    async fn try_mend(&mut self, labels: &Labels, journal: &mut Journaled<'_>) -> Result<Mended, StoreError> {
        let mut patience = PATIENCE;
        for _ in 0..ROUNDS {
            let now = loop {
                let seen = self.met.last().cloned();
                let versions = u32::try_from(self.met.len()).unwrap_or(u32::MAX);
                self.place.jitter(PAUSE_STEP.saturating_mul(versions).min(LONGEST_PAUSE)).await;
                let now = match self.place.get(self.name).await? {
                    Lookup::Found(payload) => payload,
                    Lookup::Unreadable(error) => return Err(error),
                    Lookup::Absent | Lookup::Deleted { .. } => return Ok(Mended::Deleted),
                };
                if patience == 0 || seen.as_ref() == Some(&now.version) {
                    break now;
                }
                // Others are at it: the quieter it is, the fewer writes it takes.
                patience -= 1;
                self.meet(&now.version);
            };
            let (state, changed) = self.state(&now).await?;
            if changed.is_empty() {
                return Ok(Mended::Together(now));
            }
            let bytes = self.anatomy.next(&now, &state, &changed)?;
            let when = Precondition::Unchanged(now.version.clone());
            let write = self.place.write_id().await;
            journal.begin(self.name, &when, &write, &bytes).await?;
            let written = self.place.put(self.name, &bytes, &when, labels, &write).await?;
            self.wrote(&written.version, when.version(), written.overwrote.as_ref());
            if written.guarantee != WriteGuarantee::Detected || written.overwrote.as_ref() == when.version() {
                return Ok(Mended::Together(payload_of(bytes, write, written)));
            }
        }
        let detail = format!("others write {} all the time", self.name.0);
        Err(self.place.error(StoreErrorKind::Moved, "write", self.name, detail))
    }
}

fn payload_of(value: SecretBytes, write: WriteId, written: Written) -> Payload {
    Payload {
        value,
        version: written.version,
        stamp: written.stamp,
        labels: Labels::new(),
        write: Some(write),
        resource: written.resource,
    }
}

/// Whether a payload was made by one of these writes, and by which.
pub(super) fn made_by<'b>(payload: &Payload, begun: &[&'b BegunWrite]) -> Option<&'b BegunWrite> {
    begun.iter().copied().find(|begun| {
        let (Some(write), Some(value)) = (WriteId::recognise(&begun.write), &begun.value) else { return false };
        is_of(payload, &write, value)
    })
}

/// The journal of one commit, and what stands in it.
#[derive(Debug)]
pub(super) struct Journaled<'a> {
    journal: &'a mut dyn WriteJournal,
    begun: Vec<BegunWrite>,
}

impl<'a> Journaled<'a> {
    pub(super) fn new(journal: &'a mut dyn WriteJournal) -> Self {
        Self { journal, begun: Vec::new() }
    }

    pub(super) async fn begin(
        &mut self,
        name: &PayloadName,
        when: &Precondition,
        write: &WriteId,
        value: &SecretBytes,
    ) -> Result<(), StoreError> {
        self.begun.push(BegunWrite {
            key: None,
            payload: name.clone(),
            replaces: when.version().cloned(),
            write: write.as_str().to_owned(),
            value: Some(value.clone()),
        });
        // All of them each time: whether a journal adds or replaces, it knows them all.
        self.journal.begin(self.begun.clone()).await
    }

    /// Whether nothing stands in it.
    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// Strikes everything out: everything has ended.
    pub(super) async fn end(&mut self) -> Result<(), StoreError> {
        if self.begun.is_empty() {
            return Ok(());
        }
        self.begun.clear();
        self.journal.end().await
    }

    /// Strikes everything out where a write that met this error has changed nothing.
    pub(super) async fn end_refused(&mut self, error: &StoreError) -> Result<(), StoreError> {
        let refused = !may_have_happened(error.kind) || error.kind == StoreErrorKind::Moved;
        if refused { self.end().await } else { Ok(()) }
    }
}

/// The journal of writes that need none.
#[derive(Debug)]
pub(super) struct Unwritten;

#[async_trait(?Send)]
impl WriteJournal for Unwritten {
    async fn begin(&mut self, _: Vec<BegunWrite>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn end(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
