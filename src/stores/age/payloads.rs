//! The age store as a store of payloads: the content is the text below the two lines, the version the content hash.

use super::{AgeStore, file_of, recipients, version_of};
use crate::domain::environment::{Location, StoreKind};
use crate::domain::snapshot::{PayloadName, Stamp, VersionId};
use crate::ports::{StoreError, StoreErrorKind};
use crate::stores::age::envelope::Opened;
use crate::stores::payload::{
    ByName, Capabilities, Deleted, Labels, Listed, Lookup, Payload, PayloadStore, Put, ResourceId, Schedule,
    VersionInfo, WriteId, Written,
};
use async_trait::async_trait;

#[async_trait(?Send)]
impl PayloadStore for AgeStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Age
    }

    fn scope(&self) -> String {
        self.directory.clone()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn list(&self, under: &Location) -> Result<Vec<Listed>, StoreError> {
        let child = |location: &Location| match location.as_str().rsplit_once('/') {
            Some((parent, _)) => parent == under.as_str(),
            None => under.as_str().is_empty(),
        };
        let listed = |location: Location| Listed {
            name: PayloadName(location.as_str().to_owned()),
            stamp: None,
            labels: Labels::new(),
            scope: Some(self.directory.clone()),
            schedule: Schedule::Kept,
        };
        Ok(self.store_files()?.into_iter().filter(child).map(listed).collect())
    }

    async fn stamps(&self, names: &[PayloadName]) -> Result<ByName<Stamp>, StoreError> {
        let stamp = |name: &PayloadName| match self.version_now(&Location::new(name.0.as_str())) {
            Ok(Some(version)) => Lookup::Found(Stamp(version.0)),
            Ok(None) => Lookup::Absent,
            Err(error) => Lookup::Unreadable(error),
        };
        Ok(names.iter().map(|name| (name.clone(), stamp(name))).collect())
    }

    async fn get_many(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError> {
        let get = |name: &PayloadName| match self.opened(&Location::new(name.0.as_str())) {
            Ok(Some((bytes, opened))) => Lookup::Found(self.payload(&bytes, opened)),
            Ok(None) => Lookup::Absent,
            Err(error) => Lookup::Unreadable(error),
        };
        Ok(names.iter().map(|name| (name.clone(), get(name))).collect())
    }

    async fn get_version(&self, name: &PayloadName, _version: &VersionId) -> Result<Payload, StoreError> {
        Err(self.unsupported("read", name))
    }

    async fn put(&self, put: Put<'_>) -> Result<Written, StoreError> {
        let location = Location::new(put.name.0.as_str());
        let bytes = self.bytes(&location)?;
        if bytes.as_deref().map(version_of).as_ref() != put.when.version() {
            return Err(self.errors(Some(&location)).moved());
        }
        let keys = self.accepted_recipients()?;
        self.write(&location, &keys, bytes.as_deref(), put.value)
    }

    async fn renew(
        &self,
        name: &PayloadName,
        expected: &VersionId,
        _write: &WriteId,
    ) -> Result<Option<Written>, StoreError> {
        let location = Location::new(name.0.as_str());
        let moved = || self.errors(Some(&location)).moved();
        let (bytes, opened) = self.opened(&location)?.ok_or_else(moved)?;
        if version_of(&bytes) != *expected {
            return Err(moved());
        }
        let Some(file) = self.recipients()? else { return Ok(None) };
        if opened.recipients_digest == recipients::digest(&file.keys()) {
            return Ok(None);
        }
        let keys = self.accepted_recipients()?;
        self.write(&location, &keys, Some(&bytes), &opened.text).map(Some)
    }

    async fn delete(&self, name: &PayloadName, _expected: &VersionId) -> Result<Deleted, StoreError> {
        Err(self.unsupported("delete", name))
    }

    async fn restore(&self, name: &PayloadName) -> Result<(), StoreError> {
        Err(self.unsupported("restore", name))
    }

    async fn history(&self, name: &PayloadName, _limit: usize) -> Result<Vec<VersionInfo>, StoreError> {
        Err(self.unsupported("history", name))
    }
}

impl AgeStore {
    fn unsupported(&self, operation: &'static str, name: &PayloadName) -> StoreError {
        let location = Location::new(name.0.as_str());
        let detail = "git keeps the history of an age store".to_owned();
        let hint = file_of(&location).ok().map(|file| format!("`git log -- {}/{file}` lists it", self.directory));
        StoreError { hint, ..self.errors(Some(&location)).of(StoreErrorKind::Unsupported, operation, detail) }
    }

    fn payload(&self, bytes: &[u8], opened: Opened) -> Payload {
        let version = version_of(bytes);
        Payload {
            value: opened.text,
            stamp: Stamp(version.0.clone()),
            version,
            labels: Labels::new(),
            write: None,
            resource: ResourceId { scope: self.directory.clone(), name: opened.location.as_str().to_owned() },
        }
    }
}
