//! Files that a merge left unmerged.

use super::index::Entry;
use super::repository::Repository;
use crate::ports::Failure;

/// The contents of an unmerged file; each is none where that side has no such file.
#[derive(Clone, PartialEq, Eq)]
pub struct Stages {
    /// The common ancestor's (stage 1).
    pub base: Option<Vec<u8>>,
    /// The current branch's (stage 2).
    pub ours: Option<Vec<u8>>,
    /// The one being merged (stage 3).
    pub theirs: Option<Vec<u8>>,
}

/// Sizes only: somebody may have committed a plain env file.
impl std::fmt::Debug for Stages {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = |side: &Option<Vec<u8>>| side.as_ref().map(Vec::len);
        formatter
            .debug_struct("Stages")
            .field("base", &size(&self.base))
            .field("ours", &size(&self.ours))
            .field("theirs", &size(&self.theirs))
            .finish()
    }
}

impl Repository {
    /// The sides of an unmerged file; none where it is not unmerged. `path` counts from the top.
    ///
    /// # Errors
    /// An index or an object that cannot be read.
    pub fn unmerged(&self, path: &str) -> Result<Option<Stages>, Failure> {
        let entries = self.index_entries(path)?;
        let content = |stage: u8| {
            let entry = entries.iter().find(|entry| entry.stage == stage);
            entry.map(|Entry { id, .. }| self.blob(*id)).transpose()
        };
        if entries.iter().all(|entry| entry.stage == 0) {
            return Ok(None);
        }
        Ok(Some(Stages { base: content(1)?, ours: content(2)?, theirs: content(3)? }))
    }

    /// The unmerged files at or below a directory, sorted.
    ///
    /// # Errors
    /// An index that cannot be read.
    pub fn unmerged_under(&self, directory: &str) -> Result<Vec<String>, Failure> {
        let mut paths: Vec<String> = self.unmerged_entries(directory)?.into_iter().map(|entry| entry.path).collect();
        paths.dedup();
        Ok(paths)
    }

    /// Stages a file as it lies in the work tree, which also marks it merged.
    ///
    /// # Errors
    /// What `git add` refuses.
    pub fn stage(&self, path: &str) -> Result<(), Failure> {
        self.git(&["add", "--", path], &format!("cannot stage {path}")).map(drop)
    }
}
