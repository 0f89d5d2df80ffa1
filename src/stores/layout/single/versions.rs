//! The versions of the payload as versions of the environment.

use super::{SinglePayload, state};
use crate::domain::key::Key;
use crate::domain::record::Values;
use crate::domain::snapshot::{PayloadName, RemoteState, VersionId};
use crate::ports::{EnvironmentVersion, StoreError, StoreErrorKind, concurrently};
use crate::stores::layout::place::AT_A_TIME;
use crate::stores::payload::{Currency, VersionInfo};
use std::collections::BTreeSet;

/// The most versions that are looked through for those that changed one key.
const LOOK_BACK: usize = 100;

impl SinglePayload {
    pub(super) async fn versions(
        &self,
        key: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<EnvironmentVersion>, StoreError> {
        let name = self.name()?;
        // One more: what a version changed shows in the one before it.
        let count = if key.is_some() { LOOK_BACK.max(limit) } else { limit }.saturating_add(1);
        let infos = self.place.payloads.history(&name, count).await?;
        let complete = infos.len() < count;
        let read = infos.iter().map(|info| self.values_at(&name, &info.version));
        let values: Vec<Option<Values>> = concurrently(AT_A_TIME, read).await.into_iter().collect::<Result<_, _>>()?;
        let nothing = Some(Values::new());
        let version = |(at, info): (usize, &VersionInfo)| {
            let older = match values.get(at + 1) {
                Some(older) => older.as_ref(),
                None if complete => nothing.as_ref(),
                None => None,
            };
            let keys = match (&values[at], older) {
                (Some(newer), Some(older)) => changed(newer, older),
                _ => BTreeSet::new(),
            };
            EnvironmentVersion {
                version: info.version.clone(),
                created: info.created,
                current: info.currency == Currency::Current,
                keys,
            }
        };
        let versions = infos.iter().enumerate().take(count - 1).map(version);
        let versions = versions.filter(|version| key.is_none_or(|key| version.keys.contains(key)));
        Ok(versions.take(limit).collect())
    }

    /// The variables of a version; none where it cannot be read, though others can.
    async fn values_at(&self, name: &PayloadName, version: &VersionId) -> Result<Option<Values>, StoreError> {
        match self.place.payloads.get_version(name, version).await {
            Ok(payload) => Ok(self.format.read(self.body(&payload).expose()).ok().map(|content| content.entries)),
            Err(error) if concerns_all(error.kind) => Err(error),
            Err(_) => Ok(None),
        }
    }

    pub(super) async fn state_at(&self, version: &VersionId) -> Result<RemoteState, StoreError> {
        let name = self.name()?;
        let began = self.place.now().await;
        let payload = self.place.payloads.get_version(&name, version).await?;
        let landed = self.landed(payload);
        let content = self.content(&name, &landed.body)?;
        Ok(state(self.place.address_in(landed.scope.clone()), began, &name, content, landed))
    }
}

/// The keys that one of two contents has otherwise.
fn changed(newer: &Values, older: &Values) -> BTreeSet<Key> {
    newer.keys().chain(older.keys()).filter(|key| newer.get(*key) != older.get(*key)).cloned().collect()
}

/// Whether other versions would meet the same error.
fn concerns_all(kind: StoreErrorKind) -> bool {
    matches!(
        kind,
        StoreErrorKind::SignedOut | StoreErrorKind::Denied | StoreErrorKind::Unreachable | StoreErrorKind::Throttled
    )
}
