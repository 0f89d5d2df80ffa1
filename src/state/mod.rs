//! Records, snapshots, undo and journal in the common directory.
//!
//! It owns `<git common dir>/envsync/` and everything in it. It must not know what the records mean, which
//! environments there are, or where the identity comes from. Values are encrypted wherever they touch the disk; plain
//! are names only: the path of an env file, the environment that `use` has chosen, the log.
//!
//! Readers take no lock: every file is replaced in one step, so a reader sees the old or the new. Reading makes no
//! directory and syncs nothing, since a hook that finds all as it was does nothing else.

mod codec;
mod disk;
mod layout;
mod lock;
mod log;
mod orphans;
#[cfg(test)]
mod tests;
mod undo;
mod vault;

use crate::domain::environment::{Address, EnvFilePath, EnvironmentName, Timestamp};
use crate::domain::record::{BegunWrite, BegunWrites, FileState, JournalEntry, LeftBases, Parked, UndoEntry, UndoId};
use crate::domain::snapshot::{RemoteState, Snapshot};
use crate::ports::{Cipher, Failure, FailureKind, LeftWrites, Lock, OpenError, Orphan, StateStore, Wait};
use async_trait::async_trait;
use disk::Existing;
use layout::{Layout, Place};
use orphans::Orphans;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use undo::UndoEntries;
use vault::Vault;

/// The state of one work tree, in the directory that all work trees of the repository share.
pub struct CommonDirState {
    layout: Layout,
    worktree: String,
    live_worktrees: Box<dyn Fn() -> Result<Vec<String>, Failure>>,
    vault: Vault,
    now: Box<dyn Fn() -> Timestamp>,
}

impl CommonDirState {
    /// The state in `state_dir`, which is made at the first write.
    ///
    /// `worktree` is the directory name of this work tree's part: `main`, or `<id>-<token>` with a token of its own
    /// for every work tree that ever had this id and without a `-` in it. `live_worktrees` names all that exist in
    /// the same way, and is asked only for orphans. `now` says which undo entries are too old.
    #[must_use]
    pub fn new(
        state_dir: PathBuf,
        worktree: String,
        live_worktrees: impl Fn() -> Result<Vec<String>, Failure> + 'static,
        cipher: Rc<dyn Cipher>,
        now: impl Fn() -> Timestamp + 'static,
    ) -> Self {
        Self {
            layout: Layout::new(state_dir),
            worktree,
            live_worktrees: Box::new(live_worktrees),
            vault: Vault::new(cipher),
            now: Box::new(now),
        }
    }

    /// Adds a line to the log: time, command, file, environment, counts. The caller sees to it that no value is in
    /// it. Control characters become spaces; the log keeps its newest 256 KiB at most.
    ///
    /// # Errors
    /// A log that cannot be written. No command should fail for it.
    pub fn append_log(&self, line: &str) -> Result<(), Failure> {
        log::append(&self.layout.log(), line)
    }

    /// Removes everything, of all work trees: for `uninstall --purge`, once nothing is parked or unpushed.
    ///
    /// # Errors
    /// Refused while another envsync holds an env file of any work tree; a directory that cannot be removed.
    pub fn purge(&self) -> Result<(), Failure> {
        let root = self.layout.root();
        let _locks = self.lock_all()?;
        match fs::remove_dir_all(root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(disk::failure("remove", root, error)),
            _ => Ok(()),
        }
    }

    /// Where another process writes a snapshot, its temporary file is none of ours.
    fn sweep_snapshots(&self) {
        let directory = self.layout.snapshots();
        let lock = directory.join("lock");
        if lock.is_file()
            && let Ok(Some(_held)) = lock::acquire(&lock, Duration::ZERO)
        {
            disk::sweep(&directory);
        }
    }

    /// What is parked for any env file of any work tree, those that are gone included, whatever the config of the branch
    /// that is checked out.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn parked_everywhere(&self) -> Result<Vec<Parked>, Failure> {
        self.orphanage().parked_everywhere()
    }

    fn lock_all(&self) -> Result<Vec<File>, Failure> {
        let names = |directory: &Path| disk::names(directory).map_err(|error| disk::failure("read", directory, error));
        let mut locks = Vec::new();
        for worktree in names(&self.layout.worktrees())? {
            let directory = self.layout.worktree(&worktree);
            for name in names(&directory)? {
                let place = Place::at(directory.join(&name));
                if place.lock().is_file() {
                    locks.push(lock::insist(&place.lock(), Duration::ZERO, &format!("{worktree}/{name}"))?);
                }
            }
        }
        Ok(locks)
    }

    fn place(&self, file: &EnvFilePath) -> Place {
        self.layout.place(&self.worktree, file)
    }

    /// The place of an env file, made where it is missing: its path first, so that no record is ever without one.
    fn prepared(&self, file: &EnvFilePath) -> Result<Place, Failure> {
        let place = self.place(file);
        if !place.path().exists() {
            create(place.directory())?;
            disk::write(&place.path(), file.as_str().as_bytes(), Existing::Replace)
                .map_err(|error| disk::failure("write", &place.path(), error))?;
        }
        Ok(place)
    }

    fn undo(&self, place: &Place) -> UndoEntries<'_> {
        UndoEntries::new(place.undo(), &self.vault)
    }

    fn orphanage(&self) -> Orphans<'_> {
        Orphans { layout: &self.layout, vault: &self.vault, live: &self.live_worktrees, own: &self.worktree }
    }

    fn used_path(&self) -> PathBuf {
        self.layout.worktree(&self.worktree).join("used")
    }

    fn read_snapshot(&self, configured: &Address) -> Result<Option<RemoteState>, Failure> {
        let path = self.layout.snapshot(configured);
        match self.vault.read::<Snapshot>(&path)? {
            Some(snapshot) if snapshot.configured != *configured => Err(of_another_address::<Snapshot>(&path)),
            other => Ok(other.map(|snapshot| snapshot.state)),
        }
    }
}

#[async_trait(?Send)]
impl StateStore for CommonDirState {
    async fn lock(&self, file: &EnvFilePath, wait: Wait) -> Result<Option<Lock>, Failure> {
        let place = self.place(file);
        let held = match wait {
            Wait::Yes => Some(lock::insist(&place.lock(), lock::PATIENCE, &format!("`{file}`"))?),
            Wait::No => lock::acquire(&place.lock(), Duration::ZERO)?,
        };
        Ok(held.map(|held| {
            disk::sweep(place.directory());
            disk::sweep(&place.undo());
            self.sweep_snapshots();
            Lock(Box::new(held))
        }))
    }

    async fn load(&self, file: &EnvFilePath) -> Result<FileState, Failure> {
        Ok(self.vault.read(&self.place(file).state())?.unwrap_or_default())
    }

    async fn save(&self, file: &EnvFilePath, state: &FileState) -> Result<(), Failure> {
        self.vault.write(&self.prepared(file)?.state(), state)
    }

    async fn left_bases(&self, file: &EnvFilePath) -> Result<LeftBases, Failure> {
        Ok(self.vault.read(&self.place(file).left())?.unwrap_or_default())
    }

    async fn save_left_bases(&self, file: &EnvFilePath, bases: &LeftBases) -> Result<(), Failure> {
        self.vault.write(&self.prepared(file)?.left(), bases)
    }

    async fn journal(&self, file: &EnvFilePath) -> Result<Option<JournalEntry>, Failure> {
        self.vault.read(&self.place(file).journal())
    }

    async fn begin(&self, file: &EnvFilePath, entry: &JournalEntry) -> Result<(), Failure> {
        self.vault.write(&self.prepared(file)?.journal(), entry)
    }

    /// Durably too: an entry that came back after a power cut would be finished a second time, over what was
    /// remembered since.
    async fn end(&self, file: &EnvFilePath) -> Result<(), Failure> {
        let path = self.place(file).journal();
        disk::remove(&path).map_err(|error| disk::failure("remove", &path, error))
    }

    async fn push_undo(&self, file: &EnvFilePath, entry: &UndoEntry) -> Result<UndoId, Failure> {
        self.undo(&self.prepared(file)?).push(entry, (self.now)())
    }

    async fn next_undo(&self, file: &EnvFilePath) -> Result<UndoId, Failure> {
        self.undo(&self.place(file)).next()
    }

    async fn drop_undo(&self, file: &EnvFilePath, id: UndoId) -> Result<(), Failure> {
        self.undo(&self.place(file)).remove(id)
    }

    async fn undo_entries(&self, file: &EnvFilePath) -> Result<Vec<(UndoId, UndoEntry)>, Failure> {
        self.undo(&self.place(file)).read()
    }

    async fn orphans(&self) -> Result<Vec<Orphan>, Failure> {
        self.orphanage().find()
    }

    async fn drop_orphan(&self, orphan: &Orphan) -> Result<(), Failure> {
        self.orphanage().forget(orphan)
    }

    async fn begun_writes(&self, file: &EnvFilePath, configured: &Address) -> Result<Vec<BegunWrite>, Failure> {
        let path = self.place(file).writes(configured);
        match self.vault.read::<BegunWrites>(&path)? {
            Some(begun) if begun.configured != *configured => Err(of_another_address::<BegunWrites>(&path)),
            other => Ok(other.map(|begun| begun.writes).unwrap_or_default()),
        }
    }

    async fn save_begun_writes(&self, file: &EnvFilePath, begun: &BegunWrites) -> Result<(), Failure> {
        if begun.writes.is_empty() {
            let path = self.place(file).writes(&begun.configured);
            return disk::remove(&path).map_err(|error| disk::failure("remove", &path, error));
        }
        self.vault.write(&self.prepared(file)?.writes(&begun.configured), begun)
    }

    async fn left_writes(&self, configured: &Address) -> Result<Vec<LeftWrites>, Failure> {
        self.orphanage().begun_writes(configured)
    }

    async fn drop_left_writes(&self, left: LeftWrites) -> Result<(), Failure> {
        self.orphanage().settled(&left)
    }

    async fn snapshot(&self, configured: &Address) -> Result<Option<RemoteState>, Failure> {
        self.read_snapshot(configured)
    }

    async fn snapshots(&self) -> Result<Vec<Snapshot>, Failure> {
        let directory = self.layout.snapshots();
        let names = disk::names(&directory).map_err(|error| disk::failure("read", &directory, error))?;
        let paths = names.iter().filter(|name| name.ends_with(".age")).map(|name| directory.join(name));
        Ok(paths.filter_map(|path| self.vault.read::<Snapshot>(&path).ok().flatten()).collect())
    }

    async fn save_snapshot(&self, configured: &Address, state: &RemoteState) -> Result<(), Failure> {
        let directory = self.layout.snapshots();
        // Work trees share snapshots: without the lock an older read could win between the look and the write.
        let _lock = lock::insist(&directory.join("lock"), lock::PATIENCE, "the snapshots")?;
        disk::sweep(&directory);
        match self.read_snapshot(configured)? {
            Some(kept) if kept.read_at > state.read_at => Ok(()),
            _ => {
                let snapshot = Snapshot { configured: configured.clone(), state: state.clone() };
                self.vault.write(&self.layout.snapshot(configured), &snapshot)
            }
        }
    }

    async fn used(&self) -> Result<Option<EnvironmentName>, Failure> {
        read_used(&self.used_path())
    }

    async fn set_used(&self, environment: Option<&EnvironmentName>) -> Result<(), Failure> {
        let path = self.used_path();
        let Some(environment) = environment else {
            return disk::remove(&path).map_err(|error| disk::failure("remove", &path, error));
        };
        let directory = self.layout.worktree(&self.worktree);
        let _lock = lock::insist(&directory.join("lock"), lock::PATIENCE, "`use`")?;
        disk::sweep(&directory);
        let text = serde_json::to_vec(environment).expect("a name is text");
        disk::write(&path, &text, Existing::Replace).map_err(|error| disk::failure("write", &path, error))
    }
}

/// The environment that `use` has put in place of the branch's, in a work tree: a name, so it takes no identity.
///
/// # Errors
/// What names none.
pub fn used(state_dir: &Path, worktree: &str) -> Result<Option<EnvironmentName>, Failure> {
    read_used(&Layout::new(state_dir.to_path_buf()).worktree(worktree).join("used"))
}

fn read_used(path: &Path) -> Result<Option<EnvironmentName>, Failure> {
    let bytes = disk::read(path).map_err(|error| disk::failure("read", path, error))?;
    let parse = |bytes: Vec<u8>| {
        serde_json::from_slice(&bytes).map_err(|_| {
            Failure::new(FailureKind::Internal, format!("`{}` does not name an environment", path.display()))
                .hint("`git envsync use -` goes back to the branch's environment, `git envsync use NAME` to another")
        })
    };
    bytes.map(parse).transpose()
}

impl fmt::Debug for CommonDirState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.layout.root();
        formatter
            .debug_struct("CommonDirState")
            .field("root", &root)
            .field("worktree", &self.worktree)
            .finish_non_exhaustive()
    }
}

/// A record under the name of another one: it was copied.
fn of_another_address<T: codec::Kept>(path: &Path) -> Failure {
    vault::damaged::<T>(path, OpenError::Damaged("it is of another address".to_owned()))
}

fn create(directory: &Path) -> Result<(), Failure> {
    disk::create_directory(directory).map_err(|error| disk::failure("create", directory, error))
}
