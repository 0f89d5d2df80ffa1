//! Git as `app` asks it.

use crate::domain::secret::SecretBytes;
use crate::files::WorkTreeFiles;
use crate::git::Repository;
use crate::ports::{Failure, GitRepository, OutgoingText, Stages};
use std::fmt;
use std::rc::Rc;

/// A repository and the files of its work tree.
pub struct WorkTree {
    repository: Rc<Repository>,
    files: Rc<WorkTreeFiles>,
}

impl WorkTree {
    /// Both together.
    #[must_use]
    pub fn new(repository: Rc<Repository>, files: Rc<WorkTreeFiles>) -> Self {
        Self { repository, files }
    }
}

impl fmt::Debug for WorkTree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WorkTree({})", self.repository.work_tree().display())
    }
}

impl GitRepository for WorkTree {
    fn is_tracked(&self, path: &str) -> Result<bool, Failure> {
        self.repository.is_tracked(path)
    }

    fn is_ignored(&self, path: &str) -> Result<bool, Failure> {
        self.repository.is_ignored(path)
    }

    fn read(&self, path: &str) -> Result<Option<SecretBytes>, Failure> {
        Ok(self.files.read_text(path)?.map(|text| SecretBytes::new(text.into_bytes())))
    }

    fn read_at(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        self.repository.blob_at(commit, path)
    }

    fn head_commit(&self) -> Result<Option<String>, Failure> {
        Ok(self.repository.head_commit().map(|commit| commit.to_string()))
    }

    fn branch_commit(&self, branch: &str) -> Result<Option<String>, Failure> {
        Ok(self.repository.commit_of_branch(branch).map(|commit| commit.to_string()))
    }

    fn unmerged(&self, path: &str) -> Result<Option<Stages>, Failure> {
        let stages = self.repository.unmerged(path)?;
        Ok(stages.map(|stages| Stages { base: stages.base, ours: stages.ours, theirs: stages.theirs }))
    }

    fn stage(&self, path: &str) -> Result<(), Failure> {
        self.repository.stage(path)
    }

    fn unmerged_under(&self, directory: &str) -> Result<Vec<String>, Failure> {
        self.repository.unmerged_under(directory)
    }

    fn outgoing_text(
        &self,
        tips: &[String],
        remote: Option<&str>,
        known: &[String],
        visit: &mut dyn FnMut(OutgoingText<'_>),
    ) -> Result<Vec<String>, Failure> {
        let skipped = self.repository.outgoing_text(tips, remote, known, &mut |text| {
            visit(OutgoingText { commit: text.commit, path: text.path, first_line: text.first_line, text: text.text });
        })?;
        Ok(skipped.into_iter().map(|skipped| skipped.path).collect())
    }
}
