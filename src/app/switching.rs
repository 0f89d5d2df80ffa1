//! Putting another environment into an env file.

use super::apply;
use super::decide::code_keys;
use super::remote::Remote;
use super::report::{Event, Outcome, TargetReport};
use super::target::Target;
use super::workspace::Workspace;
use crate::domain::environment::{Address, Timestamp};
use crate::domain::key::Key;
use crate::domain::plan::{Choices, CodeKeys, Deletions, Direction, Plan, Rules, Situation};
use crate::domain::record::{FileState, Look, Parked, UndoEntry, UndoEnvironment, Values};
use crate::domain::switch::{self, Filled};
use crate::domain::undo;
use crate::ports::Failure;
use std::collections::{BTreeMap, BTreeSet};

/// What a switch does: a pure value, until it is applied.
#[derive(Debug)]
pub struct Switch {
    /// What of the old environment is parked.
    pub parked: Option<Parked>,
    /// What the file gets.
    pub filled: Filled,
    /// The same as steps, to show.
    pub plan: Plan,
}

/// Decides what a switch to the target's environment does.
#[must_use]
pub fn plan(workspace: &Workspace, target: &Target, remote: &Remote, now: Timestamp) -> Switch {
    let mut code_keys = code_keys(workspace, target);
    let switch = plan_with(target, remote, now, &code_keys);
    let held_back: Vec<&str> = switch.filled.held_back.iter().map(Key::as_str).collect();
    let asked = code_keys != CodeKeys::Accepted && !held_back.is_empty();
    if asked && workspace.asker.confirm(&let_in(&held_back)) {
        code_keys = CodeKeys::Accepted;
        return plan_with(target, remote, now, &code_keys);
    }
    switch
}

/// The question about keys that make programs load code.
#[must_use]
pub fn let_in(keys: &[&str]) -> String {
    format!("{} can make programs load code. Let it into the file?", keys.join(", "))
}

fn plan_with(target: &Target, remote: &Remote, now: Timestamp, code_keys: &CodeKeys) -> Switch {
    let local = target.local();
    let held = target.state.record.as_ref();
    let parked = held.filter(|_| !local.is_empty()).and_then(|record| {
        let base = target.without_local_keys(&record.base);
        switch::park(&record.environment, &local, &base, target.missing(), now)
    });
    let effective = target.without_local_entries(&remote.effective);
    let here = parked_part(target, |key| !target.is_local(key));
    let here = here.as_ref();
    let filled = switch::fill(&effective, here, &local, code_keys);
    let side = |pick: fn(&crate::domain::record::ParkedChange) -> Option<&crate::domain::secret::SecretValue>| {
        here.into_iter()
            .flat_map(|parked| &parked.changes)
            .filter_map(|(key, change)| pick(change).map(|value| (key.clone(), value.clone())))
            .collect::<Values>()
    };
    let (parked_local, parked_base) = (side(|change| change.local.as_ref()), side(|change| change.base.as_ref()));
    let rules = Rules {
        direction: Direction::ToLocal,
        choices: Choices::default(),
        deletions: Deletions::Withheld,
        code_keys: match code_keys {
            CodeKeys::Accepted => CodeKeys::Accepted,
            // What the file has already under another environment is neither new nor changed.
            CodeKeys::HeldBack(accepted) => {
                CodeKeys::HeldBack(local.iter().chain(accepted).map(|(k, v)| (k.clone(), v.clone())).collect())
            }
        },
    };
    let plan = Plan::decide(Situation { local: &parked_local, base: &parked_base, remote: &effective }, &rules);
    Switch { parked, filled, plan }
}

/// Carries a switch out.
///
/// # Errors
/// What cannot be written; the file is as it was then.
pub async fn apply(
    workspace: &Workspace,
    target: &Target,
    remote: &Remote,
    switch: &Switch,
    command: &str,
) -> Result<(), Failure> {
    let now = workspace.clock.now().await;
    let document = apply::edited(workspace, target, &switch.filled.values)?;
    let mut next = FileState {
        record: Some(apply::record(
            target,
            switch.filled.base.clone(),
            remote.own.read_at,
            remote.in_tree_version.clone(),
        )),
        ..target.state.clone()
    };
    remember_look(target, &mut next);
    next.parked = parked_afterwards(target, switch);
    accept_code(target, &mut next, &switch.filled.values);
    let undo = leaving(target, switch, command, now);
    apply::replace(workspace, target.file_now(), document, &next, undo).await
}

/// What is parked once the switch is done.
fn parked_afterwards(target: &Target, switch: &Switch) -> BTreeMap<Address, Parked> {
    let mut all = target.state.parked.clone();
    // What was parked of a key that is local by now would go over the file's own value: it stays parked.
    match parked_part(target, |key| target.is_local(key)) {
        Some(parked) => all.insert(target.address.clone(), parked),
        None => all.remove(&target.address),
    };
    if let (Some(parked), Some(record)) = (&switch.parked, &target.state.record) {
        let merged = switch::merge_parked(all.get(&record.address), parked.clone());
        all.insert(record.address.clone(), merged);
    }
    all
}

/// Some of the keys that are parked for the environment that comes in; none where there are none.
fn parked_part(target: &Target, of: impl Fn(&Key) -> bool) -> Option<Parked> {
    let mut part = target.parked_here()?.clone();
    part.changes.retain(|key, _| of(key));
    (!part.changes.is_empty()).then_some(part)
}

/// Remembers how the file looks as its environment leaves it: order, comments and spellings come back with it.
pub(super) fn remember_look(target: &Target, next: &mut FileState) {
    if let (Some(record), Some(bytes)) = (&target.state.record, &target.bytes)
        && record.address != target.address
        && target.document.has_assignments()
    {
        next.remember_look(Look { address: record.address.clone(), text: bytes.clone() });
    }
}

/// Remembers the keys that load code and are in the file now: the user has let them in.
pub(super) fn accept_code(target: &Target, next: &mut FileState, values: &Values) {
    let accepted: Values =
        values.iter().filter(|(key, _)| key.loads_code()).map(|(k, v)| (k.clone(), v.clone())).collect();
    if accepted.is_empty() {
        next.accepted_code.remove(&target.address);
    } else {
        next.accepted_code.insert(target.address.clone(), accepted);
    }
}

/// The values that leave the file, for the undo record.
fn leaving(target: &Target, switch: &Switch, command: &str, now: Timestamp) -> Option<UndoEntry> {
    let before = target.local();
    let changes = match &target.state.record {
        // The same environment, put into the file again: what changes, changes within it.
        Some(record) if record.address == target.address => undo::changes(&before, &switch.filled.values),
        _ => undo::changes(&before, &Values::new()),
    };
    let record = target.state.record.as_ref();
    (!changes.is_empty()).then(|| UndoEntry {
        at: now,
        command: command.to_owned(),
        environments: vec![UndoEnvironment {
            environment: record.map_or_else(|| target.which.environment.clone(), |record| record.environment.clone()),
            address: record.map(|record| record.address.clone()),
            changes,
            marked_local: BTreeSet::new(),
        }],
    })
}

/// Adds what a switch does to a report.
pub fn show(report: &mut TargetReport, target: &Target, switch: &Switch, outcome: &Outcome) {
    report.parked = parked_afterwards(target, switch).into_values().collect();
    report.show(&switch.plan, outcome);
    report.event = Event::Switched {
        from: target
            .state
            .record
            .as_ref()
            .filter(|record| record.address != target.address)
            .map(|record| record.environment.clone()),
        parked: switch.parked.as_ref().map_or(0, |parked| parked.changes.len()),
    };
}
