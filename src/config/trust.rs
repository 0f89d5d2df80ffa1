//! What a user has accepted for one repository: meanings of its config, and lists of recipients.
//!
//! Acceptances accumulate in one JSON file per repository, outside of it. What a config or a recipient means is not
//! known here.

#[cfg(test)]
mod tests;

use super::private;
use crate::ports::{Failure, FailureKind};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The acceptances of one repository.
#[derive(Debug, Clone)]
pub struct TrustStore {
    /// The file that holds them.
    path: PathBuf,
    /// The common dir of the repository, for whoever looks at the file.
    repository: String,
    /// Digests that `GIT_ENVSYNC_TRUST` accepts.
    from_env: BTreeSet<String>,
}

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    version: u32,
    repository: String,
    configs: BTreeSet<String>,
    /// Whole lists, so that those with a removed key can be found again.
    recipients: BTreeSet<RecipientList>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipientList {
    directory: String,
    keys: BTreeSet<String>,
}

impl TrustStore {
    /// The acceptances, below `trust_directory`, of the repository with this common dir. `from_env` is
    /// `GIT_ENVSYNC_TRUST`: digests, separated by commas or blanks, that count as accepted.
    #[must_use]
    pub fn new(trust_directory: &Path, common_dir: &Path, from_env: Option<&str>) -> Self {
        // Whichever way it is reached, it is one repository.
        let canonical = fs::canonicalize(common_dir).unwrap_or_else(|_| common_dir.to_owned());
        let name = hex(Sha256::digest(canonical.as_os_str().as_encoded_bytes()));
        let digests = from_env.unwrap_or_default().split(|char: char| char == ',' || char.is_whitespace());
        Self {
            path: trust_directory.join(format!("{name}.json")),
            repository: canonical.display().to_string(),
            from_env: digests.filter(|digest| !digest.is_empty()).map(str::to_ascii_lowercase).collect(),
        }
    }

    /// Whether a config of this digest has been accepted.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn accepts_config(&self, digest: &str) -> Result<bool, Failure> {
        Ok(self.from_env.contains(digest) || self.read()?.configs.contains(digest))
    }

    /// Accepts a config by its digest.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn accept_config(&self, digest: &str) -> Result<(), Failure> {
        self.change(|accepted| {
            accepted.configs.insert(digest.to_owned());
        })
    }

    /// Whether exactly these public keys have been accepted as the recipients of the age store in `directory`.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn accepts_recipients(&self, directory: &str, keys: &BTreeSet<String>) -> Result<bool, Failure> {
        let list = RecipientList { directory: directory.to_owned(), keys: keys.clone() };
        Ok(self.from_env.contains(&Self::recipients_digest(directory, keys)) || self.read()?.recipients.contains(&list))
    }

    /// Accepts a list of recipients.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn accept_recipients(&self, directory: &str, keys: &BTreeSet<String>) -> Result<(), Failure> {
        self.change(|accepted| {
            accepted.recipients.insert(RecipientList { directory: directory.to_owned(), keys: keys.clone() });
        })
    }

    /// SHA-256, in hex, of a list of recipients: what `GIT_ENVSYNC_TRUST` may hold to accept it.
    #[must_use]
    pub fn recipients_digest(directory: &str, keys: &BTreeSet<String>) -> String {
        let mut digest = Sha256::new();
        for field in ["envsync-recipients 1", directory].into_iter().chain(keys.iter().map(String::as_str)) {
            digest.update(format!("{}:{field}\n", field.len()));
        }
        hex(digest.finalize())
    }

    /// The lists of recipients that have been accepted for the age store in `directory`.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn accepted_recipient_lists(&self, directory: &str) -> Result<Vec<BTreeSet<String>>, Failure> {
        let lists = self.read()?.recipients.into_iter();
        Ok(lists.filter(|list| list.directory == directory).map(|list| list.keys).collect())
    }

    /// Takes every acceptance back. What `GIT_ENVSYNC_TRUST` accepts stays accepted.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn revoke_all(&self) -> Result<(), Failure> {
        self.change(|accepted| {
            accepted.configs.clear();
            accepted.recipients.clear();
        })
    }

    /// Takes back every acceptance of a list with `key` in it, for all stores of the repository.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn revoke_recipients_with(&self, key: &str) -> Result<(), Failure> {
        self.change(|accepted| accepted.recipients.retain(|list| !list.keys.contains(key)))
    }

    /// Removes the file.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn purge(&self) -> Result<(), Failure> {
        for path in [&self.path, &self.lock_path()] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let what = format!("{} cannot be removed", path.display());
                    return Err(Failure::new(FailureKind::Internal, what).because(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read(&self) -> Result<Accepted, Failure> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Accepted {
                    version: 1,
                    repository: self.repository.clone(),
                    configs: BTreeSet::new(),
                    recipients: BTreeSet::new(),
                });
            }
            Err(error) => return Err(self.failed("cannot be read", error)),
        };
        let way_out = "remove that file, then accept again: git envsync trust";
        let damaged = || self.untrusted("is damaged").hint(way_out);
        let version = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).ok()?.get("version")?.as_u64();
        match version(&text).ok_or_else(damaged)? {
            1 => serde_json::from_slice(&text).map_err(|error| damaged().because(error)),
            _ => Err(self.untrusted("was written by a newer git-envsync").hint("install that, or remove the file")),
        }
    }

    /// Reads, changes and replaces the file while no other envsync does.
    fn change(&self, change: impl FnOnce(&mut Accepted)) -> Result<(), Failure> {
        let directory = self.path.parent().expect("it was joined to one");
        let failed = |error| self.failed("cannot be written", error);
        private::make_directory(directory).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(self.lock_path()).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut accepted = self.read()?;
        change(&mut accepted);
        let text = serde_json::to_vec_pretty(&accepted).expect("strings and sets of them have a JSON form");
        // tempfile creates 0600 on Unix.
        let mut file = tempfile::Builder::new().prefix(".trust-").tempfile_in(directory).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn lock_path(&self) -> PathBuf {
        self.path.with_extension("lock")
    }

    fn untrusted(&self, what: &str) -> Failure {
        let path = self.path.display();
        Failure::new(FailureKind::Untrusted, format!("the record of what you trust, {path}, {what}"))
    }

    fn failed(&self, what: &str, error: io::Error) -> Failure {
        let path = self.path.display();
        Failure::new(FailureKind::Internal, format!("the record of what you trust, {path}, {what}")).because(error)
    }
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
