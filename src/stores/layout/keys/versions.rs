//! Versions of an environment whose keys have versions of their own: a version is a time, to the second.
//!
//! A key has the newest version that is not younger than that. What was written in one second is one version.

use super::{PayloadPerKey, stops_all};
use crate::domain::environment::Timestamp;
use crate::domain::key::Key;
use crate::domain::snapshot::{PayloadMark, PayloadName, Presence, RemoteState, UnknownReason, VersionId};
use crate::ports::{EnvironmentVersion, StoreError, StoreErrorKind, concurrently};
use crate::stores::layout::place::AT_A_TIME;
use crate::stores::layout::{moments, unknown_reason};
use crate::stores::payload::{History, VersionInfo};
use crate::stores::store_error;
use std::collections::{BTreeMap, BTreeSet};

/// How far back the versions of one key are looked through.
const LOOK_BACK: usize = 100;

/// The versions of a key's payload, newest first, or why they cannot be read.
type Histories = BTreeMap<Key, (PayloadName, Result<Vec<VersionInfo>, StoreError>)>;

impl PayloadPerKey {
    pub(super) async fn moments(&self, key: Option<&Key>, limit: usize) -> Result<Vec<EnvironmentVersion>, StoreError> {
        let keys = match key {
            Some(key) => {
                let name = self.place.names.key_name(&self.place.location, key).map_err(|refusal| {
                    store_error(&self.place.payloads, StoreErrorKind::Unstorable, "read", refusal.to_string())
                })?;
                BTreeMap::from([(key.clone(), name)])
            }
            None => self.children().await?.keys,
        };
        let histories = self.histories(keys).await?;
        if let (Some(key), Some((_, Err(error)))) = (key, key.and_then(|key| histories.get(key))) {
            return Err(StoreError { detail: format!("{key}: {}", error.detail), ..error.clone() });
        }
        let mut moments: BTreeMap<Timestamp, BTreeSet<Key>> = BTreeMap::new();
        for (key, (_, history)) in &histories {
            for created in history.iter().flatten().filter_map(|info| info.created) {
                moments.entry(created).or_default().insert(key.clone());
            }
        }
        let newest = moments.keys().next_back().copied();
        let version = |(moment, keys)| EnvironmentVersion {
            version: moments::spelled(moment),
            created: Some(moment),
            current: Some(moment) == newest,
            keys,
        };
        Ok(moments.into_iter().rev().take(limit).map(version).collect())
    }

    async fn histories(&self, keys: BTreeMap<Key, PayloadName>) -> Result<Histories, StoreError> {
        if self.place.capabilities().history == History::Forgotten {
            let detail = "it keeps no earlier versions";
            return Err(store_error(&self.place.payloads, StoreErrorKind::Unsupported, "read", detail));
        }
        let ask = keys.values().map(|name| self.place.payloads.history(name, LOOK_BACK));
        let answers = concurrently(AT_A_TIME, ask).await;
        let mut histories = Histories::new();
        for ((key, name), answer) in keys.into_iter().zip(answers) {
            match answer {
                Err(error) if stops_all(error.kind) => return Err(error),
                answer => drop(histories.insert(key, (name, answer))),
            }
        }
        Ok(histories)
    }

    pub(super) async fn state_at(&self, version: &VersionId) -> Result<RemoteState, StoreError> {
        let no_version = |detail: String| {
            let hint = Some("`git envsync history` lists the versions".to_owned());
            let error = store_error(&self.place.payloads, StoreErrorKind::Unsupported, "read", detail);
            Err(StoreError { hint, ..error })
        };
        let Some(moment) = moments::read(version) else {
            return no_version(format!(
                "{} is no time: versions of this environment are, as 2026-03-01T09:30:00Z",
                version.0
            ));
        };
        let began = self.place.now().await;
        let histories = self.histories(self.children().await?.keys).await?;
        let mut state = RemoteState::absent(self.place.address(), began);
        let mut wanted = Vec::new();
        for (key, (name, history)) in histories {
            match history {
                Ok(history) => {
                    let then = |info: &VersionInfo| info.created.is_some_and(|created| created <= moment);
                    if let Some(info) = history.into_iter().find(then) {
                        wanted.push((key, name, info.version));
                    }
                }
                Err(error) => drop(state.unknown.insert(key.as_str().to_owned(), reason(&error))),
            }
        }
        let read = wanted.iter().map(|(_, name, version)| self.place.payloads.get_version(name, version));
        let answers = concurrently(AT_A_TIME, read).await;
        for ((key, name, _), answer) in wanted.into_iter().zip(answers) {
            let reason = match answer {
                Err(error) if stops_all(error.kind) => return Err(error),
                Err(error) => reason(&error),
                Ok(payload) => match self.value(&payload) {
                    Err(reason) => reason,
                    Ok(value) => {
                        let mark = PayloadMark { version: payload.version, stamp: payload.stamp, body: None };
                        state.address = self.place.address_in(payload.resource.scope);
                        state.payloads.insert(name, mark);
                        state.entries.insert(key, value);
                        continue;
                    }
                },
            };
            state.unknown.insert(key.as_str().to_owned(), reason);
        }
        if !state.has_keys() {
            return no_version(format!("there was nothing at {}", version.0));
        }
        state.presence = Presence::Held;
        Ok(state)
    }
}

fn reason(error: &StoreError) -> UnknownReason {
    unknown_reason(error.kind).unwrap_or(UnknownReason::Undecryptable)
}
