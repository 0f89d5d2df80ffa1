//! `verify` and pre-push: what is missing, what differs, what leaks.

use super::compare::drift;
use super::remote::{self, Fallback, Freshness, Remote};
use super::target::{Access, Below, Relation, Target};
use super::workspace::{Selected, SelectedBy, Workspace};
use crate::domain::config::{Config, EnvFileEntry, FindingKind};
use crate::domain::dotenv::parse_example;
use crate::domain::environment::{EnvFilePath, EnvironmentName};
use crate::domain::key::Key;
use crate::domain::leak::LeakFinder;
use crate::domain::merge::KeyState;
use crate::domain::overlay::Effective;
use crate::domain::plan::{Action, Note};
use crate::domain::secret::SecretValue;
use crate::domain::snapshot::Snapshot;
use crate::ports::{EnvironmentStore, Failure, GitRepository, Reading};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Something `verify` or pre-push found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The key.
    pub key: Option<Key>,
    /// The environment.
    pub environment: Option<EnvironmentName>,
    /// The env file.
    pub file: Option<EnvFilePath>,
    /// The commit, of a leak.
    pub commit: Option<String>,
    /// The path, of a leak or a store file.
    pub path: Option<String>,
    /// The line, of a leak.
    pub line: Option<usize>,
    /// Whether it blocks a push.
    pub blocks: bool,
}

/// The state of git that is judged.
#[derive(Debug, Clone)]
pub enum Judged {
    /// The work tree.
    WorkTree,
    /// A commit that is pushed.
    Commit {
        /// Its full name.
        id: String,
        /// Whether HEAD is on it: then the work tree belongs to it.
        is_head: bool,
    },
}

/// Judges environments: the named ones, or the selected one. Leaks are looked for in what no remote has yet.
///
/// # Errors
/// What cannot be read; no environment is selected.
pub async fn verify(workspace: &Workspace, environments: &[EnvironmentName]) -> Result<Vec<Finding>, Failure> {
    let mut selected = Vec::new();
    for name in environments {
        selected.push(workspace.by_name(name, SelectedBy::Flag)?);
    }
    if selected.is_empty() {
        selected.push(workspace.selected().await?);
    }
    let mut findings = Vec::new();
    for one in &selected {
        findings.extend(environment(workspace, one, &Judged::WorkTree).await?);
    }
    if let Some(head) = workspace.git.head_commit()? {
        let search = LeakSearch { tips: vec![head], remote: None, known: Vec::new() };
        findings.extend(leaks(workspace, &search).await?);
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// Judges one environment in all env files.
///
/// # Errors
/// What cannot be read.
pub async fn environment(workspace: &Workspace, selected: &Selected, judged: &Judged) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for target in workspace.targets(selected, Access::Read).await? {
        let judge = Judge { workspace, target: &target };
        findings.extend(judge.run(judged).await?);
    }
    Ok(findings)
}

/// The in-tree store of a target as a commit has it, and those below.
struct Committed {
    own: Rc<dyn EnvironmentStore>,
    below: Below,
}

struct Judge<'a> {
    workspace: &'a Workspace,
    target: &'a Target,
}

impl Judge<'_> {
    fn finding(&self, kind: FindingKind, key: Option<&Key>) -> Finding {
        Finding {
            kind,
            key: key.cloned(),
            environment: Some(self.target.which.environment.clone()),
            file: Some(self.target.path().clone()),
            commit: None,
            path: None,
            line: None,
            blocks: self.workspace.config.hooks.block_on.contains(&kind),
        }
    }

    async fn run(&self, judged: &Judged) -> Result<Vec<Finding>, Failure> {
        let workspace = self.workspace;
        let mut findings = Vec::new();
        if self.is_tracked(judged)? {
            findings.push(self.finding(FindingKind::TrackedEnvFile, None));
        }
        let head = workspace.git.head_commit()?;
        let committed_at = match judged {
            Judged::WorkTree => head,
            Judged::Commit { id, .. } => Some(id.clone()),
        };
        let committed = match &committed_at {
            Some(commit) => self.store_at(commit)?,
            None => None,
        };
        let here = !matches!(judged, Judged::Commit { is_head: false, .. });
        let remote = match (&committed, judged) {
            (Some(committed), Judged::Commit { .. }) => self.read(committed.own.as_ref(), &committed.below).await?,
            _ => self.read(self.target.store.as_ref(), &self.target.below).await?,
        };
        let example = match judged {
            Judged::WorkTree => {
                workspace.git.read(&self.target.entry.example_path())?.map(|bytes| bytes.expose().to_vec())
            }
            Judged::Commit { id, .. } => workspace.git.read_at(id, &self.target.entry.example_path())?,
        };
        findings.extend(self.missing_keys(example.as_deref(), &remote.effective));
        if here {
            if let Some(committed) = &committed {
                findings.extend(self.uncommitted(committed).await?);
            } else if self.target.store.traits().in_tree && committed_at.is_none() {
                findings.extend(
                    remote.effective.entries.keys().map(|key| self.finding(FindingKind::UncommittedStore, Some(key))),
                );
            }
            findings.extend(self.drift(&remote));
            if workspace.stores.stale_recipients(&self.target.which, &self.target.location)? {
                findings.push(self.finding(FindingKind::Recipients, None));
            }
        }
        Ok(findings)
    }

    /// Whether what is judged has the env file: the commit that is pushed, not what is staged for another one.
    fn is_tracked(&self, judged: &Judged) -> Result<bool, Failure> {
        let (git, path) = (&self.workspace.git, self.target.path().as_str());
        match judged {
            Judged::WorkTree => git.is_tracked(path),
            Judged::Commit { id, .. } => Ok(git.read_at(id, path)?.is_some()),
        }
    }

    async fn read(
        &self,
        store: &dyn EnvironmentStore,
        below: &[(EnvironmentName, Rc<dyn EnvironmentStore>)],
    ) -> Result<Remote, Failure> {
        remote::read_store(self.workspace, self.target, store, below, Freshness::Now, Fallback::Snapshot).await
    }

    /// The in-tree store as a commit has it.
    fn store_at(&self, commit: &str) -> Result<Option<Committed>, Failure> {
        let stores = &self.workspace.stores;
        let Some(own) = stores.open_at(commit, &self.target.which, &self.target.location)? else { return Ok(None) };
        let mut below = Vec::new();
        for lower in self.target.which.below() {
            let location = lower.location(&self.target.entry);
            let store = match stores.open_at(commit, lower, &location)? {
                Some(store) => store,
                None => stores.open(lower, &location)?,
            };
            below.push((lower.environment.clone(), store));
        }
        Ok(Some(Committed { own, below }))
    }

    /// What the code needs and the environment does not have. What cannot be read is there.
    fn missing_keys(&self, example: Option<&[u8]>, remote: &Effective) -> Vec<Finding> {
        let Some(example) = example else { return Vec::new() };
        parse_example(example)
            .required
            .iter()
            .filter(|key| !Config::is_local(&self.target.entry, key))
            .filter(|key| remote.get(key).is_none() && !remote.is_unknown(key))
            .map(|key| self.finding(FindingKind::MissingKey, Some(key)))
            .collect()
    }

    /// Keys that only the work tree's store file has.
    async fn uncommitted(&self, committed: &Committed) -> Result<Vec<Finding>, Failure> {
        let now = self.read(self.target.store.as_ref(), &self.target.below).await?;
        let committed = self.read(committed.own.as_ref(), &committed.below).await?;
        Ok(now
            .effective
            .entries
            .keys()
            .filter(|key| committed.effective.get(key).is_none())
            .map(|key| self.finding(FindingKind::UncommittedStore, Some(key)))
            .collect())
    }

    /// Differences between the file and the store. A file that holds another environment says nothing of this one, but for
    /// what is parked; a withheld deletion is no finding.
    fn drift(&self, remote: &Remote) -> Vec<Finding> {
        let nothing = self.target.relation() == Relation::Held && self.target.local().is_empty();
        if nothing || (self.target.relation() == Relation::Unrecorded && !remote.is_held()) {
            return Vec::new();
        }
        drift(self.target, remote)
            .steps
            .iter()
            .filter_map(|step| {
                let kind = match step.state {
                    KeyState::Conflict(_) => FindingKind::Conflict,
                    KeyState::Unknown => FindingKind::Unreadable,
                    _ if step.action == Action::Withheld || step.note == Some(Note::LoadsCode) => return None,
                    state if state.is_local() => FindingKind::Unpushed,
                    state if state.is_remote() => FindingKind::Stale,
                    _ => return None,
                };
                Some(self.finding(kind, Some(&step.key)))
            })
            .collect()
    }
}

/// Where leaks are looked for.
#[derive(Debug, Clone)]
pub struct LeakSearch {
    /// The commits that go out.
    pub tips: Vec<String>,
    /// The remote they go to; none for any.
    pub remote: Option<String>,
    /// Commits it is known to have.
    pub known: Vec<String>,
}

/// Values of at least eight characters, known from a store or a snapshot and not in an example file, that an outgoing commit
/// adds outside store files.
///
/// # Errors
/// Objects that cannot be read.
pub async fn leaks(workspace: &Workspace, search: &LeakSearch) -> Result<Vec<Finding>, Failure> {
    let values = known_values(workspace).await?;
    let finder = LeakFinder::new(&values, &public_values(workspace, search)?);
    drop(values);
    if finder.is_empty() {
        return Ok(Vec::new());
    }
    let blocks = workspace.config.hooks.block_on.contains(&FindingKind::Leak);
    let examples: BTreeSet<String> = workspace.config.files.iter().map(EnvFileEntry::example_path).collect();
    let directories = workspace.stores.in_tree_directories();
    // Store files too are searched: what is encrypted has no value in it, what was put there in clear has. The public
    // keys of the recipients may well stand in an env file.
    let is_recipients = |path: &str| directories.iter().any(|directory| path == format!("{directory}/recipients"));
    let mut findings = BTreeSet::new();
    let skipped =
        workspace.git.outgoing_text(&search.tips, search.remote.as_deref(), &search.known, &mut |outgoing| {
            if is_recipients(outgoing.path) || examples.contains(outgoing.path) {
                return;
            }
            for ((environment, key), position) in finder.find(outgoing.text) {
                let lines = outgoing.text[..position].iter().filter(|byte| **byte == b'\n').count();
                findings.insert(Finding {
                    kind: FindingKind::Leak,
                    key: Some(key),
                    environment: Some(environment),
                    file: None,
                    commit: Some(outgoing.commit.to_owned()),
                    path: Some(outgoing.path.to_owned()),
                    line: Some(outgoing.first_line + lines),
                    blocks,
                });
            }
        })?;
    for file in skipped {
        workspace.reporter.note(&format!("{file} is too large to be searched for secret values"));
    }
    Ok(findings.into_iter().collect())
}

/// Values from snapshots, and from in-tree stores. What cannot be read is nobody's leak.
async fn known_values(workspace: &Workspace) -> Result<Vec<(EnvironmentName, Key, SecretValue)>, Failure> {
    let mut values = Vec::new();
    let mut names = std::collections::BTreeMap::new();
    for entry in &workspace.config.files {
        for environment in &workspace.config.environments {
            let Ok(which) = workspace.config.by_name(&environment.name, workspace.branch()) else { continue };
            let store = workspace.stores.open(&which, &which.location(entry))?;
            names.insert(store.address(), which.environment.clone());
            if store.traits().in_tree
                && let Ok(state) = store.fetch(Reading::default()).await
            {
                values.extend(state.entries.into_iter().map(|(key, value)| (which.environment.clone(), key, value)));
            }
        }
    }
    for Snapshot { configured, state } in workspace.state.snapshots().await? {
        let name =
            names.get(&configured).cloned().unwrap_or_else(|| EnvironmentName::new(state.address.location.as_str()));
        values.extend(state.entries.into_iter().map(|(key, value)| (name.clone(), key, value)));
    }
    Ok(values)
}

/// The values that stand in example files, in the work tree and in the commits that go out.
fn public_values(workspace: &Workspace, search: &LeakSearch) -> Result<BTreeSet<String>, Failure> {
    let mut public = BTreeSet::new();
    let git: &dyn GitRepository = workspace.git.as_ref();
    for entry in &workspace.config.files {
        let path = entry.example_path();
        let mut texts: Vec<Vec<u8>> = git.read(&path)?.map(|bytes| bytes.expose().to_vec()).into_iter().collect();
        for tip in &search.tips {
            texts.extend(git.read_at(tip, &path)?);
        }
        for text in texts {
            public.extend(parse_example(&text).values.values().map(|value| value.expose().to_owned()));
        }
    }
    Ok(public)
}
