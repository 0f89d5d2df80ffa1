//! Stores of environments.

use super::error::StoreError;
use crate::domain::environment::{Address, Timestamp};
use crate::domain::key::Key;
use crate::domain::record::BegunWrite;
use crate::domain::secret::SecretValue;
use crate::domain::snapshot::{RemoteState, VersionId};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};
use std::time::Duration;

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
    /// Where it looks, as configured. What it answers names the account or project that really answered:
    /// [`RemoteState::address`].
    fn address(&self) -> Address;

    /// What it can promise.
    fn traits(&self) -> StoreTraits;

    /// Reads the environment: metadata first where something is known of it, then only what moved.
    async fn fetch(&self, reading: Reading<'_>) -> Result<RemoteState, StoreError>;

    /// Writes `changes`, each on the condition that the store still holds what `on` saw of its key.
    /// An environment that is absent is created, also by an empty list of changes. Writes that could run over others
    /// unnoticed, should the process end in the middle, stand in the journal before they are made.
    async fn commit(&self, changes: &[RemoteChange], on: &RemoteState, journal: &mut dyn WriteJournal) -> CommitReport;

    /// Looks into writes that an interrupted command has begun: what they ran over is put back or told. Afterwards none
    /// of them needs to be remembered.
    async fn settle(&self, begun: &[BegunWrite]) -> Result<Vec<Settled>, StoreError>;

    /// The versions of the environment, or of one key, newest first.
    ///
    /// # Errors
    /// `Unsupported` where the store keeps none.
    async fn history(&self, key: Option<&Key>, limit: usize) -> Result<Vec<EnvironmentVersion>, StoreError>;

    /// The environment as it was at a version that [`history`](Self::history) names, without a key.
    ///
    /// # Errors
    /// There is no such version.
    async fn at(&self, version: &VersionId) -> Result<RemoteState, StoreError>;
}

/// What is known before a read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The last state that was read.
    pub known: Option<&'a RemoteState>,
    /// Keys that may be there: those of the base and of the example file. They are asked for by name where the store
    /// may not be listed.
    pub expected: &'a BTreeSet<Key>,
}

static NO_KEYS: BTreeSet<Key> = BTreeSet::new();

impl Default for Reading<'_> {
    /// Nothing is known.
    fn default() -> Self {
        Self { known: None, expected: &NO_KEYS }
    }
}

/// Remembers writes, durably and encrypted, until they are known to have ended well.
#[async_trait(?Send)]
pub trait WriteJournal: Debug {
    /// These writes are about to be made.
    async fn begin(&mut self, writes: Vec<BegunWrite>) -> Result<(), StoreError>;

    /// All writes that were begun have ended: each is done, refused, or mended.
    async fn end(&mut self) -> Result<(), StoreError>;
}

/// What became of a write that an interrupted command had begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It never arrived, or replaced what it was meant to replace.
    Well,
    /// It ran over somebody else's change, which is there again.
    PutBack(String),
    /// It ran over somebody else's change, which could not be put back: one line that names key and version.
    Lost(String),
}

/// A version of an environment, or of one of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentVersion {
    /// What `rollback` takes.
    pub version: VersionId,
    /// When it was made, where the store tells.
    pub created: Option<Timestamp>,
    /// Whether it is what a read answers now.
    pub current: bool,
    /// The keys it changed, as far as that could be read.
    pub keys: BTreeSet<Key>,
}

/// What a store promises, as data: nothing outside the store asks which vendor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreTraits {
    /// Lies inside the work tree and travels with commits: its file here is the remote, also offline.
    pub in_tree: bool,
    /// How writes meet other writers.
    pub writes: WriteGuarantee,
    /// How fast keys are written; none where all are written at once, or as fast as one likes.
    pub pace: Option<KeyPace>,
}

/// How fast a store takes keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPace {
    /// Keys a second that it takes for long.
    pub per_second: u32,
    /// Keys that it takes at once.
    pub burst: u32,
}

impl KeyPace {
    /// The time that writing so many keys takes at least.
    #[must_use]
    pub fn time_for(self, keys: usize) -> Duration {
        let waiting = u32::try_from(keys).unwrap_or(u32::MAX).saturating_sub(self.burst);
        Duration::from_secs(waiting.div_ceil(self.per_second.max(1)).into())
    }
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
    /// What the user should know of how it was written, a line each: that a conditional write was not permitted, say.
    pub notes: Vec<String>,
}

impl CommitReport {
    /// A report in which every change failed for the same reason.
    #[must_use]
    pub fn all_failed(changes: &[RemoteChange], error: &StoreError) -> Self {
        Self {
            outcomes: changes.iter().map(|change| (change.key.clone(), Err(error.clone()))).collect(),
            after: None,
            failure: Some(error.clone()),
            notes: Vec::new(),
        }
    }
}
