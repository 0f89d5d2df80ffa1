//! Reading a file of the work tree as a whole, within bounds.

use crate::domain::secret::SecretBytes;
use crate::ports::{Failure, FailureKind};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// The most that is read, in bytes: no env file, example or config is a hundredth of it.
const LIMIT: u64 = 16 * 1024 * 1024;

/// What is at `path`; none where nothing is. `shown` is the path as the user knows it.
///
/// Refused is what cannot be replaced by a file later: a directory, and a pipe, whose reading might never end.
pub(super) fn inspect(path: &Path, shown: &str) -> Result<Option<Metadata>, Failure> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unreadable(shown, error)),
    };
    if there.is_dir() {
        return Err(Failure::new(FailureKind::Refused, format!("`{shown}` is a directory"))
            .hint("move it away, or name another file under `[[file]]` in `.envsync.toml`"));
    }
    if !there.is_file() {
        return Err(Failure::new(FailureKind::Refused, format!("`{shown}` is not a regular file"))
            .hint("put a plain file there: a pipe or a device cannot be merged"));
    }
    Ok(Some(there))
}

/// The bytes of the file at `path`; none where there is none.
pub(super) fn read(path: &Path, shown: &str) -> Result<Option<SecretBytes>, Failure> {
    let Some(there) = inspect(path, shown)? else { return Ok(None) };
    let mut size = there.len();
    loop {
        if size > LIMIT {
            let what = format!("`{shown}` is larger than {} MiB", LIMIT / 1024 / 1024);
            return Err(Failure::new(FailureKind::TooLarge, what).hint("is it the right file?"));
        }
        match read_at_most(path, size) {
            Ok(Some(bytes)) => return Ok(Some(bytes)),
            // It has grown since it was looked at.
            Ok(None) => size = (size * 2).max(4096),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(unreadable(shown, error)),
        }
    }
}

/// The whole file, or none where it has more than `size` bytes. The buffer never grows: growing would leave a copy of
/// secrets in memory.
fn read_at_most(path: &Path, size: u64) -> io::Result<Option<SecretBytes>> {
    let mut file = File::open(path)?;
    let size = usize::try_from(size).expect("the limit is far below any address space");
    let mut buffer = Zeroizing::new(vec![0; size + 1]);
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => {
                buffer.truncate(filled);
                return Ok(Some(SecretBytes::new(std::mem::take(&mut *buffer))));
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A parent that is no directory is one way of not being there.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(shown: &str, error: io::Error) -> Failure {
    let failure = Failure::new(FailureKind::Internal, format!("`{shown}` cannot be read"));
    let failure = match error.kind() {
        ErrorKind::PermissionDenied => failure.hint(format!("make it yours: `ls -l {shown}` says whose it is")),
        _ => failure,
    };
    failure.because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_a_whole_and_a_missing_one_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".env");
        assert_eq!(read(&path, ".env").unwrap(), None);
        assert_eq!(read(&path.join("below/nothing"), ".env").unwrap(), None);
        for text in ["", "A=canary-1\n"] {
            fs::write(&path, text).unwrap();
            assert_eq!(read(&path, ".env").unwrap(), Some(SecretBytes::from(text)));
        }
        assert_eq!(read(&path.join("below-a-file"), ".env").unwrap(), None);
    }

    #[test]
    fn a_file_that_grew_since_it_was_looked_at_is_not_cut() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".env");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_at_most(&path, 4).unwrap(), None);
        assert_eq!(read_at_most(&path, 5).unwrap(), Some(SecretBytes::from("12345")));
    }

    #[test]
    fn a_directory_and_a_file_over_the_limit_are_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let failure = read(directory.path(), ".env").unwrap_err();
        assert_eq!((failure.kind, failure.what.as_str()), (FailureKind::Refused, "`.env` is a directory"));
        let path = directory.path().join("large");
        File::create(&path).unwrap().set_len(LIMIT + 1).unwrap();
        let failure = read(&path, "large").unwrap_err();
        assert_eq!((failure.kind, failure.what.as_str()), (FailureKind::TooLarge, "`large` is larger than 16 MiB"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_neither_file_nor_directory_is_refused_without_waiting_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".env");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(read(&path, ".env").unwrap_err().what, "`.env` is not a regular file");
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let failure = unreadable("apps/web/.env", ErrorKind::PermissionDenied.into());
        assert_eq!(failure.what, "`apps/web/.env` cannot be read");
        assert!(failure.hint.unwrap().contains("ls -l apps/web/.env"));
    }
}
