//! State of work trees that are gone: found, listed, and forgotten once nothing in it could be missed.

use super::disk::Existing;
use super::layout::{Layout, Place};
use super::undo::UndoEntries;
use super::vault::{self, Vault};
use super::{disk, lock};
use crate::domain::environment::{Address, EnvFilePath};
use crate::domain::record::{BegunWrites, FileState, JournalEntry, Parked};
use crate::ports::{Failure, FailureKind, LeftWrites, Lock, OpenError, Orphan};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};
use std::time::Duration;

type LiveWorktrees<'a> = &'a dyn Fn() -> Result<Vec<String>, Failure>;

/// What has no live work tree any more.
pub(super) struct Orphans<'a> {
    pub(super) layout: &'a Layout,
    pub(super) vault: &'a Vault,
    pub(super) live: LiveWorktrees<'a>,
    pub(super) own: &'a str,
}

impl Orphans<'_> {
    /// Lists them, and removes those that have nothing parked, nothing to undo, and nothing begun in a store.
    pub(super) fn find(&self) -> Result<Vec<Orphan>, Failure> {
        let mut orphans = Vec::new();
        for worktree in self.gone()? {
            for (name, place) in self.places(&worktree)? {
                let mut orphan = self.read(&worktree, &name, &place)?;
                if orphan.is_none()
                    && begun_in(&place)?.is_empty()
                    && let Some(_lock) = lock::acquire(&place.lock(), Duration::ZERO)?
                {
                    // Looked at again, now that nobody writes it any more.
                    orphan = self.read(&worktree, &name, &place)?;
                    if orphan.is_none() {
                        self.discard(&place)?;
                    }
                }
                orphans.extend(orphan);
            }
            self.discard_worktree(&worktree);
        }
        Ok(orphans)
    }

    /// The writes to one environment that were begun there. Found by the name of the file that they are kept in.
    pub(super) fn begun_writes(&self, configured: &Address) -> Result<Vec<LeftWrites>, Failure> {
        let mut found = Vec::new();
        for worktree in self.gone()? {
            for (name, place) in self.places(&worktree)? {
                let path = place.writes(configured);
                if !path.exists() {
                    continue;
                }
                // Read once nobody else can settle them.
                let Some(lock) = lock::acquire(&place.lock(), Duration::ZERO)? else { continue };
                let Some(begun) = self.vault.read::<BegunWrites>(&path)? else { continue };
                let place = format!("worktrees/{worktree}/{name}");
                found.push(LeftWrites { begun, place, lock: Lock(Box::new(lock)) });
            }
        }
        Ok(found)
    }

    /// Forgets what was begun there; what else is left of the work tree stays.
    pub(super) fn settled(&self, left: &LeftWrites) -> Result<(), Failure> {
        let path = Place::at(self.layout.root().join(&left.place)).writes(&left.begun.configured);
        disk::remove(&path).map_err(|error| disk::failure("remove", &path, error))
    }

    /// Removes one, unless its work tree has come to life.
    pub(super) fn forget(&self, orphan: &Orphan) -> Result<(), Failure> {
        let strange = || Failure::new(FailureKind::Internal, format!("`{}` is no place of an orphan", orphan.place));
        let components: Vec<_> = Path::new(&orphan.place).components().collect();
        let [Component::Normal(top), Component::Normal(worktree), Component::Normal(_)] = components[..] else {
            return Err(strange());
        };
        let worktree = worktree.to_str().filter(|_| top == "worktrees").ok_or_else(strange)?;
        if self.is_live(worktree, &(self.live)()?) {
            let what = format!("the work tree `{}` is there, its state is still needed", orphan.worktree);
            return Err(Failure::new(FailureKind::Refused, what).hint("type the command in that work tree"));
        }
        let place = Place::at(self.layout.root().join(&orphan.place));
        let _lock = lock::insist(&place.lock(), lock::PATIENCE, &format!("`{}`", orphan.file))?;
        keep_begun_writes(&place)?;
        self.discard(&place)?;
        self.discard_worktree(worktree);
        Ok(())
    }

    /// What is parked in any place, of live work trees too.
    pub(super) fn parked_everywhere(&self) -> Result<Vec<Parked>, Failure> {
        let directory = self.layout.worktrees();
        let names = disk::names(&directory).map_err(|error| disk::failure("read", &directory, error))?;
        let mut parked = Vec::new();
        for worktree in names.iter().filter(|name| directory.join(name).is_dir()) {
            for (_, place) in self.places(worktree)? {
                let state: FileState = self.vault.read(&place.state())?.unwrap_or_default();
                parked.extend(all_parked(state, self.vault.read(&place.journal())?).into_values());
            }
        }
        Ok(parked)
    }

    fn gone(&self) -> Result<Vec<String>, Failure> {
        let directory = self.layout.worktrees();
        let mut names = disk::names(&directory).map_err(|error| disk::failure("read", &directory, error))?;
        // Names first, then the live ones: a work tree that is made meanwhile is not taken for one that is gone.
        names.retain(|name| !name.starts_with(disk::TEMPORARY) && name != self.own);
        if names.is_empty() {
            return Ok(names);
        }
        let live = (self.live)()?;
        names.retain(|name| !self.is_live(name, &live) && directory.join(name).is_dir());
        names.sort_unstable();
        Ok(names)
    }

    fn is_live(&self, name: &str, live: &[String]) -> bool {
        name == self.own || live.iter().any(|live| live == name)
    }

    fn places(&self, worktree: &str) -> Result<Vec<(String, Place)>, Failure> {
        let directory = self.layout.worktree(worktree);
        let mut names = disk::names(&directory).map_err(|error| disk::failure("read", &directory, error))?;
        names.sort_unstable();
        let places = names.into_iter().map(|name| (name.clone(), Place::at(directory.join(name))));
        Ok(places.filter(|(name, place)| !name.starts_with(disk::TEMPORARY) && place.directory().is_dir()).collect())
    }

    fn read(&self, worktree: &str, name: &str, place: &Place) -> Result<Option<Orphan>, Failure> {
        let state: FileState = self.vault.read(&place.state())?.unwrap_or_default();
        let journal: Option<JournalEntry> = self.vault.read(&place.journal())?;
        let parked = all_parked(state, journal);
        let undo = UndoEntries::new(place.undo(), self.vault).read()?;
        if parked.is_empty() && undo.is_empty() {
            return Ok(None);
        }
        let path = disk::read(&place.path()).map_err(|error| disk::failure("read", &place.path(), error))?;
        let path = path.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
            let why = OpenError::Damaged("the file that names its env file is missing".to_owned());
            vault::damaged::<FileState>(&place.state(), why)
        })?;
        Ok(Some(Orphan {
            worktree: worktree.rsplit_once('-').map_or(worktree, |(id, _token)| id).to_owned(),
            place: format!("worktrees/{worktree}/{name}"),
            file: EnvFilePath::new(path),
            parked,
            undo,
        }))
    }

    /// Out of sight in one step, then away: a kill in between leaves no half of a record. The caller holds the lock.
    fn discard(&self, place: &Place) -> Result<(), Failure> {
        let name = place.directory().file_name().unwrap_or_default().to_string_lossy();
        let above = place.directory().parent().unwrap_or(self.layout.root());
        let trash = above.join(format!("{}{name}", disk::TEMPORARY));
        disk::sweep(above);
        fs::rename(place.directory(), &trash).map_err(|error| disk::failure("remove", place.directory(), error))?;
        // What is left of it is swept next time.
        let _ = fs::remove_dir_all(trash);
        Ok(())
    }

    /// Removes the directory of a work tree that is gone, where no env file's is left in it. A loser of this race
    /// finds nothing to remove, so there is nothing to report.
    fn discard_worktree(&self, worktree: &str) {
        let directory = self.layout.worktree(worktree);
        disk::sweep(&directory);
        let names = disk::names(&directory).unwrap_or_default();
        if names.iter().all(|name| matches!(name.as_str(), "used" | "lock")) {
            let _ = fs::remove_dir_all(directory);
        }
    }
}

/// The names of the files in which writes are remembered that were begun for an env file.
fn begun_in(place: &Place) -> Result<Vec<String>, Failure> {
    let directory = place.directory();
    let mut names = disk::names(directory).map_err(|error| disk::failure("read", directory, error))?;
    names.retain(|name| name.starts_with("writes-"));
    Ok(names)
}

/// What was begun in a store is about the store: it outlives what is remembered of the env file, in a place of its own.
fn keep_begun_writes(place: &Place) -> Result<(), Failure> {
    let names = begun_in(place)?;
    if names.is_empty() {
        return Ok(());
    }
    let mut directory = place.directory().as_os_str().to_owned();
    directory.push("-begun");
    let kept = Place::at(directory.into());
    disk::create_directory(kept.directory()).map_err(|error| disk::failure("make", kept.directory(), error))?;
    for name in names.into_iter().chain(["path".to_owned()]) {
        let path = place.directory().join(&name);
        if let Some(bytes) = disk::read(&path).map_err(|error| disk::failure("read", &path, error))? {
            let path = kept.directory().join(&name);
            disk::write(&path, &bytes, Existing::Replace).map_err(|error| disk::failure("write", &path, error))?;
        }
    }
    Ok(())
}

/// What is parked now and what a command that was killed was about to park: the env file itself is gone, so nothing
/// tells whether that command got so far, and neither may be lost. Of one key the journal's is the later one.
fn all_parked(state: FileState, journal: Option<JournalEntry>) -> BTreeMap<Address, Parked> {
    let mut all = state.parked;
    for (address, later) in journal.map(|entry| entry.next.parked).unwrap_or_default() {
        match all.get_mut(&address) {
            Some(parked) => {
                parked.changes.extend(later.changes);
                parked.since = parked.since.max(later.since);
            }
            None => {
                all.insert(address, later);
            }
        }
    }
    all.retain(|_, parked| !parked.changes.is_empty());
    all
}
