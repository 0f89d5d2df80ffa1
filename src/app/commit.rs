//! What a plan asks of a store, and what its answer means for each step.

use super::report::{Change, Outcome};
use crate::domain::key::Key;
use crate::domain::plan::{Action, Plan, Step};
use crate::domain::record::UndoChange;
use crate::ports::{CommitReport, RemoteChange, StoreError, StoreErrorKind};
use std::collections::BTreeMap;

/// What one round of a merge came to.
pub(super) enum Round {
    /// All is done.
    Done,
    /// Some of it, and this stands in the way of the rest.
    Partly(StoreError),
    /// Another writer was faster.
    Raced,
}

/// Whether a step changes the store.
pub(super) fn writes_remote(step: &Step) -> bool {
    matches!(step.action, Action::UpdateRemote | Action::RemoveRemote)
}

/// What a plan asks of the store.
pub(super) fn remote_changes(plan: &Plan) -> Vec<RemoteChange> {
    plan.steps
        .iter()
        .filter_map(|step| match step.action {
            Action::UpdateRemote => Some(RemoteChange { key: step.key.clone(), value: step.local.clone() }),
            Action::RemoveRemote => Some(RemoteChange { key: step.key.clone(), value: None }),
            _ => None,
        })
        .collect()
}

/// What a plan removes from the store. The env file has another environment: that value is nowhere else.
pub(super) fn removed(plan: &Plan) -> BTreeMap<Key, UndoChange> {
    let removals = plan.steps.iter().filter(|step| step.action == Action::RemoveRemote);
    removals.map(|step| (step.key.clone(), UndoChange { before: step.remote.clone(), after: None })).collect()
}

/// What a plan writes over in the store, and removes from it.
pub(super) fn overwritten(plan: &Plan) -> BTreeMap<Key, UndoChange> {
    let written = plan.steps.iter().filter(|step| writes_remote(step) && step.remote.is_some());
    let change = |step: &Step| UndoChange {
        before: step.remote.clone(),
        after: step.local.clone().filter(|_| step.action == Action::UpdateRemote),
    };
    written.map(|step| (step.key.clone(), change(step))).collect()
}

/// The error of a commit that wrote nothing at all.
pub(super) fn wrote_nothing(report: &CommitReport) -> Option<StoreError> {
    let first = report.outcomes.values().find_map(|outcome| outcome.as_ref().err());
    if report.outcomes.is_empty() || report.outcomes.values().any(Result::is_ok) {
        return if report.outcomes.is_empty() { report.failure.clone() } else { None };
    }
    // A failure that is no race is what the user has to hear of, where there is one: that of the key that stands in the
    // way, not of those that were left out for its sake.
    let errors = report.outcomes.values().filter_map(|outcome| outcome.as_ref().err());
    let hard = || errors.clone().filter(|error| error.kind != StoreErrorKind::Moved);
    hard().find(|error| error.payload.is_some()).or_else(|| hard().next()).or(first).cloned()
}

/// What came of a plan's steps, and of the round as a whole.
pub(super) fn outcome(plan: &Plan, committed: Option<&CommitReport>) -> (Round, Vec<Change>) {
    let mut worst = Round::Done;
    let changes = plan
        .steps
        .iter()
        .map(|step| {
            let error = committed
                .filter(|_| writes_remote(step))
                .and_then(|report| report.outcomes.get(&step.key))
                .and_then(|outcome| outcome.as_ref().err());
            let outcome = match error {
                None => Outcome::Applied,
                Some(error) => {
                    worst = match (&worst, error.kind) {
                        (Round::Done | Round::Raced, StoreErrorKind::Moved) => Round::Raced,
                        _ => Round::Partly(error.clone()),
                    };
                    Outcome::Failed(error.to_string())
                }
            };
            Change::new(step, outcome)
        })
        .collect();
    (worst, changes)
}
