//! Refusals that come before anything is planned or written.

use super::remote::Remote;
use super::target::Target;
use super::workspace::Workspace;
use crate::domain::config::{EnvFileEntry, Which};
use crate::domain::environment::EnvironmentName;
use crate::domain::key::Key;
use crate::domain::plan::Direction;
use crate::ports::{EnvironmentStore, Failure, FailureKind};

/// An env file that git tracks, or does not ignore, would be published.
///
/// # Errors
/// It is such a file.
pub fn hidden_from_git(workspace: &Workspace, entry: &EnvFileEntry) -> Result<(), Failure> {
    let path = entry.path.as_str();
    if workspace.git.is_tracked(path)? {
        return Err(Failure::new(
            FailureKind::ExposedEnvFile,
            format!("git tracks {path}: its values would be committed"),
        )
        .hint(format!("`git rm --cached {path}`, then commit; values that were pushed have to be changed")));
    }
    if !workspace.git.is_ignored(path)? {
        return Err(Failure::new(
            FailureKind::ExposedEnvFile,
            format!("git does not ignore {path}: `git add` would commit it"),
        )
        .hint(format!("`echo /{path} >> .gitignore`")));
    }
    Ok(())
}

/// Git has a store file unmerged, of whatever environment, or, where a store is to be written, its list of recipients. Said
/// before an environment is selected: in a rebase that stopped, HEAD is on no branch.
///
/// # Errors
/// It has.
pub fn nothing_unmerged(workspace: &Workspace, direction: Direction) -> Result<(), Failure> {
    for directory in workspace.stores.in_tree_directories() {
        for path in workspace.git.unmerged_under(&directory)? {
            if workspace.stores.store_file(&path)?.is_some() {
                return Err(unmerged(&path));
            }
            if direction != Direction::ToLocal {
                return Err(Failure::new(FailureKind::Conflict, format!("git has {path} unmerged"))
                    .hint(format!("edit {path}, then `git add {path}`")));
            }
        }
    }
    Ok(())
}

fn unmerged(path: &str) -> Failure {
    Failure::new(FailureKind::Conflict, format!("git has {path} unmerged"))
        .hint("`git envsync resolve` merges it key by key and stages the result")
}

/// Git has the store file of the target's environment unmerged, or of one it extends.
///
/// # Errors
/// It has.
pub fn merged(workspace: &Workspace, target: &Target) -> Result<(), Failure> {
    for which in std::iter::once(&target.which).chain(target.which.below()) {
        if let Some(file) = workspace.stores.in_tree_file(which, &which.location(&target.entry))?
            && workspace.git.unmerged(&file.path)?.is_some()
        {
            return Err(unmerged(&file.path));
        }
    }
    Ok(())
}

/// Whether a command that needs the store, and no snapshot, may go on: not offline, unless its file is in the work tree.
///
/// # Errors
/// It may not.
pub fn can_be_asked(workspace: &Workspace, store: &dyn EnvironmentStore, command: &str) -> Result<(), Failure> {
    if !workspace.options.offline || store.traits().in_tree {
        return Ok(());
    }
    Err(Failure::new(FailureKind::Offline, format!("{command} needs {store}, which is not asked offline"))
        .hint("leave out --offline, and GIT_ENVSYNC_OFFLINE"))
}

/// The refusal to send or restore a local key.
#[must_use]
pub fn outside_the_merge(key: &Key) -> Failure {
    Failure::new(FailureKind::Refused, format!("{key} is a local key: it is never sent or received"))
        .hint("`local` in .envsync.toml, or the comment `# envsync: local` on its line, says so")
}

/// A snapshot of before what the base comes from would undo what has been agreed since. What the store answers now cannot
/// be: the record was read before it was asked, whatever the clock says.
///
/// # Errors
/// It is older.
pub fn not_older_than_the_base(target: &Target, remote: &Remote) -> Result<(), Failure> {
    match target.record() {
        Some(record) if remote.snapshot_age.is_some() && remote.own.read_at < record.agreed_at => Err(Failure::new(
            FailureKind::Offline,
            format!("the snapshot of {} is older than the last push or pull", target.which.environment),
        )
        .hint("`git envsync fetch` reads it anew")),
        _ => Ok(()),
    }
}

/// The same config entry that answers from elsewhere is another account, project or vault. An answer that names none says
/// nothing of it.
///
/// # Errors
/// It is.
pub fn same_account(target: &Target, remote: &Remote) -> Result<(), Failure> {
    let Some(record) = &target.state.record else { return Ok(()) };
    let names_one = remote.own.address != target.store.address() || record.address == record.configured;
    let moved = names_one
        && record.entry_digest == target.which.entry_digest
        && record.address.location == target.address.location
        && record.address.scope != target.address.scope;
    if !moved {
        return Ok(());
    }
    let name = &target.which.environment;
    let (now, before) = (&target.address.scope, &record.address.scope);
    let what = format!("{name} answers from {now}, and {} holds what {before} had", target.path());
    Err(Failure::new(FailureKind::Refused, what)
        .hint(format!("`git envsync use {name}` accepts it, as a switch; sign in elsewhere if it is a mistake")))
}

/// `--allow-protected` names an environment of the config: a misspelt one would allow nothing, and say nothing.
///
/// # Errors
/// It does not.
pub fn allowed_is_known(workspace: &Workspace, allowed: Option<&EnvironmentName>) -> Result<(), Failure> {
    let Some(name) = allowed.filter(|name| workspace.config.environment(name).is_none()) else { return Ok(()) };
    let failure =
        Failure::new(FailureKind::NoEnvironment, format!("--allow-protected: the config has no environment {name}"));
    Err(match workspace.config.suggest(name) {
        Some(near) => failure.hint(format!("did you mean {near}?")),
        None => failure.hint("`git envsync trust --show` lists the environments"),
    })
}

/// What a write to a protected environment needs.
///
/// # Errors
/// It is protected, and was not named.
pub fn protected_write(which: &Which, allowed: Option<&EnvironmentName>, command: &str) -> Result<(), Failure> {
    if !which.protected || allowed == Some(&which.environment) {
        return Ok(());
    }
    let name = &which.environment;
    Err(Failure::new(FailureKind::Protected, format!("{name} is protected"))
        .hint(format!("`git envsync {command} --allow-protected {name}`")))
}
