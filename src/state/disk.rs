//! Durable writes in a directory that only the user can read.
//!
//! It knows nothing of records. A file is old or new, never something between, whatever is killed when.

use crate::ports::{Failure, FailureKind};
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use tempfile::{Builder, NamedTempFile};

/// What the names of temporary files and of directories on their way out begin with. No reader looks at them.
pub(super) const TEMPORARY: &str = ".tmp-";

/// Whether a write may replace what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Replace,
    Keep,
}

/// Writes a file, 0600, so that after a power cut it is there as a whole. `AlreadyExists` with [`Existing::Keep`].
pub(super) fn write(path: &Path, bytes: &[u8], existing: Existing) -> io::Result<()> {
    let directory = parent(path);
    let mut temporary = temporary_in(directory)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    match existing {
        Existing::Replace => temporary.persist(path)?,
        Existing::Keep => temporary.persist_noclobber(path)?,
    };
    sync_directory(directory)
}

/// Replaces a file at once, but leaves it to the system when it reaches the disk: for what may be lost.
pub(super) fn write_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = temporary_in(parent(path))?;
    temporary.write_all(bytes)?;
    temporary.persist(path)?;
    Ok(())
}

/// The bytes of a file; none where there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    absent_is_none(fs::read(path))
}

/// Removes a file, durably. One that is not there is no error.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match absent_is_none(fs::remove_file(path))? {
        Some(()) => sync_directory(parent(path)),
        None => Ok(()),
    }
}

/// Makes a directory and those above it, each 0700 and synced into the one above. Those that exist stay as they are.
pub(super) fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = parent(directory);
    create_directory(above)?;
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_directory(above),
    }
}

/// The names in a directory; none where there is no directory. What is no text is not ours.
pub(super) fn names(directory: &Path) -> io::Result<Vec<String>> {
    let Some(entries) = absent_is_none(fs::read_dir(directory))? else { return Ok(Vec::new()) };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
    Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Removes what killed processes left in a directory. The caller holds the lock of all who write there. What cannot be
/// removed stays: it is encrypted, and nobody reads it.
pub(super) fn sweep(directory: &Path) {
    for name in names(directory).unwrap_or_default() {
        if name.starts_with(TEMPORARY) {
            let path = directory.join(name);
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

/// A failure of the disk, in a user's words.
pub(super) fn failure(doing: &str, path: &Path, error: io::Error) -> Failure {
    let failure = Failure::new(FailureKind::Internal, format!("cannot {doing} `{}`", path.display()));
    let failure = match error.kind() {
        ErrorKind::PermissionDenied => {
            failure.hint("look who owns that directory: `sudo git …` leaves root's files behind")
        }
        ErrorKind::ReadOnlyFilesystem => failure.hint("the file system is mounted read-only"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => failure.hint("make room on the disk, then type it again"),
        _ => failure,
    };
    failure.because(error)
}

fn temporary_in(directory: &Path) -> io::Result<NamedTempFile> {
    Builder::new().prefix(TEMPORARY).tempfile_in(directory)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A name is on the disk only when its directory is (fsync(2)). Some network and FUSE file systems know no sync of
/// directories and say `EINVAL` or "unsupported": there is no more to be had there.
fn sync_directory(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match File::open(directory)?.sync_all() {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        other => other?,
    }
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_and_leaves_no_temporary_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        write(&path, b"old", Existing::Replace).unwrap();
        write(&path, b"new", Existing::Replace).unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"new");
        assert_eq!(names(directory.path()).unwrap(), ["f"]);
    }

    #[test]
    fn a_write_that_keeps_never_replaces() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        write(&path, b"old", Existing::Keep).unwrap();
        assert_eq!(write(&path, b"new", Existing::Keep).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(read(&path).unwrap().unwrap(), b"old");
        assert_eq!(names(directory.path()).unwrap(), ["f"]);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_0600_and_directories_0700() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("a/b");
        create_directory(&directory).unwrap();
        write(&directory.join("f"), b"x", Existing::Replace).unwrap();
        assert_eq!(mode(&root.path().join("a")), 0o700);
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join("f")), 0o600);
    }

    #[test]
    fn a_file_where_a_directory_belongs_is_an_error_and_stays() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "x").unwrap();
        assert!(create_directory(&root.path().join("a/b")).is_err());
        assert_eq!(fs::read(root.path().join("a")).unwrap(), b"x");
    }

    #[test]
    fn sweeping_takes_temporary_files_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        for name in [".tmp-1", "state.age", "tmp"] {
            fs::write(root.path().join(name), "x").unwrap();
        }
        fs::create_dir(root.path().join(".tmp-2")).unwrap();
        sweep(root.path());
        let mut left = names(root.path()).unwrap();
        left.sort();
        assert_eq!(left, ["state.age", "tmp"]);
    }
}
