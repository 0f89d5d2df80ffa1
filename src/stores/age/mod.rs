//! The embedded store: one age-encrypted file per location, in a directory of the work tree that travels with commits.
//!
//! Owns the directory's files, its recipients file and what an encrypted file is bound to. Does not know git, nor where
//! identities and acceptances are kept. Nothing here ever waits for a network: the async methods answer at once.

pub mod envelope;
mod error;
mod files;
mod names;
mod payloads;
mod policy;
pub mod recipients;

pub use files::{DirectoryFiles, FixedFiles, StoreFiles, WriteOutcome};
pub use names::{RECIPIENTS, file_of, location_of};
pub use policy::RecipientPolicy;

use super::layout::{Place, SinglePayload, dotenv::Dotenv};
use super::payload::{Capabilities, Deletion, EmptyPayloads, History, Pace, PayloadStore, Probe, ResourceId, Written};
use crate::domain::environment::{Location, StoreName};
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{Stamp, VersionId};
use crate::ports::{Cipher, Clock, StoreError, StoreErrorKind, WriteGuarantee};
use envelope::Opened;
use error::Errors;
use names::AgeNames;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

/// The age store in one directory.
#[derive(Debug)]
pub struct AgeStore {
    name: StoreName,
    directory: String,
    files: Rc<dyn StoreFiles>,
    cipher: Rc<dyn Cipher>,
    policy: Rc<dyn RecipientPolicy>,
    clock: Rc<dyn Clock>,
    capabilities: Capabilities,
}

/// What became of a file that was to be encrypted anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reencrypted {
    /// It was.
    Written,
    /// It is encrypted to these recipients already.
    Unchanged,
}

/// The files that are not encrypted to the present recipients.
#[derive(Debug, Default)]
pub struct StaleRecipients {
    /// Files whose digest is not that of the recipients file.
    pub files: Vec<Location>,
    /// Files of which it cannot be told.
    pub unreadable: BTreeMap<Location, StoreError>,
}

impl AgeStore {
    /// The store `name` in `directory`, relative to the top of the work tree.
    #[must_use]
    pub fn new(
        name: StoreName,
        directory: impl Into<String>,
        files: Rc<dyn StoreFiles>,
        cipher: Rc<dyn Cipher>,
        policy: Rc<dyn RecipientPolicy>,
        clock: Rc<dyn Clock>,
    ) -> Self {
        let capabilities = Capabilities {
            in_tree: true,
            writes: WriteGuarantee::Conditional,
            deletes: WriteGuarantee::Conditional,
            probe: Probe::PerName,
            empty: EmptyPayloads::Kept,
            max_bytes: None,
            batch: usize::MAX,
            pace: Pace::default(),
            deletion: Deletion::Immediate,
            history: History::Forgotten,
        };
        Self { name, directory: directory.into(), files, cipher, policy, clock, capabilities }
    }

    /// The environment at a location.
    #[must_use]
    pub fn environment(self: &Rc<Self>, location: Location) -> SinglePayload {
        let payloads: Rc<dyn PayloadStore> = Rc::<Self>::clone(self);
        let place = Place { payloads, names: Rc::new(AgeNames), location, clock: Rc::clone(&self.clock) };
        SinglePayload::new(place, Box::new(Dotenv))
    }

    /// The locations that have a store file.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn store_files(&self) -> Result<Vec<Location>, StoreError> {
        let files = self.files.list().map_err(|error| self.errors(None).io("list", &error))?;
        Ok(files.iter().filter_map(|file| location_of(file)).collect())
    }

    /// The content hash of a location's file, without decrypting; none where there is no file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn version_now(&self, location: &Location) -> Result<Option<VersionId>, StoreError> {
        Ok(self.bytes(location)?.map(|bytes| version_of(&bytes)))
    }

    /// The recipients file; none where there is none.
    ///
    /// # Errors
    /// A file that cannot be read, or is not text.
    pub fn recipients(&self) -> Result<Option<recipients::RecipientsFile>, StoreError> {
        let errors = self.errors(None);
        let Some(bytes) = self.files.read(RECIPIENTS).map_err(|error| errors.io("read", &error))? else {
            return Ok(None);
        };
        let text = str::from_utf8(&bytes)
            .map_err(|_| errors.of(StoreErrorKind::Corrupt, "read", format!("{} is not text", errors.file)))?;
        Ok(Some(recipients::parse(text)))
    }

    /// Puts `next` in the place of the recipients file, where that still is `expected`.
    ///
    /// # Errors
    /// `Moved` where it is not; a file that cannot be written.
    pub fn write_recipients(
        &self,
        expected: Option<&recipients::RecipientsFile>,
        next: &recipients::RecipientsFile,
    ) -> Result<(), StoreError> {
        let errors = self.errors(None);
        let expected = expected.map(|file| recipients::render(file).into_bytes());
        let bytes = recipients::render(next).into_bytes();
        match self.files.write(RECIPIENTS, expected.as_deref(), &bytes) {
            Ok(WriteOutcome::Written) => Ok(()),
            Ok(WriteOutcome::Moved) => Err(errors.moved()),
            Err(error) => Err(errors.io("write", &error)),
        }
    }

    /// The store files that are not encrypted to the recipients of the recipients file.
    ///
    /// # Errors
    /// A directory or recipients file that cannot be read.
    pub fn stale_recipients(&self) -> Result<StaleRecipients, StoreError> {
        let mut stale = StaleRecipients::default();
        let Some(file) = self.recipients()? else { return Ok(stale) };
        let digest = recipients::digest(&file.keys());
        for location in self.store_files()? {
            match self.opened(&location) {
                Ok(Some((_, opened))) if opened.recipients_digest != digest => stale.files.push(location),
                Ok(_) => {}
                Err(error) => drop(stale.unreadable.insert(location, error)),
            }
        }
        Ok(stale)
    }

    /// Encrypts every store file to `keys`, where it is not yet. One outcome per file.
    ///
    /// # Errors
    /// Recipients that are not accepted, a directory that cannot be read: then no file was touched.
    pub fn reencrypt_all(
        &self,
        keys: &BTreeSet<String>,
    ) -> Result<BTreeMap<Location, Result<Reencrypted, StoreError>>, StoreError> {
        self.check_accepted(keys)?;
        let locations = self.store_files()?;
        Ok(locations.into_iter().map(|location| (location.clone(), self.reencrypt(&location, keys))).collect())
    }

    fn reencrypt(&self, location: &Location, keys: &BTreeSet<String>) -> Result<Reencrypted, StoreError> {
        match self.opened(location)? {
            Some((bytes, opened)) if opened.recipients_digest != recipients::digest(keys) => {
                self.write(location, keys, Some(&bytes), &opened.text)?;
                Ok(Reencrypted::Written)
            }
            _ => Ok(Reencrypted::Unchanged),
        }
    }

    fn errors<'a>(&'a self, location: Option<&'a Location>) -> Errors<'a, Self> {
        let file = location.map_or(Ok(RECIPIENTS.to_owned()), file_of).unwrap_or_else(|_| RECIPIENTS.to_owned());
        Errors { store: self, file: format!("{}/{file}", self.directory), location }
    }

    fn file(&self, location: &Location) -> Result<String, StoreError> {
        let refuse = |refusal: super::layout::NameRefusal| {
            self.errors(None).of(StoreErrorKind::Unstorable, "read", refusal.to_string())
        };
        file_of(location).map_err(refuse)
    }

    fn bytes(&self, location: &Location) -> Result<Option<Vec<u8>>, StoreError> {
        let file = self.file(location)?;
        self.files.read(&file).map_err(|error| self.errors(Some(location)).io("read", &error))
    }

    /// A location's file, sealed and opened, where it is bound to this location.
    fn opened(&self, location: &Location) -> Result<Option<(Vec<u8>, Opened)>, StoreError> {
        let Some(bytes) = self.bytes(location)? else { return Ok(None) };
        let errors = self.errors(Some(location));
        let opened = envelope::open(&*self.cipher, &bytes).map_err(|error| errors.closed(&error))?;
        if opened.location != *location {
            return Err(errors.copy_of(&opened.location));
        }
        Ok(Some((bytes, opened)))
    }

    /// The recipients to encrypt to. A directory with neither recipients nor store files gets the user's own key.
    fn accepted_recipients(&self) -> Result<BTreeSet<String>, StoreError> {
        if let Some(file) = self.recipients()? {
            let keys = file.keys();
            self.check_accepted(&keys)?;
            return Ok(keys);
        }
        let errors = self.errors(None);
        if !self.store_files()?.is_empty() {
            let detail = format!("{} is missing, though the directory has store files", errors.file);
            return Err(StoreError {
                hint: Some(format!("`git restore {}` brings the committed one back", errors.file)),
                ..errors.of(StoreErrorKind::UntrustedRecipients, "write", detail)
            });
        }
        let mut file = recipients::RecipientsFile::default();
        recipients::add(&mut file, self.cipher.public_key(), None);
        // Accepted first: a crash in between leaves an acceptance of the user's own key, which means nothing yet.
        self.policy.accept(&self.directory, &file.keys()).map_err(|failure| errors.refused(&failure))?;
        self.write_recipients(None, &file)?;
        Ok(file.keys())
    }

    fn check_accepted(&self, keys: &BTreeSet<String>) -> Result<(), StoreError> {
        if self.policy.accepted(&self.directory, keys) {
            return Ok(());
        }
        Err(self.errors(None).untrusted(keys, &self.policy.accepted_lists(&self.directory)))
    }

    fn write(
        &self,
        location: &Location,
        keys: &BTreeSet<String>,
        expected: Option<&[u8]>,
        text: &SecretBytes,
    ) -> Result<Written, StoreError> {
        let errors = self.errors(Some(location));
        let sealed = envelope::seal(&*self.cipher, location, keys, text).map_err(|failure| errors.refused(&failure))?;
        match self.files.write(&self.file(location)?, expected, &sealed) {
            Ok(WriteOutcome::Written) => {
                let version = version_of(&sealed);
                Ok(Written {
                    stamp: Stamp(version.0.clone()),
                    version,
                    guarantee: WriteGuarantee::Conditional,
                    overwrote: None,
                    resource: ResourceId { scope: self.directory.clone(), name: location.as_str().to_owned() },
                })
            }
            Ok(WriteOutcome::Moved) => Err(errors.moved()),
            Err(error) => Err(errors.io("write", &error)),
        }
    }
}

impl fmt::Display for AgeStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "store {} ({})", self.name, self.directory)
    }
}

/// The version of an encrypted file: its content hash. Encryption is randomised, so every write makes another one.
fn version_of(sealed: &[u8]) -> VersionId {
    VersionId(hex(&Sha256::digest(sealed)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
