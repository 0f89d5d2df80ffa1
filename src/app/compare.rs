//! `status` and `diff`: sides compared, nothing written.

use super::guard;
use super::remote::{self, Fallback, Freshness, Remote};
use super::report::{Event, Outcome, Report, TargetReport};
use super::target::{Access, Relation, Target};
use super::workspace::{SelectedBy, Workspace};
use crate::domain::branch::BranchName;
use crate::domain::config::Which;
use crate::domain::environment::EnvironmentName;
use crate::domain::merge::{Sides, compare};
use crate::domain::overlay::Effective;
use crate::domain::plan::{Action, Choices, CodeKeys, Deletions, Direction, Plan, Rules, Situation, Step};
use crate::domain::record::Values;
use crate::domain::switch::Missing;
use crate::ports::{Failure, FailureKind, join_all};
use std::collections::BTreeSet;

/// A side of `diff`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// The env file.
    Local,
    /// The store.
    Remote,
    /// What was agreed last.
    Base,
    /// The snapshot.
    Snapshot,
    /// Another environment's remote.
    Environment(EnvironmentName),
    /// The remote of another branch's environment.
    Branch(BranchName),
}

impl Side {
    /// Reads a side as it is typed.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        Ok(match text {
            "local" => Self::Local,
            "remote" => Self::Remote,
            "base" => Self::Base,
            "snapshot" => Self::Snapshot,
            _ => match text.split_once(':') {
                Some(("env", name)) if !name.is_empty() => Self::Environment(EnvironmentName::new(name)),
                Some(("branch", name)) if !name.is_empty() => Self::Branch(BranchName::new(name)),
                _ => {
                    return Err(Failure::new(FailureKind::Usage, format!("{text} is no side to compare"))
                        .hint("local, remote, base, snapshot, env:NAME or branch:NAME"));
                }
            },
        })
    }
}

/// The state of every env file against its environment. Needs no environment to be selected.
///
/// # Errors
/// What cannot be read.
pub async fn status(workspace: &Workspace) -> Result<Report, Failure> {
    let mut report = Report { stale_recipients: workspace.stores.stale_store_files()?, ..empty(workspace) };
    match workspace.select().await? {
        Ok(selected) => {
            let mut targets = workspace.targets(&selected, Access::Read).await?;
            for shown in join_all(targets.iter_mut().map(|target| against_remote(workspace, target))).await {
                report.targets.push(shown?);
            }
        }
        Err(unselected) => {
            let why = unselected.failure().what;
            for entry in workspace.entries()? {
                let state = workspace.state.load(&entry.path).await?;
                report.targets.push(TargetReport {
                    file: Some(entry.path.clone()),
                    held: state.record.map(|record| record.environment),
                    parked: state.parked.into_values().collect(),
                    event: Event::LeftAlone(why.clone()),
                    ..TargetReport::default()
                });
            }
        }
    }
    Ok(report)
}

/// Compares two sides; `local` and `remote`, with the base between them, by default.
///
/// # Errors
/// What cannot be read; no environment is selected.
pub async fn diff(workspace: &Workspace, sides: Option<(Side, Side, (String, String))>) -> Result<Report, Failure> {
    let selected = workspace.selected().await?;
    let mut report = empty(workspace);
    for mut target in workspace.targets(&selected, Access::Read).await? {
        report.targets.push(match &sides {
            None | Some((Side::Local, Side::Remote, _)) => against_remote(workspace, &mut target).await?,
            Some((one, other, names)) => {
                let mut shown = target.report();
                let one = values(workspace, &mut target, one, &mut shown).await?;
                let other = values(workspace, &mut target, other, &mut shown).await?;
                let (one, other) = (target.without_local_keys(&one), target.without_local_keys(&other));
                shown.show(&two_sides(&one, &other), &Outcome::Nothing);
                shown.sides = Some(names.clone());
                shown
            }
        });
    }
    Ok(report)
}

fn empty(workspace: &Workspace) -> Report {
    Report {
        branch: workspace.branch().map(ToString::to_string),
        offline: workspace.options.offline,
        ..Report::default()
    }
}

/// The plan of a sync, for the reader.
async fn against_remote(workspace: &Workspace, target: &mut Target) -> Result<TargetReport, Failure> {
    let remote = remote::read(workspace, target, Freshness::Now, Fallback::Snapshot).await?;
    let mut report = target.report();
    report.describe_remote(&remote);
    if !remote.is_held() {
        let name = &target.which.environment;
        report.event = Event::LeftAlone(format!(
            "{name} is not in its store yet: `git envsync push{}` starts it",
            workspace.typed_selection()
        ));
    }
    if let Err(failure) = guard::same_account(target, &remote) {
        report.event = Event::LeftAlone(super::hooks::line(&failure));
    }
    report.show(&drift(target, &remote), &Outcome::Planned);
    Ok(report)
}

/// Every difference between local, remote and base.
#[must_use]
pub fn drift(target: &Target, remote: &Remote) -> Plan {
    let (local, base) = local_and_base(target, &remote.effective);
    let effective = target.without_local_entries(&remote.effective);
    let rules = Rules {
        direction: Direction::Both,
        choices: Choices::default(),
        deletions: match target.missing() {
            Missing::Doubtful => Deletions::Doubtful,
            Missing::Deleted => Deletions::Withheld,
        },
        code_keys: CodeKeys::HeldBack(target.state.accepted_code.get(&target.address).cloned().unwrap_or_default()),
    };
    Plan::decide(Situation { local: &local, base: &base, remote: &effective }, &rules)
}

/// The local side and the base of an environment. Where the file holds another one, local is what was agreed when it left
/// the file, with the parked changes; where it never was in the file nothing can differ: then it is what the store has.
fn local_and_base(target: &Target, remote: &Effective) -> (Values, Values) {
    match target.relation() {
        Relation::Held | Relation::Unrecorded => (target.local(), target.base()),
        Relation::Other | Relation::Nothing => {
            let left = target.left_base.clone().unwrap_or_else(|| remote.values());
            let mut base = target.without_local_keys(&left);
            let mut local = base.clone();
            let parked = target.parked_here().into_iter().flat_map(|parked| &parked.changes);
            for (key, change) in parked.filter(|(key, _)| !target.is_local(key)) {
                match &change.local {
                    Some(value) => local.insert(key.clone(), value.clone()),
                    None => local.remove(key),
                };
                match &change.base {
                    Some(value) => base.insert(key.clone(), value.clone()),
                    None => base.remove(key),
                };
            }
            (local, base)
        }
    }
}

async fn values(
    workspace: &Workspace,
    target: &mut Target,
    side: &Side,
    report: &mut TargetReport,
) -> Result<Values, Failure> {
    match side {
        Side::Local | Side::Base => {
            let remote = remote::read(workspace, target, Freshness::Now, Fallback::Snapshot).await?;
            let (local, base) = local_and_base(target, &remote.effective);
            Ok(if *side == Side::Local { local } else { base })
        }
        Side::Remote => {
            let remote = remote::read(workspace, target, Freshness::Now, Fallback::Snapshot).await?;
            report.describe_remote(&remote);
            Ok(remote.effective.values())
        }
        Side::Snapshot => match workspace.state.snapshot(&target.store.address()).await? {
            Some(state) => {
                report.snapshot_age = Some(workspace.clock.now().await.seconds_since(state.read_at));
                Ok(state.entries)
            }
            None => {
                Err(Failure::new(FailureKind::Offline, format!("{} has no snapshot yet", target.which.environment))
                    .hint("`git envsync fetch` makes one"))
            }
        },
        Side::Environment(name) => {
            let selected = workspace.by_name(name, SelectedBy::Flag)?;
            Ok(remote_of(workspace, target, &selected.which).await?.effective.values())
        }
        Side::Branch(branch) => {
            let which = workspace.config.by_branch(branch).ok_or_else(|| {
                Failure::new(FailureKind::NoEnvironment, format!("no environment belongs to the branch {branch}"))
                    .hint("`git envsync which` shows the rules")
            })?;
            Ok(remote_of(workspace, target, &which).await?.effective.values())
        }
    }
}

async fn remote_of(workspace: &Workspace, target: &Target, which: &Which) -> Result<Remote, Failure> {
    let store = workspace.stores.open(which, &which.location(&target.entry))?;
    let below = workspace.below(which, &target.entry)?;
    remote::read_store(workspace, target, store.as_ref(), &below, Freshness::Now, Fallback::Snapshot).await
}

/// Two sides without a base: what the second has otherwise than the first.
fn two_sides(one: &Values, other: &Values) -> Plan {
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let steps = keys
        .into_iter()
        .filter(|key| one.get(key) != other.get(key))
        .map(|key| {
            let (first, second) = (one.get(key), other.get(key));
            Step {
                key: key.clone(),
                state: compare(Sides { base: first, local: first, remote: second }),
                action: Action::None,
                local: first.cloned(),
                remote: second.cloned(),
                base_after: None,
                note: None,
            }
        })
        .collect();
    Plan { steps }
}

/// Brings the snapshots up to date; env files are not touched.
///
/// # Errors
/// A store that cannot be read.
pub async fn fetch(workspace: &Workspace) -> Result<Report, Failure> {
    let selected = workspace.selected().await?;
    let mut report = empty(workspace);
    let mut targets = workspace.targets(&selected, Access::Read).await?;
    for target in &targets {
        guard::can_be_asked(workspace, target.store.as_ref(), "fetch")?;
    }
    let reads = targets.iter_mut().map(|target| remote::read(workspace, target, Freshness::Now, Fallback::Fail));
    let remotes = join_all(reads).await;
    for (target, remote) in targets.iter().zip(remotes) {
        let remote = remote?;
        if target.store.traits().in_tree {
            // A read of the work tree's file keeps no snapshot of its own accord: nothing is read from one.
            workspace.state.save_snapshot(&target.store.address(), &remote.own).await?;
        }
        let mut shown = target.report();
        shown.describe_remote(&remote);
        shown.show(&drift(target, &remote), &Outcome::Planned);
        report.targets.push(shown);
    }
    Ok(report)
}
