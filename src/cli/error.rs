//! Failures as users and scripts see them, and exit statuses: in this one place.

use super::ui::Ui;
use crate::ports::{Failure, FailureKind};
use std::error::Error;

/// The exit status of a kind of failure.
#[must_use]
pub fn status(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Missing => 1,
        FailureKind::Usage => 2,
        FailureKind::Conflict => 3,
        FailureKind::Refused
        | FailureKind::Protected
        | FailureKind::WrongEnvironment
        | FailureKind::ExposedEnvFile
        | FailureKind::Emptied
        | FailureKind::LostRace
        | FailureKind::TooLarge => 4,
        FailureKind::SignedOut | FailureKind::Denied | FailureKind::Undecryptable => 5,
        FailureKind::Unreachable | FailureKind::Offline => 6,
        FailureKind::Config | FailureKind::Untrusted | FailureKind::NoEnvironment => 7,
        FailureKind::Partial => 8,
        FailureKind::Internal => 9,
    }
}

/// Prints a failure in its three voices: why, what happened, what to do now.
pub fn print(ui: &Ui, failure: &Failure) {
    let mut why = Vec::new();
    let mut source = failure.source();
    while let Some(error) = source {
        let text = error.to_string();
        if why.last() != Some(&text) {
            why.push(text);
        }
        source = error.source();
    }
    ui.error_line(&format!("error: {}", failure.what));
    for line in why {
        ui.error_line(&format!("  because: {line}"));
    }
    if let Some(hint) = &failure.hint {
        ui.error_line(&format!("hint: {hint}"));
    }
}

/// A failure as the `error` member of a JSON document.
#[must_use]
pub fn json(failure: &Failure) -> serde_json::Value {
    serde_json::json!({
        "kind": failure.kind,
        "message": failure.what,
        "hint": failure.hint,
        "status": status(failure.kind),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureKind as Kind;

    #[test]
    fn every_kind_of_failure_has_the_status_of_the_manual() {
        let table: [(u8, &[Kind]); 9] = [
            (1, &[Kind::Missing]),
            (2, &[Kind::Usage]),
            (3, &[Kind::Conflict]),
            (4, &[Kind::Refused, Kind::Protected, Kind::WrongEnvironment, Kind::ExposedEnvFile, Kind::Emptied]),
            (4, &[Kind::LostRace, Kind::TooLarge]),
            (5, &[Kind::SignedOut, Kind::Denied, Kind::Undecryptable]),
            (6, &[Kind::Unreachable, Kind::Offline]),
            (7, &[Kind::Config, Kind::Untrusted, Kind::NoEnvironment]),
            (8, &[Kind::Partial]),
        ];
        for (expected, kinds) in table {
            for kind in kinds {
                assert_eq!(status(*kind), expected, "{kind:?}");
            }
        }
        assert_eq!(status(Kind::Internal), 9);
    }
}
