//! One repository as seen from one work tree: where things are.

use super::open;
use crate::ports::{Failure, FailureKind};
use std::fmt;
use std::path::{Path, PathBuf};

/// A repository with a work tree.
pub struct Repository {
    pub(super) inner: git2::Repository,
    work_tree: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
}

impl Repository {
    /// Finds the repository that `start` lies in, as git would: `GIT_DIR`, `GIT_WORK_TREE`,
    /// `GIT_CEILING_DIRECTORIES` and the variables that name config files count.
    ///
    /// # Errors
    /// No repository, no work tree, a foreign owner, or a format that libgit2 cannot open
    /// (reftable, SHA-256, unknown extensions). All of kind [`FailureKind::Config`].
    pub fn discover(start: &Path) -> Result<Self, Failure> {
        let (inner, work_tree) = open::open(start)?;
        let git_dir = canonical(inner.path())?;
        let common_dir = canonical(inner.commondir())?;
        Ok(Self { inner, work_tree: canonical(&work_tree)?, git_dir, common_dir })
    }

    /// The top of the work tree; canonical.
    #[must_use]
    pub fn work_tree(&self) -> &Path {
        &self.work_tree
    }

    /// The git directory of this work tree; canonical. Linked work trees have one each.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The git directory that all work trees share; canonical.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// Where envsync keeps its state, in a place that `git gc` and `git clean` leave alone. It need not exist.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.common_dir.join("envsync")
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Repository").field("work_tree", &self.work_tree).finish_non_exhaustive()
    }
}

fn canonical(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize()
        .map_err(|error| Failure::new(FailureKind::Internal, format!("cannot find {}", path.display())).because(error))
}

/// A failure of libgit2 that no kind of its own describes.
pub(super) fn internal(what: impl Into<String>) -> impl FnOnce(git2::Error) -> Failure {
    move |error| Failure::new(FailureKind::Internal, what).because(error)
}
