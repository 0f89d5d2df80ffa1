//! Env files on disk.

use super::error::Failure;
use crate::domain::environment::EnvFilePath;
use crate::domain::secret::SecretBytes;
use async_trait::async_trait;
use std::fmt::Debug;

/// The plaintext env files of one work tree.
#[async_trait(?Send)]
pub trait EnvFiles: Debug {
    /// The bytes of an env file; none where there is no file.
    ///
    /// # Errors
    /// A link that leaves the work tree, a directory, a file that cannot be read.
    async fn read(&self, file: &EnvFilePath) -> Result<Option<SecretBytes>, Failure>;

    /// Whether the env file has a place: its directory is there. For a look before anything is written.
    ///
    /// # Errors
    /// It has none.
    async fn has_a_place(&self, file: &EnvFilePath) -> Result<(), Failure>;

    /// Puts `bytes` in the place of the env file: it compares with `expected`, writes a temporary file, syncs and
    /// renames. The file keeps its mode, a new one is created 0600; a link is followed, its target is replaced.
    ///
    /// # Errors
    /// [`crate::ports::FailureKind::LostRace`] where the file is not what was `expected` any more; a place that cannot be written. The
    /// file is as it was then.
    async fn replace(
        &self,
        file: &EnvFilePath,
        expected: Option<&SecretBytes>,
        bytes: &SecretBytes,
    ) -> Result<(), Failure>;

    /// Removes what a killed process left behind, in the git directory and beside the env file. The caller holds the
    /// env file's lock.
    async fn sweep(&self, file: &EnvFilePath);
}
