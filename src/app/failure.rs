//! From what a store says to what a user reads.

use crate::ports::{Failure, FailureKind, StoreError, StoreErrorKind};

/// The failure of a command whose store failed.
#[must_use]
pub fn store_failure(error: &StoreError) -> Failure {
    let kind = match error.kind {
        StoreErrorKind::SignedOut => FailureKind::SignedOut,
        StoreErrorKind::Denied => FailureKind::Denied,
        StoreErrorKind::Misconfigured => FailureKind::Config,
        StoreErrorKind::Undecryptable | StoreErrorKind::Corrupt => FailureKind::Undecryptable,
        StoreErrorKind::Disabled
        | StoreErrorKind::PendingDeletion
        | StoreErrorKind::Unstorable
        | StoreErrorKind::Unsupported => FailureKind::Refused,
        StoreErrorKind::Moved => FailureKind::LostRace,
        StoreErrorKind::TooLarge => FailureKind::TooLarge,
        StoreErrorKind::UntrustedRecipients => FailureKind::Untrusted,
        StoreErrorKind::Unmerged => FailureKind::Conflict,
        StoreErrorKind::Unreachable | StoreErrorKind::Throttled | StoreErrorKind::Nonsense => FailureKind::Unreachable,
        StoreErrorKind::Io => FailureKind::Internal,
    };
    let failure = Failure::new(kind, error.to_string());
    match error.hint.clone().or_else(|| usual_hint(error.kind).map(str::to_owned)) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn usual_hint(kind: StoreErrorKind) -> Option<&'static str> {
    match kind {
        StoreErrorKind::UntrustedRecipients => Some("`git envsync trust` shows the recipients and accepts them"),
        StoreErrorKind::Unmerged => Some("`git envsync resolve` merges it key by key"),
        StoreErrorKind::Moved => Some("run the command again"),
        _ => None,
    }
}
