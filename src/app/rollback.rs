//! `rollback`: an earlier version of an environment, or of one of its keys, is written to its store again. A plan like any
//! other: on the condition of what it saw, with what it writes over in the undo record.

use super::commit::{overwritten, writes_remote};
use super::decide::{self, Merge, Prefer, Request};
use super::failure::store_failure;
use super::guard;
use super::history::kept_by_git;
use super::merging::{Merging, StoreWrite, nothing_written};
use super::remote::{self, Fallback, Freshness, Remote};
use super::report::{self, Outcome, Report, TargetReport, count};
use super::store_journal;
use super::target::{Access, Relation, Target};
use super::workspace::Workspace;
use crate::domain::environment::EnvironmentName;
use crate::domain::key::Key;
use crate::domain::merge::{KeyState, Sides, compare};
use crate::domain::plan::{Action, Direction, Note, Plan, Step};
use crate::domain::snapshot::{RemoteState, VersionId};
use crate::ports::{Failure, FailureKind, StoreErrorKind, Wait};
use std::collections::BTreeSet;

/// What is rolled back, and how.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// The version, as `history` names it.
    pub version: VersionId,
    /// One key; all where there is none.
    pub key: Option<Key>,
    /// Whether keys that were added since are removed.
    pub prune: bool,
    /// How a key is settled that was changed in the env file and not pushed.
    pub prefer: Prefer,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// The protected environment that may be written.
    pub allow_protected: Option<EnvironmentName>,
}

/// Versions that are looked through for the one of a single key.
const SEARCHED: usize = 1_000;

/// Rolls the selected environment back. Where the env file holds it, its values come in as `pull` would bring them.
///
/// # Errors
/// A refusal, a version that is not there, or what cannot be read, before anything is written. What ends in a conflict, or was
/// done in part, is a [`Report`] with a failure in it.
pub async fn rollback(workspace: &Workspace, rollback: &Rollback) -> Result<Report, Failure> {
    guard::allowed_is_known(workspace, rollback.allow_protected.as_ref())?;
    let entry = workspace.one_entry("rollback", &rollback.version.0)?;
    let selected = workspace.selected().await?;
    let mut target = workspace
        .target(entry, &selected, Access::Write(Wait::Yes))
        .await?
        .expect("a lock that is waited for is had or an error");
    kept_by_git(workspace, &target)?;
    guard::protected_write(&target.which, rollback.allow_protected.as_ref(), "rollback")?;
    guard::can_be_asked(workspace, target.store.as_ref(), "rollback")?;
    if let Some(key) = rollback.key.as_ref().filter(|key| target.is_local(key)) {
        return Err(guard::outside_the_merge(key));
    }
    if !rollback.dry_run {
        store_journal::settle(workspace, &target).await?;
    }
    let remote = remote::read(workspace, &mut target, Freshness::Now, Fallback::Fail).await?;
    guard::same_account(&target, &remote)?;
    let in_file = target.relation() == Relation::Held && !target.local().is_empty();
    if in_file {
        guard::hidden_from_git(workspace, &target.entry)?;
    }
    let then = state_at(&target, rollback).await?;
    let plan = plan(&target, &remote, &then, rollback)?;
    let mut shown = target.report();
    shown.describe_remote(&remote);
    shown.describe_promise(&target, &plan);
    let mut report =
        Report { branch: workspace.branch().map(ToString::to_string), dry_run: rollback.dry_run, ..Report::default() };
    let edited = if in_file { edited_here(&target, &plan) } else { Vec::new() };
    if !edited.is_empty() && !matches!(rollback.prefer, Prefer::Local | Prefer::Remote) {
        report.failure = Some(nothing_written(edited_and_not_pushed(&target, &edited)));
    }
    if rollback.dry_run || report.failure.is_some() || !plan.writes_remote() {
        shown.describe_pace(workspace, &target, &plan);
        shown.show(&plan, &Outcome::Planned);
        report.targets.push(shown);
        return Ok(report);
    }
    ask(workspace, &target, &plan, rollback)?;
    report::foretell_pace(workspace, &target, &plan);
    let request = Request { prefer: rollback.prefer, ..Request::new("rollback", Direction::ToRemote) };
    let merging = Merging { workspace, request: &request };
    let planner = |target: &Target, remote: &Remote| self::plan(target, remote, &then, rollback);
    let write = StoreWrite { plan: &planner, lost: overwritten };
    report.failure = merging.write_store(&mut target, remote, &write, &mut shown).await?;
    if in_file && report.failure.is_none() {
        report.failure = bring_in(workspace, target, rollback.prefer, &mut shown).await;
    }
    report.targets.push(shown);
    Ok(report)
}

/// The environment at a version. Where only the key has a version of that name, it is the environment of that time.
async fn state_at(target: &Target, rollback: &Rollback) -> Result<RemoteState, Failure> {
    let (store, version) = (&target.store, &rollback.version);
    let error = match store.at(version).await {
        Ok(state) => return Ok(state),
        Err(error) => error,
    };
    let answered = !matches!(
        error.kind,
        StoreErrorKind::Unreachable
            | StoreErrorKind::Throttled
            | StoreErrorKind::Nonsense
            | StoreErrorKind::SignedOut
            | StoreErrorKind::Denied
    );
    if let Some(key) = rollback.key.as_ref().filter(|_| answered) {
        let of_key = store.history(Some(key), SEARCHED).await.map_err(|error| store_failure(&error))?;
        let created = of_key.iter().find(|known| known.version == *version).and_then(|known| known.created);
        if let Some(created) = created {
            let all = store.history(None, SEARCHED).await.map_err(|error| store_failure(&error))?;
            if let Some(same_time) = all.iter().find(|known| known.created == Some(created)) {
                return store.at(&same_time.version).await.map_err(|error| store_failure(&error));
            }
        }
    }
    let failure = match error.kind {
        // A store that keeps none at all lies in the work tree, and was refused before.
        StoreErrorKind::Unsupported => Failure { kind: FailureKind::Missing, ..store_failure(&error) },
        _ => store_failure(&error),
    };
    Err(match failure.hint {
        None => failure.hint("`git envsync history` names the versions"),
        Some(_) => failure,
    })
}

/// What brings the store back to `then`. Inherited values are none of its own; what cannot be read is left alone.
fn plan(target: &Target, remote: &Remote, then: &RemoteState, rollback: &Rollback) -> Result<Plan, Failure> {
    let now = &remote.own;
    let unreadable =
        |state: &RemoteState| state.unknown.keys().filter_map(|name| Key::new(name.as_str()).ok()).collect();
    let (unknown_now, unknown_then): (BTreeSet<Key>, BTreeSet<Key>) = (unreadable(now), unreadable(then));
    let all: BTreeSet<&Key> = then.entries.keys().chain(now.entries.keys()).chain(&unknown_now).collect();
    let wanted = |key: &&Key| rollback.key.as_ref().is_none_or(|only| only == *key) && !target.is_local(key);
    let mut steps = Vec::new();
    for key in all.into_iter().filter(wanted) {
        let (before, after) = (now.entries.get(key), then.entries.get(key));
        let unknown = unknown_now.contains(key) || unknown_then.contains(key);
        if !unknown && before == after {
            continue;
        }
        let (action, note) = match after {
            _ if unknown => (Action::None, None),
            Some(_) => (Action::UpdateRemote, None),
            None if rollback.prune => (Action::RemoveRemote, None),
            None => (Action::Withheld, Some(Note::NeedsPrune)),
        };
        let state = match unknown {
            true => KeyState::Unknown,
            false => compare(Sides { base: before, local: after, remote: before }),
        };
        let (local, remote) = (after.cloned(), before.cloned());
        steps.push(Step { key: key.clone(), state, action, base_after: local.clone(), local, remote, note });
    }
    if let Some(key) = &rollback.key
        && steps.is_empty()
        && !then.entries.contains_key(key)
    {
        let what = format!("neither {} nor that version has {key}", target.which.environment);
        return Err(Failure::new(FailureKind::Missing, what)
            .hint(format!("`git envsync history {key}` shows the versions of a key")));
    }
    Ok(Plan { steps })
}

/// Keys of the plan that were changed in the env file and not pushed, to something else than the version has.
fn edited_here(target: &Target, plan: &Plan) -> Vec<Key> {
    let (local, base) = (target.local(), target.base());
    let edited = |step: &&Step| {
        let here = local.get(&step.key);
        writes_remote(step) && here != base.get(&step.key) && here != step.local.as_ref()
    };
    plan.steps.iter().filter(edited).map(|step| step.key.clone()).collect()
}

fn edited_and_not_pushed(target: &Target, keys: &[Key]) -> Failure {
    let names: Vec<&str> = keys.iter().map(Key::as_str).collect();
    let what = format!("{} has unpushed changes of {}", target.path(), names.join(", "));
    Failure::new(FailureKind::Conflict, what)
        .hint("`--prefer local` keeps them in the file, `--prefer remote` takes the version's values there too")
}

/// A person at the terminal is asked before anything is written.
fn ask(workspace: &Workspace, target: &Target, plan: &Plan, rollback: &Rollback) -> Result<(), Failure> {
    let written = plan.steps.iter().filter(|step| writes_remote(step)).count();
    let (name, version) = (&target.which.environment, &rollback.version.0);
    let question = format!("Write {} of {name} in {} as of {version}?", count(written, "key"), target.store);
    if workspace.options.yes || !workspace.asker.interactive() || workspace.asker.confirm(&question) {
        return Ok(());
    }
    Err(Failure::new(FailureKind::Refused, "nothing was written")
        .hint("`--yes` says so beforehand, `-n` shows the plan"))
}

/// Brings what was written into the env file, as `pull` would: unpushed edits stay, conflicts are listed.
async fn bring_in(
    workspace: &Workspace,
    mut target: Target,
    prefer: Prefer,
    shown: &mut TargetReport,
) -> Option<Failure> {
    let path = target.path().clone();
    let prefer = if prefer == Prefer::Ask { Prefer::Stop } else { prefer };
    let request = Request { prefer, ..Request::new("rollback", Direction::ToLocal) };
    let brought = async {
        let remote = remote::read(workspace, &mut target, Freshness::Now, Fallback::Fail).await?;
        let base = target.base();
        let plan = decide::plan(workspace, &request, &target, &base, &remote);
        let merge = Merge { remote, base, plan, starts: false, covers_all: true };
        let mut came_in = TargetReport::default();
        let failure = Merging { workspace, request: &request }.run(target, merge, &mut came_in).await?;
        Ok((came_in, failure))
    };
    match brought.await {
        Ok((came_in, failure)) => {
            let applied = came_in.changes.iter().filter(|change| change.outcome == Outcome::Applied).count();
            if applied > 0 {
                shown.add_notes(&[format!("{path}: {} came in", count(applied, "change"))]);
            }
            let conflicts: Vec<_> =
                came_in.changes.into_iter().filter(|change| change.step.is_open_conflict()).collect();
            if !conflicts.is_empty() {
                let more = count(conflicts.len(), "conflict");
                shown.add_notes(&[format!("{more} in {path}: `git envsync resolve`")]);
            }
            shown.summary.conflicts += conflicts.len();
            shown.changes.extend(conflicts);
            failure
        }
        Err(failure) => Some(not_brought_in(&path, failure)),
    }
}

fn not_brought_in(path: &crate::domain::environment::EnvFilePath, failure: Failure) -> Failure {
    let what = format!("the store is rolled back, {path} is not: {}", failure.what);
    let hint = "`git envsync pull` brings it in".to_owned();
    Failure { kind: FailureKind::Partial, what, hint: Some(hint), why: failure.why }
}
