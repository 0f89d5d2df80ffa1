//! Writing the payload: on a condition where the store has one; else looking first, and mending what was run over.

use super::{Landed, SinglePayload, state};
use crate::domain::key::Key;
use crate::domain::secret::{SecretBytes, SecretValue};
use crate::domain::snapshot::{PayloadName, RemoteState, VersionId};
use crate::ports::{CommitReport, RemoteChange, StoreError, StoreErrorKind, WriteGuarantee, WriteJournal};
use crate::stores::layout::mending::{Anatomy, Journaled, Mended, Story};
use crate::stores::layout::readable;
use crate::stores::layout::replay::Parts;
use crate::stores::payload::{Labels, Lookup, Payload, Precondition, Written};
use std::collections::BTreeMap;

impl SinglePayload {
    pub(super) async fn try_commit(
        &self,
        changes: &[RemoteChange],
        on: &RemoteState,
        journal: &mut dyn WriteJournal,
    ) -> Result<CommitReport, StoreError> {
        let name = self.name()?;
        let began = self.place.now().await;
        let (body, when) = self.start(&name, on)?;
        let next = self.edited(&name, &body, changes)?;
        let refused = self.refusals(&name, &body, &next, changes)?;
        if !refused.is_empty() {
            return Ok(self.place.refused(changes, &refused));
        }
        if let Some(error) = self.place.refusal(&name, "the text", next.expose()) {
            return Err(error);
        }
        let (landed, made) = match when {
            Precondition::Unchanged(version) if next == body => {
                let landed = self.renew(&name, body, version).await?;
                (landed, self.place.capabilities().writes)
            }
            when => self.write(&name, &body, next, when, Journaled::new(journal)).await?,
        };
        let content = self.content(&name, &landed.body)?;
        let outcomes = changes
            .iter()
            .map(|change| {
                // What the store holds now decides, whatever the way there was.
                let is_there = content.entries.get(&change.key) == change.value.as_ref();
                (change.key.clone(), if is_there { Ok(()) } else { Err(self.place.moved(&name)) })
            })
            .collect();
        let notes = self.place.note(&name, made).into_iter().collect();
        let after = state(self.place.address_in(landed.scope.clone()), began, &name, content, landed);
        Ok(CommitReport { outcomes, after: Some(after), failure: None, notes })
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
            Some(written) => landed(body, written),
            None => Landed { body, version, stamp: payload.stamp, scope: payload.resource.scope },
        })
    }

    /// Writes `next`, and mends what the write ran over. The answer is what is there, and how it was written.
    async fn write(
        &self,
        name: &PayloadName,
        body: &SecretBytes,
        next: SecretBytes,
        when: Precondition,
        mut journal: Journaled<'_>,
    ) -> Result<(Landed, WriteGuarantee), StoreError> {
        let promised = self.place.capabilities().writes;
        let when = match (promised, when) {
            (WriteGuarantee::Conditional, when @ Precondition::Unchanged(_)) => when,
            (_, when) => self.place.look(name, when).await?,
        };
        let write = self.place.write_id().await;
        let bytes = self.place.encode(next.expose());
        // Before it is made: whether the store may condition it is known afterwards only.
        if self.place.payloads.least_guarantee() != WriteGuarantee::Conditional {
            journal.begin(name, &when, &write, &bytes).await?;
        }
        let written = match self.place.put(name, &bytes, &when, &Labels::new(), &write).await {
            Ok(written) => written,
            Err(error) => {
                journal.end_refused(&error).await?;
                return Err(error);
            }
        };
        let made = written.guarantee;
        let ran_over = match made {
            WriteGuarantee::Conditional => false,
            WriteGuarantee::Detected => written.overwrote.as_ref() != when.version(),
            WriteGuarantee::Blind => {
                let there = self.read_back(name).await?;
                journal.end().await?;
                return Ok((there, made));
            }
        };
        if !ran_over {
            journal.end().await?;
            return Ok((landed(next, written), made));
        }
        if journal.is_empty() {
            // The store is known to refuse a write on a stale version, and was not permitted to.
            journal.begin(name, &when, &write, &bytes).await?;
        }
        if written.overwrote.is_none() {
            // Somebody had deleted the payload: the deletion is done again.
            self.place.delete(name, &written.version).await?;
            journal.end().await?;
            return Err(self.place.moved(name));
        }
        let mut story = self.story(name, when.version().cloned(), body)?;
        story.wrote(&written.version, when.version(), written.overwrote.as_ref());
        let mended = story.mend(&Labels::new(), &mut journal).await?;
        journal.end().await?;
        match mended {
            Mended::Together(payload) => Ok((self.landed(payload), made)),
            Mended::Deleted => Err(self.place.moved(name)),
        }
    }

    /// The story of the payload since it was `body`.
    pub(super) fn story<'a>(
        &'a self,
        name: &'a PayloadName,
        start: Option<VersionId>,
        body: &SecretBytes,
    ) -> Result<Story<'a, Body<'a>>, StoreError> {
        let parts = self.parts(name, body)?;
        Ok(Story::new(&self.place, name, Body { payload: self, name }, start, parts))
    }

    /// What is really there after a write that the store cannot condition.
    async fn read_back(&self, name: &PayloadName) -> Result<Landed, StoreError> {
        match self.place.get(name).await? {
            Lookup::Found(payload) => Ok(self.landed(payload)),
            Lookup::Unreadable(error) => Err(error),
            Lookup::Absent | Lookup::Deleted { .. } => Err(self.place.moved(name)),
        }
    }
}

fn landed(body: SecretBytes, written: Written) -> Landed {
    Landed { body, version: written.version, stamp: written.stamp, scope: written.resource.scope }
}

/// The parts of the payload, by its format.
pub(super) struct Body<'a> {
    payload: &'a SinglePayload,
    name: &'a PayloadName,
}

impl Anatomy for Body<'_> {
    type Part = SecretValue;

    fn parts(&self, payload: &Payload) -> Result<Parts<SecretValue>, StoreError> {
        self.payload.parts(self.name, &self.payload.body(payload))
    }

    fn next(&self, now: &Payload, state: &Parts<SecretValue>, changed: &[String]) -> Result<SecretBytes, StoreError> {
        let single = self.payload;
        let parts = changed.iter().map(|name| (name.clone(), state.get(name).cloned())).collect();
        let next = single.format.overlay(single.body(now).expose(), &parts);
        let next = next.map_err(|damage| single.damaged(self.name, &damage))?;
        match single.place.refusal(self.name, "the text", next.expose()) {
            Some(error) => Err(error),
            None => Ok(single.place.encode(next.expose())),
        }
    }
}
