//! One env file and the environment a command is about: read, locked, and compared with what the file holds.

use super::recover;
use super::workspace::{Selected, Workspace, selection_failure};
use crate::domain::config::{Config, EnvFileEntry, Which};
use crate::domain::dotenv::Document;
use crate::domain::environment::{Address, EnvFilePath, EnvironmentName, Location};
use crate::domain::key::Key;
use crate::domain::overlay::Effective;
use crate::domain::record::{FileState, Parked, Record, Values};
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::RemoteState;
use crate::domain::switch::Missing;
use crate::ports::{EnvironmentStore, Failure, FailureKind, Lock, Wait};
use std::rc::Rc;

/// One env file and the environment a command is about.
#[derive(Debug)]
pub struct Target {
    /// The env file's entry in the config.
    pub entry: EnvFileEntry,
    /// The environment the command is about, for this file.
    pub which: Which,
    /// Where that is.
    pub location: Location,
    /// Its address: what has answered, as far as that is known, else where it is looked for. See [`Target::answered`].
    pub address: Address,
    /// Its store.
    pub store: Rc<dyn EnvironmentStore>,
    /// The environments below it, nearest first.
    pub below: Below,
    /// The file's bytes as they were read.
    pub bytes: Option<SecretBytes>,
    /// The same as a document.
    pub document: Document,
    /// What is remembered of the file.
    pub state: FileState,
    /// What was agreed with the environment when it left the file; none where the file holds it, or never did. Read for
    /// comparisons only.
    pub left_base: Option<Values>,
    /// Held while a command plans and writes.
    pub lock: Option<Lock>,
}

/// The environments below one, nearest first, with their stores.
pub type Below = Vec<(EnvironmentName, Rc<dyn EnvironmentStore>)>;

/// How the file and the environment a command is about relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The file holds it.
    Held,
    /// The file holds another one.
    Other,
    /// The file has assignments, and nothing is known of where they come from.
    Unrecorded,
    /// There is no record, and no file or none with an assignment.
    Nothing,
}

/// How a target is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be read only; an interrupted command is not finished.
    Read,
    /// To be written: locked, an interrupted command finished first.
    Write(Wait),
}

impl Workspace {
    /// The targets of a command: every env file, or the one that was asked for.
    ///
    /// # Errors
    /// See [`Target`]: what cannot be read, locked or decrypted.
    pub async fn targets(&self, selected: &Selected, access: Access) -> Result<Vec<Target>, Failure> {
        let mut targets = Vec::new();
        for entry in self.entries()? {
            if let Some(target) = self.target(entry, selected, access).await? {
                targets.push(target);
            }
        }
        Ok(targets)
    }

    /// The env files of a command.
    ///
    /// # Errors
    /// `--file` names one that the config does not have.
    pub fn entries(&self) -> Result<Vec<&EnvFileEntry>, Failure> {
        let Some(only) = &self.only_file else { return Ok(self.config.files.iter().collect()) };
        let found: Vec<_> = self.config.files.iter().filter(|entry| entry.path.as_str() == only).collect();
        if found.is_empty() {
            let known: Vec<&str> = self.config.files.iter().map(|entry| entry.path.as_str()).collect();
            return Err(Failure::new(FailureKind::Config, format!("{only} is no env file of .envsync.toml"))
                .hint(format!("the config has: {}", known.join(", "))));
        }
        Ok(found)
    }

    /// The env file of a command that is about one.
    ///
    /// # Errors
    /// There are several, and none was named; `--file` names one that the config does not have.
    pub(super) fn one_entry(&self, command: &str, arguments: &str) -> Result<&EnvFileEntry, Failure> {
        let entries = self.entries()?;
        if let [entry] = entries[..] {
            return Ok(entry);
        }
        let files: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        let typed = format!("git envsync {command} --file {} {arguments}", files[0]);
        Err(Failure::new(FailureKind::Usage, format!("which env file? {}", files.join(", ")))
            .hint(format!("`{}`", typed.trim_end())))
    }

    /// One target; none where the lock was not waited for and another process has it.
    ///
    /// # Errors
    /// What cannot be read, locked or decrypted.
    pub async fn target(
        &self,
        entry: &EnvFileEntry,
        selected: &Selected,
        access: Access,
    ) -> Result<Option<Target>, Failure> {
        let which = self
            .config
            .for_file(entry, &selected.which, selected.branch.as_ref())
            .map_err(|error| selection_failure(&error))?;
        let lock = match access {
            Access::Read => None,
            Access::Write(wait) => match self.state.lock(&entry.path, wait).await? {
                Some(lock) => Some(lock),
                None => return Ok(None),
            },
        };
        if lock.is_some() {
            recover::recover(self, &entry.path).await?;
        }
        let bytes = self.files.read(&entry.path).await?;
        let document = bytes.as_ref().map(|bytes| Document::parse(bytes.expose())).unwrap_or_default();
        let mut state = self.state.load(&entry.path).await?;
        let location = which.location(entry);
        let store = self.stores.open(&which, &location)?;
        let below = self.below(&which, entry)?;
        let address = self.known_address(&state, store.as_ref()).await?;
        state.readdress(&store.address(), &address);
        let mut target = Target {
            entry: entry.clone(),
            which,
            location,
            address,
            store,
            below,
            bytes,
            document,
            state,
            left_base: None,
            lock,
        };
        if access == Access::Read {
            self.find_left_base(&mut target).await?;
        }
        Ok(Some(target))
    }

    /// What has answered for an environment so far; where nothing ever has, where it is looked for. Where the file holds the
    /// environment, its record is enough.
    async fn known_address(&self, state: &FileState, store: &dyn EnvironmentStore) -> Result<Address, Failure> {
        let configured = store.address();
        if let Some(record) = state.record.as_ref().filter(|record| record.configured == configured) {
            return Ok(record.address.clone());
        }
        if store.traits().in_tree {
            return Ok(configured);
        }
        Ok(self.state.snapshot(&configured).await?.map_or(configured, |state| state.address))
    }

    /// Looks up what was agreed with the environment when it left the file.
    pub(super) async fn find_left_base(&self, target: &mut Target) -> Result<(), Failure> {
        target.left_base = match target.relation() {
            Relation::Held | Relation::Unrecorded => None,
            Relation::Other | Relation::Nothing => {
                self.state.left_bases(target.path()).await?.get(&target.address).cloned()
            }
        };
        Ok(())
    }

    /// The stores of the environments that `which` extends, nearest first.
    pub(super) fn below(&self, which: &Which, entry: &EnvFileEntry) -> Result<Below, Failure> {
        let open = |lower: &Which| Ok((lower.environment.clone(), self.stores.open(lower, &lower.location(entry))?));
        which.below().map(open).collect()
    }
}

impl Target {
    /// The env file's path.
    #[must_use]
    pub fn path(&self) -> &EnvFilePath {
        &self.entry.path
    }

    /// Takes the address that has answered. An answer that names no account or project (there is no such environment)
    /// changes nothing of what is known.
    pub(super) fn answered(&mut self, state: &RemoteState) {
        let configured = self.store.address();
        if state.address != configured {
            self.state.readdress(&configured, &state.address);
            self.address = state.address.clone();
        }
    }

    /// The variables of the file that take part in the merge.
    #[must_use]
    pub fn local(&self) -> Values {
        self.without_local_keys(&self.document.values())
    }

    /// `values` without the keys that are outside the merge.
    #[must_use]
    pub fn without_local_keys(&self, values: &Values) -> Values {
        let marked = self.document.marked_local();
        let mut values = values.clone();
        values.retain(|key, _| !marked.contains(key) && !Config::is_local(&self.entry, key));
        values
    }

    /// What a store offers, without the keys that are outside the merge.
    #[must_use]
    pub fn without_local_entries(&self, effective: &Effective) -> Effective {
        let mut effective = effective.clone();
        effective.entries.retain(|key, _| !self.is_local(key));
        effective
    }

    /// Whether a key is outside the merge.
    #[must_use]
    pub fn is_local(&self, key: &Key) -> bool {
        Config::is_local(&self.entry, key) || self.document.marked_local().contains(key)
    }

    /// How the file and the environment relate. Sameness is the address, never the name.
    #[must_use]
    pub fn relation(&self) -> Relation {
        match &self.state.record {
            Some(record) if record.address == self.address => Relation::Held,
            Some(_) => Relation::Other,
            None if self.local().is_empty() => Relation::Nothing,
            None => Relation::Unrecorded,
        }
    }

    /// The record of the environment the command is about, where the file holds it.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.state.record.as_ref().filter(|record| record.address == self.address)
    }

    /// What was agreed with the environment the command is about. A file that is missing or has no assignment has no base:
    /// it is rebuilt, and nothing in it was deleted.
    #[must_use]
    pub fn base(&self) -> Values {
        match self.record() {
            Some(record) if !self.local().is_empty() => self.without_local_keys(&record.base),
            _ => Values::new(),
        }
    }

    /// The environment the file holds, by name.
    #[must_use]
    pub fn held(&self) -> Option<&EnvironmentName> {
        self.state.record.as_ref().map(|record| &record.environment)
    }

    /// What is parked for the environment the command is about.
    #[must_use]
    pub fn parked_here(&self) -> Option<&Parked> {
        self.state.parked.get(&self.address)
    }

    /// Whether a key missing from the file was deleted by somebody.
    #[must_use]
    pub fn missing(&self) -> Missing {
        if self.local().is_empty() || !self.document.unreadable().is_empty() {
            Missing::Doubtful
        } else {
            Missing::Deleted
        }
    }
}
