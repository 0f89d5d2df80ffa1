//! What envsync keeps in `<git common dir>/envsync/`.

use super::error::Failure;
use crate::domain::environment::{Address, EnvFilePath, EnvironmentName};
use crate::domain::record::{BegunWrite, BegunWrites, FileState, JournalEntry, LeftBases, Parked, UndoEntry, UndoId};
use crate::domain::snapshot::{RemoteState, Snapshot};
use async_trait::async_trait;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Records, snapshots, undo and journal of one work tree. All of it is encrypted to the user's identity, synced and
/// replaced atomically. What the present identity cannot read is an error that names the file, never absent.
#[async_trait(?Send)]
pub trait StateStore: Debug {
    /// Locks an env file's state and the file itself against other envsync processes. Dropping the guard, or the
    /// death of the process, unlocks. With [`Wait::No`] the answer is `None` where another process has it.
    async fn lock(&self, file: &EnvFilePath, wait: Wait) -> Result<Option<Lock>, Failure>;

    /// What is remembered of an env file.
    async fn load(&self, file: &EnvFilePath) -> Result<FileState, Failure>;

    /// Remembers.
    async fn save(&self, file: &EnvFilePath, state: &FileState) -> Result<(), Failure>;

    /// The bases of the environments that have left an env file.
    async fn left_bases(&self, file: &EnvFilePath) -> Result<LeftBases, Failure>;

    /// Keeps them.
    async fn save_left_bases(&self, file: &EnvFilePath, bases: &LeftBases) -> Result<(), Failure>;

    /// The journal entry an interrupted command left.
    async fn journal(&self, file: &EnvFilePath) -> Result<Option<JournalEntry>, Failure>;

    /// Writes the journal entry, durably.
    async fn begin(&self, file: &EnvFilePath, entry: &JournalEntry) -> Result<(), Failure>;

    /// Removes the journal entry.
    async fn end(&self, file: &EnvFilePath) -> Result<(), Failure>;

    /// Adds an undo entry, durably, and says its number. Entries are kept as long as git keeps a reflog:
    /// what is older than 90 days goes, but never the newest hundred.
    async fn push_undo(&self, file: &EnvFilePath, entry: &UndoEntry) -> Result<UndoId, Failure>;

    /// The number that the next undo entry gets, as long as the env file stays locked.
    async fn next_undo(&self, file: &EnvFilePath) -> Result<UndoId, Failure>;

    /// Takes an undo entry away again, where what it tells of did not happen or has been taken back.
    async fn drop_undo(&self, file: &EnvFilePath, id: UndoId) -> Result<(), Failure>;

    /// The undo entries of an env file, newest first.
    async fn undo_entries(&self, file: &EnvFilePath) -> Result<Vec<(UndoId, UndoEntry)>, Failure>;

    /// What was parked or can be undone in work trees that are gone.
    async fn orphans(&self) -> Result<Vec<Orphan>, Failure>;

    /// Forgets an orphan, once its values are elsewhere.
    async fn drop_orphan(&self, orphan: &Orphan) -> Result<(), Failure>;

    /// The writes to an environment that an interrupted command has begun for this env file. Found by the configured
    /// address.
    async fn begun_writes(&self, file: &EnvFilePath, configured: &Address) -> Result<Vec<BegunWrite>, Failure>;

    /// Keeps them, durably; none forgets them.
    async fn save_begun_writes(&self, file: &EnvFilePath, begun: &BegunWrites) -> Result<(), Failure>;

    /// The same, begun by commands in work trees that are gone, of whatever env file. Nobody else gets them while they are
    /// held; those that another process holds are left out.
    async fn left_writes(&self, configured: &Address) -> Result<Vec<LeftWrites>, Failure>;

    /// Forgets them.
    async fn drop_left_writes(&self, left: LeftWrites) -> Result<(), Failure>;

    /// The last state that was read of an environment, found by the address as configured.
    async fn snapshot(&self, configured: &Address) -> Result<Option<RemoteState>, Failure>;

    /// All snapshots that can be read; the others are left out.
    async fn snapshots(&self) -> Result<Vec<Snapshot>, Failure>;

    /// Keeps a snapshot, unless a younger one is there.
    async fn save_snapshot(&self, configured: &Address, state: &RemoteState) -> Result<(), Failure>;

    /// The environment that `use` has put in place of the branch's.
    async fn used(&self) -> Result<Option<EnvironmentName>, Failure>;

    /// Sets or ends `use`.
    async fn set_used(&self, environment: Option<&EnvironmentName>) -> Result<(), Failure>;
}

/// Whether to wait for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// As long as a person would.
    Yes,
    /// Not at all: a hook never waits.
    No,
}

/// Held as long as it lives.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held for its drop")] pub Box<dyn Any>);

/// Writes to one environment that a command in a work tree, gone since, has begun.
#[derive(Debug)]
pub struct LeftWrites {
    /// The writes, and where they were made.
    pub begun: BegunWrites,
    /// Where this lies, relative to the state directory.
    pub place: String,
    /// Held until they are looked into.
    pub lock: Lock,
}

/// State of an env file in a work tree that is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Orphan {
    /// The name of the work tree.
    pub worktree: String,
    /// Where the state lies, relative to the state directory: identifies the orphan.
    pub place: String,
    /// The env file.
    pub file: EnvFilePath,
    /// What it held and had parked; the unpushed edits of the file itself went with the work tree.
    pub parked: BTreeMap<Address, Parked>,
    /// Its undo entries, newest first.
    pub undo: Vec<(UndoId, UndoEntry)>,
}
