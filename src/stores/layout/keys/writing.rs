//! Writing keys: all are checked, then journaled, then written side by side, each with an outcome of its own.

use super::{PayloadPerKey, stops_all};
use crate::domain::key::Key;
use crate::domain::record::BegunWrite;
use crate::domain::secret::{SecretBytes, SecretValue};
use crate::domain::snapshot::{PayloadMark, PayloadName, Presence, RemoteState, UnknownReason, VersionId};
use crate::ports::{
    CommitReport, RemoteChange, StoreError, StoreErrorKind, WriteGuarantee, WriteJournal, concurrently,
};
use crate::stores::layout::mending::{Anatomy, Journaled, Story, Unwritten};
use crate::stores::layout::place::may_have_happened;
use crate::stores::layout::readable;
use crate::stores::layout::replay::Parts;
use crate::stores::payload::{Deletion, Labels, Lookup, Payload, Precondition, WriteId, Written};
use crate::stores::store_error;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A wait shorter than this is not worth telling.
const LONG_WAIT_SECONDS: usize = 5;

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
    write: WriteId,
}

/// What a step made.
#[derive(Debug)]
enum Made {
    Nothing,
    Written(Written),
    Removed,
}

/// Why a step was not made.
#[derive(Debug)]
struct Undone {
    error: StoreError,
    /// Whether something may be in the store that somebody must look at.
    open: bool,
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self { open: may_have_happened(error.kind) && error.kind != StoreErrorKind::Moved, error }
    }
}

impl PayloadPerKey {
    pub(super) async fn write(
        &self,
        changes: &[RemoteChange],
        on: &RemoteState,
        journal: &mut dyn WriteJournal,
    ) -> CommitReport {
        let (steps, refused) = self.steps(changes, on).await;
        if !refused.is_empty() {
            return self.place.refused(changes, &refused);
        }
        let began = self.place.now().await;
        let begun: Vec<BegunWrite> = steps.iter().filter_map(|step| self.begun(step)).collect();
        let journaled = !begun.is_empty();
        if journaled && let Err(error) = journal.begin(begun).await {
            return CommitReport::all_failed(changes, &error);
        }
        let stopped = RefCell::new(None);
        let make = steps.iter().map(|step| self.make_unless(&stopped, step));
        let made = concurrently(self.place.writers(), make).await;
        let is_open = made.iter().any(|made| made.as_ref().is_err_and(|undone| undone.open));
        let mut report = self.report(&steps, made, RemoteState { read_at: began, ..on.clone() });
        if journaled
            && !is_open
            && let Err(error) = journal.end().await
        {
            report.failure = Some(error);
        }
        report
    }

    fn begun(&self, step: &Step) -> Option<BegunWrite> {
        let value = step.value.as_ref().map(|value| self.place.encode(value.expose().as_bytes()));
        if value.is_none() && step.seen.is_none() {
            return None;
        }
        Some(BegunWrite {
            key: Some(step.key.clone()),
            payload: step.name.clone(),
            replaces: step.seen.clone(),
            write: step.write.as_str().to_owned(),
            value,
        })
    }

    /// One outcome per key, and what is there afterwards.
    fn report(&self, steps: &[Step], made: Vec<Result<Made, Undone>>, mut after: RemoteState) -> CommitReport {
        let mut outcomes = BTreeMap::new();
        let mut weaker: BTreeMap<&str, (String, usize)> = BTreeMap::new();
        let mut asked = 0;
        for (step, made) in steps.iter().zip(made) {
            let outcome = match made {
                Ok(Made::Nothing) => Ok(()),
                Ok(Made::Removed) => {
                    asked += 1;
                    after.payloads.remove(&step.name);
                    after.entries.remove(&step.key);
                    // As the next read sees it, until the window ends.
                    if self.place.capabilities().deletion == Deletion::Window {
                        after.unknown.insert(step.key.as_str().to_owned(), UnknownReason::PendingDeletion);
                    }
                    Ok(())
                }
                Ok(Made::Written(written)) => {
                    asked += 1;
                    if let Some(note) = self.place.note(&step.name, written.guarantee) {
                        weaker.entry("weaker").or_insert((note, 0)).1 += 1;
                    }
                    after.address = self.place.address_in(written.resource.scope);
                    after.unknown.remove(step.key.as_str());
                    let mark = PayloadMark { version: written.version, stamp: written.stamp, body: None };
                    after.payloads.insert(step.name.clone(), mark);
                    after.entries.insert(step.key.clone(), step.value.clone().expect("it was written"));
                    Ok(())
                }
                Err(undone) => Err(undone.error),
            };
            outcomes.insert(step.key.clone(), outcome);
        }
        after.presence = if after.has_keys() { Presence::Held } else { Presence::Absent };
        let mut notes: Vec<String> = weaker
            .into_values()
            .map(|(note, count)| if count > 1 { format!("{note} (and {} more keys)", count - 1) } else { note })
            .collect();
        notes.extend(self.long_wait(asked));
        let all_done = outcomes.values().all(Result::is_ok);
        CommitReport { outcomes, after: all_done.then_some(after), failure: None, notes }
    }

    /// Why it took so long.
    fn long_wait(&self, writes: usize) -> Option<String> {
        let rate = self.place.capabilities().pace.writes?;
        let seconds = writes.saturating_sub(rate.burst as usize) / rate.per_second.max(1) as usize;
        let told = seconds >= LONG_WAIT_SECONDS;
        told.then(|| {
            format!("the store takes {} writes a second: {writes} keys take about {seconds} s", rate.per_second)
        })
    }

    /// The changes as steps, and those that this store cannot hold.
    async fn steps(&self, changes: &[RemoteChange], on: &RemoteState) -> (Vec<Step>, BTreeMap<Key, StoreError>) {
        let mut owners: BTreeMap<PayloadName, &Key> = BTreeMap::new();
        for key in on.entries.keys() {
            if let Ok(name) = self.place.names.key_name(&self.place.location, key) {
                owners.insert(name, key);
            }
        }
        let mut steps = Vec::new();
        let mut refused = BTreeMap::new();
        for change in changes {
            match self.step(change, on, &owners, self.place.write_id().await) {
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
        write: WriteId,
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
            if readable(text).is_err() {
                return refuse(format!("the value of {key} has a NUL character"));
            }
            if let Some(error) = self.place.refusal(&name, &format!("the value of {key}"), text.as_bytes()) {
                return Err(error);
            }
        }
        let seen = on.payloads.get(&name).map(|mark| mark.version.clone());
        Ok(Step { key: key.clone(), name, value: change.value.clone(), seen, reserved: reason.is_some(), write })
    }

    /// Makes one change, unless another one has met an error that this one would meet too.
    async fn make_unless(&self, stopped: &RefCell<Option<StoreError>>, step: &Step) -> Result<Made, Undone> {
        if let Some(error) = stopped.borrow().clone() {
            let detail = format!(
                "not tried after {}: {}",
                error.payload.as_ref().map_or("another key", |name| name.0.as_str()),
                error.detail
            );
            return Err(Undone {
                error: StoreError { detail, payload: Some(step.name.clone()), ..error },
                open: false,
            });
        }
        let made = self.make(step).await;
        if let Err(undone) = &made
            && stops_all(undone.error.kind)
        {
            *stopped.borrow_mut() = Some(undone.error.clone());
        }
        made
    }

    async fn make(&self, step: &Step) -> Result<Made, Undone> {
        match (&step.value, &step.seen) {
            (Some(value), _) => {
                let bytes = self.place.encode(value.expose().as_bytes());
                Ok(Made::Written(self.set(step, &bytes).await?))
            }
            (None, Some(version)) => {
                self.unset(step, version).await?;
                Ok(Made::Removed)
            }
            (None, None) => Ok(Made::Nothing),
        }
    }

    async fn set(&self, step: &Step, bytes: &SecretBytes) -> Result<Written, Undone> {
        let name = &step.name;
        let when = step.seen.clone().map_or(Precondition::Absent, Precondition::Unchanged);
        let mut when = match self.place.capabilities().writes {
            WriteGuarantee::Conditional if step.reserved => self.place.revive(name).await?,
            WriteGuarantee::Conditional => when,
            WriteGuarantee::Detected | WriteGuarantee::Blind => self.place.look(name, when).await?,
        };
        let labels = self.place.names.key_labels(&step.key);
        let mut result = self.place.put(name, bytes, &when, &labels, &step.write).await;
        if when == Precondition::Absent
            && result.as_ref().is_err_and(|error| error.kind == StoreErrorKind::PendingDeletion)
        {
            when = self.place.revive(name).await?;
            result = self.place.put(name, bytes, &when, &labels, &step.write).await;
        }
        let written = result?;
        // What was really promised counts, not what the store is known for.
        match written.guarantee {
            WriteGuarantee::Conditional => Ok(written),
            WriteGuarantee::Detected if written.overwrote.as_ref() == when.version() => Ok(written),
            WriteGuarantee::Detected => Err(self.give_back(name, when.version(), &written, &labels).await),
            WriteGuarantee::Blind => match self.place.get(name).await? {
                Lookup::Found(payload) if payload.value == *bytes => Ok(Written {
                    version: payload.version,
                    stamp: payload.stamp,
                    guarantee: WriteGuarantee::Blind,
                    overwrote: None,
                    resource: payload.resource,
                }),
                Lookup::Unreadable(error) => Err(error.into()),
                _ => Err(self.place.moved(name).into()),
            },
        }
    }

    /// Puts back what a write ran over. Of several writers who all meant to replace `expected` the first one stays, whose
    /// write replaced it and who was told "done": every other one comes to this by itself, whatever the order in which
    /// they put it back.
    ///
    /// A residue is left: somebody who reads the value of a loser before it is put back, and changes that one, is taken
    /// for a loser too. All versions are in the history, and the error names them.
    async fn give_back(
        &self,
        name: &PayloadName,
        expected: Option<&VersionId>,
        written: &Written,
        labels: &Labels,
    ) -> Undone {
        match self.return_to(name, expected, written, labels).await {
            Ok(told) => StoreError { detail: told, ..self.place.moved(name) }.into(),
            Err(error) => {
                let lost = written.overwrote.as_ref().map_or("a deletion", |version| version.0.as_str());
                let detail = format!(
                    "version {lost} of {} was written over and could not be put back: {}",
                    name.0, error.detail
                );
                Undone { error: StoreError { detail, payload: Some(name.clone()), ..error }, open: true }
            }
        }
    }

    /// Makes a payload what it would be had `written` been refused, and says who was faster.
    pub(super) async fn return_to(
        &self,
        name: &PayloadName,
        expected: Option<&VersionId>,
        written: &Written,
        labels: &Labels,
    ) -> Result<String, StoreError> {
        let moved = self.place.moved(name).detail;
        if written.overwrote.is_none() {
            self.place.delete(name, &written.version).await?;
            return Ok(moved);
        }
        let start = match expected {
            Some(version) => match self.place.payloads.get_version(name, version).await {
                Ok(payload) => Whole.parts(&payload)?,
                // Of another incarnation: what is there began without it.
                Err(error) if error.kind == StoreErrorKind::Unsupported => Parts::new(),
                Err(error) => return Err(error),
            },
            None => Parts::new(),
        };
        let mut story = Story::new(&self.place, name, Whole, expected.cloned(), start);
        story.wrote(&written.version, expected, written.overwrote.as_ref());
        story.mend(labels, &mut Journaled::new(&mut Unwritten)).await?;
        let others: Vec<&str> = story.of_others().into_iter().map(|version| version.0.as_str()).collect();
        Ok(match others.len() {
            0 | 1 => moved,
            // One of them may be somebody's who was not told: it is not gone.
            _ => format!("{moved}, in versions {}: `git envsync history KEY` lists them", others.join(", ")),
        })
    }

    async fn unset(&self, step: &Step, version: &VersionId) -> Result<(), Undone> {
        let name = &step.name;
        let capabilities = self.place.capabilities();
        if capabilities.deletes != WriteGuarantee::Conditional {
            match self.place.get(name).await? {
                Lookup::Found(payload) if payload.version == *version => {}
                Lookup::Absent | Lookup::Deleted { .. } => return Ok(()),
                Lookup::Unreadable(error) => return Err(error.into()),
                Lookup::Found(_) => return Err(self.place.moved(name).into()),
            }
        }
        let overwrote = self.place.delete(name, version).await?;
        if capabilities.deletes == WriteGuarantee::Detected && overwrote.as_ref() != Some(version) {
            if overwrote.is_some() && capabilities.deletion == Deletion::Window {
                let restored = self.place.payloads.restore(name).await;
                restored.map_err(|error| Undone { error, open: true })?;
            }
            return Err(self.place.moved(name).into());
        }
        Ok(())
    }
}

/// A payload that is one part: the value of a key.
#[derive(Debug)]
struct Whole;

impl Anatomy for Whole {
    type Part = SecretBytes;

    fn parts(&self, payload: &Payload) -> Result<Parts<SecretBytes>, StoreError> {
        Ok(Parts::from([(String::new(), payload.value.clone())]))
    }

    fn next(&self, now: &Payload, state: &Parts<SecretBytes>, _: &[String]) -> Result<SecretBytes, StoreError> {
        // No version of a value is without one; what was deleted has no versions.
        Ok(state.values().next().unwrap_or(&now.value).clone())
    }
}
