//! The merge driver and the textconv of an in-tree store's files, and what `resolve` does while git has one unmerged.

use super::recover::recover;
use super::report;
use super::workspace::Workspace;
use crate::domain::config::EnvFileEntry;
use crate::domain::dotenv::Document;
use crate::domain::environment::{Address, EnvFilePath, EnvironmentName, Location};
use crate::domain::key::Key;
use crate::domain::merge::{KeyState, Sides, compare};
use crate::domain::plan::Choice;
use crate::domain::record::{UndoChange, UndoEntry, UndoEnvironment};
use crate::domain::secret::SecretValue;
use crate::ports::{Cipher, Failure, FailureKind, OpenedStoreFile, Stages, StoreFile, Wait};
use std::collections::{BTreeMap, BTreeSet};

/// A key that both sides of a merge changed.
#[derive(Debug, Clone)]
pub struct FileConflict {
    /// The key.
    pub key: Key,
    /// Its value on the branch that is checked out.
    pub ours: Option<SecretValue>,
    /// Its value on the branch that comes in.
    pub theirs: Option<SecretValue>,
}

/// Merges two versions of a store file key by key into the first. Comments and order are the first's.
#[must_use]
pub fn merge(
    base: &Document,
    ours: &Document,
    theirs: &Document,
    choices: &BTreeMap<Key, Choice>,
) -> (Document, Vec<FileConflict>) {
    let (base, local, remote) = (base.values(), ours.values(), theirs.values());
    let keys: BTreeSet<&Key> = base.keys().chain(local.keys()).chain(remote.keys()).collect();
    let mut merged = ours.clone();
    let mut conflicts = Vec::new();
    for key in keys {
        let sides = Sides { base: base.get(key), local: local.get(key), remote: remote.get(key) };
        let take_theirs = match compare(sides) {
            state if state.is_remote() => true,
            KeyState::Conflict(_) => match choices.get(key) {
                Some(choice) => *choice == Choice::Remote,
                None => {
                    conflicts.push(FileConflict {
                        key: key.clone(),
                        ours: sides.local.cloned(),
                        theirs: sides.remote.cloned(),
                    });
                    false
                }
            },
            _ => false,
        };
        if take_theirs {
            match sides.remote {
                Some(value) => merged.set(key, value),
                None => merged.remove(key),
            };
        }
    }
    (merged, conflicts)
}

/// What git's merge driver does with three versions of a store file: the merged file, or the keys in conflict.
///
/// # Errors
/// A version that cannot be decrypted, or belongs to another location; recipients that have not been accepted.
pub fn drive(
    file: &dyn StoreFile,
    base: Option<&[u8]>,
    ours: &[u8],
    theirs: &[u8],
) -> Result<Result<Vec<u8>, Vec<Key>>, Failure> {
    let stages = Stages { base: base.map(<[u8]>::to_vec), ours: Some(ours.to_vec()), theirs: Some(theirs.to_vec()) };
    let opened = Opened::new(file, &stages)?;
    let (merged, conflicts) = merge(&opened.base, &opened.ours, &opened.theirs, &BTreeMap::new());
    if !conflicts.is_empty() || opened.loses_lines() {
        return Ok(Err(conflicts.into_iter().map(|conflict| conflict.key).collect()));
    }
    file.seal(&opened.location, &merged.to_secret_bytes()).map(Ok)
}

/// The decrypted stages of a store file.
struct Opened {
    location: Location,
    base: Document,
    ours: Document,
    theirs: Document,
}

impl Opened {
    fn new(file: &dyn StoreFile, stages: &Stages) -> Result<Self, Failure> {
        let open = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(|bytes| file.open(bytes)).transpose();
        let (base, ours, theirs) = (open(&stages.base)?, open(&stages.ours)?, open(&stages.theirs)?);
        let locations: BTreeSet<Location> =
            [&base, &ours, &theirs].into_iter().flatten().map(|opened| opened.location.clone()).collect();
        let mut locations = locations.into_iter();
        let (Some(location), None) = (locations.next(), locations.next()) else {
            return Err(Failure::new(
                FailureKind::Undecryptable,
                "the sides of the merge belong to different locations",
            )
            .hint("a store file was copied or renamed: take one side with `git checkout --ours` or `--theirs`"));
        };
        let document = |opened: Option<OpenedStoreFile>| {
            opened.map(|opened| Document::parse(opened.text.expose())).unwrap_or_default()
        };
        Ok(Self { location, base: document(base), ours: document(ours), theirs: document(theirs) })
    }

    /// Lines that are no assignment cannot be merged key by key.
    fn loses_lines(&self) -> bool {
        self.theirs.unreadable().len() > self.ours.unreadable().len()
    }
}

/// What `resolve` did with an unmerged store file.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The store file.
    pub path: String,
    /// The keys that were settled by choosing a side.
    pub settled: Vec<Key>,
    /// The keys that are still open; the file is unmerged then.
    pub open: Vec<Key>,
}

/// Merges the stages of every unmerged store file, settles conflicts by `choice` or by asking, and stages the results. The
/// value that loses goes to the undo record first.
///
/// # Errors
/// A stage that cannot be decrypted; recipients that have not been accepted; what cannot be written.
pub async fn resolve_unmerged(
    workspace: &Workspace,
    keys: &[Key],
    choice: Option<Choice>,
) -> Result<Vec<Resolved>, Failure> {
    let mut resolved = Vec::new();
    for directory in workspace.stores.in_tree_directories() {
        for path in workspace.git.unmerged_under(&directory)? {
            let Some(file) = workspace.stores.store_file(&path)? else { continue };
            let Some(stages) = workspace.git.unmerged(&path)? else { continue };
            resolved.push(
                Resolving { workspace, directory: &directory, path: &path }
                    .run(file.as_ref(), &stages, keys, choice)
                    .await?,
            );
        }
    }
    Ok(resolved)
}

struct Resolving<'a> {
    workspace: &'a Workspace,
    directory: &'a str,
    path: &'a str,
}

impl Resolving<'_> {
    async fn run(
        &self,
        file: &dyn StoreFile,
        stages: &Stages,
        keys: &[Key],
        choice: Option<Choice>,
    ) -> Result<Resolved, Failure> {
        let opened = Opened::new(file, stages)?;
        let (_, conflicts) = merge(&opened.base, &opened.ours, &opened.theirs, &BTreeMap::new());
        let mut choices = BTreeMap::new();
        let mut lost = BTreeMap::new();
        for conflict in conflicts.iter().filter(|conflict| keys.is_empty() || keys.contains(&conflict.key)) {
            let Some(choice) = choice.or_else(|| self.ask(conflict, &opened.location)) else { continue };
            choices.insert(conflict.key.clone(), choice);
            let (winner, loser) = match choice {
                Choice::Local => (&conflict.ours, &conflict.theirs),
                Choice::Remote => (&conflict.theirs, &conflict.ours),
            };
            lost.insert(conflict.key.clone(), UndoChange { before: loser.clone(), after: winner.clone() });
        }
        let (merged, open) = merge(&opened.base, &opened.ours, &opened.theirs, &choices);
        let open: Vec<Key> = open.into_iter().map(|conflict| conflict.key).collect();
        if open.is_empty() {
            let sealed = file.seal(&opened.location, &merged.to_secret_bytes())?;
            self.remember(&opened.location, lost).await?;
            file.write(&sealed)?;
            self.workspace.git.stage(self.path)?;
        }
        Ok(Resolved { path: self.path.to_owned(), settled: choices.into_keys().collect(), open })
    }

    fn ask(&self, conflict: &FileConflict, location: &Location) -> Option<Choice> {
        let side = |value: &Option<SecretValue>| report::masked(self.workspace.cipher.as_ref(), value.as_ref());
        let sides = format!("{} / {}", side(&conflict.ours), side(&conflict.theirs));
        self.workspace.asker.choose(self.path, &EnvironmentName::new(location.as_str()), &conflict.key, &sides)
    }

    async fn remember(&self, location: &Location, changes: BTreeMap<Key, UndoChange>) -> Result<(), Failure> {
        if changes.is_empty() {
            return Ok(());
        }
        let (file, environment) = self.owner(location);
        let address = Address {
            kind: crate::domain::environment::StoreKind::Age,
            scope: self.directory.to_owned(),
            location: location.clone(),
        };
        let entry = UndoEntry {
            at: self.workspace.clock.now().await,
            command: "resolve".to_owned(),
            environments: vec![UndoEnvironment {
                environment,
                address: Some(address),
                changes,
                marked_local: BTreeSet::new(),
            }],
        };
        // The number of an entry is foretold in the journal of whoever has the lock.
        let _lock = self.workspace.state.lock(&file, Wait::Yes).await?;
        recover(self.workspace, &file).await?;
        self.workspace.state.push_undo(&file, &entry).await.map(|_| ())
    }

    /// The env file and environment that a location belongs to; the first env file where the config does not say.
    fn owner(&self, location: &Location) -> (EnvFilePath, EnvironmentName) {
        let config = &self.workspace.config;
        let found = config.files.iter().find_map(|entry: &EnvFileEntry| {
            config.environments.iter().find_map(|environment| {
                let which = config.by_name(&environment.name, self.workspace.branch()).ok()?;
                (which.location(entry) == *location).then(|| (entry.path.clone(), environment.name.clone()))
            })
        });
        found.unwrap_or_else(|| (config.files[0].path.clone(), EnvironmentName::new(location.as_str())))
    }
}

/// What the textconv shows of a store file: keys with masked values, comments as they are.
#[must_use]
pub fn masked(cipher: &dyn Cipher, text: &Document) -> String {
    text.keys_in_order()
        .into_iter()
        .filter_map(|key| {
            let value = text.get(&key)?;
            Some(format!("{key}={}\n", report::masked(cipher, Some(&value))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text.as_bytes())
    }

    #[test]
    fn changes_of_different_keys_merge_and_the_comments_of_ours_stay() {
        let base = document("# ours\nA=1\nB=2\nC=3\n");
        let (merged, conflicts) =
            merge(&base, &document("# ours\nA=9\nB=2\nC=3\n"), &document("A=1\nB=8\nD=4\n"), &BTreeMap::new());
        assert!(conflicts.is_empty());
        assert_eq!(merged.as_bytes(), b"# ours\nA=9\nB=8\nD=4\n");
    }

    #[test]
    fn a_key_changed_on_both_sides_is_a_conflict_until_a_side_is_chosen() {
        let (base, ours, theirs) = (document("A=1\n"), document("A=2\n"), document("A=3\n"));
        let (_, conflicts) = merge(&base, &ours, &theirs, &BTreeMap::new());
        assert_eq!(conflicts.len(), 1);
        let key = conflicts[0].key.clone();
        let choose = |choice| merge(&base, &ours, &theirs, &BTreeMap::from([(key.clone(), choice)])).0;
        assert_eq!(choose(Choice::Local).as_bytes(), b"A=2\n");
        assert_eq!(choose(Choice::Remote).as_bytes(), b"A=3\n");
    }
}
