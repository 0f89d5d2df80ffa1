//! Records on disk, encrypted: the meeting of codec, cipher and disk, and what to say when they do not agree.

use super::codec::{DecodeError, Kept};
use super::disk::{self, Existing};
use crate::ports::{Cipher, Failure, FailureKind, OpenError};
use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;

/// Reads and writes encrypted records.
#[derive(Debug, Clone)]
pub(super) struct Vault {
    cipher: Rc<dyn Cipher>,
}

/// What came of a write that keeps what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    Done,
    NameTaken,
}

impl Vault {
    pub(super) fn new(cipher: Rc<dyn Cipher>) -> Self {
        Self { cipher }
    }

    /// The record in a file; none where there is no file, and only there.
    pub(super) fn read<T: Kept>(&self, path: &Path) -> Result<Option<T>, Failure> {
        let sealed = disk::read(path).map_err(|error| disk::failure("read", path, error))?;
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = self.cipher.open(&sealed).map_err(|error| not_opened::<T>(path, error))?;
        T::decode(plain.expose()).map(Some).map_err(|error| not_decoded::<T>(path, error))
    }

    /// Writes a record, durably.
    pub(super) fn write<T: Kept>(&self, path: &Path, record: &T) -> Result<(), Failure> {
        let sealed = self.cipher.seal(&record.encode())?;
        disk::write(path, &sealed, Existing::Replace).map_err(|error| disk::failure("write", path, error))
    }

    /// Writes a record, durably, unless there is a file of that name.
    pub(super) fn add<T: Kept>(&self, path: &Path, record: &T) -> Result<Added, Failure> {
        let sealed = self.cipher.seal(&record.encode())?;
        match disk::write(path, &sealed, Existing::Keep) {
            Ok(()) => Ok(Added::Done),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Added::NameTaken),
            Err(error) => Err(disk::failure("write", path, error)),
        }
    }
}

/// A file that is no record of the kind it should be, damaged or not the one that was looked for.
pub(super) fn damaged<T: Kept>(path: &Path, why: OpenError) -> Failure {
    Failure::new(FailureKind::Undecryptable, format!("the {} in `{}` is damaged", title(T::KIND), path.display()))
        .hint(way_out(T::KIND, path))
        .because(why)
}

fn not_opened<T: Kept>(path: &Path, error: OpenError) -> Failure {
    if error != OpenError::NotForUs {
        return damaged::<T>(path, error);
    }
    let what =
        format!("the {} in `{}` is encrypted to another identity than the present one", title(T::KIND), path.display());
    let hint = "name the identity it was written with in `GIT_ENVSYNC_IDENTITY`, or type \
                `git config envsync.identity <file>`; where that identity is lost: ";
    Failure::new(FailureKind::Undecryptable, what).hint(format!("{hint}{}", way_out(T::KIND, path))).because(error)
}

fn not_decoded<T: Kept>(path: &Path, error: DecodeError) -> Failure {
    if !matches!(error, DecodeError::Newer(_)) {
        return damaged::<T>(path, OpenError::Damaged(error.to_string()));
    }
    let what = format!("a newer envsync wrote the {} in `{}`", title(T::KIND), path.display());
    Failure::new(FailureKind::Undecryptable, what)
        .hint("use that version here too; `git envsync --version` says which one this is")
        .because(error)
}

fn title(kind: &str) -> &'static str {
    match kind {
        "snapshot" => "snapshot",
        "journal" => "journal",
        "undo" => "undo entry",
        "left" => "list of bases",
        "writes" => "list of begun writes",
        _ => "record of the env file",
    }
}

/// How to go on without losing anything.
fn way_out(kind: &str, path: &Path) -> String {
    let directory = path.parent().unwrap_or(path).display();
    match kind {
        "snapshot" => "delete that file, it is only a copy: `git envsync fetch` makes a new one".to_owned(),
        "left" => {
            "delete that file: it serves only comparisons with environments that the env file does not hold".to_owned()
        }
        "writes" => {
            "move that file away: it serves only to look whether an interrupted push ran over somebody else's change"
                .to_owned()
        }
        "undo" => "move that file away: only what it could take back hangs on it".to_owned(),
        // Without its journal the record may tell of another environment than the file holds: both or neither.
        "journal" => format!(
            "move `journal.age` and `state.age` in `{directory}` away (keep them, parked changes are in there), then \
             `git envsync pull` merges the env file with the store without a base"
        ),
        _ => "move that file away (keep it, parked changes are in there), then `git envsync pull` merges the env file \
              with the store without a base"
            .to_owned(),
    }
}
