//! Stores of environments.

use super::error::StoreError;
use crate::domain::environment::Address;
use crate::domain::key::Key;
use crate::domain::secret::SecretValue;
use crate::domain::snapshot::RemoteState;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

/// One environment of one env file in its store: payload store, layout and location together.
///
/// Implementors promise:
/// * `fetch` tells *absent* (the store holds no such environment) from *empty* and from *unreadable*: what was
///   denied, disabled or cannot be decrypted is listed as unknown, or, where nothing can be read at all, is an error.
/// * `commit` writes each key on the condition that the store still holds what `on` saw, or detects and reports that
///   it did not. It reports one outcome per key and says "done" only of a key that is there.
/// * No error text contains a value.
#[async_trait(?Send)]
pub trait EnvironmentStore: Display + Debug {
    /// Where it looks, as far as that is known before it has answered.
    fn address(&self) -> Address;

    /// What it can promise.
    fn traits(&self) -> StoreTraits;

    /// Whether anything moved since `known` was read. Metadata only; no values travel.
    async fn probe(&self, known: &RemoteState) -> Result<Moved, StoreError>;

    /// Reads the environment; only what moved since `known` travels.
    async fn fetch(&self, known: Option<&RemoteState>) -> Result<RemoteState, StoreError>;

    /// Writes `changes`, each on the condition that the store still holds what `on` saw of its key.
    /// An environment that is absent is created, also by an empty list of changes.
    async fn commit(&self, changes: &[RemoteChange], on: &RemoteState) -> CommitReport;
}

/// What a store promises, as data: nothing outside the store asks which vendor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreTraits {
    /// Lies inside the work tree and travels with commits: its file here is the remote, also offline.
    pub in_tree: bool,
    /// How writes meet other writers.
    pub writes: WriteGuarantee,
}

/// How a store's writes meet other writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteGuarantee {
    /// A write on a stale version is refused.
    Conditional,
    /// A write on a stale version happens and says so afterwards.
    Detected,
    /// A write on a stale version happens unnoticed within a small window.
    Blind,
}

/// The answer of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Nothing moved.
    No,
    /// Something moved, or cannot be told.
    Perhaps,
}

/// One change to write.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteChange {
    /// The key.
    pub key: Key,
    /// The value to write; none removes the key.
    pub value: Option<SecretValue>,
}

/// What a commit did.
#[derive(Debug)]
pub struct CommitReport {
    /// One outcome per key of the changes.
    pub outcomes: BTreeMap<Key, Result<(), StoreError>>,
    /// The environment after the writes, where the answers tell it; else it must be read again.
    pub after: Option<RemoteState>,
    /// A failure that is about no single key: creating an empty environment, encrypting anew.
    pub failure: Option<StoreError>,
}

impl CommitReport {
    /// A report in which every change failed for the same reason.
    #[must_use]
    pub fn all_failed(changes: &[RemoteChange], error: &StoreError) -> Self {
        Self {
            outcomes: changes.iter().map(|change| (change.key.clone(), Err(error.clone()))).collect(),
            after: None,
            failure: Some(error.clone()),
        }
    }
}
