//! Env files on disk, and the system's clock.
//!
//! It owns how files of the work tree are read and replaced. It must not know what is in them, nor which environment
//! they hold. That git ignores an env file is checked elsewhere.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod clock;
mod place;
mod reading;
mod replacing;
#[cfg(all(test, unix))]
mod tests;

pub use clock::SystemClock;

use crate::domain::environment::EnvFilePath;
use crate::domain::secret::SecretBytes;
use crate::ports::{EnvFiles, Failure, FailureKind};
use async_trait::async_trait;
use replacing::Replacement;
use std::fmt;
use std::path::PathBuf;

/// Puts a pattern into `info/exclude`.
type Exclude = dyn Fn(&str) -> Result<(), Failure>;

/// The env files of one work tree.
///
/// Links are followed as long as they stay inside the work tree and outside `.git`; any other is refused. A pipe, a
/// device or a directory in the place of an env file is refused too.
pub struct WorkTreeFiles {
    work_tree: PathBuf,
    git_dir: PathBuf,
    exclude: Box<Exclude>,
}

impl WorkTreeFiles {
    /// The files below `work_tree`. `git_dir` is this work tree's own git directory: temporary files lie in
    /// `envsync-tmp` there. `exclude` puts a pattern into `info/exclude` unless it is there already; it is called
    /// before a temporary file has to lie beside an env file.
    #[must_use]
    pub fn new(work_tree: PathBuf, git_dir: PathBuf, exclude: impl Fn(&str) -> Result<(), Failure> + 'static) -> Self {
        Self { work_tree, git_dir, exclude: Box::new(exclude) }
    }

    /// The text of a file that holds no secrets (the config, an example file), by its path below the top of the work
    /// tree; none where there is no file.
    ///
    /// # Errors
    /// A link that leaves the work tree, something that is no file, one that cannot be read, is larger than 16 MiB or
    /// is not UTF-8.
    pub fn read_text(&self, relative: &str) -> Result<Option<String>, Failure> {
        let Some(bytes) = reading::read(&self.locate(relative)?, relative)? else { return Ok(None) };
        match str::from_utf8(bytes.expose()) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(error) => Err(Failure::new(FailureKind::Config, format!("`{relative}` is not UTF-8 text"))
                .hint("save it again in the encoding UTF-8")
                .because(error)),
        }
    }

    fn locate(&self, relative: &str) -> Result<PathBuf, Failure> {
        place::locate(&self.work_tree, &self.git_dir, relative)
    }
}

#[async_trait(?Send)]
impl EnvFiles for WorkTreeFiles {
    async fn read(&self, file: &EnvFilePath) -> Result<Option<SecretBytes>, Failure> {
        reading::read(&self.locate(file.as_str())?, file.as_str())
    }

    async fn has_a_place(&self, file: &EnvFilePath) -> Result<(), Failure> {
        replacing::directory(file, &self.locate(file.as_str())?).map(drop)
    }

    async fn replace(
        &self,
        file: &EnvFilePath,
        expected: Option<&SecretBytes>,
        bytes: &SecretBytes,
    ) -> Result<(), Failure> {
        let target = self.locate(file.as_str())?;
        let scratch = replacing::scratch(&self.git_dir);
        let exclude = &*self.exclude;
        Replacement { file, target: &target, expected, bytes, scratch: &scratch, exclude }.carry_out()
    }

    async fn sweep(&self, file: &EnvFilePath) {
        replacing::sweep(&replacing::scratch(&self.git_dir), file);
        if let Ok(target) = self.locate(file.as_str())
            && let Some(directory) = target.parent()
        {
            replacing::sweep(directory, file);
        }
    }
}

impl fmt::Debug for WorkTreeFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WorkTreeFiles").field("work_tree", &self.work_tree).finish_non_exhaustive()
    }
}
