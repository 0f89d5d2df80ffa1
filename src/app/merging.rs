//! Carrying merges out: undo record and journal, store, env file, record; again where another writer was faster.

use super::apply::{self, Reach};
use super::commit::{Round, outcome, remote_changes, removed, writes_remote, wrote_nothing};
use super::decide::{self, Merge, Request};
use super::failure::store_failure;
use super::remote::{self, Fallback, Freshness};
use super::report::{Change, Event, Outcome, TargetReport, count};
use super::switching;
use super::target::Target;
use super::workspace::Workspace;
use crate::domain::environment::Timestamp;
use crate::domain::plan::{Action, Direction, Step};
use crate::domain::record::{FileState, Values};
use crate::domain::snapshot::RemoteState;
use crate::ports::{Failure, FailureKind, StoreError, StoreErrorKind};
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
        let deadline = self.workspace.clock.elapsed().await + self.workspace.options.timeout;
        let mut written: Vec<Change> = Vec::new();
        let mut pause = Duration::from_millis(20);
        loop {
            let (round, changes) = self.round(&mut target, &merge).await?;
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
            if self.workspace.clock.elapsed().await >= deadline {
                let any = !written.is_empty();
                self.tell(report, &target, &merge, written);
                return Ok(Some(lost_race(&target, any)));
            }
            let jitter = self.workspace.clock.random().await % 100;
            self.workspace.clock.sleep(pause + Duration::from_millis(jitter)).await;
            pause = (pause * 2).min(Duration::from_secs(1));
            let remote = remote::read(self.workspace, &target, Freshness::Now, Fallback::Fail).await?;
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

    /// Writes the store alone, whatever the env file holds: `set` and `unset` on an environment that is in no file.
    pub(super) async fn write_store(
        &self,
        target: &Target,
        merge: &Merge,
        report: &mut TargetReport,
    ) -> Result<Option<Failure>, Failure> {
        let state = &self.workspace.state;
        let entry = apply::undo_entry(
            self.workspace.clock.now().await,
            self.request.command,
            &target.which.environment,
            target,
            removed(&merge.plan),
        );
        let undo = match entry {
            Some(entry) => Some(state.push_undo(target.path(), &entry).await?),
            None => None,
        };
        let committed = target.store.commit(&remote_changes(&merge.plan), &merge.remote.own).await;
        if let Some(error) = wrote_nothing(&committed) {
            if let Some(undo) = undo {
                state.drop_undo(target.path(), undo).await?;
            }
            return Err(store_failure(&error));
        }
        if let Some(after) = &committed.after {
            self.workspace.state.save_snapshot(after).await?;
        }
        let (round, changes) = outcome(&merge.plan, Some(&committed));
        report.show(&merge.plan, &Outcome::Applied);
        report.changes = changes;
        Ok(match round {
            Round::Partly(error) => Some(self.partly(report, error)),
            Round::Done | Round::Raced => None,
        })
    }

    /// One try: undo record and journal, store, env file, record, snapshot.
    async fn round(&self, target: &mut Target, merge: &Merge) -> Result<(Round, Vec<Change>), Failure> {
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
        let encrypts_anew = self.request.direction != Direction::ToLocal
            && workspace.stores.stale_recipients(&target.which, &target.location)?;
        let creates = merge.starts && !merge.remote.is_held();
        let committed = if changes.is_empty() && !encrypts_anew && !creates {
            None
        } else {
            Some(target.store.commit(&changes, &merge.remote.own).await)
        };
        if let Some(error) = committed.as_ref().and_then(wrote_nothing) {
            begun.abandon(workspace, target.path()).await?;
            return if error.kind == StoreErrorKind::Moved {
                Ok((Round::Raced, Vec::new()))
            } else {
                Err(store_failure(&error))
            };
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
            workspace.state.save_snapshot(&RemoteState { read_at: agreed.at, ..after.clone() }).await?;
        }
        target.state = next;
        target.bytes = Some(document.to_secret_bytes());
        target.document = document;
        Ok(outcome(&merge.plan, committed.as_ref()))
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
