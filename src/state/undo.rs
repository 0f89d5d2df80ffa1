//! The undo entries of one env file: a numbered file each.

use super::disk;
use super::vault::{Added, Vault};
use crate::domain::environment::Timestamp;
use crate::domain::record::{UndoEntry, UndoId};
use crate::ports::Failure;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Never removed, however old.
const NEWEST: usize = 100;

/// As long as git keeps a reflog (`gc.reflogExpire`, git-config(1)).
const LIFETIME_SECONDS: u64 = 90 * 24 * 60 * 60;

/// The undo directory of one env file.
#[derive(Debug)]
pub(super) struct UndoEntries<'a> {
    directory: PathBuf,
    vault: &'a Vault,
}

impl<'a> UndoEntries<'a> {
    pub(super) fn new(directory: PathBuf, vault: &'a Vault) -> Self {
        Self { directory, vault }
    }

    /// Adds an entry under the next number, then removes what has outlived its time.
    pub(super) fn push(&self, entry: &UndoEntry, now: Timestamp) -> Result<UndoId, Failure> {
        disk::create_directory(&self.directory).map_err(|error| disk::failure("create", &self.directory, error))?;
        let mut numbers = self.numbers()?;
        let mut id = after(&numbers);
        while self.vault.add(&self.path(id), entry)? == Added::NameTaken {
            id.0 += 1;
        }
        numbers.insert(0, id);
        self.prune(&numbers, now);
        Ok(id)
    }

    /// The number of the next entry.
    pub(super) fn next(&self) -> Result<UndoId, Failure> {
        self.numbers().map(|numbers| after(&numbers))
    }

    /// Removes an entry. One that is not there is no error: a command that was killed may come here twice.
    pub(super) fn remove(&self, id: UndoId) -> Result<(), Failure> {
        let path = self.path(id);
        disk::remove(&path).map_err(|error| disk::failure("remove", &path, error))
    }

    /// All entries, newest first.
    pub(super) fn read(&self) -> Result<Vec<(UndoId, UndoEntry)>, Failure> {
        let mut entries = Vec::new();
        for id in self.numbers()? {
            // Another process may have pruned it since the names were read.
            if let Some(entry) = self.vault.read(&self.path(id))? {
                entries.push((id, entry));
            }
        }
        Ok(entries)
    }

    /// The numbers in use, newest first.
    fn numbers(&self) -> Result<Vec<UndoId>, Failure> {
        let names = disk::names(&self.directory).map_err(|error| disk::failure("read", &self.directory, error))?;
        let number = |name: &String| name.strip_suffix(".age")?.parse().ok().map(UndoId);
        let mut numbers: Vec<UndoId> = names.iter().filter_map(number).collect();
        numbers.sort_unstable_by(|one, other| other.cmp(one));
        Ok(numbers)
    }

    /// Oldest first, and only up to the first that stays, so that nearly always one entry at most is read. An entry
    /// that stays too long does no harm, so nothing here is an error.
    fn prune(&self, newest_first: &[UndoId], now: Timestamp) {
        for id in newest_first.iter().skip(NEWEST).rev() {
            let path = self.path(*id);
            let at = match self.vault.read::<UndoEntry>(&path) {
                Ok(Some(entry)) => Some(entry.at),
                // Unreadable ones must not pile up for ever either: the file's own time has to do.
                Ok(None) | Err(_) => written_at(&path),
            };
            match at {
                Some(at) if now.seconds_since(at) > LIFETIME_SECONDS => {
                    let _ = fs::remove_file(path);
                }
                _ => return,
            }
        }
    }

    fn path(&self, id: UndoId) -> PathBuf {
        self.directory.join(format!("{}.age", id.0))
    }
}

fn after(newest_first: &[UndoId]) -> UndoId {
    UndoId(newest_first.first().map_or(1, |newest| newest.0 + 1))
}

fn written_at(path: &Path) -> Option<Timestamp> {
    let time = fs::metadata(path).ok()?.modified().ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| Timestamp(since.as_secs()))
}
