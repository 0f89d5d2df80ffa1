//! `undo --worktree`: taking over what a work tree that is gone had parked, and what could be taken back there.

use super::guard;
use super::report::count;
use super::undo::{File, Undone, entry_of};
use super::workspace::Workspace;
use crate::domain::environment::{Address, EnvironmentName};
use crate::domain::key::Key;
use crate::domain::merge::{KeyState, Sides, compare};
use crate::domain::record::{Parked, ParkedChange};
use crate::domain::switch::merge_parked;
use crate::ports::{Failure, FailureKind, Orphan};

/// Takes over what the work trees of this name left behind: parked changes of the environment a file holds become its
/// unpushed changes, others stay parked, here; their undo entries become this work tree's. What is left of the work tree is
/// forgotten then.
///
/// # Errors
/// No work tree of this name left anything; a key has an unpushed or parked change here too (nothing is written then).
pub async fn adopt(workspace: &Workspace, worktree: &str, dry_run: bool) -> Result<Undone, Failure> {
    let mut orphans = workspace.state.orphans().await?;
    orphans.retain(|orphan| orphan.worktree == worktree);
    if orphans.is_empty() {
        return Err(Failure::new(FailureKind::Missing, format!("no work tree {worktree} is gone and left anything"))
            .hint("`git envsync undo --list` shows what there is"));
    }
    let mut undone = Undone::default();
    for orphan in &orphans {
        let adoption = Adoption::plan(workspace, orphan).await?;
        undone.entries += orphan.undo.len();
        if !adoption.into_file.is_empty() {
            undone.restored.push((orphan.file.clone(), adoption.into_file));
        }
        undone.parked.extend(adoption.parked);
    }
    if !dry_run {
        for orphan in &orphans {
            // Planned anew: the one before may have left its values in the same file.
            Adoption::plan(workspace, orphan).await?.apply(workspace, orphan).await?;
        }
    }
    Ok(undone)
}

/// What one env file gets from an orphan.
struct Adoption {
    opened: File,
    document: crate::domain::dotenv::Document,
    next: crate::domain::record::FileState,
    into_file: Vec<Key>,
    parked: Vec<(EnvironmentName, Vec<Key>)>,
    clashes: Vec<Key>,
}

impl Adoption {
    async fn plan(workspace: &Workspace, orphan: &Orphan) -> Result<Self, Failure> {
        let file = &orphan.file;
        let entry = entry_of(workspace, file)?;
        guard::hidden_from_git(workspace, entry)?;
        let opened = File::open(workspace, entry).await?;
        let mut adoption = Self {
            document: opened.document.clone(),
            next: opened.state.clone(),
            opened,
            into_file: Vec::new(),
            parked: Vec::new(),
            clashes: Vec::new(),
        };
        for (address, parked) in &orphan.parked {
            if adoption.holds(address) {
                adoption.merge_into_file(parked);
            } else {
                adoption.park(address, parked);
            }
        }
        if adoption.clashes.is_empty() {
            return Ok(adoption);
        }
        let keys: Vec<&str> = adoption.clashes.iter().map(Key::as_str).collect();
        Err(Failure::new(
            FailureKind::Conflict,
            format!("{} changed here too: {}; nothing was written", count(keys.len(), "key"), keys.join(", ")),
        )
        .hint("`git envsync push` what is here, or `git envsync restore KEY`, and try again"))
    }

    /// A file without assignments has nothing to merge with: it is filled from the store and what is parked.
    fn holds(&self, address: &Address) -> bool {
        let record = self.opened.state.record.as_ref();
        record.is_some_and(|record| record.address == *address) && !self.opened.local().is_empty()
    }

    /// The base goes with the value: where the store has moved since, the conflict stays listed.
    fn merge_into_file(&mut self, parked: &Parked) {
        let local = self.opened.local();
        let record = self.next.record.as_mut().expect("the file holds this environment");
        for (key, change) in &parked.changes {
            let (now, base) = (local.get(key), record.base.get(key));
            if now == change.local.as_ref() {
                continue;
            }
            if now != base || self.opened.is_local(key) {
                self.clashes.push(key.clone());
                continue;
            }
            match compare(Sides { base: change.base.as_ref(), local: change.local.as_ref(), remote: base }) {
                KeyState::Unchanged | KeyState::Converged => continue,
                state if state.is_remote() => continue,
                _ => {}
            }
            match &change.local {
                Some(value) => self.document.set(key, value),
                None => self.document.remove(key),
            };
            match &change.base {
                Some(value) => record.base.insert(key.clone(), value.clone()),
                None => record.base.remove(key),
            };
            self.into_file.push(key.clone());
        }
    }

    fn park(&mut self, address: &Address, parked: &Parked) {
        let own = self.next.parked.get(address);
        let other = |key: &Key, change: &ParkedChange| {
            own.and_then(|own| own.changes.get(key)).is_some_and(|own| own.local != change.local)
        };
        self.clashes
            .extend(parked.changes.iter().filter(|(key, change)| other(key, change)).map(|(key, _)| key.clone()));
        let merged = merge_parked(own, parked.clone());
        self.next.parked.insert(address.clone(), merged);
        self.parked.push((parked.environment.clone(), parked.changes.keys().cloned().collect()));
    }

    /// A crash in between leaves the orphan: taken over again, it changes nothing more.
    async fn apply(self, workspace: &Workspace, orphan: &Orphan) -> Result<(), Failure> {
        for (_, entry) in orphan.undo.iter().rev() {
            workspace.state.push_undo(&orphan.file, entry).await?;
        }
        self.opened.replace(workspace, self.document, &self.next, None).await?;
        workspace.state.drop_orphan(orphan).await
    }
}
