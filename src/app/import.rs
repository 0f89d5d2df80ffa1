//! `import`: many keys at once, from a text. Into the env file where it holds the selected environment, else into the store, by
//! a plan like any other: shown, on the condition of what it saw, with what it writes over in the undo record.

use super::apply;
use super::commit::{overwritten, writes_remote};
use super::decide::{self, Request};
use super::guard;
use super::merging::{Merging, StoreWrite};
use super::remote::{self, Fallback, Freshness, Remote};
use super::report::{self, Outcome, Report, TargetReport, count, masked};
use super::store_journal;
use super::switching;
use super::target::{Access, Relation, Target};
use super::workspace::Workspace;
use crate::domain::environment::EnvironmentName;
use crate::domain::formats::{self, Format};
use crate::domain::key::Key;
use crate::domain::merge::{KeyState, Sides, compare};
use crate::domain::plan::{Action, CodeKeys, Direction, Note, Plan, Step};
use crate::domain::record::Values;
use crate::domain::secret::{SecretBytes, SecretValue};
use crate::domain::undo;
use crate::ports::{Failure, FailureKind, Wait};
use std::collections::BTreeSet;
use std::fmt::Write;

/// What is imported, and how.
#[derive(Debug)]
pub struct Import {
    /// The variables. Those that the environment has and these lack stay.
    pub values: Values,
    /// Where they come from, as a user calls it.
    pub source: String,
    /// Whether the environment's other keys are removed.
    pub prune: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// The protected environment that may be written.
    pub allow_protected: Option<EnvironmentName>,
}

/// What a user calls the text that is typed as `-`.
pub const STANDARD_INPUT: &str = "standard input";

/// The variables of a text.
///
/// # Errors
/// It cannot be read as a whole, or has none: whoever wrote it may have failed, and `--prune` would remove all.
pub fn read(source: &str, format: Format, text: &SecretBytes) -> Result<Values, Failure> {
    let values = formats::read(format, text.expose()).map_err(|error| {
        Failure::new(FailureKind::Refused, format!("{source}: {error}; nothing was written"))
            .hint("`--format` names another: dotenv, json, yaml, toml, shell, docker, github")
    })?;
    if values.is_empty() {
        return Err(Failure::new(FailureKind::Refused, format!("{source} has no variables; nothing was written")));
    }
    Ok(values)
}

/// Imports variables into the selected environment.
///
/// # Errors
/// More than one env file and none named, a refusal, or what cannot be read, before anything is written. What was done in part
/// is a [`Report`] with a failure in it.
pub async fn import(workspace: &Workspace, import: &Import) -> Result<Report, Failure> {
    guard::allowed_is_known(workspace, import.allow_protected.as_ref())?;
    let typed = if import.source == STANDARD_INPUT { "-" } else { &import.source };
    let entry = workspace.one_entry("import", typed)?;
    let selected = workspace.selected().await?;
    let target = workspace
        .target(entry, &selected, Access::Write(Wait::Yes))
        .await?
        .expect("a lock that is waited for is had or an error");
    let importing = Importing { workspace, import };
    let mut shown = target.report();
    let outside: Vec<&str> = import.values.keys().filter(|key| target.is_local(key)).map(Key::as_str).collect();
    if !outside.is_empty() {
        shown.add_notes(&[format!("left out, as local keys: {}", outside.join(", "))]);
    }
    let mut report =
        Report { branch: workspace.branch().map(ToString::to_string), dry_run: import.dry_run, ..Report::default() };
    report.failure = match target.relation() {
        Relation::Held => {
            importing.write_file(target, &mut shown).await?;
            None
        }
        _ => importing.write_store(target, &mut shown).await?,
    };
    report.targets.push(shown);
    Ok(report)
}

struct Importing<'a> {
    workspace: &'a Workspace,
    import: &'a Import,
}

impl Importing<'_> {
    async fn write_file(&self, target: Target, shown: &mut TargetReport) -> Result<(), Failure> {
        shown.called = Some(("env file", "imported"));
        let workspace = self.workspace;
        guard::hidden_from_git(workspace, &target.entry)?;
        if target.local().is_empty() && target.record().is_some_and(|record| !record.base.is_empty()) {
            let what = format!("{} has none of the variables of {} any more", target.path(), target.which.environment);
            return Err(Failure::new(FailureKind::Refused, what).hint("`git envsync pull` brings them back first"));
        }
        let plan = self.with_code_keys(&target, |code| Ok(self.file_plan(&target, code)))?;
        if self.import.dry_run || !plan.writes_local() {
            shown.show(&plan, &Outcome::Planned);
            return Ok(());
        }
        self.ask(&plan, target.path().as_str())?;
        let before = target.document.values();
        let (mut values, mut gone) = (Values::new(), BTreeSet::new());
        for step in &plan.steps {
            match (step.action, &step.remote) {
                (Action::UpdateLocal, Some(value)) => drop(values.insert(step.key.clone(), value.clone())),
                (Action::RemoveLocal, _) => drop(gone.insert(step.key.clone())),
                _ => {}
            }
        }
        let mut document = target.document.clone();
        document.update(&values, &gone, None);
        let changes = undo::changes(&before, &document.values());
        let now = workspace.clock.now().await;
        let undo = apply::undo_entry(now, "import", &target.which.environment, &target, changes);
        let next = target.state.clone();
        apply::replace(workspace, target.file_now(), document, &next, undo).await?;
        shown.show(&plan, &Outcome::Applied);
        Ok(())
    }

    async fn write_store(&self, mut target: Target, shown: &mut TargetReport) -> Result<Option<Failure>, Failure> {
        shown.called = Some(("imported", "store"));
        let workspace = self.workspace;
        guard::merged(workspace, &target)?;
        guard::protected_write(&target.which, self.import.allow_protected.as_ref(), "import")?;
        guard::can_be_asked(workspace, target.store.as_ref(), "import")?;
        if !self.import.dry_run {
            store_journal::settle(workspace, &target).await?;
        }
        let remote = remote::read(workspace, &mut target, Freshness::Now, Fallback::Fail).await?;
        guard::same_account(&target, &remote)?;
        workspace.find_left_base(&mut target).await?;
        let mut code = CodeKeys::Accepted;
        let plan = self.with_code_keys(&target, |now| {
            code = now.clone();
            self.store_plan(&target, &remote, now)
        })?;
        shown.describe_remote(&remote);
        shown.describe_promise(&target, &plan);
        if self.import.dry_run || !plan.writes_remote() {
            shown.describe_pace(workspace, &target, &plan);
            shown.show(&plan, &Outcome::Planned);
            return Ok(None);
        }
        self.ask(&plan, &format!("{} in {}", target.which.environment, target.store))?;
        report::foretell_pace(workspace, &target, &plan);
        let request = Request::new("import", Direction::ToRemote);
        let planner = |target: &Target, remote: &Remote| self.store_plan(target, remote, &code);
        let write = StoreWrite { plan: &planner, lost: overwritten };
        Merging { workspace, request: &request }.write_store(&mut target, remote, &write, shown).await
    }

    /// The plan, with the keys that make programs load code where `--yes` or a person at the terminal lets them in.
    fn with_code_keys(
        &self,
        target: &Target,
        mut plan: impl FnMut(&CodeKeys) -> Result<Plan, Failure>,
    ) -> Result<Plan, Failure> {
        let first = plan(&decide::code_keys(self.workspace, target))?;
        let held_back = first.held_back();
        let asks = !held_back.is_empty() && !self.import.dry_run;
        if asks && self.workspace.asker.confirm(&switching::let_in(&held_back)) {
            return plan(&CodeKeys::Accepted);
        }
        Ok(first)
    }

    /// The keys that are imported, and with `--prune` those that are removed. Local keys are none of them.
    fn keys<'a>(&'a self, target: &Target, there: impl Iterator<Item = &'a Key>) -> Vec<Key> {
        let there = there.filter(|_| self.import.prune);
        let all: BTreeSet<&Key> = self.import.values.keys().chain(there).collect();
        all.into_iter().filter(|key| !target.is_local(key)).cloned().collect()
    }

    /// The text is to the file what a store is to `pull`.
    fn file_plan(&self, target: &Target, code: &CodeKeys) -> Plan {
        let local = target.local();
        let mut steps = Vec::new();
        for key in self.keys(target, local.keys()) {
            let (before, after) = (local.get(&key), self.import.values.get(&key));
            if before == after {
                continue;
            }
            let (action, note) = match after {
                _ if code.holds_back(&key, before, after) => (Action::Withheld, Some(Note::LoadsCode)),
                Some(_) => (Action::UpdateLocal, None),
                None => (Action::RemoveLocal, None),
            };
            let state = compare(Sides { base: before, local: before, remote: after });
            steps.push(step(key, state, (before, after), action, note));
        }
        Plan { steps }
    }

    /// The text is to the store what an env file is to `push`. An inherited value that is equal needs no override.
    fn store_plan(&self, target: &Target, remote: &Remote, code: &CodeKeys) -> Result<Plan, Failure> {
        let agreed = target.record().map(|record| &record.base).or(target.left_base.as_ref());
        let is_unknown = |key: &Key| remote.effective.is_unknown_to(key, agreed.and_then(|base| base.get(key)));
        let unknown: Vec<&str> =
            self.import.values.keys().filter(|key| is_unknown(key)).map(|key| key.as_str()).collect();
        if !unknown.is_empty() {
            let what = format!("cannot be read in {}, and is never written over: {}", target.store, unknown.join(", "));
            return Err(Failure::new(FailureKind::Denied, what));
        }
        let mut steps = Vec::new();
        for key in self.keys(target, remote.effective.entries.keys()) {
            let (before, after) = (remote.effective.get(&key), self.import.values.get(&key));
            if before == after {
                continue;
            }
            let (action, note) = match (after, remote.effective.origin(&key)) {
                _ if code.holds_back(&key, before, after) => (Action::Withheld, Some(Note::LoadsCode)),
                (Some(_), _) if remote.effective.is_unknown(&key) => (Action::UpdateRemote, Some(Note::RestoresName)),
                (Some(_), _) => (Action::UpdateRemote, None),
                (None, Some(origin)) => (Action::Withheld, Some(Note::Inherited(origin.clone()))),
                (None, None) => (Action::RemoveRemote, None),
            };
            let state = compare(Sides { base: before, local: after, remote: before });
            steps.push(step(key, state, (after, before), action, note));
        }
        Ok(Plan { steps })
    }

    /// A person at the terminal sees the plan and is asked before anything is written.
    fn ask(&self, plan: &Plan, place: &str) -> Result<(), Failure> {
        let workspace = self.workspace;
        if workspace.options.yes || !workspace.asker.interactive() {
            return Ok(());
        }
        let mut question = String::new();
        let mut written = 0;
        for step in &plan.steps {
            let (before, after) = if writes_remote(step) {
                (&step.remote, &step.local)
            } else if matches!(step.action, Action::UpdateLocal | Action::RemoveLocal) {
                (&step.local, &step.remote)
            } else {
                continue;
            };
            written += 1;
            let sign = match (before, after) {
                (None, _) => '+',
                (_, None) => '-',
                _ => '~',
            };
            // Writing to a string cannot fail.
            let _ = writeln!(question, "  {sign} {}  {}", step.key, masked(workspace.cipher.as_ref(), after.as_ref()));
        }
        let _ = write!(question, "Write {} of {} to {place}?", count(written, "key"), self.import.source);
        if workspace.asker.confirm(&question) {
            return Ok(());
        }
        Err(Failure::new(FailureKind::Refused, "nothing was written")
            .hint("`--yes` says so beforehand, `-n` shows the plan"))
    }
}

fn step(
    key: Key,
    state: KeyState,
    (local, remote): (Option<&SecretValue>, Option<&SecretValue>),
    action: Action,
    note: Option<Note>,
) -> Step {
    let (local, remote) = (local.cloned(), remote.cloned());
    Step { key, state, action, base_after: local.clone(), local, remote, note }
}
