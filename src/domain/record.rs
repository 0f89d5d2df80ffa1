//! What envsync remembers of one env file in one work tree.

use super::environment::{Address, EnvironmentName, Timestamp};
use super::key::Key;
use super::secret::{SecretBytes, SecretValue};
use super::snapshot::{PayloadName, VersionId};
use super::switch::merge_parked;
use std::collections::{BTreeMap, BTreeSet};

/// Variables and their values.
pub type Values = BTreeMap<Key, SecretValue>;

/// All that is remembered of one env file: written as one, so that it never disagrees with itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileState {
    /// The environment the file holds; none for a file envsync has never filled.
    pub record: Option<Record>,
    /// Unpushed changes of environments the file does not hold.
    pub parked: BTreeMap<Address, Parked>,
    /// Keys that make programs load code, with the values the user has let in, by environment.
    pub accepted_code: BTreeMap<Address, Values>,
    /// How the file looked when an environment left it, the last one first: its order, comments and spellings come back
    /// with it. Never a source of values.
    pub looks: Vec<Look>,
}

/// The text of an env file when an environment left it.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The environment.
    pub address: Address,
    /// The text.
    pub text: SecretBytes,
}

impl FileState {
    /// Environments whose looks are kept: those a person goes back and forth between.
    const LOOKS: usize = 8;

    /// The text of the file when this environment left it.
    #[must_use]
    pub fn look(&self, address: &Address) -> Option<&SecretBytes> {
        self.looks.iter().find(|look| look.address == *address).map(|look| &look.text)
    }

    /// What was kept under the configured address, because nothing had answered yet, belongs to the address that answers.
    pub fn readdress(&mut self, configured: &Address, answered: &Address) {
        if configured == answered {
            return;
        }
        if let Some(record) = self.record.as_mut().filter(|record| record.address == *configured) {
            record.address = answered.clone();
        }
        if let Some(earlier) = self.parked.remove(configured) {
            let merged = match self.parked.remove(answered) {
                Some(later) => merge_parked(Some(&earlier), later),
                None => earlier,
            };
            self.parked.insert(answered.clone(), merged);
        }
        if let Some(accepted) = self.accepted_code.remove(configured) {
            self.accepted_code.entry(answered.clone()).or_insert(accepted);
        }
        for look in self.looks.iter_mut().filter(|look| look.address == *configured) {
            look.address = answered.clone();
        }
    }

    /// Remembers the text of the file as an environment leaves it.
    pub fn remember_look(&mut self, look: Look) {
        self.looks.retain(|known| known.address != look.address);
        self.looks.insert(0, look);
        self.looks.truncate(Self::LOOKS);
    }
}

/// The environment whose values an env file contains, and what was agreed with its store.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The name it was selected by.
    pub environment: EnvironmentName,
    /// What answered.
    pub address: Address,
    /// Where it was looked for, as configured: finds the record before anything has answered.
    pub configured: Address,
    /// Digest of the environment's config entry: the same entry answered from elsewhere is a warning sign.
    pub entry_digest: String,
    /// Per key, what this work tree and the store last agreed on.
    pub base: Values,
    /// When the read or write began that the base comes from. An older read is discarded.
    pub agreed_at: Timestamp,
    /// The version of the in-tree store file that was merged in last, where the store is in-tree.
    pub in_tree_version: Option<String>,
}

/// What was agreed with environments when they left an env file, the last one first: what their sides are compared with
/// while the file holds another one. A convenience, and so not part of the [`FileState`] that every hook reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LeftBases(pub Vec<(Address, Values)>);

impl LeftBases {
    /// Environments that are remembered.
    const KEPT: usize = 32;

    /// The base of an environment when it left the file; none where it never did.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<&Values> {
        self.0.iter().find(|(known, _)| known == address).map(|(_, base)| base)
    }

    /// Remembers the base of an environment as it leaves the file.
    pub fn remember(&mut self, address: Address, base: Values) {
        self.0.retain(|(known, _)| *known != address);
        self.0.insert(0, (address, base));
        self.0.truncate(Self::KEPT);
    }
}

/// Unpushed changes of an environment, kept while the file holds another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Parked {
    /// The environment they were made in.
    pub environment: EnvironmentName,
    /// The changes.
    pub changes: BTreeMap<Key, ParkedChange>,
    /// When the last of them was parked.
    pub since: Timestamp,
}

/// One parked change.
#[derive(Debug, Clone, PartialEq)]
pub struct ParkedChange {
    /// What had been agreed when it was made.
    pub base: Option<SecretValue>,
    /// What the file had: nothing for a deletion.
    pub local: Option<SecretValue>,
}

/// What envsync did to an env file once, with all that is needed to take it back.
#[derive(Debug, Clone, PartialEq)]
pub struct UndoEntry {
    /// When it was done.
    pub at: Timestamp,
    /// The command that did it: `pull`, `hook post-checkout`.
    pub command: String,
    /// Per environment, the values before and after.
    pub environments: Vec<UndoEnvironment>,
}

/// The part of an [`UndoEntry`] that belongs to one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct UndoEnvironment {
    /// The environment.
    pub environment: EnvironmentName,
    /// Its address; none for values that belonged to no environment yet.
    pub address: Option<Address>,
    /// The keys that changed.
    pub changes: BTreeMap<Key, UndoChange>,
    /// Those of them that a comment in the file kept out of the merge: they come back with it.
    pub marked_local: BTreeSet<Key>,
}

/// One key of an [`UndoEnvironment`].
#[derive(Debug, Clone, PartialEq)]
pub struct UndoChange {
    /// The value it had.
    pub before: Option<SecretValue>,
    /// The value it got.
    pub after: Option<SecretValue>,
}

/// Written before an env file is replaced: from where to where. The next command finishes it or drops it by what it
/// finds in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// Keyed digest of the file's bytes before; none for no file.
    pub before: Option<String>,
    /// Keyed digest of the bytes after.
    pub after: String,
    /// The values before, to tell what happened when the file has been edited since.
    pub values_before: Values,
    /// The values after.
    pub values_after: Values,
    /// What to remember once the file is replaced.
    pub next: FileState,
    /// The undo entry that goes with it.
    pub undo: Option<UndoId>,
}

/// The number of an undo entry: counts up in one work tree and env file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UndoId(pub u64);

/// The writes to one environment that a command has begun and not ended.
#[derive(Debug, Clone, PartialEq)]
pub struct BegunWrites {
    /// Where the environment is looked for, as configured.
    pub configured: Address,
    /// The writes.
    pub writes: Vec<BegunWrite>,
}

/// A write to a store that is about to be made. Kept until it is known to have ended well: a process that dies between a
/// write and the look at what it replaced leaves the look to the next command.
#[derive(Debug, Clone, PartialEq)]
pub struct BegunWrite {
    /// The key it is about; none where the payload has all keys.
    pub key: Option<Key>,
    /// The payload.
    pub payload: PayloadName,
    /// The version it is meant to replace; none where it creates the payload.
    pub replaces: Option<VersionId>,
    /// Recognises the write in the store.
    pub write: String,
    /// What is written; none for a deletion.
    pub value: Option<SecretBytes>,
}
