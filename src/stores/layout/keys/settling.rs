//! Looking after writes of a command that did not end, key by key.
//!
//! Doing it twice changes nothing: what has been put back is found to be there.

use super::{PayloadPerKey, stops_all};
use crate::domain::record::BegunWrite;
use crate::domain::snapshot::VersionId;
use crate::ports::{Settled, StoreError, StoreErrorKind, WriteGuarantee, concurrently};
use crate::stores::layout::place::is_of;
use crate::stores::payload::{History, Labels, Lookup, Payload, VersionInfo, WriteId, Written};

/// How far back a write is looked for.
const LOOK_BACK: usize = 100;

impl PayloadPerKey {
    pub(super) async fn settle_writes(&self, begun: &[BegunWrite]) -> Result<Vec<Settled>, StoreError> {
        let settle = begun.iter().map(|begun| async move {
            match (WriteId::recognise(&begun.write), begun.value.is_some()) {
                (Some(write), true) => self.settle_write(begun, &write).await,
                (_, false) => self.settle_removal(begun).await,
                (None, true) => Ok(Settled::Well),
            }
        });
        let settled = concurrently(self.place.writers(), settle).await;
        begun.iter().zip(settled).map(|(begun, settled)| self.told(begun, settled)).collect()
    }

    /// What cannot be looked into will not be next time either: it is told, and the other keys are settled.
    fn told(&self, begun: &BegunWrite, settled: Result<Settled, StoreError>) -> Result<Settled, StoreError> {
        match settled {
            Err(error) if stops_all(error.kind) => Err(error),
            Err(error) => {
                let name = &begun.payload.0;
                Ok(Settled::Lost(format!(
                    "whether an interrupted write of {name} ran over another one cannot be told: {}",
                    error.detail
                )))
            }
            settled => settled,
        }
    }

    async fn settle_write(&self, begun: &BegunWrite, write: &WriteId) -> Result<Settled, StoreError> {
        let name = &begun.payload;
        let value = begun.value.as_ref().expect("a write has a value");
        if self.place.capabilities().history == History::Forgotten {
            return Ok(Settled::Well);
        }
        let now = match self.place.get(name).await? {
            Lookup::Found(payload) => payload,
            Lookup::Absent | Lookup::Deleted { .. } => return Ok(Settled::Well),
            Lookup::Unreadable(error) => return Err(error),
        };
        if begun.replaces.as_ref() == Some(&now.version) {
            return Ok(Settled::Well);
        }
        let versions = self.place.payloads.history(name, LOOK_BACK).await?;
        let Some((at, ours)) = self.made_by(begun, &versions, |payload| is_of(payload, write, value)).await? else {
            return Ok(Settled::Well);
        };
        let before = versions.get(at + 1).map(|info| &info.version);
        // A history that was cut off does not say what was before the oldest version in it.
        if before == begun.replaces.as_ref() || (before.is_none() && versions.len() >= LOOK_BACK) {
            return Ok(Settled::Well);
        }
        // Of several who raced the first one stays.
        let first = versions[at + 1..].iter().map(|info| &info.version);
        let first = first.take_while(|version| begun.replaces.as_ref() != Some(*version)).last();
        let spoken = first.map_or("a deletion", |version| version.0.as_str());
        if at == 0 {
            let labels = begun.key.as_ref().map_or_else(Labels::new, |key| self.place.names.key_labels(key));
            let written = Written {
                version: ours.version,
                stamp: ours.stamp,
                guarantee: WriteGuarantee::Detected,
                overwrote: before.cloned(),
                resource: ours.resource,
            };
            return Ok(match self.return_to(name, begun.replaces.as_ref(), &written, &labels).await {
                Ok(_) => Settled::PutBack(put_back(&begun.payload.0, spoken)),
                Err(error) if stops_all(error.kind) => return Err(error),
                Err(error) => Settled::Lost(format!(
                    "an interrupted write of {} ran over version {spoken}, which could not be put back: {}",
                    name.0, error.detail
                )),
            });
        }
        // Somebody has written since: us, when we put it back, or others, whose change is the newest.
        match first {
            Some(first) if self.place.payloads.get_version(name, first).await?.value == now.value => {
                Ok(Settled::PutBack(put_back(&name.0, spoken)))
            }
            _ => Ok(Settled::Lost(format!(
                "an interrupted write of {} ran over version {spoken}; a newer one is there now",
                name.0
            ))),
        }
    }

    /// The version that a write made, newest first, and how many are newer. Versions it was to replace end the search.
    async fn made_by(
        &self,
        begun: &BegunWrite,
        versions: &[VersionInfo],
        is_ours: impl Fn(&Payload) -> bool,
    ) -> Result<Option<(usize, Payload)>, StoreError> {
        let mut found = None;
        for (at, info) in versions.iter().enumerate() {
            if begun.replaces.as_ref() == Some(&info.version) {
                break;
            }
            let payload = self.place.payloads.get_version(&begun.payload, &info.version).await?;
            if is_ours(&payload) {
                // The oldest: where content alone tells, a later one of the same content is somebody else's.
                found = Some((at, payload));
            }
        }
        Ok(found)
    }

    /// A deletion took away what was there. While its window is open that can be looked at.
    async fn settle_removal(&self, begun: &BegunWrite) -> Result<Settled, StoreError> {
        let name = &begun.payload;
        let Lookup::Deleted { recoverable: true } = self.place.get(name).await? else { return Ok(Settled::Well) };
        let newest: Option<VersionId> = match self.place.payloads.history(name, 1).await {
            Ok(versions) => versions.into_iter().next().map(|info| info.version),
            // Most stores tell nothing of what is scheduled for deletion.
            Err(error) if stops_all(error.kind) || error.kind == StoreErrorKind::Denied => return Err(error),
            Err(_) => None,
        };
        if newest.is_none() || newest == begun.replaces {
            return Ok(Settled::Well);
        }
        self.place.payloads.restore(name).await?;
        let version = newest.map_or_else(String::new, |version| version.0);
        Ok(Settled::PutBack(format!(
            "an interrupted removal of {} had taken version {version} away: it is there again",
            name.0
        )))
    }
}

fn put_back(name: &str, version: &str) -> String {
    format!("an interrupted write of {name} had run over version {version}: it is there again")
}
