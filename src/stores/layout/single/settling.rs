//! Looking after writes of a command that did not end.
//!
//! The history tells what was there before and after them. What they ran over and nobody has brought back since is
//! put back, by a write that meets others as any other. Doing it twice changes nothing.

use super::SinglePayload;
use super::writing::Body;
use crate::domain::key::Key;
use crate::domain::record::BegunWrite;
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{PayloadName, VersionId};
use crate::ports::{Settled, StoreError, StoreErrorKind, concurrently};
use crate::stores::layout::mending::{Journaled, LOOK_BACK, Story, Unwritten, made_by};
use crate::stores::layout::place::AT_A_TIME;
use crate::stores::payload::{History, Labels, Lookup};

impl SinglePayload {
    pub(super) async fn settle_writes(&self, begun: &[BegunWrite]) -> Result<Vec<Settled>, StoreError> {
        let name = self.name()?;
        let ours: Vec<&BegunWrite> = begun.iter().filter(|write| write.payload == name).collect();
        let settled = match ours.first() {
            Some(first) => match self.settle_payload(&name, first.replaces.as_ref(), &ours).await {
                // It will not be possible next time either.
                Err(error) if error.kind == StoreErrorKind::Denied => Settled::Lost(format!(
                    "whether an interrupted write of {} ran over another one cannot be told: {}",
                    name.0, error.detail
                )),
                settled => settled?,
            },
            None => Settled::Well,
        };
        // The writes of one payload are one story; it is told once.
        Ok(vec![settled])
    }

    async fn settle_payload(
        &self,
        name: &PayloadName,
        replaces: Option<&VersionId>,
        ours: &[&BegunWrite],
    ) -> Result<Settled, StoreError> {
        if self.place.capabilities().history == History::Forgotten {
            return Ok(Settled::Well);
        }
        let now = match self.place.get(name).await? {
            Lookup::Found(payload) => payload,
            // Deleted since: what was run over went with it.
            Lookup::Absent | Lookup::Deleted { .. } => return Ok(Settled::Well),
            Lookup::Unreadable(error) => return Err(error),
        };
        if replaces == Some(&now.version) {
            return Ok(Settled::Well);
        }
        let body = match replaces {
            Some(version) => self.body(&self.place.payloads.get_version(name, version).await?),
            None => SecretBytes::new(self.format.empty().to_vec()),
        };
        let mut story = self.story(name, replaces.cloned(), &body)?;
        if !self.find_ours(name, &mut story, replaces, ours).await? {
            return Ok(Settled::Well);
        }
        let (_, missing) = story.state(&now).await?;
        if missing.is_empty() {
            return Ok(Settled::Well);
        }
        let version = story.of_others().last().map_or("an earlier one", |version| version.0.as_str()).to_owned();
        let keys: Vec<&str> = missing.iter().map(String::as_str).filter(|part| Key::new(*part).is_ok()).collect();
        let what = if keys.is_empty() { "something".to_owned() } else { keys.join(", ") };
        // The journal still has the writes this one mends: should it be interrupted, they are looked at again.
        match story.mend(&Labels::new(), &mut Journaled::new(&mut Unwritten)).await {
            Ok(_) => Ok(Settled::PutBack(format!(
                "an interrupted write of {} had run over {what} of version {version}: it is there again",
                name.0
            ))),
            Err(error) if matches!(error.kind, StoreErrorKind::Unreachable | StoreErrorKind::Throttled) => Err(error),
            Err(error) => Ok(Settled::Lost(format!(
                "an interrupted write of {} ran over {what} of version {version}, which could not be put back: {}",
                name.0, error.detail
            ))),
        }
    }

    /// Looks for the writes in the history, and whether there is any.
    async fn find_ours(
        &self,
        name: &PayloadName,
        story: &mut Story<'_, Body<'_>>,
        replaces: Option<&VersionId>,
        ours: &[&BegunWrite],
    ) -> Result<bool, StoreError> {
        let versions = self.place.payloads.history(name, LOOK_BACK).await?;
        let after = versions.into_iter().map(|info| info.version).take_while(|version| replaces != Some(version));
        let mut after: Vec<VersionId> = after.collect();
        after.reverse();
        let read = after.iter().map(|version| self.place.payloads.get_version(name, version));
        let since = concurrently(AT_A_TIME, read).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut found = false;
        let mut open = ours.to_vec();
        let mut before: Option<&VersionId> = replaces;
        for payload in &since {
            if let Some(begun) = made_by(payload, &open) {
                // Each write made one version: another one of the same content is somebody else's.
                open.retain(|other| other.write != begun.write);
                story.wrote(&payload.version, begun.replaces.as_ref(), before);
                found = true;
            }
            before = Some(&payload.version);
        }
        Ok(found)
    }
}
