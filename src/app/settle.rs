//! `restore` and `resolve`: single keys of the environment a file holds.

use super::decide::{Merge, Prefer, Request};
use super::guard;
use super::merging::Merging;
use super::remote::{self, Fallback, Freshness, Remote};
use super::report::{Report, TargetReport, masked};
use super::target::{Access, Relation, Target};
use super::workspace::Workspace;
use crate::domain::key::Key;
use crate::domain::merge::{Sides, compare};
use crate::domain::plan::{
    Action, Choice, Choices, CodeKeys, Deletions, Direction, Note, Plan, Rules, Situation, Step,
};
use crate::domain::secret::SecretValue;
use crate::ports::{Failure, FailureKind, Wait};

/// Drops the local change of keys: back to what the remote has, deleted ones too.
///
/// # Errors
/// The file does not hold the environment; a key that neither side has, or that cannot be read in the store.
pub async fn restore(workspace: &Workspace, keys: &[Key]) -> Result<Report, Failure> {
    let mut report = Settling::new(workspace, "restore").await?;
    let (mut known, mut outside) = (Vec::new(), Vec::new());
    for (target, remote) in &report.targets {
        let (local, base) = (target.local(), target.base());
        let mut steps = Vec::new();
        for key in keys {
            if target.is_local(key) {
                outside.push(key);
                continue;
            }
            let sides = Sides { base: base.get(key), local: local.get(key), remote: remote.effective.get(key) };
            if remote.effective.is_unknown_to(key, sides.base) {
                return Err(Failure::new(FailureKind::Denied, format!("{key} cannot be read in {}", target.store))
                    .hint("`git envsync status` says why; the file's value stays"));
            }
            if sides.local.is_none() && sides.remote.is_none() && sides.base.is_none() {
                continue;
            }
            known.push(key.clone());
            let action = match (sides.local == sides.remote, sides.remote) {
                (true, _) => Action::None,
                (false, Some(_)) => Action::UpdateLocal,
                (false, None) => Action::RemoveLocal,
            };
            steps.push(Step {
                key: key.clone(),
                state: compare(sides),
                action,
                local: sides.local.cloned(),
                remote: sides.remote.cloned(),
                base_after: sides.remote.cloned(),
                note: compare(sides).is_conflict().then_some(Note::Settled(Choice::Remote)),
            });
        }
        report.plans.push(Plan { steps });
    }
    if let Some(key) = outside.into_iter().find(|key| !known.contains(*key)) {
        return Err(guard::outside_the_merge(key));
    }
    if let Some(key) = keys.iter().find(|key| !known.contains(key)) {
        return Err(Failure::new(FailureKind::Missing, format!("neither the file nor the store has {key}"))
            .hint("`git envsync list` shows the keys"));
    }
    report.apply().await
}

/// Settles conflicts by choosing a side: for the named keys, or for all.
///
/// # Errors
/// The file does not hold the environment; a named key that is no conflict; nobody to ask.
pub async fn resolve(workspace: &Workspace, keys: &[Key], choice: Option<Choice>) -> Result<Report, Failure> {
    let mut settling = Settling::new(workspace, "resolve").await?;
    let mut met = Vec::new();
    for (target, remote) in &settling.targets {
        let (local, base) = (target.local(), target.base());
        let effective = target.without_local_entries(&remote.effective);
        let situation = Situation { local: &local, base: &base, remote: &effective };
        let conflicts = Plan::decide(situation, &rules(Choices::default()));
        let mut choices = Choices::default();
        for step in conflicts.open_conflicts().filter(|step| keys.is_empty() || keys.contains(&step.key)) {
            met.push(step.key.clone());
            if let Some(choice) = choice.or_else(|| ask(workspace, target, step)) {
                choices.keys.insert(step.key.clone(), choice);
            }
        }
        let chosen = choices.keys.clone();
        let mut plan = Plan::decide(situation, &rules(choices));
        plan.steps.retain(|step| chosen.contains_key(&step.key));
        settling.plans.push(plan);
    }
    if let Some(key) = keys.iter().find(|key| !met.contains(key)) {
        return Err(Failure::new(FailureKind::Missing, format!("{key} is no conflict"))
            .hint("`git envsync status` lists the conflicts"));
    }
    let settled: usize = settling.plans.iter().map(|plan| plan.steps.len()).sum();
    let open = met.len() - settled;
    let mut report = settling.apply().await?;
    if open > 0 {
        let failure = Failure::new(FailureKind::Conflict, format!("{open} of {} conflicts left", met.len()));
        report.failure = Some(
            failure.hint("`git envsync resolve KEY --local` keeps the file's value, `--remote` takes the store's"),
        );
    }
    Ok(report)
}

fn holds_another(target: &Target) -> Failure {
    let holds = target.held().map_or("nothing known".to_owned(), ToString::to_string);
    let what = format!("{} holds {holds}, not {}", target.path(), target.which.environment);
    Failure::new(FailureKind::WrongEnvironment, what).hint("`git envsync pull` puts it into the file")
}

fn rules(choices: Choices) -> Rules {
    Rules { direction: Direction::ToLocal, choices, deletions: Deletions::Withheld, code_keys: CodeKeys::Accepted }
}

/// Which side a conflict is settled by, where somebody is there to say so.
pub(super) fn ask(workspace: &Workspace, target: &Target, step: &Step) -> Option<Choice> {
    let side = |value: &Option<SecretValue>| masked(workspace.cipher.as_ref(), value.as_ref());
    let sides = format!("{} / {}", side(&step.local), side(&step.remote));
    workspace.asker.choose(target.path().as_str(), &target.which.environment, &step.key, &sides)
}

/// The targets of `restore` and `resolve`, with what their stores hold.
struct Settling<'a> {
    workspace: &'a Workspace,
    command: &'static str,
    targets: Vec<(Target, Remote)>,
    plans: Vec<Plan>,
}

impl<'a> Settling<'a> {
    async fn new(workspace: &'a Workspace, command: &'static str) -> Result<Self, Failure> {
        let selected = workspace.selected().await?;
        let mut targets = Vec::new();
        for mut target in workspace.targets(&selected, Access::Write(Wait::Yes)).await? {
            guard::hidden_from_git(workspace, &target.entry)?;
            guard::merged(workspace, &target)?;
            if target.relation() == Relation::Nothing || target.relation() == Relation::Unrecorded {
                return Err(holds_another(&target));
            }
            let remote = remote::read(workspace, &mut target, Freshness::Now, Fallback::Snapshot).await?;
            guard::same_account(&target, &remote)?;
            if target.relation() != Relation::Held {
                return Err(holds_another(&target));
            }
            guard::not_older_than_the_base(&target, &remote)?;
            targets.push((target, remote));
        }
        Ok(Self { workspace, command, targets, plans: Vec::new() })
    }

    async fn apply(self) -> Result<Report, Failure> {
        let request = Request { prefer: Prefer::Stop, ..Request::new(self.command, Direction::ToLocal) };
        let merging = Merging { workspace: self.workspace, request: &request };
        let mut report = Report { branch: self.workspace.branch().map(ToString::to_string), ..Report::default() };
        for ((target, remote), plan) in self.targets.into_iter().zip(self.plans) {
            let mut shown: TargetReport = target.report();
            shown.describe_remote(&remote);
            let base = target.base();
            let merge = Merge { remote, base, plan, starts: false, covers_all: false };
            let failure = merging.run(target, merge, &mut shown).await?;
            report.failure = report.failure.take().or(failure);
            report.targets.push(shown);
        }
        Ok(report)
    }
}
