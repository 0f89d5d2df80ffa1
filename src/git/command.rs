//! Starting `git` itself: for writes by explicit commands, and where libgit2 cannot read.

use super::repository::Repository;
use crate::ports::{Failure, FailureKind};
use std::process::{Command, Stdio};

impl Repository {
    /// Runs `git` on this repository and gives its standard output. It cannot ask for anything.
    ///
    /// `what` says what could not be done, should it fail.
    pub(super) fn git(&self, arguments: &[&str], what: &str) -> Result<Vec<u8>, Failure> {
        let failed = || Failure::new(FailureKind::Internal, what);
        let output = self.git_command(arguments).output().map_err(|error| failed().because(error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(failed().because(if said.is_empty() { format!("git ended with {}", output.status) } else { said }))
    }

    fn git_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .current_dir(self.work_tree())
            // Named, as a hook's environment may have them relative to another directory.
            .env("GIT_DIR", self.git_dir())
            .env("GIT_WORK_TREE", self.work_tree())
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env_remove("GIT_PREFIX")
            // A relative one was resolved by libgit2 already; git finds it by GIT_DIR.
            .env_remove("GIT_COMMON_DIR")
            .stdin(Stdio::null());
        command
    }
}
