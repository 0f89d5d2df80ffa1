//! What a config must not say, whatever its spelling.

use super::super::branch::SpellingError;
use super::super::environment::{EnvFilePath, EnvironmentName, StoreKind, StoreName};
use super::{Config, EnvFileEntry, EnvironmentEntry, StoreEntry, check_tree_path, nearest};
use std::collections::{BTreeMap, BTreeSet};

/// A part of the config, by which a reader of its text finds the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The config as a whole.
    Whole,
    /// The `[[file]]` of this index, and a key of it.
    File(usize, &'static str),
    /// The `[[environment]]` of this index, and a key of it.
    Environment(usize, &'static str),
    /// The `[stores.NAME]`, and a key of it (empty: the name itself).
    Store(StoreName, &'static str),
}

/// Why a config cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CheckError {
    /// Where it is wrong.
    pub part: Part,
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl CheckError {
    fn new(part: Part, message: impl Into<String>) -> Self {
        Self { part, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn at(part: Part) -> impl FnOnce(SpellingError) -> Self {
        move |error| Self { part, message: error.message, hint: error.hint }
    }
}

impl Config {
    /// Checks what holds between the entries of a config and what no path may be.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn check(&self) -> Result<(), CheckError> {
        if self.environments.is_empty() {
            return Err(CheckError::new(Part::Whole, "the config names no environment").hint("add an [[environment]]"));
        }
        self.check_stores()?;
        self.check_environments()?;
        self.check_files()?;
        self.check_locations()
    }

    fn check_stores(&self) -> Result<(), CheckError> {
        let mut variables: BTreeMap<String, &StoreName> = BTreeMap::new();
        for (name, store) in &self.stores {
            if store.kind == StoreKind::Age {
                let directory = store.settings.get("directory").map_or("", String::as_str);
                check_tree_path(directory).map_err(CheckError::at(Part::Store(name.clone(), "directory")))?;
            }
            // Both would be called GIT_ENVSYNC_STORE_A_B_…
            let variable = name.as_str().to_uppercase().replace(|char: char| !char.is_ascii_alphanumeric(), "_");
            if let Some(other) = variables.insert(variable, name) {
                let message = format!("stores \"{other}\" and \"{name}\" share the names of their variables");
                return Err(CheckError::new(Part::Store(name.clone(), ""), message).hint("rename one of them"));
            }
        }
        Ok(())
    }

    fn check_environments(&self) -> Result<(), CheckError> {
        let mut names = BTreeSet::new();
        for (index, environment) in self.environments.iter().enumerate() {
            let at = |key| Part::Environment(index, key);
            let name = &environment.name;
            if !names.insert(name) {
                return Err(CheckError::new(at("name"), format!("there are two environments \"{name}\""))
                    .hint("one environment can have several branches: branches = [\"main\", \"next\"]"));
            }
            let Some(store) = self.stores.get(&environment.store) else {
                let message = format!("environment \"{name}\" is in the unknown store \"{}\"", environment.store);
                let near = nearest(environment.store.as_str(), self.stores.keys().map(StoreName::as_str));
                let hint = near.map_or_else(
                    || format!("add [stores.{}]", environment.store),
                    |near| format!("did you mean \"{near}\"?"),
                );
                return Err(CheckError::new(at("store"), message).hint(hint));
            };
            if environment.protected
                && let Some(pattern) = environment.branches.iter().find(|pattern| !pattern.is_literal())
            {
                let message = format!("protected environment \"{name}\" has the pattern \"{pattern}\"");
                return Err(CheckError::new(at("branches"), message)
                    .hint("a protected environment belongs to literal branch names, so that nobody can make one"));
            }
            check_arn(environment, store).map_err(|error| CheckError { part: at("path"), ..error })?;
            self.check_captures(index, environment)?;
        }
        Ok(())
    }

    /// Every pattern of an environment has the captures that its path, and those of the environments it extends, need.
    fn check_captures(&self, index: usize, environment: &EnvironmentEntry) -> Result<(), CheckError> {
        let name = &environment.name;
        let mut seen = vec![name];
        let mut below = environment;
        loop {
            let part = Part::Environment(index, if below.name == *name { "path" } else { "extends" });
            if below.path.needs_branch() && environment.branches.is_empty() {
                let message = format!("environment \"{name}\" has no branches that could fill \"{}\"", below.path);
                return Err(CheckError::new(part, message).hint("give it branches, or a path without captures"));
            }
            for pattern in &environment.branches {
                let has = pattern.captures();
                if let Some(missing) = below.path.captures().into_iter().find(|capture| !has.contains(capture)) {
                    let message =
                        format!("\"{pattern}\" does not capture {{{missing}}}, which \"{}\" needs", below.path);
                    return Err(CheckError::new(part, message)
                        .hint(format!("capture it, as in \"feature/{{{missing}}}\", or use {{branch}}")));
                }
            }
            let Some(next) = &below.extends else { return Ok(()) };
            let at = Part::Environment(index, "extends");
            if seen.contains(&next) {
                return Err(CheckError::new(at, format!("environment \"{name}\" extends itself by way of \"{next}\"")));
            }
            let Some(entry) = self.environment(next) else {
                let error =
                    CheckError::new(at, format!("environment \"{}\" extends the unknown \"{next}\"", below.name));
                return Err(match self.suggest(next) {
                    Some(near) => error.hint(format!("did you mean \"{near}\"?")),
                    None => error,
                });
            };
            seen.push(next);
            below = entry;
        }
    }

    fn check_files(&self) -> Result<(), CheckError> {
        let mut seen: BTreeMap<String, &EnvFilePath> = BTreeMap::new();
        for (index, file) in self.files.iter().enumerate() {
            let at = |key| Part::File(index, key);
            let path = file.path.as_str();
            check_tree_path(path).map_err(CheckError::at(at("path")))?;
            // Work trees on file systems without capital letters have one file of the two.
            if let Some(other) = seen.insert(path.to_lowercase(), &file.path) {
                let message = if other == &file.path {
                    format!("there are two entries for \"{path}\"")
                } else {
                    format!("\"{other}\" and \"{path}\" are one file on some file systems")
                };
                return Err(CheckError::new(at("path"), message));
            }
            if matches!(path.rsplit('/').next(), Some(".envsync.toml" | ".gitattributes" | ".gitignore")) {
                return Err(CheckError::new(at("path"), format!("\"{path}\" is no env file")));
            }
            self.check_outside_stores(path).map_err(|error| CheckError { part: at("path"), ..error })?;
            if let Some(example) = &file.example {
                check_tree_path(example).map_err(CheckError::at(at("example")))?;
                if self.files.iter().any(|file| file.path.as_str().eq_ignore_ascii_case(example)) {
                    let message = format!("the example file \"{example}\" is itself an env file");
                    return Err(CheckError::new(at("example"), message).hint("an example is committed: take another"));
                }
            }
            if let Some(suffix) = &file.suffix {
                super::super::branch::check_literal_path(suffix).map_err(CheckError::at(at("suffix")))?;
                if suffix.is_empty() {
                    return Err(CheckError::new(at("suffix"), "the suffix is empty").hint("leave it out"));
                }
            }
            if let Some(pattern) = file.local.iter().find(|pattern| !is_key_pattern(pattern)) {
                return Err(CheckError::new(at("local"), format!("{pattern:?} matches no variable"))
                    .hint("names of variables are made of letters, digits, _ . and -, with * for any of them"));
            }
            if let Some(pinned) = &file.environment
                && self.environment(pinned).is_none()
            {
                let error = CheckError::new(at("environment"), format!("there is no environment \"{pinned}\""));
                return Err(match self.suggest(pinned) {
                    Some(near) => error.hint(format!("did you mean \"{near}\"?")),
                    None => error.hint(format!("add an [[environment]] with name = \"{pinned}\"")),
                });
            }
        }
        Ok(())
    }

    fn check_outside_stores(&self, path: &str) -> Result<(), CheckError> {
        let directories = self.stores.values().filter_map(|store| store.settings.get("directory"));
        for directory in directories {
            let below = format!("{}/", directory.to_lowercase());
            if format!("{}/", path.to_lowercase()).starts_with(&below) {
                let message = format!("\"{path}\" is inside the store \"{directory}\"");
                return Err(CheckError::new(Part::Whole, message).hint("env files and store files do not mix"));
            }
        }
        Ok(())
    }

    /// Two env files never share a location: each would bring its keys into the other.
    fn check_locations(&self) -> Result<(), CheckError> {
        for (index, file) in self.files.iter().enumerate() {
            for environment in self.possible(file) {
                if environment.path.is_arn() && file.suffix.is_some() {
                    let message =
                        format!("\"{}\" has a suffix, and environment \"{}\" an ARN", file.path, environment.name);
                    return Err(CheckError::new(Part::File(index, "suffix"), message)
                        .hint("an ARN names one secret: give this env file an environment of its own"));
                }
                for other in &self.files[..index] {
                    if let Some(met) = self.possible(other).find(|theirs| self.meet(file, environment, other, theirs)) {
                        let message = format!(
                            "\"{}\" in environment \"{}\" and \"{}\" in \"{}\" would share one location",
                            other.path, met.name, file.path, environment.name
                        );
                        let part = Part::File(index, if file.suffix.is_some() { "suffix" } else { "path" });
                        return Err(CheckError::new(part, message)
                            .hint("give one of them a suffix: suffix = \"web\" makes acme/production/web of it"));
                    }
                }
            }
        }
        Ok(())
    }

    /// The environments an env file may come to hold. One without branches that an env file is pinned to is that
    /// file's own.
    fn possible(&self, file: &EnvFileEntry) -> impl Iterator<Item = &EnvironmentEntry> {
        let is_own = |name: &EnvironmentName| self.files.iter().any(|file| file.environment.as_ref() == Some(name));
        self.environments.iter().filter(move |environment| match &file.environment {
            Some(pinned) => environment.name == *pinned,
            None => !environment.branches.is_empty() || !is_own(&environment.name),
        })
    }

    fn meet(
        &self,
        file: &EnvFileEntry,
        environment: &EnvironmentEntry,
        other: &EnvFileEntry,
        theirs: &EnvironmentEntry,
    ) -> bool {
        self.same_store(&environment.store, &theirs.store)
            && environment.path.may_meet(file.suffix.as_deref(), &theirs.path, other.suffix.as_deref())
    }

    /// Whether two names of stores mean one place.
    pub(super) fn same_store(&self, ours: &StoreName, theirs: &StoreName) -> bool {
        let place = |name: &StoreName| self.stores.get(name).map(|store| (store.kind, &store.settings));
        ours == theirs || place(ours) == place(theirs)
    }
}

fn check_arn(environment: &EnvironmentEntry, store: &StoreEntry) -> Result<(), CheckError> {
    if environment.path.is_arn() && store.kind != StoreKind::AwsSecretsManager {
        let message = format!("a store of kind \"{}\" has no ARNs as paths", store.kind);
        return Err(CheckError::new(Part::Whole, message).hint("write the path: acme/production"));
    }
    if environment.path.is_arn() && store.layout == super::Layout::Keys {
        let message = "an ARN names one secret, and layout \"keys\" has one for each key".to_owned();
        return Err(CheckError::new(Part::Whole, message).hint("layout = \"json\""));
    }
    Ok(())
}

fn is_key_pattern(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*' || super::super::key::Key::allows(byte))
}
