//! Pull, push and sync: all env files are planned before any is written; one conflict or refusal stops all.

use super::decide::{self, Decision, Merge, Request};
use super::guard;
use super::merging::{Merging, conflict, nothing_written};
use super::remote::Remote;
use super::report::{self, Event, Outcome, Report, TargetReport};
use super::switching::{self, Switch};
use super::target::{Access, Target};
use super::workspace::{Workspace, selection_failure};
use crate::domain::plan::Direction;
use crate::ports::{Failure, FailureKind, Wait, join_all};

/// One env file with what was decided for it.
struct Job {
    target: Target,
    work: Work,
}

enum Work {
    Merge(Merge),
    Switch(Remote, Switch),
    LeaveAlone(String),
}

/// Pulls, pushes or syncs.
///
/// # Errors
/// A refusal, or what cannot be read, before anything is written. What ends in conflicts, or was done in part, is a
/// [`Report`] with a failure in it.
pub async fn reconcile(workspace: &Workspace, request: &Request) -> Result<Report, Failure> {
    guard::allowed_is_known(workspace, request.allow_protected.as_ref())?;
    guard::nothing_unmerged(workspace, request.direction)?;
    no_offline_writes(workspace, request).await?;
    let selected = workspace.selected().await?;
    let mut targets = workspace.targets(&selected, Access::Write(Wait::Yes)).await?;
    for target in &targets {
        decide::permit(workspace, request, target)?;
    }
    let remotes = join_all(targets.iter_mut().map(|target| decide::read(workspace, request, target))).await;
    let mut jobs = Vec::new();
    for (target, remote) in targets.into_iter().zip(remotes) {
        let work = match decide::decide_with(workspace, request, &target, remote?).await? {
            Decision::Merge(merge) => Work::Merge(merge),
            Decision::LeaveAlone(why) => Work::LeaveAlone(why),
            Decision::Switch(remote) => {
                let switch = switching::plan(workspace, &target, &remote, workspace.clock.now().await);
                Work::Switch(remote, switch)
            }
        };
        let job = Job { target, work };
        if job.writes_file() {
            workspace.files.has_a_place(job.target.path()).await?;
        }
        jobs.push(job);
    }
    let mut report = Report {
        branch: workspace.branch().map(ToString::to_string),
        dry_run: request.dry_run,
        offline: workspace.options.offline,
        ..Report::default()
    };
    if let Some(failure) = conflicts(request, &jobs) {
        report.targets = jobs.iter().map(|job| job.planned(workspace)).collect();
        report.failure = Some(failure);
        return Ok(report);
    }
    for job in jobs {
        let planned = job.planned(workspace);
        if request.dry_run || report.failure.is_some() {
            report.targets.push(planned);
            continue;
        }
        let (shown, failure) = match job.apply(workspace, request).await {
            Ok(applied) => applied,
            Err(failure) if report.did_something() => (planned, Some(failure)),
            Err(failure) => return Err(failure),
        };
        report.failure = failure.map(|failure| in_part(&report, failure));
        report.targets.push(shown);
    }
    Ok(report)
}

/// A failure that ends a command which has done something already, in another env file.
fn in_part(report: &Report, failure: Failure) -> Failure {
    if !report.did_something() {
        return failure;
    }
    let done: Vec<&str> = report.targets.iter().filter_map(|target| Some(target.file.as_ref()?.as_str())).collect();
    let what = format!("{}; done already: {}", failure.what, done.join(", "));
    Failure { kind: FailureKind::Partial, what, ..failure }
}

/// Offline, `pull` merges the snapshot; `push` and `sync` need a store that can be written: one in the work tree.
async fn no_offline_writes(workspace: &Workspace, request: &Request) -> Result<(), Failure> {
    if !workspace.options.offline || request.direction == Direction::ToLocal {
        return Ok(());
    }
    let selected = workspace.selected().await?;
    for entry in workspace.entries()? {
        let which = workspace
            .config
            .for_file(entry, &selected.which, selected.branch.as_ref())
            .map_err(|error| selection_failure(&error))?;
        let store = workspace.stores.open(&which, &which.location(entry))?;
        guard::can_be_asked(workspace, store.as_ref(), request.command)?;
    }
    Ok(())
}

fn conflicts(request: &Request, jobs: &[Job]) -> Option<Failure> {
    let keys: Vec<&str> = jobs
        .iter()
        .filter_map(|job| match &job.work {
            Work::Merge(merge) => Some(merge.plan.open_conflicts()),
            _ => None,
        })
        .flatten()
        .map(|step| step.key.as_str())
        .collect();
    (!keys.is_empty()).then(|| nothing_written(conflict(request, &keys)))
}

impl Job {
    fn writes_file(&self) -> bool {
        match &self.work {
            Work::Merge(merge) => merge.plan.writes_local(),
            Work::Switch(_, switch) => !switch.filled.values.is_empty(),
            Work::LeaveAlone(_) => false,
        }
    }

    fn report(&self, workspace: &Workspace) -> TargetReport {
        let mut report = self.target.report();
        if let Work::Merge(merge) = &self.work {
            report.describe_remote(&merge.remote);
            report.describe_promise(&self.target, &merge.plan);
        }
        if let Work::Switch(remote, _) = &self.work {
            report.describe_remote(remote);
        }
        if workspace.options.offline && report.snapshot_age.is_none() {
            report.snapshot_age = Some(0);
        }
        report
    }

    fn planned(&self, workspace: &Workspace) -> TargetReport {
        let mut report = self.report(workspace);
        match &self.work {
            Work::Merge(merge) => {
                report.describe_pace(workspace, &self.target, &merge.plan);
                report.show(&merge.plan, &Outcome::Planned);
                if merge.starts {
                    report.event = Event::Started;
                }
            }
            Work::Switch(_, switch) => switching::show(&mut report, &self.target, switch, &Outcome::Planned),
            Work::LeaveAlone(why) => report.event = Event::LeftAlone(why.clone()),
        }
        report
    }

    async fn apply(self, workspace: &Workspace, request: &Request) -> Result<(TargetReport, Option<Failure>), Failure> {
        let mut report = self.report(workspace);
        match self.work {
            Work::LeaveAlone(why) => {
                report.event = Event::LeftAlone(why);
                Ok((report, None))
            }
            Work::Switch(remote, switch) => {
                switching::apply(workspace, &self.target, &remote, &switch, request.command).await?;
                switching::show(&mut report, &self.target, &switch, &Outcome::Applied);
                report.held = Some(self.target.which.environment.clone());
                Ok((report, None))
            }
            Work::Merge(merge) => {
                report::foretell_pace(workspace, &self.target, &merge.plan);
                let failure = Merging { workspace, request }.run(self.target, merge, &mut report).await?;
                Ok((report, failure))
            }
        }
    }
}
