//! `list`, `get`, `set`, `unset`, `export` and the variables of `run`: on the env file where it holds the selected environment, else
//! on the store.

use super::apply;
use super::commit::removed;
use super::decide::Request;
use super::guard;
use super::merging::{Merging, StoreWrite};
use super::remote::{self, Fallback, Freshness, Remote};
use super::report::{Outcome, Report};
use super::store_journal;
use super::target::{Access, Relation, Target};
use super::workspace::Workspace;
use crate::domain::environment::EnvironmentName;
use crate::domain::formats::{self, Format};
use crate::domain::key::Key;
use crate::domain::merge::{Sides, compare};
use crate::domain::plan::{Action, Direction, Note, Plan, Step};
use crate::domain::secret::{SecretBytes, SecretValue};
use crate::domain::undo;
use crate::ports::{Failure, FailureKind, Wait, join_all};

/// One variable of an environment.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name.
    pub key: Key,
    /// Its value.
    pub value: SecretValue,
    /// The env file, or the environment it comes from.
    pub origin: String,
    /// The env file whose environment it belongs to.
    pub file: String,
}

/// The variables of the selected environment, in all env files or the one asked for.
///
/// # Errors
/// What cannot be read.
pub async fn list(workspace: &Workspace) -> Result<Vec<Variable>, Failure> {
    let selected = workspace.selected().await?;
    let mut variables = Vec::new();
    let mut targets = workspace.targets(&selected, Access::Read).await?;
    for one in join_all(targets.iter_mut().map(|target| of_target(workspace, target))).await {
        variables.extend(one?.variables);
    }
    Ok(variables)
}

/// The variables of one env file, and what of it cannot be told.
struct Listed {
    variables: Vec<Variable>,
    /// Names that the store cannot read, and lines that the file's reader cannot.
    unreadable: Vec<String>,
}

async fn of_target(workspace: &Workspace, target: &mut Target) -> Result<Listed, Failure> {
    let file = target.path().to_string();
    if target.relation() == Relation::Held && target.document.has_assignments() {
        let values = target.document.values();
        let variables = values
            .into_iter()
            .map(|(key, value)| Variable { key, value, origin: file.clone(), file: file.clone() })
            .collect();
        let unreadable =
            target.document.unreadable().iter().map(|line| format!("line {} of {file}", line.line)).collect();
        return Ok(Listed { variables, unreadable });
    }
    let remote = remote::read(workspace, target, Freshness::Now, Fallback::Snapshot).await?;
    if !remote.is_held() && target.relation() != Relation::Held {
        return Err(not_in_store(target));
    }
    let own = &target.which.environment;
    let unreadable = remote.effective.unknown.keys().map(ToString::to_string).collect();
    let variables = remote
        .effective
        .entries
        .into_iter()
        .map(|(key, entry)| Variable {
            key,
            value: entry.value,
            origin: entry.inherited_from.as_ref().unwrap_or(own).to_string(),
            file: file.clone(),
        })
        .collect();
    Ok(Listed { variables, unreadable })
}

/// The variables of the selected environment as a text of one env file's variables, sorted. What cannot be read is named.
///
/// # Errors
/// More than one env file and none named; what cannot be read; variables that the format cannot hold.
pub async fn export(workspace: &Workspace, format: Format) -> Result<SecretBytes, Failure> {
    let entry = workspace.one_entry("export", "")?;
    let selected = workspace.selected().await?;
    let mut target = workspace
        .target(entry, &selected, Access::Read)
        .await?
        .expect("only a lock that is not waited for may be missing");
    let Listed { variables, unreadable } = of_target(workspace, &mut target).await?;
    if !unreadable.is_empty() {
        workspace.reporter.note(&format!("left out, as it cannot be read: {}", unreadable.join(", ")));
    }
    let values = variables.into_iter().map(|variable| (variable.key, variable.value)).collect();
    let token = format!("{:016x}{:016x}", workspace.clock.random().await, workspace.clock.random().await);
    formats::write(format, &values, &token).map_err(|error| {
        Failure::new(FailureKind::Refused, error.to_string()).hint("--format json, yaml and toml hold all of them")
    })
}

/// The variables of `run`. From a store, keys that make programs load code stay out unless the user said yes.
///
/// # Errors
/// What cannot be read.
pub async fn for_run(workspace: &Workspace) -> Result<Vec<Variable>, Failure> {
    let mut variables = list(workspace).await?;
    let held_back =
        |variable: &Variable| variable.key.loads_code() && variable.origin != variable.file && !workspace.options.yes;
    let names: Vec<String> = variables.iter().filter(|one| held_back(one)).map(|one| one.key.to_string()).collect();
    if !names.is_empty() {
        workspace
            .reporter
            .note(&format!("left out, as it can make programs load code: {}: --yes lets it in", names.join(", ")));
        variables.retain(|variable| !held_back(variable));
    }
    Ok(variables)
}

fn not_in_store(target: &Target) -> Failure {
    let name = &target.which.environment;
    Failure::new(FailureKind::NoEnvironment, format!("{name} is not in its store yet"))
        .hint(format!("`git envsync push` starts it from {}", target.path()))
}

/// The value of one variable.
///
/// # Errors
/// The environment has none of that name.
pub async fn get(workspace: &Workspace, key: &Key) -> Result<SecretValue, Failure> {
    let found = list(workspace).await?.into_iter().find(|variable| variable.key == *key);
    found.map(|variable| variable.value).ok_or_else(|| {
        Failure::new(FailureKind::Missing, format!("there is no {key}")).hint("`git envsync list` shows the keys")
    })
}

/// How a variable is changed.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The command: `set` or `unset`.
    pub command: &'static str,
    /// The variable.
    pub key: Key,
    /// Its new value; none removes it.
    pub value: Option<SecretValue>,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// The protected environment that may be written.
    pub allow_protected: Option<EnvironmentName>,
}

/// Where an edit went.
#[derive(Debug)]
pub enum Edited {
    /// Into the env file; `push` sends it, unless the key is local.
    File {
        /// The env file.
        path: String,
        /// Whether the key is outside the merge.
        local: bool,
    },
    /// Into the store, by a plan.
    Store(Report),
}

/// Sets or removes a variable.
///
/// # Errors
/// More than one env file and none named; a protected environment; what cannot be written.
pub async fn edit(workspace: &Workspace, edit: &Edit) -> Result<Edited, Failure> {
    guard::allowed_is_known(workspace, edit.allow_protected.as_ref())?;
    let entry = workspace.one_entry(edit.command, edit.key.as_str())?;
    let selected = workspace.selected().await?;
    let target = workspace
        .target(entry, &selected, Access::Write(Wait::Yes))
        .await?
        .expect("a lock that is waited for is had or an error");
    if target.relation() == Relation::Held {
        edit_file(workspace, target, edit).await
    } else {
        edit_store(workspace, target, edit).await
    }
}

async fn edit_file(workspace: &Workspace, target: Target, edit: &Edit) -> Result<Edited, Failure> {
    guard::hidden_from_git(workspace, &target.entry)?;
    let path = target.path().to_string();
    let mut document = target.document.clone();
    let before = document.values();
    match &edit.value {
        Some(value) => {
            document.set(&edit.key, value);
        }
        None if !document.remove(&edit.key) => return Err(no_such_key(&edit.key, &path)),
        None => {}
    }
    if !edit.dry_run {
        let now = workspace.clock.now().await;
        let changes = undo::changes(&before, &document.values());
        let marked = &target.document.marked_local() - &document.marked_local();
        let mut undo = apply::undo_entry(now, edit.command, &target.which.environment, &target, changes);
        for part in undo.iter_mut().flat_map(|entry| &mut entry.environments) {
            part.marked_local.clone_from(&marked);
        }
        let next = target.state.clone();
        apply::replace(workspace, target.file_now(), document, &next, undo).await?;
    }
    Ok(Edited::File { path, local: target.is_local(&edit.key) })
}

fn no_such_key(key: &Key, place: &str) -> Failure {
    Failure::new(FailureKind::Missing, format!("{place} has no {key}")).hint("`git envsync list` shows the keys")
}

async fn edit_store(workspace: &Workspace, mut target: Target, edit: &Edit) -> Result<Edited, Failure> {
    guard::merged(workspace, &target)?;
    guard::protected_write(&target.which, edit.allow_protected.as_ref(), edit.command)?;
    guard::can_be_asked(workspace, target.store.as_ref(), edit.command)?;
    if target.is_local(&edit.key) {
        return Err(guard::outside_the_merge(&edit.key));
    }
    if !edit.dry_run {
        store_journal::settle(workspace, &target).await?;
    }
    let remote = remote::read(workspace, &mut target, Freshness::Now, Fallback::Fail).await?;
    workspace.find_left_base(&mut target).await?;
    let plan = edit_plan(&target, &remote, edit)?;
    let mut shown = target.report();
    shown.describe_remote(&remote);
    shown.describe_promise(&target, &plan);
    let mut report =
        Report { branch: workspace.branch().map(ToString::to_string), dry_run: edit.dry_run, ..Report::default() };
    if edit.dry_run {
        shown.show(&plan, &Outcome::Planned);
    } else {
        let request = Request::new(edit.command, Direction::ToRemote);
        let merging = Merging { workspace, request: &request };
        let write = StoreWrite { plan: &|target, remote| edit_plan(target, remote, edit), lost: removed };
        report.failure = merging.write_store(&mut target, remote, &write, &mut shown).await?;
    }
    report.targets.push(shown);
    Ok(Edited::Store(report))
}

fn edit_plan(target: &Target, remote: &Remote, edit: &Edit) -> Result<Plan, Failure> {
    let key = &edit.key;
    let there = remote.effective.get(key);
    let agreed = target.record().map(|record| &record.base).or(target.left_base.as_ref());
    if remote.effective.is_unknown_to(key, agreed.and_then(|base| base.get(key))) {
        return Err(Failure::new(
            FailureKind::Denied,
            format!("{key} cannot be read in {}, and is never written over", target.store),
        ));
    }
    if edit.value.is_none() {
        if let Some(origin) = remote.effective.origin(key) {
            return Err(Failure::new(FailureKind::Refused, format!("{key} comes from {origin}"))
                .hint(format!("`git envsync unset -e {origin} {key}` removes it there")));
        }
        if there.is_none() {
            return Err(no_such_key(key, target.which.environment.as_str()));
        }
    }
    let unchanged = edit.value.as_ref() == there && remote.effective.origin(key).is_none();
    let action = match (&edit.value, unchanged) {
        (_, true) => Action::None,
        (Some(_), _) => Action::UpdateRemote,
        (None, _) => Action::RemoveRemote,
    };
    let revives = action == Action::UpdateRemote && remote.effective.is_unknown(key);
    let step = Step {
        key: key.clone(),
        state: compare(Sides { base: there, local: edit.value.as_ref(), remote: there }),
        action,
        local: edit.value.clone(),
        remote: there.cloned(),
        base_after: edit.value.clone(),
        note: revives.then_some(Note::RestoresName),
    };
    Ok(Plan { steps: vec![step] })
}
