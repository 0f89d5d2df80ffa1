//! `undo`: taking back what envsync did to an env file.

use super::apply::{self, FileNow};
use super::failure::store_failure;
use super::guard;
use super::recover::recover;
use super::report::count;
use super::workspace::Workspace;
use crate::domain::config::{Config, EnvFileEntry};
use crate::domain::dotenv::Document;
use crate::domain::environment::{Address, EnvFilePath, EnvironmentName, Timestamp};
use crate::domain::key::Key;
use crate::domain::record::{FileState, Parked, ParkedChange, UndoEntry, UndoEnvironment, UndoId, Values};
use crate::domain::secret::{SecretBytes, SecretValue};
use crate::domain::switch::merge_parked;
use crate::domain::undo::{TakeBack, changes, take_back};
use crate::ports::{Failure, FailureKind, Lock, Orphan, Reading, Wait};
use std::collections::{BTreeMap, BTreeSet};

/// How an undo stands in the undo record: it can be taken back too.
const COMMAND: &str = "undo";

/// One line of `undo --list`.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its number, in the work tree it was done in.
    pub id: UndoId,
    /// When it was done.
    pub at: Timestamp,
    /// The env file.
    pub file: EnvFilePath,
    /// The command that did it.
    pub command: String,
    /// The environments, with what changed in them.
    pub environments: Vec<UndoEnvironment>,
    /// The work tree that is gone, where it was done there.
    pub worktree: Option<String>,
}

/// What an undo did.
#[derive(Debug, Clone, Default)]
pub struct Undone {
    /// Per env file, the keys that came back.
    pub restored: Vec<(EnvFilePath, Vec<Key>)>,
    /// Per environment the file does not hold, the keys that were parked.
    pub parked: Vec<(EnvironmentName, Vec<Key>)>,
    /// How many undo entries of a work tree that is gone are this one's now.
    pub entries: usize,
}

/// What can be taken back, newest first, work trees that are gone included.
///
/// # Errors
/// What cannot be read.
pub async fn list(workspace: &Workspace) -> Result<(Vec<Listed>, Vec<Orphan>), Failure> {
    let mut listed = Vec::new();
    for entry in workspace.entries()? {
        for (id, undo) in workspace.state.undo_entries(&entry.path).await? {
            listed.push(Listed::new(id, &undo, &entry.path, None));
        }
    }
    let orphans = workspace.state.orphans().await?;
    for orphan in &orphans {
        for (id, undo) in &orphan.undo {
            listed.push(Listed::new(*id, undo, &orphan.file, Some(orphan.worktree.clone())));
        }
    }
    // Within a file the numbers count, whatever the clock said: `undo` takes the highest.
    listed.sort_by(|one, other| {
        (&one.worktree, &one.file).cmp(&(&other.worktree, &other.file)).then(other.id.cmp(&one.id))
    });
    Ok((listed, orphans))
}

impl Listed {
    fn new(id: UndoId, undo: &UndoEntry, file: &EnvFilePath, worktree: Option<String>) -> Self {
        let environments = undo.environments.clone();
        Self { id, at: undo.at, file: file.clone(), command: undo.command.clone(), environments, worktree }
    }
}

/// Takes an entry back: the newest, or the numbered one, of every env file (or the one asked for).
///
/// # Errors
/// There is nothing to take back; a key was edited since (nothing is written then).
pub async fn undo(workspace: &Workspace, id: Option<UndoId>, dry_run: bool) -> Result<Undone, Failure> {
    // An interrupted change is settled first: its entry may tell of what did not happen.
    let mut finished = false;
    for entry in workspace.entries()? {
        let _lock = workspace.state.lock(&entry.path, Wait::Yes).await?;
        finished |= recover(workspace, &entry.path).await?;
    }
    let (file, entry) = find(workspace, id).await?;
    if finished && id.is_none() && entry.command == COMMAND {
        // What was interrupted is this undo, and it is done now: another one would take it back.
        return Ok(Undone::default());
    }
    let entry_config = entry_of(workspace, &file)?;
    let opened = File::open(workspace, entry_config).await?;
    guard::hidden_from_git(workspace, entry_config)?;
    let plan = opened.plan(workspace, &entry).await?;
    if !plan.edited_since.is_empty() {
        let keys: Vec<&str> = plan.edited_since.iter().map(Key::as_str).collect();
        return Err(Failure::new(
            FailureKind::Conflict,
            format!("{} edited since: {}; nothing was written", count(keys.len(), "key"), keys.join(", ")),
        )
        .hint("set the keys by hand: `git envsync undo --list --show-values` shows what they were"));
    }
    if !dry_run {
        opened.apply(workspace, &entry, &plan).await?;
    }
    Ok(plan.undone(&file))
}

/// The config's entry of an env file that the state tells of.
pub(super) fn entry_of<'a>(workspace: &'a Workspace, file: &EnvFilePath) -> Result<&'a EnvFileEntry, Failure> {
    workspace.config.files.iter().find(|known| known.path == *file).ok_or_else(|| {
        Failure::new(FailureKind::Config, format!("{file} is no env file of .envsync.toml any more"))
            .hint("check out a branch whose config has it")
    })
}

async fn find(workspace: &Workspace, id: Option<UndoId>) -> Result<(EnvFilePath, UndoEntry), Failure> {
    let mut newest: Option<(EnvFilePath, UndoEntry)> = None;
    for entry in workspace.entries()? {
        // Newest first by number: within a file the order is known, whatever the clock said.
        let mut entries = workspace.state.undo_entries(&entry.path).await?.into_iter();
        if let Some((_, undo)) = entries.find(|(known, _)| id.is_none_or(|id| id == *known)) {
            // Every env file counts for itself.
            if let (Some(id), Some((other, _))) = (id, &newest) {
                let what = format!("both {other} and {} have an undo entry {}", entry.path, id.0);
                return Err(Failure::new(FailureKind::Usage, what)
                    .hint(format!("`git envsync undo --file {} {}`", entry.path, id.0)));
            }
            if newest.as_ref().is_none_or(|(_, best)| best.at < undo.at) {
                newest = Some((entry.path.clone(), undo));
            }
        }
    }
    newest.ok_or_else(|| {
        let what = match id {
            Some(id) => format!("there is no undo entry {}", id.0),
            None => "there is nothing to undo".to_owned(),
        };
        Failure::new(FailureKind::Missing, what).hint("`git envsync undo --list` shows what there is")
    })
}

/// An env file, whatever environment a command is about: its environment may have gone from the config, or belong to a
/// branch that is not checked out.
pub(super) struct File {
    entry: EnvFileEntry,
    bytes: Option<SecretBytes>,
    pub(super) document: Document,
    pub(super) state: FileState,
    _lock: Option<Lock>,
}

struct UndoPlan {
    restore: BTreeMap<Key, Option<SecretValue>>,
    parked: Vec<(UndoEnvironment, BTreeMap<Key, ParkedChange>)>,
    edited_since: Vec<Key>,
}

impl File {
    pub(super) async fn open(workspace: &Workspace, entry: &EnvFileEntry) -> Result<Self, Failure> {
        let lock = workspace.state.lock(&entry.path, Wait::Yes).await?;
        recover(workspace, &entry.path).await?;
        let bytes = workspace.files.read(&entry.path).await?;
        let document = bytes.as_ref().map(|bytes| Document::parse(bytes.expose())).unwrap_or_default();
        let state = workspace.state.load(&entry.path).await?;
        Ok(Self { entry: entry.clone(), bytes, document, state, _lock: lock })
    }

    async fn plan(&self, workspace: &Workspace, entry: &UndoEntry) -> Result<UndoPlan, Failure> {
        let mut plan = UndoPlan { restore: BTreeMap::new(), parked: Vec::new(), edited_since: Vec::new() };
        let held = self.state.record.as_ref().map(|record| &record.address);
        for part in &entry.environments {
            if part.address.is_none() || part.address.as_ref() == held || held.is_none() {
                let TakeBack { restore, edited_since } = take_back(&part.changes, &self.document.values());
                plan.restore.extend(restore);
                plan.edited_since.extend(edited_since);
            } else {
                let (changes, edited) = self.to_park(workspace, part).await?;
                plan.edited_since.extend(edited);
                plan.parked.push((part.clone(), changes));
            }
        }
        Ok(plan)
    }

    /// Values of an environment the file does not hold go to its parked ones, as changes of what its store has. What the
    /// store has already needs no parking; another change parked since is a key edited since.
    async fn to_park(
        &self,
        workspace: &Workspace,
        part: &UndoEnvironment,
    ) -> Result<(BTreeMap<Key, ParkedChange>, Vec<Key>), Failure> {
        let address = part.address.as_ref().expect("a part without an address belongs to the file");
        let known = self.known(workspace, part, address).await?;
        let parked = self.state.parked.get(address);
        let (mut changes, mut edited) = (BTreeMap::new(), Vec::new());
        for (key, change) in &part.changes {
            let now = parked.and_then(|parked| parked.changes.get(key));
            if let Some(now) = now {
                if now.local != change.before {
                    edited.push(key.clone());
                }
                continue;
            }
            if known.get(key) != change.before.as_ref() && change.before.is_some() {
                changes
                    .insert(key.clone(), ParkedChange { base: known.get(key).cloned(), local: change.before.clone() });
            }
        }
        Ok((changes, edited))
    }

    /// What the store of an environment the file does not hold has: its file in the work tree, else the snapshot.
    async fn known(&self, workspace: &Workspace, part: &UndoEnvironment, address: &Address) -> Result<Values, Failure> {
        if let Ok(selected) = workspace.by_name(&part.environment, super::workspace::SelectedBy::Flag) {
            let store = workspace.stores.open(&selected.which, &selected.which.location(&self.entry))?;
            if store.traits().in_tree && store.address() == *address {
                return Ok(store.fetch(Reading::default()).await.map_err(|error| store_failure(&error))?.entries);
            }
        }
        let snapshots = workspace.state.snapshots().await?.into_iter().map(|snapshot| snapshot.state);
        let newest = snapshots.filter(|state| state.address == *address).max_by_key(|state| state.read_at);
        Ok(newest.map(|state| state.entries).unwrap_or_default())
    }

    async fn apply(&self, workspace: &Workspace, entry: &UndoEntry, plan: &UndoPlan) -> Result<(), Failure> {
        let now = workspace.clock.now().await;
        let mut next: FileState = self.state.clone();
        for (part, changes) in &plan.parked {
            let Some(address) = &part.address else { continue };
            if changes.is_empty() {
                continue;
            }
            let newer = Parked { environment: part.environment.clone(), changes: changes.clone(), since: now };
            let merged = merge_parked(next.parked.get(address), newer);
            next.parked.insert(address.clone(), merged);
        }
        let mut document = self.document.clone();
        for (key, value) in &plan.restore {
            match value {
                Some(value) => document.set(key, value),
                None => document.remove(key),
            };
        }
        let was_local = entry.environments.iter().flat_map(|part| &part.marked_local);
        for key in was_local.filter(|key| plan.restore.contains_key(key)) {
            document.mark_local(key);
        }
        // Without a record the values belong to the environment that the entry tells of.
        let named = entry.environments.first().map(|part| &part.environment);
        self.replace(workspace, document, &next, named).await
    }

    /// Replaces the file. That is a change like any other: it can be taken back. `environment` is the one its values belong
    /// to where the file has no record.
    pub(super) async fn replace(
        &self,
        workspace: &Workspace,
        document: Document,
        next: &FileState,
        environment: Option<&EnvironmentName>,
    ) -> Result<(), Failure> {
        let record = self.state.record.as_ref();
        let changed = changes(&self.document.values(), &document.values());
        let environment = record.map(|record| &record.environment).or(environment);
        let at = workspace.clock.now().await;
        let undo = environment.filter(|_| !changed.is_empty()).map(|environment| UndoEntry {
            at,
            command: COMMAND.to_owned(),
            environments: vec![UndoEnvironment {
                environment: environment.clone(),
                address: record.map(|record| record.address.clone()),
                changes: changed,
                marked_local: BTreeSet::new(),
            }],
        });
        let file = FileNow {
            path: &self.entry.path,
            bytes: self.bytes.as_ref(),
            document: &self.document,
            state: &self.state,
        };
        apply::replace(workspace, file, document, next, undo).await
    }

    /// Whether a key is outside the merge.
    pub(super) fn is_local(&self, key: &Key) -> bool {
        Config::is_local(&self.entry, key) || self.document.marked_local().contains(key)
    }

    /// The variables of the file that take part in the merge.
    pub(super) fn local(&self) -> Values {
        let mut values = self.document.values();
        values.retain(|key, _| !self.is_local(key));
        values
    }
}

impl UndoPlan {
    fn undone(self, file: &EnvFilePath) -> Undone {
        let mut undone = Undone::default();
        if !self.restore.is_empty() {
            undone.restored.push((file.clone(), self.restore.into_keys().collect()));
        }
        for (part, changes) in self.parked {
            if !changes.is_empty() {
                undone.parked.push((part.environment, changes.into_keys().collect()));
            }
        }
        undone
    }
}
