//! The state of one environment in its store, as one read saw it.

use super::environment::{Address, Timestamp};
use super::key::Key;
use super::secret::{SecretBytes, SecretValue};
use std::collections::BTreeMap;
use std::fmt;

/// One environment as its store answered. Kept encrypted, it is the snapshot that serves offline.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteState {
    /// What answered.
    pub address: Address,
    /// Whether the store holds the environment at all.
    pub presence: Presence,
    /// The variables that could be read.
    pub entries: BTreeMap<Key, SecretValue>,
    /// What is there and could not be read: unreadable is not deleted.
    pub unknown: BTreeMap<String, UnknownReason>,
    /// The payloads the state came from: what a later probe or conditional write compares with.
    pub payloads: BTreeMap<PayloadName, PayloadMark>,
    /// When the read began.
    pub read_at: Timestamp,
}

impl RemoteState {
    /// The answer of a store that does not hold the environment.
    #[must_use]
    pub fn absent(address: Address, read_at: Timestamp) -> Self {
        Self {
            address,
            presence: Presence::Absent,
            entries: BTreeMap::new(),
            unknown: BTreeMap::new(),
            payloads: BTreeMap::new(),
            read_at,
        }
    }

    /// Whether `key` is there but could not be read.
    #[must_use]
    pub fn is_unknown(&self, key: &Key) -> bool {
        self.unknown.contains_key(key.as_str())
    }

    /// Whether it holds anything, readable or not.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.entries.is_empty() || !self.unknown.is_empty()
    }
}

/// A state as it is kept for the time when the store cannot be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Where the environment was looked for, as configured: all that is known of it offline.
    pub configured: Address,
    /// What answered.
    pub state: RemoteState,
}

/// Whether a store holds an environment. An environment without keys can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// The store has a place for it.
    Held,
    /// The store has never heard of it.
    Absent,
}

/// Why something in a store could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownReason {
    /// Permission was denied.
    Denied,
    /// The payload is disabled.
    Disabled,
    /// The payload is scheduled for deletion.
    PendingDeletion,
    /// The payload could not be decrypted, or is not text.
    Undecryptable,
    /// Its name is not an env key, or its value is none that an env file can hold.
    Foreign,
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Denied => "permission denied",
            Self::Disabled => "disabled",
            Self::PendingDeletion => "scheduled for deletion",
            Self::Undecryptable => "cannot be decrypted",
            Self::Foreign => "not something an env file can hold",
        })
    }
}

/// The name of a payload in a secret manager.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PayloadName(pub String);

/// A version of a payload, as the store names it: the condition of a write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct VersionId(pub String);

/// What a list page or metadata says of a payload: answers "has it moved?", and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Stamp(pub String);

/// One payload as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct PayloadMark {
    /// Its version.
    pub version: VersionId,
    /// Its stamp.
    pub stamp: Stamp,
    /// Its content, where a layout keeps several variables in one payload: the next write starts from it.
    pub body: Option<SecretBytes>,
}
