//! What the post-checkout, post-merge and post-rewrite hooks do. They never fail: what stops them is one line.

use super::apply;
use super::decide::{self, Decision, Request};
use super::merging::Merging;
use super::remote::{Fallback, Freshness};
use super::report::{TargetReport, count, not_for_the_present_recipients};
use super::switching;
use super::target::{Access, Relation, Target};
use super::workspace::{Selected, SelectedBy, Unselected, Workspace};
use crate::domain::config::{EnvFileEntry, PostCheckout};
use crate::domain::plan::Direction;
use crate::ports::{Failure, FailureKind, Wait};
use std::time::Duration;

/// Why a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A branch was checked out, a repository cloned, a work tree added.
    Checkout,
    /// A merge or a pull came in.
    Merge,
    /// Commits were rewritten: a rebase ended.
    Rewrite,
}

impl Cause {
    fn command(self) -> &'static str {
        match self {
            Self::Checkout => "hook post-checkout",
            Self::Merge => "hook post-merge",
            Self::Rewrite => "hook post-rewrite",
        }
    }
}

/// Brings every env file in step with the branch, each alone.
pub async fn run(workspace: &Workspace, cause: Cause) {
    if workspace.config.hooks.post_checkout == PostCheckout::Off {
        return;
    }
    if let Err(failure) = follow(workspace, cause).await {
        workspace.reporter.note(&line(&failure));
    }
}

/// A failure as the one line a hook may print.
#[must_use]
pub fn line(failure: &Failure) -> String {
    match &failure.hint {
        Some(hint) => format!("{}: {hint}", failure.what),
        None => failure.what.clone(),
    }
}

async fn follow(workspace: &Workspace, cause: Cause) -> Result<(), Failure> {
    if cause == Cause::Merge {
        // Git merged the store files before the other side's recipients file was in the work tree.
        let stale = workspace.stores.stale_store_files()?;
        if !stale.is_empty() {
            workspace.reporter.note(&not_for_the_present_recipients(&stale));
        }
    }
    let selected = match workspace.select().await? {
        Ok(selected) => selected,
        Err(Unselected::NoBranch) => return Ok(()),
        Err(Unselected::Unmapped(branch)) => {
            if cause == Cause::Checkout {
                let held = held(workspace).await?;
                workspace.reporter.note(&format!(
                    "no environment belongs to the branch {branch}{held}: `git envsync use NAME` puts one in"
                ));
            }
            return Ok(());
        }
    };
    if selected.by == SelectedBy::Use && cause == Cause::Checkout {
        remind(workspace, &selected);
    }
    for entry in workspace.entries()? {
        if let Err(failure) = follow_file(workspace, entry, &selected, cause).await {
            let still = match workspace.state.load(&entry.path).await.ok().and_then(|state| state.record) {
                Some(record) => format!("; {} still holds {}", entry.path, record.environment),
                None => format!("; {} is left alone", entry.path),
            };
            let failure = Failure { what: failure.what.clone() + &still, ..failure };
            workspace.reporter.note(&line(&failure));
        }
    }
    Ok(())
}

fn remind(workspace: &Workspace, selected: &Selected) {
    let branch = workspace.head.branch().and_then(|branch| workspace.config.by_branch(branch));
    if branch.is_some_and(|which| which.environment == selected.which.environment) {
        return;
    }
    workspace.reporter.note(&format!(
        "{} stays in use, whatever the branch: `git envsync use -` ends it",
        selected.which.environment
    ));
}

async fn held(workspace: &Workspace) -> Result<String, Failure> {
    let mut held = String::new();
    for entry in workspace.entries()? {
        if let Some(record) = workspace.state.load(&entry.path).await?.record {
            held += &format!("; {} still holds {}", entry.path, record.environment);
        }
    }
    Ok(held)
}

async fn follow_file(
    workspace: &Workspace,
    entry: &EnvFileEntry,
    selected: &Selected,
    cause: Cause,
) -> Result<(), Failure> {
    if in_step(workspace, entry, selected, cause).await? {
        return Ok(());
    }
    let Some(target) = workspace.target(entry, selected, Access::Write(Wait::No)).await? else {
        workspace.reporter.note(&format!("another envsync is at work; {} is left alone", entry.path));
        return Ok(());
    };
    if target.relation() == Relation::Unrecorded {
        workspace.reporter.note(&format!(
            "{} has values of no known environment and is left alone: `git envsync pull` merges them with {}",
            entry.path, target.which.environment
        ));
        return Ok(());
    }
    if workspace.config.hooks.post_checkout == PostCheckout::Notify {
        notify(workspace, &target);
        return Ok(());
    }
    let hooks = &workspace.config.hooks;
    let request = Request {
        freshness: Freshness::Within(hooks.max_age),
        fallback: Fallback::Unsaid,
        prefer: decide::Prefer::Stop,
        ..Request::new(cause.command(), Direction::ToLocal)
    };
    carry_out(workspace, &request, target).await
}

/// Whether the file holds the selected environment and nothing can have come in: then it is not touched, and no network
/// is used.
async fn in_step(
    workspace: &Workspace,
    entry: &EnvFileEntry,
    selected: &Selected,
    cause: Cause,
) -> Result<bool, Failure> {
    let target =
        workspace.target(entry, selected, Access::Read).await?.expect("a target that is only read waits for no lock");
    if workspace.state.journal(&entry.path).await?.is_some() {
        return Ok(false);
    }
    if target.relation() != Relation::Held || target.local().is_empty() {
        return Ok(false);
    }
    let version = apply::in_tree_version(workspace, &target)?;
    if version.is_some() {
        return Ok(target.record().is_some_and(|record| record.in_tree_version == version));
    }
    if cause == Cause::Checkout {
        return Ok(true);
    }
    snapshot_is_fresh(workspace, &target, workspace.config.hooks.max_age).await
}

async fn snapshot_is_fresh(workspace: &Workspace, target: &Target, max_age: Duration) -> Result<bool, Failure> {
    let Some(state) = workspace.state.snapshot(&target.store.address()).await? else { return Ok(false) };
    // No age at all: not one of this very second either.
    Ok(!max_age.is_zero() && workspace.clock.now().await.seconds_since(state.read_at) <= max_age.as_secs())
}

fn notify(workspace: &Workspace, target: &Target) {
    let (path, name) = (target.path(), &target.which.environment);
    let line = match target.held() {
        Some(held) if *held != *name => format!("{path} holds {held}, the branch has {name}: `git envsync pull`"),
        Some(_) => format!("{name} has changed: `git envsync pull`"),
        None => format!("the branch has {name}: `git envsync pull` puts it into {path}"),
    };
    workspace.reporter.note(&line);
}

async fn carry_out(workspace: &Workspace, request: &Request, mut target: Target) -> Result<(), Failure> {
    let (path, name) = (target.path().clone(), target.which.environment.clone());
    match decide::decide(workspace, request, &mut target).await? {
        Decision::LeaveAlone(why) => workspace.reporter.note(&why),
        Decision::Switch(remote) => {
            let switch = switching::plan(workspace, &target, &remote, workspace.clock.now().await);
            let (from, parked) =
                (target.held().cloned(), switch.parked.as_ref().map_or(0, |parked| parked.changes.len()));
            switching::apply(workspace, &target, &remote, &switch, request.command).await?;
            let mut line = format!("{path} holds {name}: {}", count(switch.filled.values.len(), "key"));
            if let (Some(from), true) = (from, parked > 0) {
                line += &format!("; {} of {from} parked", count(parked, "unpushed change"));
            }
            let conflicts = switch.plan.open_conflicts().count();
            if conflicts > 0 {
                line += &format!("; {}: `git envsync resolve`", count(conflicts, "conflict"));
            }
            if let Some(age) = remote.snapshot_age.filter(|age| *age > workspace.config.hooks.max_age.as_secs()) {
                line += &format!(", as of {} ago", super::report::age(age));
            }
            if let Some(why) = &remote.unsaid {
                line += &format!("; {why}");
            }
            workspace.reporter.note(&line);
            warn_held_back(workspace, &switch.filled.held_back.iter().map(|key| key.as_str()).collect::<Vec<_>>());
        }
        Decision::Merge(merge) => {
            let conflicts: Vec<&str> = merge.plan.open_conflicts().map(|step| step.key.as_str()).collect();
            if !conflicts.is_empty() {
                return Err(Failure::new(
                    FailureKind::Conflict,
                    format!(
                        "{} of {name} changed on both sides: {}",
                        count(conflicts.len(), "key"),
                        conflicts.join(", ")
                    ),
                )
                .hint("`git envsync resolve` settles them, then `git envsync pull`"));
            }
            let (incoming, unsaid) = (merge.plan.summary().incoming, merge.remote.unsaid.clone());
            let held_back: Vec<String> = merge.plan.held_back().into_iter().map(str::to_owned).collect();
            let mut report = TargetReport::default();
            Merging { workspace, request }.run(target, merge, &mut report).await?;
            let came_in = (incoming > 0).then(|| format!("{path}: {} of {name} came in", count(incoming, "change")));
            let line: Vec<String> = came_in.into_iter().chain(unsaid).collect();
            if !line.is_empty() {
                workspace.reporter.note(&line.join("; "));
            }
            warn_held_back(workspace, &held_back.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
    Ok(())
}

fn warn_held_back(workspace: &Workspace, keys: &[&str]) {
    if !keys.is_empty() {
        workspace.reporter.note(&format!(
            "left out, as it can make programs load code: {}: `git envsync pull` asks",
            keys.join(", ")
        ));
    }
}
