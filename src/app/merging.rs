//! Carrying merges out: undo record and journal, store, env file, record; again where another writer was faster.

use super::apply::{self, Reach};
use super::commit::{Round, outcome, remote_changes, writes_remote, wrote_nothing};
use super::decide::{self, Merge, Request};
use super::failure::store_failure;
use super::remote::{self, Fallback, Freshness, Remote};
use super::report::{Change, Event, Outcome, TargetReport, count};
use super::store_journal::StoreJournal;
use super::switching;
use super::target::Target;
use super::workspace::Workspace;
use crate::domain::environment::Timestamp;
use crate::domain::key::Key;
use crate::domain::plan::{Action, Direction, Plan, Step};
use crate::domain::record::{FileState, UndoChange, Values};
use crate::domain::snapshot::RemoteState;
use crate::ports::{CommitReport, Failure, FailureKind, RemoteChange, StoreError, StoreErrorKind};
use std::collections::BTreeMap;
use std::time::Duration;

/// Carries merges out, and reads and plans again where another writer was faster.
pub(super) struct Merging<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// What was asked for.
    pub request: &'a Request,
}

impl Merging<'_> {
    /// Runs until it is done, the time is used up, or a conflict or failure ends it.
    pub(super) async fn run(
        &self,
        mut target: Target,
        mut merge: Merge,
        report: &mut TargetReport,
    ) -> Result<Option<Failure>, Failure> {
        let mut tries = Tries::default();
        let mut written: Vec<Change> = Vec::new();
        loop {
            let (round, changes) = self.round(&mut target, &merge, report).await?;
            let races = matches!(round, Round::Raced);
            written.retain(|earlier| !changes.iter().any(|now| now.step.key == earlier.step.key));
            written.extend(changes.into_iter().filter(|change| !races || change.outcome == Outcome::Applied));
            if !races {
                self.tell(report, &target, &merge, written);
                return Ok(match round {
                    Round::Partly(error) => Some(self.partly(report, error)),
                    _ => None,
                });
            }
            if merge.starts {
                // Somebody else has started it meanwhile: it is no longer an environment that may start from the file.
                return Err(started_elsewhere(&target, self.request.command));
            }
            if tries.again(self.workspace).await == Again::TimeIsUp {
                let any = !written.is_empty();
                self.tell(report, &target, &merge, written);
                return Ok(Some(lost_race(&target, any)));
            }
            let remote = remote::read(self.workspace, &mut target, Freshness::Now, Fallback::Fail).await?;
            let base = target.base();
            let plan = decide::plan(self.workspace, self.request, &target, &base, &remote);
            merge = Merge { remote, base, plan, starts: false, covers_all: merge.covers_all };
            let keys: Vec<&str> = merge.plan.open_conflicts().map(|step| step.key.as_str()).collect();
            if !keys.is_empty() {
                let conflict = conflict(self.request, &keys);
                let failure = match written.is_empty() {
                    true => nothing_written(conflict),
                    false => Failure { kind: FailureKind::Partial, ..conflict },
                };
                self.tell(report, &target, &merge, written);
                return Ok(Some(failure));
            }
        }
    }

    /// Writes the store alone, whatever the env file holds, and reads and plans again where another writer was faster; not
    /// where one of its own keys has moved.
    pub(super) async fn write_store(
        &self,
        target: &mut Target,
        mut remote: Remote,
        write: &StoreWrite<'_>,
        report: &mut TargetReport,
    ) -> Result<Option<Failure>, Failure> {
        let mut tries = Tries::default();
        let mut plan = (write.plan)(target, &remote)?;
        let keys: Vec<_> = plan.steps.iter().filter(|step| writes_remote(step)).map(|step| step.key.clone()).collect();
        let seen: Vec<_> = keys.iter().map(|key| remote.own.entries.get(key).cloned()).collect();
        loop {
            match self.write_once(target, &remote, &plan, write, report).await {
                Err(failure) if failure.kind == FailureKind::LostRace => {
                    if tries.again(self.workspace).await == Again::TimeIsUp {
                        return Err(failure);
                    }
                }
                ended => return ended,
            }
            remote = remote::read(self.workspace, target, Freshness::Now, Fallback::Fail).await?;
            let moved: Vec<&str> = keys
                .iter()
                .zip(&seen)
                .filter(|(key, seen)| remote.own.entries.get(key) != seen.as_ref())
                .map(|(key, _)| key.as_str())
                .collect();
            if !moved.is_empty() {
                return Err(changed_meanwhile(&moved, target));
            }
            plan = (write.plan)(target, &remote)?;
        }
    }

    async fn write_once(
        &self,
        target: &mut Target,
        remote: &Remote,
        plan: &Plan,
        write: &StoreWrite<'_>,
        report: &mut TargetReport,
    ) -> Result<Option<Failure>, Failure> {
        let state = &self.workspace.state;
        let entry = apply::undo_entry(
            self.workspace.clock.now().await,
            self.request.command,
            &target.which.environment,
            target,
            (write.lost)(plan),
        );
        let undo = match entry {
            Some(entry) => Some(state.push_undo(target.path(), &entry).await?),
            None => None,
        };
        let mut journal = StoreJournal::open(self.workspace, target).await?;
        let committed = target.store.commit(&remote_changes(plan), &remote.own, &mut journal).await;
        if let Some(error) = wrote_nothing(&committed) {
            if let Some(undo) = undo.filter(|_| !error.kind.leaves_doubt()) {
                state.drop_undo(target.path(), undo).await?;
            }
            return Err(store_failure(&error));
        }
        report.add_notes(&committed.notes);
        if let Some(after) = &committed.after {
            target.answered(after);
            state.save_snapshot(&target.store.address(), after).await?;
        }
        let (_, changes) = outcome(plan, Some(&committed));
        report.show(plan, &Outcome::Applied);
        report.changes = changes;
        let failed = committed.outcomes.into_values().find_map(Result::err);
        Ok(failed.map(|error| self.partly(report, error)))
    }

    /// One try: undo record and journal, store, env file, record, snapshot.
    async fn round(
        &self,
        target: &mut Target,
        merge: &Merge,
        report: &mut TargetReport,
    ) -> Result<(Round, Vec<Change>), Failure> {
        let workspace = self.workspace;
        let mut values = target.local();
        for step in &merge.plan.steps {
            match step.local_after() {
                Some(value) => values.insert(step.key.clone(), value.clone()),
                None => values.remove(&step.key),
            };
        }
        let document = apply::edited(workspace, target, &values)?;
        let now = workspace.clock.now().await;
        let undo = apply::undo_entry(
            now,
            self.request.command,
            &target.which.environment,
            target,
            apply::undo_changes(&merge.plan.steps),
        );
        let seen = Agreed { at: merge.remote.own.read_at, in_tree_version: merge.remote.in_tree_version.clone() };
        let intended = next(target, merge, &values, &seen, |step| !writes_remote(step));
        let changes = remote_changes(&merge.plan);
        let reach = if changes.is_empty() { Reach::File } else { Reach::StoreAndFile };
        let begun = apply::begin(workspace, target.file_now(), document.clone(), &intended, undo, reach).await?;
        let committed = self.commit(target, merge, &changes).await?;
        if let Some(error) = committed.as_ref().and_then(wrote_nothing) {
            // What may have been written over is in the undo record only.
            let begun = if error.kind.leaves_doubt() { begun.keep_undo() } else { begun };
            begun.abandon(workspace, target.path()).await?;
            return if error.kind == StoreErrorKind::Moved {
                Ok((Round::Raced, Vec::new()))
            } else {
                Err(store_failure(&error))
            };
        }
        if let Some(committed) = &committed {
            report.add_notes(&committed.notes);
            if let Some(after) = &committed.after {
                target.answered(after);
            }
        }
        let agreed = match &committed {
            Some(_) => {
                Agreed { at: workspace.clock.now().await, in_tree_version: apply::in_tree_version(workspace, target)? }
            }
            None => seen,
        };
        let done = |step: &Step| {
            !writes_remote(step)
                || committed.as_ref().is_some_and(|report| matches!(report.outcomes.get(&step.key), Some(Ok(()))))
        };
        let next = next(target, merge, &values, &agreed, done);
        let finished = begun.finish(workspace, target.file_now(), &next).await;
        finished.map_err(|failure| match committed {
            Some(_) => store_written_only(target, failure),
            None => failure,
        })?;
        if let Some(after) = committed.as_ref().and_then(|report| report.after.as_ref()) {
            let after = RemoteState { read_at: agreed.at, ..after.clone() };
            workspace.state.save_snapshot(&target.store.address(), &after).await?;
        }
        target.state = next;
        target.bytes = Some(document.to_secret_bytes());
        target.document = document;
        Ok(outcome(&merge.plan, committed.as_ref()))
    }

    /// Writes to the store; none where there is nothing to write.
    async fn commit(
        &self,
        target: &Target,
        merge: &Merge,
        changes: &[RemoteChange],
    ) -> Result<Option<CommitReport>, Failure> {
        let encrypts_anew = self.request.direction != Direction::ToLocal
            && self.workspace.stores.stale_recipients(&target.which, &target.location)?;
        let creates = merge.starts && !merge.remote.is_held();
        if changes.is_empty() && !encrypts_anew && !creates {
            return Ok(None);
        }
        let mut journal = StoreJournal::open(self.workspace, target).await?;
        Ok(Some(target.store.commit(changes, &merge.remote.own, &mut journal).await))
    }

    fn tell(&self, report: &mut TargetReport, target: &Target, merge: &Merge, changes: Vec<Change>) {
        report.held = target.held().cloned();
        report.show(&merge.plan, &Outcome::Applied);
        for change in changes {
            match report.changes.iter_mut().find(|known| known.step.key == change.step.key) {
                Some(known) => *known = change,
                None => report.changes.push(change),
            }
        }
        report.changes.sort_by(|one, other| one.step.key.cmp(&other.step.key));
        if merge.starts {
            report.event = Event::Started;
        }
    }

    fn partly(&self, report: &TargetReport, error: StoreError) -> Failure {
        let failed: Vec<&str> = report
            .changes
            .iter()
            .filter(|change| matches!(change.outcome, Outcome::Failed(_)))
            .map(|change| change.step.key.as_str())
            .collect();
        Failure::new(FailureKind::Partial, format!("not all was written; left: {}", failed.join(", ")))
            .hint(format!("`git envsync {}` again goes on where it stopped", self.request.command))
            .because(error)
    }
}

/// When a work tree and its store agreed, and by which version of the in-tree store files.
struct Agreed {
    at: Timestamp,
    in_tree_version: Option<String>,
}

/// What is remembered once the steps that are `done` are done.
fn next(target: &Target, merge: &Merge, values: &Values, agreed: &Agreed, done: impl Fn(&Step) -> bool) -> FileState {
    let mut base = match target.record() {
        Some(record) if !merge.starts => record.base.clone(),
        _ => Values::new(),
    };
    for step in merge.plan.steps.iter().filter(|step| done(step)) {
        match &step.base_after {
            Some(value) => base.insert(step.key.clone(), value.clone()),
            None => base.remove(&step.key),
        };
    }
    let left_out = |step: &Step| step.state.is_remote() && step.action == Action::None;
    let all_merged = merge.covers_all && !merge.plan.steps.iter().any(left_out);
    let in_tree_version = match all_merged {
        true => agreed.in_tree_version.clone(),
        false => target.record().and_then(|record| record.in_tree_version.clone()),
    };
    let record = apply::record(target, base, agreed.at, in_tree_version);
    let mut next = FileState { record: Some(record), ..target.state.clone() };
    switching::remember_look(target, &mut next);
    switching::accept_code(target, &mut next, values);
    next
}

/// The failure of a command that meets conflicts nobody has settled.
pub(super) fn conflict(request: &Request, keys: &[&str]) -> Failure {
    let what = format!("{} changed on both sides: {}", count(keys.len(), "key"), keys.join(", "));
    let hint = match request.direction {
        Direction::Both => "`git envsync sync --prefer local|remote`, or `git envsync resolve` key by key".to_owned(),
        _ => format!("`git envsync {} --prefer local|remote`, or `git envsync resolve` key by key", request.command),
    };
    Failure::new(FailureKind::Conflict, what).hint(hint)
}

/// Such a failure, of a command that ends before it has written anything.
pub(super) fn nothing_written(failure: Failure) -> Failure {
    Failure { what: failure.what + "; nothing was written", ..failure }
}

fn lost_race(target: &Target, wrote_some: bool) -> Failure {
    let kind = if wrote_some { FailureKind::Partial } else { FailureKind::LostRace };
    Failure::new(kind, format!("others kept writing {} in {}", target.which.environment, target.store))
        .hint("run it again, or give it more time: `--timeout 2m`")
}

/// The store has been written and the env file could not be.
fn store_written_only(target: &Target, failure: Failure) -> Failure {
    let what = format!("{} has been written, {} has not: {}", target.store, target.path(), failure.what);
    let hint = "run the command again: it goes on where it stopped".to_owned();
    Failure { kind: FailureKind::Partial, what, hint: Some(hint), why: failure.why }
}

fn started_elsewhere(target: &Target, command: &str) -> Failure {
    let name = &target.which.environment;
    Failure::new(FailureKind::LostRace, format!("somebody else has just started {name}; nothing was written"))
        .hint(format!("`git envsync pull` brings it in, then `git envsync {command}`"))
}

fn changed_meanwhile(keys: &[&str], target: &Target) -> Failure {
    let (keys, name) = (keys.join(", "), &target.which.environment);
    let what = format!("somebody else has just changed {keys} in {name}; nothing was written");
    Failure::new(FailureKind::Conflict, what).hint("look at it with `git envsync list`, then run the command again")
}

/// What is written to a store alone.
pub(super) struct StoreWrite<'a> {
    /// The plan, for what the store holds.
    pub plan: &'a dyn Fn(&Target, &Remote) -> Result<Plan, Failure>,
    /// What of it goes to the undo record.
    pub lost: fn(&Plan) -> BTreeMap<Key, UndoChange>,
}

/// Tries that lose a race: each waits longer than the one before, until the command's time for stores is used up.
struct Tries {
    pause: Duration,
}

#[derive(PartialEq, Eq)]
enum Again {
    Now,
    TimeIsUp,
}

impl Default for Tries {
    fn default() -> Self {
        Self { pause: Duration::from_millis(20) }
    }
}

impl Tries {
    /// Waits before the next try, if there is time for one.
    async fn again(&mut self, workspace: &Workspace) -> Again {
        if workspace.budget.remaining().await.is_zero() {
            return Again::TimeIsUp;
        }
        let jitter = workspace.clock.random().await % 100;
        workspace.clock.sleep(self.pause + Duration::from_millis(jitter)).await;
        self.pause = (self.pause * 2).min(Duration::from_secs(1));
        Again::Now
    }
}
