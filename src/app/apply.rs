//! Carrying out what was decided: journal, undo record, env file, record, in this order.

use super::target::Target;
use super::workspace::Workspace;
use crate::domain::config::{EnvFileEntry, Which};
use crate::domain::dotenv::{self, Document};
use crate::domain::environment::{EnvFilePath, EnvironmentName, Timestamp};
use crate::domain::key::Key;
use crate::domain::plan::Step;
use crate::domain::record::{FileState, JournalEntry, Record, UndoChange, UndoEntry, UndoEnvironment, UndoId, Values};
use crate::domain::secret::SecretBytes;
use crate::ports::{Failure, keyed_digest};
use std::collections::{BTreeMap, BTreeSet};

/// The env file with other values: local keys, comments and order stay. A file that is not there yet takes its order and
/// comments from the example file.
///
/// # Errors
/// The example file cannot be read.
pub fn edited(workspace: &Workspace, target: &Target, values: &Values) -> Result<Document, Failure> {
    if target.bytes.is_none()
        && let Some(example) = example(workspace, target)?
    {
        return Ok(dotenv::from_example(&example, values));
    }
    let mut document = target.document.clone();
    let gone = target.local().into_keys().filter(|key| !values.contains_key(key)).collect();
    let earlier = target.state.look(&target.address).map(|text| Document::parse(text.expose()));
    document.update(values, &gone, earlier.as_ref());
    Ok(document)
}

/// The example file of a target; none where there is none.
///
/// # Errors
/// It cannot be read.
pub fn example(workspace: &Workspace, target: &Target) -> Result<Option<Document>, Failure> {
    let path = target.entry.example_path();
    Ok(workspace.git.read(&path)?.map(|bytes| Document::parse(bytes.expose())))
}

/// An env file as it is before a change.
#[derive(Debug, Clone, Copy)]
pub struct FileNow<'a> {
    /// Its path.
    pub path: &'a EnvFilePath,
    /// Its bytes; none where there is no file.
    pub bytes: Option<&'a SecretBytes>,
    /// The same as a document.
    pub document: &'a Document,
    /// What is remembered of it.
    pub state: &'a FileState,
}

impl Target {
    /// The env file as it is before a change.
    #[must_use]
    pub fn file_now(&self) -> FileNow<'_> {
        FileNow { path: self.path(), bytes: self.bytes.as_ref(), document: &self.document, state: &self.state }
    }
}

/// What a change writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The env file alone.
    File,
    /// The store, then the env file. What the store loses is in the undo record only, so the entry stays even where the
    /// file was not replaced in the end.
    StoreAndFile,
}

/// A change of an env file, begun: the journal tells the next command what to do should this one be interrupted.
#[derive(Debug)]
pub struct Begun {
    document: Document,
    undo: Option<UndoId>,
    reach: Reach,
    changes_file: bool,
}

/// Writes the journal entry and the undo record.
///
/// # Errors
/// They cannot be written; the env file is as it was then, and the next command drops the journal entry.
pub async fn begin(
    workspace: &Workspace,
    now: FileNow<'_>,
    document: Document,
    next: &FileState,
    undo: Option<UndoEntry>,
    reach: Reach,
) -> Result<Begun, Failure> {
    let file = now.path;
    let state = &workspace.state;
    let changes_file = now.bytes.map_or(&[][..], |bytes| bytes.expose()) != document.as_bytes();
    // The journal comes first, so that no undo entry tells of what did not happen, and `undo` again after a crash takes
    // back the same. But what a store loses has to be in the undo record before the store is asked.
    let foretold = match &undo {
        Some(_) if changes_file && reach == Reach::File => Some(state.next_undo(file).await?),
        _ => None,
    };
    if changes_file {
        let entry = JournalEntry {
            before: now.bytes.map(|bytes| keyed_digest(workspace.cipher.as_ref(), bytes.expose())),
            after: keyed_digest(workspace.cipher.as_ref(), document.as_bytes()),
            values_before: now.document.values(),
            values_after: document.values(),
            next: next.clone(),
            undo: foretold,
        };
        state.begin(file, &entry).await?;
    }
    let undo = match undo {
        Some(entry) => Some(state.push_undo(file, &entry).await?),
        None => None,
    };
    Ok(Begun { document, undo, reach, changes_file })
}

impl Begun {
    /// Replaces the env file and remembers `next`.
    ///
    /// # Errors
    /// The file was edited meanwhile, or cannot be replaced: it is as it was then, and so is what is remembered.
    pub async fn finish(mut self, workspace: &Workspace, now: FileNow<'_>, next: &FileState) -> Result<(), Failure> {
        let file = now.path;
        if self.changes_file {
            let bytes = self.document.to_secret_bytes();
            if let Err(failure) = workspace.files.replace(file, now.bytes, &bytes).await {
                self.undo = self.undo.filter(|_| self.reach == Reach::File);
                self.abandon(workspace, file).await?;
                return Err(failure);
            }
        }
        if next != now.state {
            remember_left(workspace, file, now.state, next).await;
            workspace.state.save(file, next).await?;
        }
        if self.changes_file {
            workspace.state.end(file).await?;
        }
        Ok(())
    }

    /// The same, whose undo entry stays whatever becomes of it: the store may have been written.
    #[must_use]
    pub fn keep_undo(self) -> Self {
        Self { undo: None, ..self }
    }

    /// Takes back what was begun: nothing happened.
    ///
    /// # Errors
    /// The journal cannot be removed.
    pub async fn abandon(self, workspace: &Workspace, file: &EnvFilePath) -> Result<(), Failure> {
        if let Some(undo) = self.undo {
            workspace.state.drop_undo(file, undo).await?;
        }
        if self.changes_file {
            workspace.state.end(file).await?;
        }
        Ok(())
    }
}

/// Remembers the base of the environment that leaves the file. Only comparisons hang on it: a switch never fails for it.
pub(super) async fn remember_left(workspace: &Workspace, file: &EnvFilePath, before: &FileState, next: &FileState) {
    let Some(left) = &before.record else { return };
    if next.record.as_ref().is_none_or(|record| record.address == left.address) {
        return;
    }
    let remembered = async {
        let mut bases = workspace.state.left_bases(file).await?;
        bases.remember(left.address.clone(), left.base.clone());
        workspace.state.save_left_bases(file, &bases).await
    };
    if remembered.await.is_err() {
        workspace.reporter.step(&format!("what {file} had agreed with {} is not remembered", left.environment));
    }
}

/// [`begin`] and [`Begun::finish`], where nothing happens in between.
///
/// # Errors
/// As those two.
pub async fn replace(
    workspace: &Workspace,
    now: FileNow<'_>,
    document: Document,
    next: &FileState,
    undo: Option<UndoEntry>,
) -> Result<(), Failure> {
    begin(workspace, now, document, next, undo, Reach::File).await?.finish(workspace, now, next).await
}

/// The record of a file that holds the target's environment from now on. `in_tree_version` is the version of the store
/// files that was merged in.
#[must_use]
pub fn record(target: &Target, base: Values, agreed_at: Timestamp, in_tree_version: Option<String>) -> Record {
    Record {
        environment: target.which.environment.clone(),
        address: target.address.clone(),
        configured: target.store.address(),
        entry_digest: target.which.entry_digest.clone(),
        base,
        agreed_at,
        in_tree_version,
    }
}

/// The version of the in-tree store files a target reads: its own and those below it.
///
/// # Errors
/// One of them cannot be read.
pub fn in_tree_version(workspace: &Workspace, target: &Target) -> Result<Option<String>, Failure> {
    version_of(workspace, &target.which, &target.entry)
}

/// As [`in_tree_version`], without a target.
///
/// # Errors
/// As there.
pub fn version_of(workspace: &Workspace, which: &Which, entry: &EnvFileEntry) -> Result<Option<String>, Failure> {
    let Some(own) = workspace.stores.in_tree_file(which, &which.location(entry))? else { return Ok(None) };
    let mut versions = own.version.unwrap_or_default();
    for lower in which.below() {
        let file = workspace.stores.in_tree_file(lower, &lower.location(entry))?;
        versions.push('+');
        versions.push_str(&file.and_then(|file| file.version).unwrap_or_default());
    }
    Ok(Some(versions))
}

/// The undo entry for changes of one environment; none where there are none.
#[must_use]
pub fn undo_entry(
    at: Timestamp,
    command: &str,
    environment: &EnvironmentName,
    target: &Target,
    changes: BTreeMap<Key, UndoChange>,
) -> Option<UndoEntry> {
    (!changes.is_empty()).then(|| UndoEntry {
        at,
        command: command.to_owned(),
        environments: vec![UndoEnvironment {
            environment: environment.clone(),
            address: Some(target.address.clone()),
            changes,
            marked_local: BTreeSet::new(),
        }],
    })
}

/// What the steps of a plan do to values that are nowhere else afterwards, and what they bring in.
#[must_use]
pub fn undo_changes(steps: &[Step]) -> BTreeMap<Key, UndoChange> {
    steps
        .iter()
        .filter_map(|step| {
            let after = step.local_after();
            let before = step.loses().or(step.local.as_ref());
            let changes = step.loses().is_some() || after != step.local.as_ref();
            (changes && before != after)
                .then(|| (step.key.clone(), UndoChange { before: before.cloned(), after: after.cloned() }))
        })
        .collect()
}
