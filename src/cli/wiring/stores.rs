//! Opens the stores of a config: the only place that names concrete stores.

use super::clouds::Clouds;
use crate::app::failure::store_failure;
use crate::config::trust::TrustStore;
use crate::domain::config::{Config, Which};
use crate::domain::environment::{Location, StoreKind, StoreName};
use crate::domain::secret::SecretBytes;
use crate::git::Repository;
use crate::ports::{
    Cipher, Clock, EnvironmentStore, Failure, FailureKind, InTreeFile, OpenError, OpenedStoreFile, StoreFile, Stores,
};
use crate::stores::age::envelope::{self, EnvelopeError};
use crate::stores::age::{
    AgeStore, DirectoryFiles, FixedFiles, RECIPIENTS, RecipientPolicy, StoreFiles, WriteOutcome, file_of, location_of,
    recipients,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The stores of one config in one work tree.
#[derive(Debug)]
pub struct ConfiguredStores {
    config: Config,
    repository: Rc<Repository>,
    cipher: Rc<dyn Cipher>,
    clock: Rc<dyn Clock>,
    policy: Rc<dyn RecipientPolicy>,
    clouds: Clouds,
}

impl ConfiguredStores {
    /// The stores of `config`.
    #[must_use]
    pub fn new(
        config: Config,
        repository: Rc<Repository>,
        cipher: Rc<dyn Cipher>,
        clock: Rc<dyn Clock>,
        trust: Rc<TrustStore>,
        clouds: Clouds,
    ) -> Self {
        Self { config, repository, cipher, clock, policy: Rc::new(AcceptedRecipients(trust)), clouds }
    }

    /// The age stores, by name.
    #[must_use]
    pub fn age_stores(&self) -> Vec<(String, Rc<AgeStore>)> {
        self.age_directories().map(|(name, directory)| (directory.clone(), self.age(name, &directory))).collect()
    }

    fn age_directories(&self) -> impl Iterator<Item = (&StoreName, String)> {
        let ages = self.config.stores.iter().filter(|(_, entry)| entry.kind == StoreKind::Age);
        ages.map(|(name, entry)| (name, directory_of(&entry.settings)))
    }

    fn age(&self, name: &StoreName, directory: &str) -> Rc<AgeStore> {
        let locks = self.repository.state_dir().join("locks");
        let files = DirectoryFiles::new(self.repository.work_tree().to_path_buf(), directory, locks);
        self.age_over(name, directory, Rc::new(files))
    }

    fn age_over(&self, name: &StoreName, directory: &str, files: Rc<dyn StoreFiles>) -> Rc<AgeStore> {
        let (cipher, policy, clock) = (Rc::clone(&self.cipher), Rc::clone(&self.policy), Rc::clone(&self.clock));
        Rc::new(AgeStore::new(name.clone(), directory, files, cipher, policy, clock))
    }

    /// The directory of an environment's store, where that is an age store.
    fn age_directory(&self, which: &Which) -> Option<String> {
        let entry = self.config.stores.get(&which.store)?;
        (entry.kind == StoreKind::Age).then(|| directory_of(&entry.settings))
    }
}

fn directory_of(settings: &BTreeMap<String, String>) -> String {
    settings.get("directory").cloned().unwrap_or_else(|| ".envsync".to_owned())
}

impl Stores for ConfiguredStores {
    fn open(&self, which: &Which, location: &Location) -> Result<Rc<dyn EnvironmentStore>, Failure> {
        if let Some(directory) = self.age_directory(which) {
            return Ok(Rc::new(self.age(&which.store, &directory).environment(location.clone())));
        }
        let entry = self
            .config
            .stores
            .get(&which.store)
            .ok_or_else(|| Failure::new(FailureKind::Config, format!("the config has no store {}", which.store)))?;
        self.clouds.environment(&which.store, entry, location)
    }

    fn open_at(
        &self,
        commit: &str,
        which: &Which,
        location: &Location,
    ) -> Result<Option<Rc<dyn EnvironmentStore>>, Failure> {
        let Some(directory) = self.age_directory(which) else { return Ok(None) };
        let mut files = BTreeMap::new();
        for path in self.repository.files_at(commit, &directory)? {
            if let (Some(relative), Some(bytes)) =
                (path.strip_prefix(&format!("{directory}/")), self.repository.blob_at(commit, &path)?)
            {
                files.insert(relative.to_owned(), bytes);
            }
        }
        let store = self.age_over(&which.store, &directory, Rc::new(FixedFiles(files)));
        Ok(Some(Rc::new(store.environment(location.clone()))))
    }

    fn in_tree_file(&self, which: &Which, location: &Location) -> Result<Option<InTreeFile>, Failure> {
        let Some(directory) = self.age_directory(which) else { return Ok(None) };
        let file = file_of(location).map_err(|refusal| Failure::new(FailureKind::Config, refusal.to_string()))?;
        let version = self
            .age(&which.store, &directory)
            .version_now(location)
            .map_err(|error| store_failure(&error))?
            .map(|version| version.0);
        Ok(Some(InTreeFile { path: format!("{directory}/{file}"), version }))
    }

    fn stale_recipients(&self, which: &Which, location: &Location) -> Result<bool, Failure> {
        let Some(directory) = self.age_directory(which) else { return Ok(false) };
        let stale = self.age(&which.store, &directory).stale_recipients().map_err(|error| store_failure(&error))?;
        Ok(stale.files.contains(location))
    }

    fn stale_store_files(&self) -> Result<Vec<String>, Failure> {
        let mut paths = Vec::new();
        for (directory, store) in self.age_stores() {
            for location in store.stale_recipients().map_err(|error| store_failure(&error))?.files {
                let file = file_of(&location).expect("a location that was listed has a file");
                paths.push(format!("{directory}/{file}"));
            }
        }
        Ok(paths)
    }

    fn in_tree_directories(&self) -> Vec<String> {
        self.age_directories().map(|(_, directory)| directory).collect()
    }

    fn store_file(&self, path: &str) -> Result<Option<Rc<dyn StoreFile>>, Failure> {
        let found = self.age_directories().find_map(|(name, directory)| {
            let relative = path.strip_prefix(&format!("{directory}/"))?.to_owned();
            let location = location_of(&relative)?;
            Some((name.clone(), directory, relative, location))
        });
        Ok(found.map(|(name, directory, relative, location)| {
            let store = self.age(&name, &directory);
            let files = DirectoryFiles::new(
                self.repository.work_tree().to_path_buf(),
                directory.as_str(),
                self.repository.state_dir().join("locks"),
            );
            Rc::new(AgeFile {
                path: path.to_owned(),
                directory,
                relative,
                location,
                store,
                files,
                cipher: Rc::clone(&self.cipher),
                policy: Rc::clone(&self.policy),
            }) as Rc<dyn StoreFile>
        }))
    }
}

/// One encrypted file of an age store.
#[derive(Debug)]
struct AgeFile {
    path: String,
    directory: String,
    relative: String,
    location: Location,
    store: Rc<AgeStore>,
    files: DirectoryFiles,
    cipher: Rc<dyn Cipher>,
    policy: Rc<dyn RecipientPolicy>,
}

impl StoreFile for AgeFile {
    fn open(&self, bytes: &[u8]) -> Result<OpenedStoreFile, Failure> {
        let opened = envelope::open(self.cipher.as_ref(), bytes).map_err(|error| unreadable(&self.path, &error))?;
        if opened.location != self.location {
            let what = format!("{} is a copy of the store file of {}", self.path, opened.location);
            return Err(Failure::new(FailureKind::Undecryptable, what)
                .hint(format!("`git restore {}` brings the committed one back", self.path)));
        }
        Ok(OpenedStoreFile { location: opened.location, text: opened.text })
    }

    fn seal(&self, location: &Location, text: &SecretBytes) -> Result<Vec<u8>, Failure> {
        let file = self.store.recipients().map_err(|error| store_failure(&error))?;
        let keys = file.map(|file| file.keys()).unwrap_or_default();
        if !self.policy.accepted(&self.directory, &keys) {
            let what = format!("the recipients in {}/{RECIPIENTS} have not been accepted", self.directory);
            return Err(
                Failure::new(FailureKind::Untrusted, what).hint("`git envsync trust` shows them and accepts them")
            );
        }
        envelope::seal(self.cipher.as_ref(), location, &keys, text)
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let failed = |error| Failure::new(FailureKind::Internal, format!("cannot write {}", self.path)).because(error);
        let now = self.files.read(&self.relative).map_err(failed)?;
        match self.files.write(&self.relative, now.as_deref(), bytes).map_err(failed)? {
            WriteOutcome::Written => Ok(()),
            WriteOutcome::Moved => {
                Err(Failure::new(FailureKind::LostRace, format!("{} was written meanwhile", self.path))
                    .hint("run the command again"))
            }
        }
    }
}

/// A store file that cannot be opened, as its reader sees it.
#[must_use]
fn unreadable(path: &str, error: &EnvelopeError) -> Failure {
    let failure = Failure::new(FailureKind::Undecryptable, format!("{path}: {error}"));
    match error {
        EnvelopeError::Closed(OpenError::NotForUs) => failure.hint(
            "send what `git envsync key show` prints to somebody who can read it: they run `git envsync recipient add`",
        ),
        _ => failure.hint(format!("`git restore {path}` brings the committed one back")),
    }
}

/// The recipients the user has accepted, as the trust store keeps them.
#[derive(Debug)]
struct AcceptedRecipients(Rc<TrustStore>);

impl RecipientPolicy for AcceptedRecipients {
    fn accepted(&self, directory: &str, keys: &BTreeSet<String>) -> bool {
        self.0.accepts_recipients(directory, keys).unwrap_or(false)
    }

    fn accept(&self, directory: &str, keys: &BTreeSet<String>) -> Result<(), Failure> {
        self.0.accept_recipients(directory, keys)
    }

    fn accepted_lists(&self, directory: &str) -> Vec<BTreeSet<String>> {
        self.0.accepted_recipient_lists(directory).unwrap_or_default()
    }
}

/// The public keys of a recipients text.
#[must_use]
pub fn keys_of(text: &str) -> BTreeSet<String> {
    recipients::parse(text).keys()
}
