//! Named payloads in one secret manager: the least a vendor adapter must do.
//!
//! Knows nothing of variables, layouts or env files; [`super::layout`] makes environments of payloads. Vendors differ
//! by [`Capabilities`], which are data, and by nothing else.

use crate::domain::environment::{Location, StoreKind, Timestamp};
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{PayloadName, Stamp, VersionId};
use crate::ports::{StoreError, WriteGuarantee};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};

/// Named payloads in one secret manager. `Display` names the store as errors and plans do.
///
/// Implementors promise:
/// * One outcome per name that was asked for: denied is not absent.
/// * An error of [`put`](Self::put) with kind `Moved` means that nothing was written. Of other errors that say nothing
///   of it (no connection, an answer that makes no sense) the write may have happened.
/// * What was put is answered by the next read, byte for byte.
/// * No error text contains content.
#[async_trait(?Send)]
pub trait PayloadStore: Display + Debug {
    /// The kind of store: the first part of an address.
    fn kind(&self) -> StoreKind;

    /// Account and region, project, vault or directory, as far as known before an answer names it.
    fn scope(&self) -> String;

    /// What it can do.
    fn capabilities(&self) -> &Capabilities;

    /// What a write is promised at the least: [`Capabilities::writes`] may need a permission that the user has not got.
    fn least_guarantee(&self) -> WriteGuarantee {
        self.capabilities().writes
    }

    /// Why this store never takes a content, whatever its size: asked before anything is written. The answer quotes nothing.
    fn refuses(&self, _content: &[u8]) -> Option<&'static str> {
        None
    }

    /// The payloads that are direct children of `under`, those scheduled for deletion too. No values travel.
    async fn list(&self, under: &Location) -> Result<Vec<Listed>, StoreError>;

    /// What metadata says of each payload: answers "has it moved?". Two accounts or projects must not give the same
    /// stamp for payloads of one name: where versions only count, the stamp has the scope in it too.
    async fn stamps(&self, names: &[PayloadName]) -> Result<ByName<Stamp>, StoreError>;

    /// The current version of each payload. How many requests that takes, and how many at a time, is its business.
    async fn get_many(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError>;

    /// The payloads that are direct children of `under` with their contents, in one go: for a first read, where a list
    /// and reads by name would take more requests. None where the store has no such way.
    async fn read_all(&self, _under: &Location) -> Result<Option<Vec<(Listed, Lookup<Payload>)>>, StoreError> {
        Ok(None)
    }

    /// An earlier version of a payload.
    ///
    /// # Errors
    /// `Unsupported` where [`Capabilities::history`] says so.
    async fn get_version(&self, name: &PayloadName, version: &VersionId) -> Result<Payload, StoreError>;

    /// Writes one payload.
    ///
    /// # Errors
    /// `Moved` where the precondition does not hold and the store can tell; `PendingDeletion` where the name is
    /// reserved until its deletion window ends.
    async fn put(&self, put: Put<'_>) -> Result<Written, StoreError>;

    /// Writes the payload anew where its wrapping is out of date though its content is not (an age file whose
    /// recipients changed). Answers nothing where there was nothing to do, which is so for most stores.
    ///
    /// # Errors
    /// `Moved` where the payload is not at `expected` any more.
    async fn renew(
        &self,
        _name: &PayloadName,
        _expected: &VersionId,
        _write: &WriteId,
    ) -> Result<Option<Written>, StoreError> {
        Ok(None)
    }

    /// Deletes one payload, as softly as the store can.
    ///
    /// # Errors
    /// `Moved` where it is not at `expected` and the store can tell.
    async fn delete(&self, name: &PayloadName, expected: &VersionId) -> Result<Deleted, StoreError>;

    /// Takes a deletion back while its window is open.
    ///
    /// # Errors
    /// `Unsupported` where [`Capabilities::deletion`] is immediate.
    async fn restore(&self, name: &PayloadName) -> Result<(), StoreError>;

    /// The versions of a payload, newest first.
    ///
    /// # Errors
    /// `Unsupported` where [`Capabilities::history`] says so.
    async fn history(&self, name: &PayloadName, limit: usize) -> Result<Vec<VersionInfo>, StoreError>;
}

/// What a payload store can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Lies inside the work tree and travels with commits.
    pub in_tree: bool,
    /// How [`PayloadStore::put`] meets other writers.
    pub writes: WriteGuarantee,
    /// How [`PayloadStore::delete`] meets other writers.
    pub deletes: WriteGuarantee,
    /// How one learns whether a payload moved.
    pub probe: Probe,
    /// What it does with a payload of no bytes.
    pub empty: EmptyPayloads,
    /// The most bytes one payload may have; none for no limit worth telling.
    pub max_bytes: Option<usize>,
    /// How many names one read request takes; 1 where there are no batches.
    pub batch: usize,
    /// How fast it may be asked.
    pub pace: Pace,
    /// What a deletion does to the name.
    pub deletion: Deletion,
    /// Whether earlier versions can be read.
    pub history: History,
}

/// How fast a store may be asked before it asks to slow down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// Reads; none for as many as one likes.
    pub reads: Option<Rate>,
    /// Writes and deletions.
    pub writes: Option<Rate>,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second that it takes for long.
    pub per_second: u32,
    /// Requests that it takes at once.
    pub burst: u32,
}

/// How one learns whether payloads moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The list carries stamps.
    InList,
    /// Metadata of each name does.
    PerName,
    /// Only reading the payload tells.
    ByReading,
}

/// What a store does with a payload of no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyPayloads {
    /// Keeps it.
    Kept,
    /// Refuses it: layouts write a text that stands for it.
    Refused,
}

/// What a deletion does to the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It is free at once.
    Immediate,
    /// It stays reserved for some days, in which [`PayloadStore::restore`] works.
    Window,
}

/// Whether earlier versions can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// They can.
    Kept,
    /// They are gone once overwritten.
    Forgotten,
}

/// One outcome per name.
pub type ByName<T> = BTreeMap<PayloadName, Lookup<T>>;

/// Tags, labels or annotations of a payload: never secret.
pub type Labels = BTreeMap<String, String>;

/// What became of asking for one name.
#[derive(Debug, Clone)]
pub enum Lookup<T> {
    /// It is there.
    Found(T),
    /// It is not there.
    Absent,
    /// It is scheduled for deletion.
    Deleted {
        /// Whether [`PayloadStore::restore`] brings it back.
        recoverable: bool,
    },
    /// It is there, and could not be read.
    Unreadable(StoreError),
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The payload.
    pub name: PayloadName,
    /// Its stamp; none where the list has none or has one too young to be trusted.
    pub stamp: Option<Stamp>,
    /// Its labels, as far as the list carries them.
    pub labels: Labels,
    /// The scope that really answered; none where the list does not tell.
    pub scope: Option<String>,
    /// Whether it is to stay.
    pub schedule: Schedule,
}

/// Whether a payload is to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// It is.
    Kept,
    /// It is scheduled for deletion: its name is listed, its value cannot be read.
    Deletion,
}

/// One payload as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// Its content.
    pub value: SecretBytes,
    /// Its version: the condition of a write.
    pub version: VersionId,
    /// Its stamp.
    pub stamp: Stamp,
    /// Its labels.
    pub labels: Labels,
    /// The write that made this version, where the store keeps write ids.
    pub write: Option<WriteId>,
    /// What really answered.
    pub resource: ResourceId,
}

/// What really answered: an ARN, a resource name, split into what addresses need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceId {
    /// The scope of an address: account and region, project, vault, directory.
    pub scope: String,
    /// The full name the vendor gave.
    pub name: String,
}

/// One write.
#[derive(Debug, Clone)]
pub struct Put<'a> {
    /// The payload.
    pub name: &'a PayloadName,
    /// Its next content.
    pub value: &'a SecretBytes,
    /// What it replaces.
    pub when: Precondition,
    /// Recognises the write again.
    pub write: &'a WriteId,
    /// Labels to set on creation.
    pub labels: &'a Labels,
}

/// What a write replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: the payload is created.
    Absent,
    /// This version.
    Unchanged(VersionId),
}

impl Precondition {
    /// The version it names.
    #[must_use]
    pub fn version(&self) -> Option<&VersionId> {
        match self {
            Self::Absent => None,
            Self::Unchanged(version) => Some(version),
        }
    }
}

/// A write that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The version it made.
    pub version: VersionId,
    /// Its stamp; where the answer does not tell it, one that no list or metadata ever has.
    pub stamp: Stamp,
    /// How this write met other writers: a store that may not write on a condition falls back to a weaker way.
    pub guarantee: WriteGuarantee,
    /// The version it replaced, where the guarantee is `Detected`; with another guarantee it may be left out.
    pub overwrote: Option<VersionId>,
    /// What really answered.
    pub resource: ResourceId,
}

/// A deletion that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The version it took away, where the guarantee is `Detected`.
    pub overwrote: Option<VersionId>,
}

/// One version in the history of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo {
    /// The version.
    pub version: VersionId,
    /// When it was made, where the store tells.
    pub created: Option<Timestamp>,
    /// Whether it is the one a read answers.
    pub currency: Currency,
}

/// Whether a version is the one a read answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Currency {
    /// It is.
    Current,
    /// It was.
    Former,
}

/// Recognises one write: 128 random bits in 32 hex digits, so that it can serve as a request token or a tag. Never
/// derived from the value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId(String);

impl WriteId {
    /// The id made of these random numbers.
    #[must_use]
    pub fn from_random(high: u64, low: u64) -> Self {
        Self(format!("{high:016x}{low:016x}"))
    }

    /// An id the store gave back; none where it is not one of ours.
    #[must_use]
    pub fn recognise(text: &str) -> Option<Self> {
        let ours = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        ours.then(|| Self(text.to_owned()))
    }

    /// Its 32 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for WriteId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_id_is_recognised_in_what_a_store_gives_back() {
        let id = WriteId::from_random(1, u64::MAX);
        assert_eq!(id.as_str(), "0000000000000001ffffffffffffffff");
        assert_eq!(WriteId::recognise(id.as_str()), Some(id));
        assert_eq!(WriteId::recognise("somebody else's tag"), None);
    }
}
