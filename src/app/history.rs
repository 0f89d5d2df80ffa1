//! `history`: the versions that a store keeps of an environment, or of one of its keys.

use super::failure::store_failure;
use super::guard;
use super::target::{Access, Target};
use super::workspace::Workspace;
use crate::domain::key::Key;
use crate::ports::{EnvironmentVersion, Failure, FailureKind};

/// The versions of the selected environment, or of one key, newest first; `limit` of them at most.
///
/// # Errors
/// Several env files and none named; a store that keeps no versions, or cannot be asked; a local key.
pub async fn history(
    workspace: &Workspace,
    key: Option<&Key>,
    limit: usize,
) -> Result<Vec<EnvironmentVersion>, Failure> {
    let entry = workspace.one_entry("history", key.map_or("", Key::as_str))?;
    let selected = workspace.selected().await?;
    let target =
        workspace.target(entry, &selected, Access::Read).await?.expect("a target that is only read waits for no lock");
    kept_by_git(workspace, &target)?;
    guard::can_be_asked(workspace, target.store.as_ref(), "history")?;
    if let Some(key) = key.filter(|key| target.is_local(key)) {
        return Err(guard::outside_the_merge(key));
    }
    target.store.history(key, limit).await.map_err(|error| store_failure(&error))
}

/// The versions of a store inside the work tree are git's.
///
/// # Errors
/// The target's store is one.
pub(super) fn kept_by_git(workspace: &Workspace, target: &Target) -> Result<(), Failure> {
    let Some(file) = workspace.stores.in_tree_file(&target.which, &target.location)? else { return Ok(()) };
    let (path, store) = (file.path, &target.store);
    Err(Failure::new(FailureKind::Refused, format!("{store} keeps no versions of its own: git has those of {path}"))
        .hint(format!("`git log -- {path}`, `git checkout COMMIT -- {path}`, then `git envsync pull`")))
}
