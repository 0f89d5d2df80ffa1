//! Reading commits, trees and blobs.

use super::index::is_below;
use super::repository::{Repository, internal};
use crate::ports::Failure;
use git2::{ErrorCode, ObjectType, Oid, Tree, TreeWalkMode, TreeWalkResult};
use std::fmt;
use std::path::Path;

/// The name of a commit, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(String);

impl CommitId {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Oid> for CommitId {
    fn from(id: Oid) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Repository {
    /// The content of a regular file in a commit; none where the commit has no such file (a link or a directory is
    /// none). `commit` is a full object name, also a tag's. A partial clone may fetch it.
    ///
    /// # Errors
    /// A commit or an object that is not there.
    pub fn blob_at(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self.tree_of(commit)?.get_path(Path::new(path)) {
            Ok(entry) if is_regular(entry.filemode()) => self.blob(entry.id()).map(Some),
            Ok(_) => Ok(None),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(internal(format!("cannot read {path} in commit {commit}"))(error)),
        }
    }

    /// The regular files at or below a directory in a commit, sorted; the empty directory is the top.
    ///
    /// # Errors
    /// A commit or an object that is not there.
    pub fn files_at(&self, commit: &str, directory: &str) -> Result<Vec<String>, Failure> {
        let mut files = Vec::new();
        let collect = |parent: &str, entry: &git2::TreeEntry<'_>| {
            let path = format!("{parent}{}", String::from_utf8_lossy(entry.name_bytes()));
            let leads_there = is_below(&path, directory) || is_below(directory, &path);
            if is_regular(entry.filemode()) && is_below(&path, directory) {
                files.push(path);
            }
            if leads_there { TreeWalkResult::Ok } else { TreeWalkResult::Skip }
        };
        self.tree_of(commit)?
            .walk(TreeWalkMode::PreOrder, collect)
            .map_err(internal(format!("cannot list the files of commit {commit}")))?;
        files.sort();
        Ok(files)
    }

    fn tree_of(&self, commit: &str) -> Result<Tree<'_>, Failure> {
        Oid::from_str(commit)
            .and_then(|id| self.inner.find_object(id, None))
            .and_then(|object| object.peel_to_tree())
            .map_err(internal(format!("there is no commit {commit} here")))
    }

    /// The content of a blob. Where a partial clone left it out, git fetches it.
    pub(super) fn blob(&self, id: Oid) -> Result<Vec<u8>, Failure> {
        let missing = |error: git2::Error| internal(format!("object {id} cannot be read"))(error);
        let objects = self.inner.odb().map_err(missing)?;
        match objects.read(id) {
            Ok(object) if object.kind() == ObjectType::Blob => Ok(object.data().to_vec()),
            Ok(_) => Err(missing(git2::Error::from_str("it is no file"))),
            Err(error) if error.code() == ErrorCode::NotFound => {
                self.git(&["cat-file", "blob", &id.to_string()], &format!("object {id} is not here"))
            }
            Err(error) => Err(missing(error)),
        }
    }
}

/// Whether a mode is a file's, executable or not.
pub(super) fn is_regular(mode: i32) -> bool {
    mode & 0o170_000 == 0o100_000
}
