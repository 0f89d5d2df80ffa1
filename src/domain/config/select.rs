//! Which environment a branch, a name or a pinned env file gets.

use super::super::branch::{BranchName, Captures};
use super::super::environment::{EnvFilePath, EnvironmentName, Location, StoreKind, StoreName};
use super::super::key::Key;
use super::digest::place_digest;
use super::{Config, EnvFileEntry, EnvironmentEntry, nearest};

/// One environment with its place, for one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    /// The environment.
    pub environment: EnvironmentName,
    /// The branch pattern that matched, as it is written; none where the environment was named and the branch is not
    /// one of its own.
    pub rule: Option<String>,
    /// Whether hooks leave it out of files and writes need its name. Protection belongs to the place: it also holds
    /// for an environment that lies where a protected one does.
    pub protected: bool,
    /// The store that holds it.
    pub store: StoreName,
    /// The kind of that store.
    pub kind: StoreKind,
    /// Its place there, without the suffix of an env file.
    pub path: Location,
    /// The environment whose keys it inherits.
    pub extends: Option<Box<Which>>,
    /// SHA-256, in hex, of what in the config decides its place: while this stays, it cannot have moved by intention.
    pub entry_digest: String,
}

impl Which {
    /// Where this environment of an env file lies.
    #[must_use]
    pub fn location(&self, file: &EnvFileEntry) -> Location {
        self.path.join(file.suffix.as_deref().unwrap_or_default())
    }

    /// The environments it extends, nearest first.
    pub fn below(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(self.extends.as_deref(), |lower| lower.extends.as_deref())
    }
}

/// Why no environment could be selected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The config has no environment of this name.
    #[error("there is no environment \"{name}\"")]
    Unknown {
        /// What was asked for.
        name: EnvironmentName,
        /// What may have been meant.
        near: Option<EnvironmentName>,
        /// Those that there are.
        known: Vec<EnvironmentName>,
    },
    /// The path of the environment is filled from a branch, and the one at hand (if any) is not one of its own.
    #[error("the place of environment \"{name}\" depends on the branch: its path is \"{path}\"")]
    NeedsBranch {
        /// The environment.
        name: EnvironmentName,
        /// The path that has to be filled.
        path: String,
    },
}

impl SelectionError {
    /// What to do now.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { near: Some(near), .. } => format!("did you mean \"{near}\"?"),
            Self::Unknown { known, .. } => {
                let known: Vec<&str> = known.iter().map(EnvironmentName::as_str).collect();
                format!("the config has {}", known.join(", "))
            }
            Self::NeedsBranch { .. } => "say for which branch, with --branch NAME".to_owned(),
        }
    }
}

impl Config {
    /// The environment of a branch: the first with a matching pattern. None: the branch is unmapped.
    #[must_use]
    pub fn by_branch(&self, branch: &BranchName) -> Option<Which> {
        let (entry, rule, captures) = self.environments.iter().find_map(|entry| {
            let (rule, captures) = own_rule(entry, branch)?;
            Some((entry, rule, captures))
        })?;
        self.which(entry, Some(rule), Some((&captures, branch))).ok()
    }

    /// The environment of a name. Where its path needs a branch, `branch` must be one of its own.
    ///
    /// # Errors
    /// A name the config does not have; a path that cannot be filled.
    pub fn by_name(&self, name: &EnvironmentName, branch: Option<&BranchName>) -> Result<Which, SelectionError> {
        let entry = self.environment(name).ok_or_else(|| SelectionError::Unknown {
            name: name.clone(),
            near: self.suggest(name).cloned(),
            known: self.environments.iter().map(|entry| entry.name.clone()).collect(),
        })?;
        let own = branch.and_then(|branch| own_rule(entry, branch).map(|(rule, captures)| (rule, captures, branch)));
        let rule = own.as_ref().map(|(rule, ..)| rule.clone());
        self.which(entry, rule, own.as_ref().map(|(_, captures, branch)| (captures, *branch)))
    }

    /// What an env file gets where `which` is selected: its own environment if it is pinned to one.
    ///
    /// # Errors
    /// As [`Config::by_name`].
    pub fn for_file(
        &self,
        file: &EnvFileEntry,
        which: &Which,
        branch: Option<&BranchName>,
    ) -> Result<Which, SelectionError> {
        match &file.environment {
            Some(pinned) if *pinned != which.environment => self.by_name(pinned, branch),
            _ => Ok(which.clone()),
        }
    }

    /// The `[[environment]]` of a name.
    #[must_use]
    pub fn environment(&self, name: &EnvironmentName) -> Option<&EnvironmentEntry> {
        self.environments.iter().find(|entry| entry.name == *name)
    }

    /// The `[[file]]` of an env file.
    #[must_use]
    pub fn file(&self, path: &EnvFilePath) -> Option<&EnvFileEntry> {
        self.files.iter().find(|entry| entry.path == *path)
    }

    /// The environment that may have been meant by a name.
    #[must_use]
    pub fn suggest(&self, name: &EnvironmentName) -> Option<&EnvironmentName> {
        let near = nearest(name.as_str(), self.environments.iter().map(|entry| entry.name.as_str()))?;
        self.environments.iter().map(|entry| &entry.name).find(|name| name.as_str() == near)
    }

    /// Whether a key is outside the merge by the config: one of `local` matches it.
    #[must_use]
    pub fn is_local(file: &EnvFileEntry, key: &Key) -> bool {
        file.local.iter().any(|pattern| glob(pattern.as_bytes(), key.as_str().as_bytes()))
    }

    fn which(
        &self,
        entry: &EnvironmentEntry,
        rule: Option<String>,
        from: Option<(&Captures, &BranchName)>,
    ) -> Result<Which, SelectionError> {
        let needs_branch = || SelectionError::NeedsBranch { name: entry.name.clone(), path: entry.path.to_string() };
        let nothing = (Captures::default(), BranchName::new(""));
        let (captures, branch) = match from {
            Some(from) => from,
            None if entry.path.needs_branch() => return Err(needs_branch()),
            None => (&nothing.0, &nothing.1),
        };
        let path = Location::new(entry.path.fill(captures, branch).ok_or_else(needs_branch)?);
        let below = entry.extends.as_ref().and_then(|name| self.environment(name));
        let extends = below.map(|below| self.which(below, None, from)).transpose()?.map(Box::new);
        let store = &self.stores[&entry.store];
        Ok(Which {
            environment: entry.name.clone(),
            rule,
            protected: entry.protected || self.is_protected_place(&entry.store, &path),
            store: entry.store.clone(),
            kind: store.kind,
            path,
            extends,
            entry_digest: place_digest(entry, store),
        })
    }

    /// Whether a protected environment lies there. Without this, a branch named `feature/production` could get at
    /// `acme/production` by way of `acme/{topic}`.
    fn is_protected_place(&self, store: &StoreName, path: &Location) -> bool {
        self.environments.iter().filter(|entry| entry.protected && self.same_store(&entry.store, store)).any(|entry| {
            let is_there = |place: String| place.eq_ignore_ascii_case(path.as_str());
            if !entry.path.needs_branch() {
                return is_there(entry.path.to_string());
            }
            // Its branches are literal names.
            let branches = entry.branches.iter().map(|pattern| BranchName::new(pattern.as_str()));
            branches.filter_map(|branch| entry.path.fill(&Captures::default(), &branch)).any(is_there)
        })
    }
}

fn own_rule(entry: &EnvironmentEntry, branch: &BranchName) -> Option<(String, Captures)> {
    entry.branches.iter().find_map(|pattern| Some((pattern.to_string(), pattern.matches(branch)?)))
}

/// Whether `pattern`, with `*` for any characters, matches the whole of `text`. Steps back to the last star only,
/// which is enough where stars are all there is.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, position));
            at += 1;
        } else if pattern.get(at) == Some(&text[position]) {
            at += 1;
            position += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            position = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}
