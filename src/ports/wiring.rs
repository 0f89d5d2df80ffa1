//! Opening stores, asking the user, telling what happens.

use super::error::Failure;
use super::store::EnvironmentStore;
use crate::domain::config::Which;
use crate::domain::environment::{EnvironmentName, Location};
use crate::domain::key::Key;
use crate::domain::plan::Choice;
use crate::domain::secret::SecretBytes;
use std::fmt::Debug;
use std::rc::Rc;

/// Opens the stores of a config.
pub trait Stores: Debug {
    /// The store of an environment, at a location. Nothing is contacted.
    fn open(&self, which: &Which, location: &Location) -> Result<Rc<dyn EnvironmentStore>, Failure>;

    /// The same for an in-tree store as a commit has it; none for other stores.
    fn open_at(
        &self,
        commit: &str,
        which: &Which,
        location: &Location,
    ) -> Result<Option<Rc<dyn EnvironmentStore>>, Failure>;

    /// The store file of an in-tree store; none for other stores. Nothing is decrypted.
    fn in_tree_file(&self, which: &Which, location: &Location) -> Result<Option<InTreeFile>, Failure>;

    /// Whether an in-tree store file is encrypted to other recipients than its recipients file names.
    fn stale_recipients(&self, which: &Which, location: &Location) -> Result<bool, Failure>;

    /// The in-tree store files, of whatever environment, that are encrypted to other recipients than their recipients file
    /// names, as far as they can be read.
    fn stale_store_files(&self) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    /// The directories of the in-tree stores.
    fn in_tree_directories(&self) -> Vec<String>;

    /// The encrypted file at a path; none where no in-tree store has its files there.
    fn store_file(&self, path: &str) -> Result<Option<Rc<dyn StoreFile>>, Failure>;
}

/// The encrypted file of an in-tree store, as the merge driver, the textconv and `resolve` see it.
pub trait StoreFile: Debug {
    /// Decrypts one version of it.
    fn open(&self, bytes: &[u8]) -> Result<OpenedStoreFile, Failure>;

    /// Encrypts a text to the accepted recipients.
    fn seal(&self, location: &Location, text: &SecretBytes) -> Result<Vec<u8>, Failure>;

    /// Puts a version of it into the work tree.
    fn write(&self, bytes: &[u8]) -> Result<(), Failure>;
}

/// A decrypted store file.
#[derive(Debug)]
pub struct OpenedStoreFile {
    /// The location it is bound to.
    pub location: Location,
    /// The text of the environment.
    pub text: SecretBytes,
}

/// The store file of an environment in an in-tree store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTreeFile {
    /// Its path from the top of the work tree.
    pub path: String,
    /// Its content version; none where there is no such file.
    pub version: Option<String>,
}

/// Asks the person at the terminal.
pub trait Asker: Debug {
    /// Whether there is anybody to ask.
    fn interactive(&self) -> bool;

    /// A yes or no; no where nobody can be asked.
    fn confirm(&self, question: &str) -> bool;

    /// A side for a conflict; none to stop.
    fn choose(&self, file: &str, environment: &EnvironmentName, key: &Key, sides: &str) -> Option<Choice>;
}

/// Tells what happens, beside the data: notes a user should read, steps for the curious.
pub trait Reporter: Debug {
    /// Something a user should read.
    fn note(&self, text: &str);

    /// A step, for `-v`.
    fn step(&self, text: &str);
}
