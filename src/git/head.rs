//! Where HEAD is, and the branches around it.

use super::objects::CommitId;
use super::repository::{Repository, internal};
use crate::ports::Failure;
use std::fs;
use std::path::Path;

/// What HEAD says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// On a branch with commits: its name below `refs/heads/`.
    Branch(String),
    /// On a branch that has no commit yet.
    Unborn(String),
    /// On a commit, without a branch.
    Detached,
    /// In the middle of an operation that moves HEAD around; the branch it began on, where that is known.
    Busy(Operation, Option<String>),
    /// On a reference that is no branch of the user's: outside `refs/heads/`, or a branch that GitButler parks HEAD on.
    Elsewhere(String),
}

/// Operations that check out commits on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `git rebase`
    Rebase,
    /// `git bisect`
    Bisect,
}

impl Repository {
    /// What HEAD says, and whether git is in the middle of a rebase or bisect.
    ///
    /// # Errors
    /// A HEAD that cannot be read.
    pub fn head(&self) -> Result<Head, Failure> {
        match operation(self.git_dir()) {
            Some((operation, branch)) => Ok(Head::Busy(operation, branch)),
            None => self.attached_head(),
        }
    }

    /// What HEAD says, whatever operation is going on; never [`Head::Busy`]. For post-rewrite: when it runs, a
    /// rebase has put HEAD back on its branch, but its directory is still there.
    ///
    /// # Errors
    /// A HEAD that cannot be read.
    pub fn attached_head(&self) -> Result<Head, Failure> {
        let head = self.inner.find_reference("HEAD").map_err(internal("cannot read HEAD"))?;
        let Some(target) = head.symbolic_target_bytes() else { return Ok(Head::Detached) };
        let target = String::from_utf8_lossy(target).into_owned();
        let Some(branch) = target.strip_prefix("refs/heads/").filter(|branch| is_users_own(branch)) else {
            return Ok(Head::Elsewhere(target));
        };
        match self.inner.find_reference(&target) {
            Ok(_) => Ok(Head::Branch(branch.to_owned())),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(Head::Unborn(branch.to_owned())),
            Err(error) => Err(internal(format!("cannot read the branch {branch}"))(error)),
        }
    }

    /// The commit HEAD is on; none on an unborn branch.
    #[must_use]
    pub fn head_commit(&self) -> Option<CommitId> {
        self.commit_of_reference("HEAD")
    }

    /// The commit a local branch is on; none where there is no such branch.
    #[must_use]
    pub fn commit_of_branch(&self, branch: &str) -> Option<CommitId> {
        self.commit_of_reference(&format!("refs/heads/{branch}"))
    }

    /// The commit a reference by its full name leads to, through symbolic references and tags.
    #[must_use]
    pub fn commit_of_reference(&self, reference: &str) -> Option<CommitId> {
        let commit = self.inner.find_reference(reference).ok()?.peel_to_commit().ok()?;
        Some(CommitId::from(commit.id()))
    }

    /// The names of the local branches, sorted.
    #[must_use]
    pub fn branches(&self) -> Vec<String> {
        let Ok(references) = self.inner.references_glob("refs/heads/*") else { return Vec::new() };
        let mut names: Vec<String> = references
            .filter_map(Result::ok)
            .filter_map(|reference| reference.name().ok()?.strip_prefix("refs/heads/").map(str::to_owned))
            .collect();
        names.sort();
        names
    }

    /// The name commits are made under (`user.name`); none where it is not set.
    #[must_use]
    pub fn user_name(&self) -> Option<String> {
        self.inner.config().ok()?.get_string("user.name").ok().filter(|name| !name.trim().is_empty())
    }

    /// The branch the others come from: `origin/HEAD`'s, else `init.defaultBranch` where it exists, else `main` or
    /// `master`, else the one HEAD is on.
    #[must_use]
    pub fn default_branch(&self) -> Option<String> {
        self.remote_default_branch().or_else(|| self.local_default_branch()).or_else(|| match self.attached_head() {
            Ok(Head::Branch(branch) | Head::Unborn(branch)) => Some(branch),
            _ => None,
        })
    }

    fn remote_default_branch(&self) -> Option<String> {
        let head = self.inner.find_reference("refs/remotes/origin/HEAD").ok()?;
        let target = head.symbolic_target().ok()??;
        target.strip_prefix("refs/remotes/origin/").map(str::to_owned)
    }

    fn local_default_branch(&self) -> Option<String> {
        let configured = self.inner.config().ok().and_then(|config| config.get_string("init.defaultBranch").ok());
        let candidates = configured.into_iter().chain(["main".to_owned(), "master".to_owned()]);
        candidates.into_iter().find(|branch| self.inner.find_reference(&format!("refs/heads/{branch}")).is_ok())
    }
}

/// GitButler keeps HEAD on a branch of its own while the user works on several at once.
fn is_users_own(branch: &str) -> bool {
    !matches!(branch, "gitbutler/workspace" | "gitbutler/integration")
}

/// The state files are those that `wt-status.c` of git goes by. `rebase-apply/applying` marks `git am`, which stays
/// on its branch.
fn operation(git_dir: &Path) -> Option<(Operation, Option<String>)> {
    let rebase = |directory: &str| {
        let name = fs::read_to_string(git_dir.join(directory).join("head-name")).ok();
        let branch = name.and_then(|name| name.trim_end().strip_prefix("refs/heads/").map(str::to_owned));
        (Operation::Rebase, branch)
    };
    if git_dir.join("rebase-merge").is_dir() {
        Some(rebase("rebase-merge"))
    } else if git_dir.join("rebase-apply").is_dir() && !git_dir.join("rebase-apply/applying").exists() {
        Some(rebase("rebase-apply"))
    } else if git_dir.join("BISECT_LOG").exists() {
        Some((Operation::Bisect, bisected_branch(git_dir)))
    } else {
        None
    }
}

/// `BISECT_START` holds a branch's name, or the commit of a detached HEAD.
fn bisected_branch(git_dir: &Path) -> Option<String> {
    let start = fs::read_to_string(git_dir.join("BISECT_START")).ok()?;
    let start = start.trim_end();
    let is_commit = start.len() >= 40 && start.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!start.is_empty() && !is_commit).then(|| start.to_owned())
}
