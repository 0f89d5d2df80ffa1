//! What `app` asks of git.

use super::error::Failure;
use crate::domain::secret::SecretBytes;
use std::fmt::Debug;

/// One work tree of a repository. Paths are relative to its top, with `/` between segments.
pub trait GitRepository: Debug {
    /// Whether git tracks the path.
    fn is_tracked(&self, path: &str) -> Result<bool, Failure>;

    /// Whether git ignores the path.
    fn is_ignored(&self, path: &str) -> Result<bool, Failure>;

    /// A file of the work tree. A link that leaves the work tree is not followed.
    fn read(&self, path: &str) -> Result<Option<SecretBytes>, Failure>;

    /// A file as a commit has it.
    fn read_at(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, Failure>;

    /// The commit HEAD points to; none before the first.
    fn head_commit(&self) -> Result<Option<String>, Failure>;

    /// The commit of a local branch.
    fn branch_commit(&self, branch: &str) -> Result<Option<String>, Failure>;

    /// The stages of a path that a merge left unmerged.
    fn unmerged(&self, path: &str) -> Result<Option<Stages>, Failure>;

    /// Marks a path as merged, as `git add` does.
    fn stage(&self, path: &str) -> Result<(), Failure>;

    /// The paths at or below a directory that a merge left unmerged.
    fn unmerged_under(&self, directory: &str) -> Result<Vec<String>, Failure>;

    /// Visits the text that is added by the commits reachable from `tips` and not from what `remote` has: its
    /// remote-tracking branches (of all remotes where none is named) and `known`, commits it is known to have.
    /// Says which files were too large to be searched.
    fn outgoing_text(
        &self,
        tips: &[String],
        remote: Option<&str>,
        known: &[String],
        visit: &mut dyn FnMut(OutgoingText<'_>),
    ) -> Result<Vec<String>, Failure>;
}

/// The stages of an unmerged path; none where a side does not have it.
#[derive(Clone, PartialEq, Eq)]
pub struct Stages {
    /// The common ancestor's.
    pub base: Option<Vec<u8>>,
    /// Of the branch that is checked out (in a rebase: of the branch it goes onto).
    pub ours: Option<Vec<u8>>,
    /// Of the branch that comes in (in a rebase: of the commit that is replayed).
    pub theirs: Option<Vec<u8>>,
}

/// Consecutive lines that an outgoing commit adds to a file.
#[derive(Clone, Copy)]
pub struct OutgoingText<'a> {
    /// The commit's full name.
    pub commit: &'a str,
    /// The file.
    pub path: &'a str,
    /// The number of the first line, counted from 1.
    pub first_line: usize,
    /// The lines.
    pub text: &'a [u8],
}
