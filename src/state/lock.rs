//! Locks between envsync processes, on files that stay.
//!
//! The operating system gives a lock back when its holder dies, so none is ever left behind (flock(2); on Windows
//! `LockFileEx`). The file itself tells nothing and is never replaced by those who lock it.

use super::disk;
use crate::ports::{Failure, FailureKind};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long a person waits for another envsync: longer than a hook's time budget.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(20);

/// Locks `path`, which it makes where it is missing; none when somebody else has had it for all of `patience`.
pub(super) fn acquire(path: &Path, patience: Duration) -> Result<Option<File>, Failure> {
    let started = Instant::now();
    loop {
        let file = open(path)?;
        match file.try_lock() {
            // Its holder may have removed the directory (an orphan, `uninstall --purge`): then this is a lock on
            // nothing, while the next process makes a new file and locks that.
            Ok(()) if is_still_at(&file, path) => return Ok(Some(file)),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if started.elapsed() >= patience => return Ok(None),
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => {
                return Err(disk::failure("lock", path, error)
                    .hint("the file system of the repository must support locks (`flock`)"));
            }
        }
    }
}

/// Locks `path` or says who has it: `busy` names what is locked.
pub(super) fn insist(path: &Path, patience: Duration, busy: &str) -> Result<File, Failure> {
    acquire(path, patience)?.ok_or_else(|| {
        Failure::new(FailureKind::Refused, format!("another envsync is at work ({busy})"))
            .hint("wait until it has ended, then type it again")
    })
}

fn open(path: &Path) -> Result<File, Failure> {
    if let Some(directory) = path.parent() {
        disk::create_directory(directory).map_err(|error| disk::failure("create", directory, error))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| disk::failure("open", path, error))
}

#[cfg(unix)]
fn is_still_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), path.metadata()) {
        (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Windows does not remove a file that somebody has open.
#[cfg(not(unix))]
fn is_still_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_excludes_another_handle_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/lock");
        let held = acquire(&path, Duration::ZERO).unwrap().expect("free");
        assert!(acquire(&path, Duration::from_millis(30)).unwrap().is_none());
        let failure = insist(&path, Duration::ZERO, "`.env`").unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        assert_eq!(failure.what, "another envsync is at work (`.env`)");
        drop(held);
        assert!(acquire(&path, Duration::ZERO).unwrap().is_some());
    }

    #[test]
    fn one_who_waits_gets_the_lock_when_it_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = acquire(&path, Duration::ZERO).unwrap().expect("free");
        let waiting = thread::spawn(move || acquire(&path, PATIENCE).unwrap().is_some());
        thread::sleep(Duration::from_millis(50));
        drop(held);
        assert!(waiting.join().unwrap());
    }

    const HOLDER: &str = "ENVSYNC_TEST_LOCK_TO_HOLD";

    /// The other process of the next test, which runs this one in it; does nothing by itself.
    #[test]
    fn holder() {
        if let Some(path) = std::env::var_os(HOLDER) {
            let path = Path::new(&path);
            let _held = acquire(path, Duration::ZERO).unwrap().expect("free");
            std::fs::write(path.with_extension("held"), "").unwrap();
            thread::sleep(Duration::from_secs(60));
        }
    }

    #[test]
    fn a_lock_excludes_another_process_and_ends_with_its_death() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let mut other = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "state::lock::tests::holder"])
            .env(HOLDER, &path)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while !path.with_extension("held").exists() && started.elapsed() < Duration::from_secs(20) {
            thread::sleep(PAUSE);
        }
        let while_it_lives = acquire(&path, Duration::ZERO);
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(path.with_extension("held").exists(), "the other process had the lock");
        assert!(while_it_lives.unwrap().is_none());
        assert!(acquire(&path, PATIENCE).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_on_a_file_that_was_removed_is_not_taken_for_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let gone = acquire(&path, Duration::ZERO).unwrap().expect("free");
        std::fs::remove_file(&path).unwrap();
        assert!(!is_still_at(&gone, &path));
        let held = acquire(&path, Duration::ZERO).unwrap().expect("a new file");
        assert!(is_still_at(&held, &path));
    }
}
