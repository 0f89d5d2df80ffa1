//! What pull, push and sync do with one env file: decided before anything is written.

use super::guard;
use super::remote::{self, Fallback, Freshness, Remote};
use super::report::count;
use super::settle;
use super::store_journal;
use super::switching;
use super::target::{Relation, Target};
use super::workspace::Workspace;
use crate::domain::config::Which;
use crate::domain::environment::EnvironmentName;
use crate::domain::plan::{Choice, Choices, CodeKeys, Deletions, Direction, Plan, Rules, Situation};
use crate::domain::record::Values;
use crate::domain::switch::Missing;
use crate::ports::{Failure, FailureKind};
use std::collections::BTreeMap;

/// What pull, push and sync were asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// The command, as it stands in undo records and hints.
    pub command: &'static str,
    /// Which sides may be written.
    pub direction: Direction,
    /// How conflicts are settled.
    pub prefer: Prefer,
    /// Whether local deletions reach the store.
    pub prune: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// The protected environment that may be touched.
    pub allow_protected: Option<EnvironmentName>,
    /// Whether an environment that lost all its keys is believed.
    pub allow_empty: bool,
    /// Whether the environment was named on purpose: `use NAME`.
    pub named: bool,
    /// When the store is asked, and what happens when it cannot be.
    pub freshness: Freshness,
    /// See [`Fallback`].
    pub fallback: Fallback,
}

impl Request {
    /// The request of a plain command: `pull`, `push` or `sync`.
    #[must_use]
    pub fn new(command: &'static str, direction: Direction) -> Self {
        Self {
            command,
            direction,
            prefer: Prefer::Ask,
            prune: false,
            dry_run: false,
            allow_protected: None,
            allow_empty: false,
            named: false,
            freshness: Freshness::Now,
            fallback: Fallback::Fail,
        }
    }
}

/// How conflicts are settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// The env file wins.
    Local,
    /// The store wins.
    Remote,
    /// The user is asked; without a terminal, nothing is written.
    Ask,
    /// Nothing is written.
    Stop,
}

/// What is done with one env file.
#[derive(Debug)]
pub enum Decision {
    /// Its environment and the file are merged.
    Merge(Merge),
    /// Another environment comes into the file.
    Switch(Remote),
    /// It is left alone: why, and what to type.
    LeaveAlone(String),
}

/// A merge of the file with the environment it holds, or comes to hold.
#[derive(Debug)]
pub struct Merge {
    /// What the store holds.
    pub remote: Remote,
    /// The bases it starts from.
    pub base: Values,
    /// The plan.
    pub plan: Plan,
    /// Whether the environment starts from the file.
    pub starts: bool,
    /// Whether the plan is about every key: a plan about some leaves the others' changes for later.
    pub covers_all: bool,
}

/// Decides for one env file.
///
/// # Errors
/// A refusal, or a store that cannot be read.
pub async fn decide(workspace: &Workspace, request: &Request, target: &mut Target) -> Result<Decision, Failure> {
    permit(workspace, request, target)?;
    let remote = read(workspace, request, target).await?;
    decide_with(workspace, request, target, remote).await
}

/// What has to be right before a store is asked.
///
/// # Errors
/// A refusal.
pub(super) fn permit(workspace: &Workspace, request: &Request, target: &Target) -> Result<(), Failure> {
    guard::hidden_from_git(workspace, &target.entry)?;
    guard::merged(workspace, target)?;
    if request.direction != Direction::ToLocal {
        guard::protected_write(&target.which, request.allow_protected.as_ref(), request.command)?;
    }
    Ok(())
}

/// Asks the store, once what an interrupted command has begun there is settled.
///
/// # Errors
/// A store that cannot be read.
pub(super) async fn read(workspace: &Workspace, request: &Request, target: &mut Target) -> Result<Remote, Failure> {
    let settled = !request.dry_run && store_journal::settle(workspace, target).await?;
    let freshness = if settled { Freshness::Now } else { request.freshness };
    remote::read(workspace, target, freshness, request.fallback).await
}

/// Decides for one env file whose store has answered.
///
/// # Errors
/// A refusal.
pub(super) async fn decide_with(
    workspace: &Workspace,
    request: &Request,
    target: &Target,
    remote: Remote,
) -> Result<Decision, Failure> {
    guard::not_older_than_the_base(target, &remote)?;
    if !request.named {
        guard::same_account(target, &remote)?;
    }
    let case = Case { workspace, request, target, remote };
    match target.relation() {
        Relation::Held if target.local().is_empty() && request.direction != Direction::ToRemote => case.refill().await,
        Relation::Held => case.held().await,
        Relation::Other => case.other().await,
        Relation::Unrecorded => case.unrecorded().await,
        Relation::Nothing => case.nothing(),
    }
}

struct Case<'a> {
    workspace: &'a Workspace,
    request: &'a Request,
    target: &'a Target,
    remote: Remote,
}

impl Case<'_> {
    fn name(&self) -> &EnvironmentName {
        &self.target.which.environment
    }

    /// The file is missing or empty, and its environment is to be put into it again.
    async fn refill(self) -> Result<Decision, Failure> {
        if !self.remote.is_held() || self.is_emptied() {
            return self.held().await;
        }
        self.switch()
    }

    /// Whether an environment that had keys answers with none.
    fn is_emptied(&self) -> bool {
        let had_keys = self.target.record().is_some_and(|record| !record.base.is_empty());
        had_keys && !self.remote.effective.has_keys() && !self.request.allow_empty
    }

    async fn held(self) -> Result<Decision, Failure> {
        let base = self.target.base();
        if self.is_emptied() {
            let start = !self.remote.is_held() && self.request.direction != Direction::ToLocal;
            return if start { self.start().await } else { Err(self.emptied()) };
        }
        if !self.remote.is_held() && !self.request.allow_empty {
            return match self.request.direction {
                Direction::ToLocal => Ok(Decision::LeaveAlone(self.not_held_yet())),
                _ => self.start().await,
            };
        }
        self.merge(base, false)
    }

    async fn other(self) -> Result<Decision, Failure> {
        match self.request.direction {
            Direction::ToLocal => self.switch(),
            _ if !self.remote.is_held() => self.start().await,
            _ => {
                let held = self.target.held().map_or_else(String::new, ToString::to_string);
                let what = format!("{} holds {held}, not {}", self.target.path(), self.name());
                Err(Failure::new(FailureKind::WrongEnvironment, what).hint(format!(
                    "`git envsync pull` puts {} into it; `git envsync {} -e {held}` is about what it holds",
                    self.name(),
                    self.request.command
                )))
            }
        }
    }

    fn nothing(self) -> Result<Decision, Failure> {
        match self.request.direction {
            Direction::ToRemote => Ok(Decision::LeaveAlone(format!("{} has nothing to push", self.target.path()))),
            _ => self.switch(),
        }
    }

    fn switch(self) -> Result<Decision, Failure> {
        if !self.remote.is_held() {
            return Ok(Decision::LeaveAlone(self.not_held_yet()));
        }
        self.may_enter_file()?;
        Ok(Decision::Switch(self.remote))
    }

    async fn unrecorded(self) -> Result<Decision, Failure> {
        if !self.remote.is_held() {
            return match self.request.direction {
                Direction::ToLocal => Ok(Decision::LeaveAlone(self.not_held_yet())),
                _ => self.start().await,
            };
        }
        self.may_enter_file()?;
        if self.request.direction == Direction::ToRemote {
            let path = self.target.path();
            let question = format!(
                "envsync does not know which environment {path} holds. Push its {} to {}?",
                count(self.target.local().len(), "variable"),
                self.name()
            );
            let refusal = Failure::new(
                FailureKind::WrongEnvironment,
                format!("envsync does not know which environment {path} holds"),
            )
            .hint(format!(
                "`git envsync pull{typed}` merges it with {}; `git envsync push{typed} --yes` pushes it",
                self.name(),
                typed = self.workspace.typed_selection()
            ));
            self.ask(&question, refusal)?;
        }
        self.merge(Values::new(), false)
    }

    /// An environment that its store does not hold yet starts from the file as it is.
    async fn start(self) -> Result<Decision, Failure> {
        let (path, name) = (self.target.path(), self.name());
        let values = self.target.local();
        if values.is_empty() {
            return Ok(Decision::LeaveAlone(format!(
                "{path} has nothing to push, and {} does not hold {name} yet",
                self.target.which.store
            )));
        }
        let whose = match self.target.held() {
            Some(held) if *held != *name => {
                self.held_is_not_protected(held).await?;
                format!("the values of {held}")
            }
            Some(_) => "its own values".to_owned(),
            None => "values of no known environment".to_owned(),
        };
        let question = format!(
            "{name} is not in its store yet. Start it from {path}: {}, {whose}?",
            count(values.len(), "variable")
        );
        let typed = self.workspace.typed_selection();
        let refusal =
            Failure::new(FailureKind::WrongEnvironment, format!("{name} is not in its store yet; {path} has {whose}"))
                .hint(format!("`git envsync {}{typed} --yes` starts it from the file as it is", self.request.command));
        self.ask(&question, refusal)?;
        self.merge(Values::new(), true)
    }

    async fn held_is_not_protected(&self, held: &EnvironmentName) -> Result<(), Failure> {
        let Some(protected) = self.protected_name_of(held).await? else { return Ok(()) };
        if self.request.allow_protected.as_ref().is_some_and(|allowed| allowed == protected || allowed == held) {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Protected,
            format!("{} would start with the values of {protected}, which is protected", self.name()),
        )
        .hint(format!("`git envsync {} --yes --allow-protected {protected}`", self.request.command)))
    }

    /// What the config calls the environment the file holds, where it is protected: the name may be another one since.
    async fn protected_name_of(&self, held: &EnvironmentName) -> Result<Option<&EnvironmentName>, Failure> {
        for entry in self.workspace.config.environments.iter().filter(|entry| entry.protected) {
            if entry.name == *held || self.lives_where_held_does(&entry.name).await? {
                return Ok(Some(&entry.name));
            }
        }
        Ok(None)
    }

    /// Whether an environment of the config is the one the file holds. One that depends on a branch that is not checked out
    /// is none.
    async fn lives_where_held_does(&self, name: &EnvironmentName) -> Result<bool, Failure> {
        let Some(record) = &self.target.state.record else { return Ok(false) };
        let Ok(which) = self.workspace.config.by_name(name, self.workspace.branch()) else { return Ok(false) };
        let Ok(store) = self.workspace.stores.open(&which, &which.location(&self.target.entry)) else {
            return Ok(false);
        };
        let configured = store.address();
        if configured == record.configured || configured == record.address {
            return Ok(true);
        }
        let answered = self.workspace.state.snapshot(&configured).await?;
        Ok(answered.is_some_and(|state| state.address == record.address))
    }

    /// A protected environment is put into a file on a named request only; so is one that inherits from it.
    fn may_enter_file(&self) -> Result<(), Failure> {
        let which = &self.target.which;
        let Some(protected) = protected_in(which) else { return Ok(()) };
        if self.request.named || self.request.allow_protected.as_ref() == Some(protected) {
            return Ok(());
        }
        let (name, path) = (&which.environment, self.target.path());
        if self.workspace.asker.confirm(&format!("{protected} is protected. Put its values into {path}?")) {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Protected,
            format!("{protected} is protected and does not go into {path} by itself"),
        )
        .hint(format!(
            "`git envsync use {name}` puts it in, or `git envsync {} --allow-protected {protected}`",
            self.request.command
        )))
    }

    fn emptied(&self) -> Failure {
        let name = self.name();
        Failure::new(FailureKind::Emptied, format!("{name} had keys and has none now in {}", self.target.store)).hint(
            "`git envsync pull --allow-empty` believes it; `git log` has older versions of a store in the work tree",
        )
    }

    fn not_held_yet(&self) -> String {
        let (name, path) = (self.name(), self.target.path());
        let holds = match self.target.held() {
            Some(held) => format!("{path} still holds {held}"),
            None => format!("{path} is left alone"),
        };
        let typed = self.workspace.typed_selection();
        let line = format!("{name} is not in its store yet; {holds}: `git envsync push{typed}` starts {name}");
        match &self.remote.unsaid {
            Some(why) => format!("{line}; {why}"),
            None => line,
        }
    }

    fn ask(&self, question: &str, refusal: Failure) -> Result<(), Failure> {
        if self.request.dry_run || self.workspace.options.yes || self.workspace.asker.confirm(question) {
            Ok(())
        } else {
            Err(refusal)
        }
    }

    fn merge(self, base: Values, starts: bool) -> Result<Decision, Failure> {
        let plan = plan(self.workspace, self.request, self.target, &base, &self.remote);
        Ok(Decision::Merge(Merge { remote: self.remote, base, plan, starts, covers_all: true }))
    }
}

/// The protected environment whose values an environment would bring in: itself, or one it extends.
fn protected_in(which: &Which) -> Option<&EnvironmentName> {
    std::iter::once(which).chain(which.below()).find(|which| which.protected).map(|which| &which.environment)
}

/// Plans a merge, asking about conflicts and keys that load code where that was asked for.
pub(super) fn plan(workspace: &Workspace, request: &Request, target: &Target, base: &Values, remote: &Remote) -> Plan {
    let local = target.local();
    let effective = target.without_local_entries(&remote.effective);
    let situation = Situation { local: &local, base, remote: &effective };
    let mut rules = rules(workspace, request, target);
    let mut plan = Plan::decide(situation, &rules);
    let held_back = plan.held_back();
    let asks = !held_back.is_empty() && request.direction != Direction::ToRemote && !request.dry_run;
    if asks && workspace.asker.confirm(&switching::let_in(&held_back)) {
        rules.code_keys = CodeKeys::Accepted;
        plan = Plan::decide(situation, &rules);
    }
    if plan.open_conflicts().next().is_none() || request.prefer != Prefer::Ask || !workspace.asker.interactive() {
        return plan;
    }
    // One that is left open stops all: the other answers would decide nothing.
    let answers: Option<BTreeMap<_, _>> =
        plan.open_conflicts().map(|step| Some((step.key.clone(), settle::ask(workspace, target, step)?))).collect();
    let Some(answers) = answers else { return plan };
    rules.choices.keys = answers;
    Plan::decide(situation, &rules)
}

fn rules(workspace: &Workspace, request: &Request, target: &Target) -> Rules {
    let all = match request.prefer {
        Prefer::Local => Some(Choice::Local),
        Prefer::Remote => Some(Choice::Remote),
        Prefer::Ask | Prefer::Stop => None,
    };
    Rules {
        direction: request.direction,
        choices: Choices { all, ..Choices::default() },
        deletions: match target.missing() {
            Missing::Doubtful => Deletions::Doubtful,
            Missing::Deleted if request.prune => Deletions::Pruned,
            Missing::Deleted => Deletions::Withheld,
        },
        code_keys: code_keys(workspace, target),
    }
}

/// Whether keys that make programs load code may come in: `--yes` says so, and a person at the terminal is asked.
pub(super) fn code_keys(workspace: &Workspace, target: &Target) -> CodeKeys {
    if workspace.options.yes {
        return CodeKeys::Accepted;
    }
    CodeKeys::HeldBack(target.state.accepted_code.get(&target.address).cloned().unwrap_or_default())
}
