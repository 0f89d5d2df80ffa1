//! Errors of the age store, in storage words. Names of files, locations and public keys only.

use super::envelope::EnvelopeError;
use super::recipients;
use crate::domain::environment::Location;
use crate::domain::snapshot::PayloadName;
use crate::ports::{Failure, FailureKind, OpenError, StoreError, StoreErrorKind};
use crate::stores::store_error;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;

/// Makes the errors about one store file, or about the recipients file.
#[derive(Debug)]
pub(super) struct Errors<'a, S> {
    /// The store.
    pub(super) store: &'a S,
    /// The file, relative to the top of the work tree.
    pub(super) file: String,
    /// The location, where the file is a store file.
    pub(super) location: Option<&'a Location>,
}

impl<S: Display> Errors<'_, S> {
    pub(super) fn of(&self, kind: StoreErrorKind, operation: &'static str, detail: impl Into<String>) -> StoreError {
        let payload = self.location.map(|location| PayloadName(location.as_str().to_owned()));
        StoreError { payload, ..store_error(self.store, kind, operation, detail) }
    }

    pub(super) fn io(&self, operation: &'static str, error: &io::Error) -> StoreError {
        let detail = format!("{}: {error}", self.file);
        // A refusal of our own, a link out of the work tree say, has no code of the operating system.
        if error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
            let hint = "put a plain directory there, or a link to one inside the work tree";
            return StoreError {
                hint: Some(hint.to_owned()),
                ..self.of(StoreErrorKind::Unstorable, operation, detail)
            };
        }
        self.of(StoreErrorKind::Io, operation, detail)
    }

    pub(super) fn moved(&self) -> StoreError {
        self.of(StoreErrorKind::Moved, "write", format!("{} was changed by another program", self.file))
    }

    pub(super) fn closed(&self, error: &EnvelopeError) -> StoreError {
        match error {
            EnvelopeError::Closed(OpenError::NotForUs) => StoreError {
                hint: Some(
                    "send what `git envsync key show` prints to a recipient, who runs `git envsync recipient add`"
                        .to_owned(),
                ),
                ..self.of(StoreErrorKind::Undecryptable, "read", format!("{} is not encrypted to your key", self.file))
            },
            EnvelopeError::Closed(OpenError::Damaged(_)) | EnvelopeError::Unbound => {
                self.corrupt(format!("{} cannot be used: {error}", self.file))
            }
        }
    }

    pub(super) fn copy_of(&self, bound: &Location) -> StoreError {
        self.corrupt(format!("{} is a copy of {bound:?}", self.file, bound = bound.as_str()))
    }

    fn corrupt(&self, detail: String) -> StoreError {
        let hint = format!("`git restore {file}` brings the committed one back", file = self.file);
        StoreError { hint: Some(hint), ..self.of(StoreErrorKind::Corrupt, "read", detail) }
    }

    pub(super) fn untrusted(&self, keys: &BTreeSet<String>, accepted: &[BTreeSet<String>]) -> StoreError {
        let detail = format!("the recipients in {} are not accepted: {}", self.file, difference(keys, accepted));
        StoreError {
            hint: Some("look at the list and accept it with `git envsync trust`".to_owned()),
            ..self.of(StoreErrorKind::UntrustedRecipients, "write", detail)
        }
    }

    /// A lower layer's refusal to encrypt, or to accept recipients.
    pub(super) fn refused(&self, failure: &Failure) -> StoreError {
        let kind = match failure.kind {
            FailureKind::Untrusted => StoreErrorKind::UntrustedRecipients,
            FailureKind::Refused | FailureKind::Usage | FailureKind::Config => StoreErrorKind::Unstorable,
            _ => StoreErrorKind::Io,
        };
        let detail = format!("{}: {}", self.file, failure.what);
        StoreError { hint: failure.hint.clone(), ..self.of(kind, "write", detail) }
    }
}

/// How a list differs from the accepted one it is nearest to.
fn difference(keys: &BTreeSet<String>, accepted: &[BTreeSet<String>]) -> String {
    let nearest = accepted.iter().min_by_key(|list| list.symmetric_difference(keys).count());
    let none = BTreeSet::new();
    let nearest = nearest.unwrap_or(&none);
    let added = keys.difference(nearest).map(|key| format!("+ {key}"));
    let removed = nearest.difference(keys).map(|key| format!("- {key}"));
    let all: Vec<String> = added.chain(removed).collect();
    if all.is_empty() { format!("list {}", recipients::digest(keys)) } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_difference_is_to_the_nearest_accepted_list() {
        let accepted = [keys(&["x"]), keys(&["ada", "bob"])];
        assert_eq!(difference(&keys(&["ada", "eve"]), &accepted), "+ eve, - bob");
        assert_eq!(difference(&keys(&["eve"]), &[]), "+ eve");
    }
}
