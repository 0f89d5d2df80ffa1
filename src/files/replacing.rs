//! Putting a file in the place of another in one step.
//!
//! The new text is written to a temporary file, synced, and renamed over the old one. Its place is chosen so that
//! a killed process leaves no plaintext where git or an editor would find it: in the git directory, and beside the
//! env file only where the git directory lies on another file system, since a rename cannot cross that.
//!
//! An env file that a container mounts as a single file can be neither renamed over (`EBUSY`, rename(2)) nor replaced
//! in one step by any other means. Writing into it in place could leave half a file, so that is a failure.

use super::{Exclude, reading};
use crate::domain::environment::EnvFilePath;
use crate::domain::secret::SecretBytes;
use crate::ports::{Failure, FailureKind};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// What `info/exclude` must hold before a temporary file lies in the work tree.
pub(super) const EXCLUDE: &str = ".envsync-tmp-*";

/// One replacement.
pub(super) struct Replacement<'a> {
    pub(super) file: &'a EnvFilePath,
    /// The real path, without links.
    pub(super) target: &'a Path,
    pub(super) expected: Option<&'a SecretBytes>,
    pub(super) bytes: &'a SecretBytes,
    /// The directory for temporary files in the git directory.
    pub(super) scratch: &'a Path,
    /// Puts a pattern into `info/exclude`, unless it is there.
    pub(super) exclude: &'a Exclude,
}

/// Why one way did not work.
enum Problem {
    /// Renaming from there crosses file systems.
    OtherFileSystem(io::Error),
    Failed(Failure),
}

impl Replacement<'_> {
    pub(super) fn carry_out(&self) -> Result<(), Failure> {
        let existing = reading::inspect(self.target, self.file.as_str())?;
        let directory = directory(self.file, self.target)?;
        create_private(self.scratch).map_err(|error| unwritable(self.file, self.scratch, error))?;
        if on_one_file_system(self.scratch, directory) {
            match self.from(self.scratch, existing.as_ref()) {
                // A bind mount has its own identity in no field that could be compared: only the rename tells.
                Err(Problem::OtherFileSystem(_)) => {}
                Err(Problem::Failed(failure)) => return Err(failure),
                Ok(()) => return Ok(()),
            }
        }
        (self.exclude)(EXCLUDE)?;
        self.from(directory, existing.as_ref()).map_err(|problem| match problem {
            Problem::OtherFileSystem(error) => unwritable(self.file, directory, error),
            Problem::Failed(failure) => failure,
        })
    }

    fn from(&self, scratch: &Path, existing: Option<&Metadata>) -> Result<(), Problem> {
        let failed = |error| Problem::Failed(unwritable(self.file, scratch, error));
        let temporary = self.write(scratch, existing).map_err(failed)?;
        // As late as can be: what is saved after this look and before the rename would be lost.
        let now = reading::read(self.target, self.file.as_str()).map_err(Problem::Failed)?;
        if now.as_ref() != self.expected {
            return Err(Problem::Failed(lost_race(self.file)));
        }
        self.rename(temporary)?;
        // The new file is in place, so this is no failure any more. Were the rename lost in a power cut, the journal
        // entry tells by the file's bytes.
        let _ = sync_directory(self.directory());
        Ok(())
    }

    fn write(&self, scratch: &Path, existing: Option<&Metadata>) -> io::Result<NamedTempFile> {
        let mut temporary = Builder::new().prefix(&prefix(self.file)).tempfile_in(scratch)?;
        temporary.write_all(self.bytes.expose())?;
        if let Some(existing) = existing {
            keep_mode(temporary.as_file(), existing)?;
        }
        temporary.as_file().sync_all()?;
        Ok(temporary)
    }

    fn rename(&self, temporary: NamedTempFile) -> Result<(), Problem> {
        let result = match self.expected {
            Some(_) => temporary.persist(self.target),
            None => match temporary.persist_noclobber(self.target) {
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                    return Err(Problem::Failed(lost_race(self.file)));
                }
                // File systems without hard links know no other way to keep what is there than to look.
                Err(error) if error.error.kind() != ErrorKind::CrossesDevices && !self.target.exists() => {
                    error.file.persist(self.target)
                }
                other => other,
            },
        };
        result.map(drop).map_err(|error| match error.error.kind() {
            ErrorKind::CrossesDevices => Problem::OtherFileSystem(error.error),
            _ => Problem::Failed(unwritable(self.file, self.directory(), error.error)),
        })
    }

    fn directory(&self) -> &Path {
        self.target.parent().expect("a file inside the work tree lies in a directory")
    }
}

/// The directory that `file`, whose real path is `target`, lies in.
pub(super) fn directory<'a>(file: &EnvFilePath, target: &'a Path) -> Result<&'a Path, Failure> {
    let directory = target.parent().expect("a file inside the work tree lies in a directory");
    if directory.is_dir() { Ok(directory) } else { Err(missing_directory(file)) }
}

/// Removes the temporary files of one env file from a directory. What cannot be removed is tried again next time.
pub(super) fn sweep(directory: &Path, file: &EnvFilePath) {
    let prefix = prefix(file);
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Begins the names of an env file's temporary files. Its own for each env file: they have a lock each, and the holder
/// of one must not sweep away what another process is writing.
pub(super) fn prefix(file: &EnvFilePath) -> String {
    let digest = Sha256::digest(file.as_str());
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    format!(".envsync-tmp-{number:08x}-")
}

/// The directory for temporary files in a git directory.
pub(super) fn scratch(git_dir: &Path) -> PathBuf {
    git_dir.join("envsync-tmp")
}

fn create_private(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        other => other,
    }
}

#[cfg(unix)]
fn on_one_file_system(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    matches!((one.metadata(), other.metadata()), (Ok(one), Ok(other)) if one.dev() == other.dev())
}

/// Drives and mounted folders cannot be told apart here, and a move between them would copy.
#[cfg(not(unix))]
fn on_one_file_system(_: &Path, _: &Path) -> bool {
    false
}

/// Owner, group and mode of the old file: who could read it still can, and nobody else.
#[cfg(unix)]
fn keep_mode(temporary: &File, existing: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let created = temporary.metadata()?;
    let mut mode = existing.mode() & 0o7777;
    // Under `sudo git checkout` the file would become root's. Only root may give files away; others own it already.
    if created.uid() != existing.uid() {
        let _ = fchown(temporary, Some(existing.uid()), None);
    }
    if created.gid() != existing.gid() && fchown(temporary, None, Some(existing.gid())).is_err() {
        mode = without_foreign_group(mode);
    }
    temporary.set_permissions(fs::Permissions::from_mode(mode))
}

/// Where the group cannot be kept, the bits meant for it must not go to another: the new group gets what all get.
#[cfg(unix)]
fn without_foreign_group(mode: u32) -> u32 {
    mode & !0o070 | (mode & 0o007) << 3
}

#[cfg(not(unix))]
fn keep_mode(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

fn lost_race(file: &EnvFilePath) -> Failure {
    Failure::new(FailureKind::LostRace, format!("`{file}` was changed meanwhile; it is as its writer left it"))
        .hint("type the command again: it merges that change too")
}

fn missing_directory(file: &EnvFilePath) -> Failure {
    let directory = Path::new(file.as_str()).parent().unwrap_or(Path::new(".")).display().to_string();
    Failure::new(FailureKind::Refused, format!("there is no directory `{directory}` to put `{file}` into"))
        .hint(format!("`mkdir -p {directory}`, or check out a branch that has it"))
}

/// A failure of the disk; the env file is as it was.
fn unwritable(file: &EnvFilePath, directory: &Path, error: io::Error) -> Failure {
    let directory = directory.display();
    let internal = |why: String| Failure::new(FailureKind::Internal, format!("`{file}` is as it was: {why}"));
    let failure = match error.kind() {
        ErrorKind::ResourceBusy | ErrorKind::CrossesDevices => {
            let what = format!("`{file}` is as it was: it is a mount of its own and cannot be replaced in one step");
            Failure::new(FailureKind::Refused, what)
                .hint("mount the directory that holds it into the container, not the single file")
        }
        ErrorKind::PermissionDenied => internal(format!("the directory `{directory}` cannot be written"))
            .hint(format!("`ls -ld {directory}` says whose it is")),
        ErrorKind::ReadOnlyFilesystem => internal(format!("the directory `{directory}` is mounted read-only"))
            .hint("mount it writable, then type the command again"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            internal("the disk is full".to_owned()).hint("make room, then type the command again")
        }
        _ => internal(format!("`{directory}` did not take the new file")),
    };
    failure.because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_disk_refuses_is_said_in_a_users_words() {
        let file = EnvFilePath::new(".env");
        let say = |kind: ErrorKind| unwritable(&file, Path::new("/w"), kind.into());
        assert_eq!(say(ErrorKind::PermissionDenied).what, "`.env` is as it was: the directory `/w` cannot be written");
        assert_eq!(
            say(ErrorKind::ReadOnlyFilesystem).what,
            "`.env` is as it was: the directory `/w` is mounted read-only"
        );
        assert_eq!(say(ErrorKind::StorageFull).what, "`.env` is as it was: the disk is full");
        for kind in [ErrorKind::ResourceBusy, ErrorKind::CrossesDevices] {
            assert_eq!(say(kind).kind, FailureKind::Refused);
            assert!(say(kind).what.contains("a mount of its own"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn bits_for_a_group_that_cannot_be_kept_go_to_no_other_group() {
        assert_eq!(without_foreign_group(0o660), 0o600);
        assert_eq!(without_foreign_group(0o664), 0o644);
        assert_eq!(without_foreign_group(0o600), 0o600);
    }

    #[test]
    fn each_env_file_has_a_name_of_its_own_that_the_exclude_pattern_covers() {
        let (one, other) = (prefix(&EnvFilePath::new(".env")), prefix(&EnvFilePath::new(".env.test")));
        assert_ne!(one, other);
        assert!(one.starts_with(EXCLUDE.trim_end_matches('*')));
    }
}
