//! What pull, push and sync do with one env file: decided before anything is written.

use super::guard;
use super::remote::{self, Fallback, Freshness, Remote};
use super::report::count;
use super::settle;
use super::switching;
use super::target::{Relation, Target};
use super::workspace::Workspace;
use crate::domain::config::Which;
use crate::domain::environment::{Address, EnvironmentName};
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
pub async fn decide(workspace: &Workspace, request: &Request, target: &Target) -> Result<Decision, Failure> {
    guard::hidden_from_git(workspace, &target.entry)?;
    guard::merged(workspace, target)?;
    if request.direction != Direction::ToLocal {
        guard::protected_write(&target.which, request.allow_protected.as_ref(), request.command)?;
    }
    let remote = remote::read(workspace, target, request.freshness, request.fallback).await?;
    guard::not_older_than_the_base(target, &remote)?;
    let case = Case { workspace, request, target, remote };
    case.same_account()?;
    match target.relation() {
        Relation::Held if target.local().is_empty() && request.direction != Direction::ToRemote => case.refill(),
        Relation::Held => case.held(),
        Relation::Other => case.other(),
        Relation::Unrecorded => case.unrecorded(),
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

    /// The same config entry that answers from elsewhere is another account, project or vault.
    fn same_account(&self) -> Result<(), Failure> {
        let Some(record) = &self.target.state.record else { return Ok(()) };
        let moved = record.entry_digest == self.target.which.entry_digest
            && record.address.location == self.remote.own.address.location
            && record.address.scope != self.remote.own.address.scope;
        if !moved || self.request.named {
            return Ok(());
        }
        let what = format!(
            "{} answers from {}, and {} holds what {} had",
            self.name(),
            self.remote.own.address.scope,
            self.target.path(),
            record.address.scope
        );
        Err(Failure::new(FailureKind::Refused, what)
            .hint(format!("`git envsync use {}` accepts it, as a switch", self.name())))
    }

    /// The file is missing or empty, and its environment is to be put into it again.
    fn refill(self) -> Result<Decision, Failure> {
        if !self.remote.is_held() || self.is_emptied() {
            return self.held();
        }
        self.switch()
    }

    /// Whether an environment that had keys answers with none.
    fn is_emptied(&self) -> bool {
        let had_keys = self.target.record().is_some_and(|record| !record.base.is_empty());
        had_keys && !self.remote.effective.has_keys() && !self.request.allow_empty
    }

    fn held(self) -> Result<Decision, Failure> {
        let base = self.target.base();
        if self.is_emptied() {
            let start = !self.remote.is_held() && self.request.direction != Direction::ToLocal;
            return if start { self.start() } else { Err(self.emptied()) };
        }
        if !self.remote.is_held() && !self.request.allow_empty {
            return match self.request.direction {
                Direction::ToLocal => Ok(Decision::LeaveAlone(self.not_held_yet())),
                _ => self.start(),
            };
        }
        self.merge(base, false)
    }

    fn other(self) -> Result<Decision, Failure> {
        match self.request.direction {
            Direction::ToLocal => self.switch(),
            _ if !self.remote.is_held() => self.start(),
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

    fn unrecorded(self) -> Result<Decision, Failure> {
        if !self.remote.is_held() {
            return match self.request.direction {
                Direction::ToLocal => Ok(Decision::LeaveAlone(self.not_held_yet())),
                _ => self.start(),
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
    fn start(self) -> Result<Decision, Failure> {
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
                self.held_is_not_protected(held)?;
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

    fn held_is_not_protected(&self, held: &EnvironmentName) -> Result<(), Failure> {
        let Some(protected) = self.protected_name_of(held) else { return Ok(()) };
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
    fn protected_name_of(&self, held: &EnvironmentName) -> Option<&EnvironmentName> {
        let address = self.target.state.record.as_ref().map(|record| &record.address);
        let mut protected = self.workspace.config.environments.iter().filter(|entry| entry.protected);
        protected
            .find(|entry| entry.name == *held || self.address_of(&entry.name).as_ref() == address)
            .map(|entry| &entry.name)
    }

    /// Where an environment of the config lives; none where that depends on a branch that is not checked out.
    fn address_of(&self, name: &EnvironmentName) -> Option<Address> {
        let which = self.workspace.config.by_name(name, self.workspace.branch()).ok()?;
        let store = self.workspace.stores.open(&which, &which.location(&self.target.entry)).ok()?;
        Some(store.address())
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
        format!("{name} is not in its store yet; {holds}: `git envsync push{typed}` starts {name}")
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
