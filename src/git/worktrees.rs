//! Which work tree this is, also after another one took over its directory or its name.

use super::repository::Repository;
use crate::ports::{Failure, FailureKind};
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file in a linked work tree's git directory that tells it from a later one of the same name. It goes with
/// that directory (`git worktree remove`, `prune`) and stays with it (`git worktree move`).
const TOKEN_FILE: &str = "envsync-worktree";

/// Identifies a work tree: `main`, or git's name for it and a token: `review-1f0c9a77b2d4e681`. Fit for a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorktreeId(String);

impl WorktreeId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn main() -> Self {
        Self("main".to_owned())
    }

    fn linked(git_dir: &Path, token: &str) -> Self {
        let name = git_dir.file_name().unwrap_or_default().to_string_lossy();
        Self(format!("{name}-{token}"))
    }
}

impl fmt::Display for WorktreeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Repository {
    /// This work tree's identity. The first call in a linked work tree makes it.
    ///
    /// # Errors
    /// A git directory that cannot be written, no randomness.
    pub fn worktree_id(&self) -> Result<WorktreeId, Failure> {
        if self.git_dir() == self.common_dir() {
            return Ok(WorktreeId::main());
        }
        let token = token(self.git_dir()).map_err(|error| {
            Failure::new(FailureKind::Internal, "cannot tell this work tree from others").because(error)
        })?;
        Ok(WorktreeId::linked(self.git_dir(), &token))
    }

    /// The work trees that are there and have an identity; state of any other is an orphan. A locked one counts as
    /// there: it may lie on a drive that is not mounted.
    ///
    /// # Errors
    /// A list of work trees that cannot be read.
    pub fn live_worktrees(&self) -> Result<Vec<WorktreeId>, Failure> {
        let failed = |error| Failure::new(FailureKind::Internal, "cannot list the work trees").because(error);
        let mut live = vec![WorktreeId::main()];
        let entries = match fs::read_dir(self.common_dir().join("worktrees")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(live),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let git_dir = entry.map_err(failed)?.path();
            if is_there(&git_dir)
                && let Some(token) = read_token(&git_dir).map_err(failed)?
            {
                live.push(WorktreeId::linked(&git_dir, &token));
            }
        }
        live.sort();
        Ok(live)
    }
}

/// `gitdir` names the `.git` file of the work tree, since git 2.48 perhaps relative to the directory it lies in.
fn is_there(git_dir: &Path) -> bool {
    let link = |text: String| -> PathBuf { git_dir.join(text.trim_end()) };
    git_dir.join("locked").exists() || fs::read_to_string(git_dir.join("gitdir")).is_ok_and(|text| link(text).exists())
}

fn read_token(git_dir: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(git_dir.join(TOKEN_FILE)) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn token(git_dir: &Path) -> io::Result<String> {
    if let Some(token) = read_token(git_dir)? {
        return Ok(token);
    }
    let token = format!("{:016x}", getrandom::u64().map_err(io::Error::other)?);
    let mut file = tempfile::NamedTempFile::new_in(git_dir)?;
    writeln!(file, "{token}")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(git_dir.join(TOKEN_FILE)) {
        Ok(_) => Ok(token),
        // Another process was first; its token counts for both.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            read_token(git_dir)?.ok_or_else(|| io::Error::other("the token vanished"))
        }
        Err(error) => Err(error.error),
    }
}
