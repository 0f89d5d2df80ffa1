//! Where git looks for hooks, and whether envsync may write there.

use super::manager::Manager;
use crate::git::repository::{Repository, internal};
use crate::git::settings::command_scope;
use crate::ports::{Failure, FailureKind};
use git2::ConfigLevel;
use std::path::{Path, PathBuf};

/// The directory where git looks for hooks.
pub(super) struct Directory {
    path: PathBuf,
    scope: Scope,
}

/// Who says that it is this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Nobody: it is the default.
    Default,
    /// This repository's or work tree's config.
    Repository,
    /// A config that counts for other repositories too.
    Wider,
    /// `git -c` or the environment: for one command.
    Command,
    /// `core.hooksPath` is empty, which git reads as the root directory.
    Empty,
}

impl Directory {
    /// The directory as git would find it (`git rev-parse --git-path hooks`).
    pub(super) fn effective(repository: &Repository) -> Result<Self, Failure> {
        let Some((scope, value)) = hooks_path(repository)? else {
            return Ok(Self { path: repository.common_dir().join("hooks"), scope: Scope::Default });
        };
        if value.is_empty() {
            return Ok(Self { path: repository.common_dir().join("hooks"), scope: Scope::Empty });
        }
        // A relative one counts from the top of the work tree hooks run in (git-config(1)).
        Ok(Self { path: repository.work_tree().join(expand_home(&value)), scope })
    }

    /// The directory, where it may be written.
    pub(super) fn for_install(repository: &Repository) -> Result<Self, Failure> {
        let directory = Self::effective(repository)?;
        let path = directory.path.display();
        let (what, hint) = match directory.scope {
            Scope::Default | Scope::Repository => return Ok(directory),
            Scope::Wider => (
                format!("core.hooksPath points at {path} for all your repositories, so hooks of this one do not run"),
                "git config --local core.hooksPath \"$(git rev-parse --path-format=absolute --git-common-dir)/hooks\", then `git envsync install`",
            ),
            Scope::Command => (
                format!("core.hooksPath points at {path} for this command only"),
                "run `git envsync install` without it",
            ),
            Scope::Empty => (
                "core.hooksPath is set to nothing, which switches all hooks off".to_owned(),
                "git config --show-origin --get core.hooksPath, then `git config --unset core.hooksPath`",
            ),
        };
        Err(Failure::new(FailureKind::Refused, what).hint(hint))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Who keeps the hook at `path`, where that can be told without reading it.
    pub(super) fn keeper_of(&self, repository: &Repository, path: &Path) -> Option<Manager> {
        if self.scope != Scope::Repository {
            return None;
        }
        let inside = path.strip_prefix(repository.work_tree()).ok().and_then(Path::to_str);
        let is_tracked = |path| repository.is_tracked(path).unwrap_or(false);
        Manager::that_keeps(&self.path).or_else(|| inside.is_some_and(is_tracked).then_some(Manager::Repository))
    }
}

/// All directories where a shim may have been put: the default one, and the one in effect, as the setting may have
/// changed since.
pub(super) fn for_uninstall(repository: &Repository) -> Result<Vec<PathBuf>, Failure> {
    let mut directories = vec![repository.common_dir().join("hooks"), Directory::effective(repository)?.path];
    directories.dedup();
    Ok(directories)
}

/// `core.hooksPath` of the nearest scope that has it.
fn hooks_path(repository: &Repository) -> Result<Option<(Scope, String)>, Failure> {
    let of_command = command_scope()?.into_iter().rev().find(|(name, _)| name == "core.hookspath");
    if let Some((_, value)) = of_command {
        return Ok(Some((Scope::Command, value)));
    }
    let failed = || internal("cannot read core.hooksPath");
    let config = repository.inner.config().map_err(failed())?;
    // The entry of the highest level, and of that level the last.
    let entry = match config.get_entry("core.hooksPath") {
        Ok(entry) => entry,
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(failed()(error)),
    };
    let scope = match entry.level() {
        ConfigLevel::Local | ConfigLevel::Worktree | ConfigLevel::App => Scope::Repository,
        _ => Scope::Wider,
    };
    Ok(Some((scope, entry.value().map_err(failed())?.to_owned())))
}

/// `~/` as git-config(1) has it for paths.
fn expand_home(value: &str) -> PathBuf {
    match (value.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(value),
    }
}

/// The mode of a hook's file: 0755, or what `core.sharedRepository` asks for, executable by those who may read.
pub(super) fn shared_mode(repository: &Repository) -> u32 {
    let config = repository.inner.config();
    let value = config.and_then(|config| config.get_string("core.sharedRepository")).unwrap_or_default();
    mode_for(&value)
}

/// git-config(1), `core.sharedRepository`.
fn mode_for(value: &str) -> u32 {
    match value.to_ascii_lowercase().as_str() {
        "group" | "true" | "1" | "all" | "world" | "everybody" | "2" => 0o775,
        "" | "umask" | "false" | "0" => 0o755,
        octal => match u32::from_str_radix(octal, 8) {
            Ok(mode) if mode & 0o600 == 0o600 => (mode & 0o666) | (mode & 0o444) >> 2,
            _ => 0o755,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_may_read_a_shared_repository_may_run_its_hooks() {
        assert_eq!(mode_for(""), 0o755);
        assert_eq!(mode_for("group"), 0o775);
        assert_eq!(mode_for("0660"), 0o770);
        assert_eq!(mode_for("0640"), 0o750);
        assert_eq!(mode_for("nonsense"), 0o755);
    }
}
