//! Writing: creating secrets, adding versions, deleting what was seen.

use super::client::{LATEST, Question, Told};
use super::error::{Doing, code};
use super::versions::{VersionName, number_of, same, version_id};
use super::{GcpSecrets, MANAGED, MOST_BYTES};
use crate::domain::snapshot::{PayloadName, VersionId};
use crate::ports::{StoreError, StoreErrorKind, WriteGuarantee};
use crate::stores::payload::{Deleted, Lookup, Precondition, Put, ResourceId, Written};
use google_cloud_gax::error::rpc::Code;
use google_cloud_secretmanager_v1::model::secret_version::State;

impl GcpSecrets {
    /// Adds a version, to a secret that is created where there shall be none.
    pub(super) async fn write(&self, put: &Put<'_>) -> Result<Written, StoreError> {
        let name = put.name;
        let errors = self.client.errors(Doing::Write).about(name);
        let value = put.value.expose();
        if value.len() > MOST_BYTES {
            return Err(errors.of(StoreErrorKind::TooLarge, format!("Secret Manager takes {MOST_BYTES} bytes")));
        }
        let replaced = match &put.when {
            Precondition::Absent => self.create(put).await?,
            Precondition::Unchanged(version) => number_of(version).ok_or_else(|| self.moved(name))?,
        };
        let added = self.client.add(name, value).await?.map_err(|error| errors.sdk(&error))?;
        let nonsense = || errors.of(StoreErrorKind::Nonsense, "an answer without a version");
        let version = VersionName::parse(&added.name).ok_or_else(nonsense)?;
        let made = self.made(name);
        let before = version.number.saturating_sub(1);
        let overwrote = if before == replaced {
            put.when.version().cloned()
        } else {
            Some(version_id(before, &made)).filter(|_| before > 0)
        };
        Ok(Written {
            version: version.version(&made),
            stamp: version.stamp(&made),
            guarantee: WriteGuarantee::Detected,
            overwrote,
            resource: ResourceId { scope: version.scope, name: version.full },
        })
    }

    /// Deletes a secret whose newest version is the one that was seen.
    pub(super) async fn remove(&self, name: &PayloadName, expected: &VersionId) -> Result<Deleted, StoreError> {
        let errors = self.client.errors(Doing::Write).about(name);
        let latest = || LATEST.to_owned();
        let questions = vec![Question::Secret(name.clone()), Question::Version(name.clone(), latest())];
        let mut told = self.client.ask_all(questions).await?.into_iter();
        let etag = match told.next() {
            Some(Told::Secret(Ok(secret))) => {
                self.note(name, Some(&secret));
                Some(secret.etag)
            }
            Some(Told::Secret(Err(error))) if code(&error) == Some(Code::PermissionDenied) => None,
            Some(Told::Secret(Err(error))) => return Err(errors.sdk(&error)),
            _ => None,
        };
        let now = match told.next() {
            Some(Told::Version(Ok(version))) => {
                VersionName::parse(&version.name).map(|now| now.version(&self.made(name)))
            }
            Some(Told::Version(Err(error))) if code(&error) == Some(Code::PermissionDenied) => {
                match self.values(std::slice::from_ref(name)).await?.remove(name) {
                    Some(Lookup::Found(payload)) => Some(payload.version),
                    Some(Lookup::Unreadable(error)) => return Err(error),
                    _ => None,
                }
            }
            Some(Told::Version(Err(error))) => return Err(errors.sdk(&error)),
            _ => None,
        };
        if !now.is_some_and(|now| same(&now, expected)) {
            return Err(self.moved(name));
        }
        self.client.delete(name, etag).await?.map_err(|error| errors.sdk(&error))?;
        self.note(name, None);
        Ok(Deleted { overwrote: None })
    }

    /// Makes room for a first version: the number that is the newest then.
    async fn create(&self, put: &Put<'_>) -> Result<u64, StoreError> {
        let name = put.name;
        let mut labels = put.labels.clone();
        labels.insert(MANAGED.0.to_owned(), MANAGED.1.to_owned());
        let error = match self.client.create(name, &labels).await? {
            Ok(secret) => {
                self.note(name, Some(&secret));
                return Ok(0);
            }
            Err(error) => error,
        };
        let refused = self.client.errors(Doing::Write).about(name).sdk(&error);
        match code(&error) {
            // A secret without a value may be there: made by a setup, by whom only fills it, or by a write that was cut
            // off. Who may fill it may not always create one.
            Some(Code::AlreadyExists | Code::PermissionDenied) => self.vacant(name).await?.ok_or(refused),
            _ => Err(refused),
        }
    }

    /// The number of the newest version of a secret that has nothing to read; none where it has, or is not there.
    async fn vacant(&self, name: &PayloadName) -> Result<Option<u64>, StoreError> {
        let latest = || LATEST.to_owned();
        let questions = vec![
            Question::Version(name.clone(), latest()),
            Question::Access(name.clone(), latest()),
            Question::Secret(name.clone()),
        ];
        let mut told = self.client.ask_all(questions).await?.into_iter();
        let (version, access, secret) = (told.next(), told.next(), told.next());
        if let Some(Told::Secret(Ok(secret))) = &secret {
            self.note(name, Some(secret));
        }
        let is_absent = |code: Option<Code>| code == Some(Code::NotFound);
        Ok(match (version, access) {
            (Some(Told::Version(Ok(version))), _) if version.state == State::Destroyed => {
                VersionName::parse(&version.name).map(|version| version.number)
            }
            (Some(Told::Version(Err(error))), _) if is_absent(code(&error)) => Some(0),
            (Some(Told::Version(Err(error))), Some(Told::Access(Err(access))))
                if code(&error) == Some(Code::PermissionDenied) && is_absent(code(&access)) =>
            {
                Some(0)
            }
            _ => None,
        })
    }
}
