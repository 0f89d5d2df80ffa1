//! The four hooks: file shims beside whatever hook is there already.
//!
//! Decisions are made first, for all hooks ([`plan`]), then carried out; one refusal changes nothing. A foreign hook
//! is renamed and chained, never edited. What a hook manager or the repository itself keeps is left to it, with the
//! text to paste there.

mod chain;
mod directory;
mod manager;
mod plan;
mod shim;

pub use chain::run_chained;
pub use manager::Manager;
pub use shim::SHIM_VERSION;

use self::directory::Directory;
use self::plan::{Slot, Step};
use super::repository::Repository;
use crate::ports::{Failure, FailureKind};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The hooks envsync uses, by githooks(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// After a branch switch, `clone`, `worktree add`.
    PostCheckout,
    /// After `merge` and `pull`.
    PostMerge,
    /// After `rebase` and `commit --amend`.
    PostRewrite,
    /// Before anything is sent.
    PrePush,
}

impl Hook {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::PostCheckout, Self::PostMerge, Self::PostRewrite, Self::PrePush];

    /// Git's name, which is the file's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PostCheckout => "post-checkout",
            Self::PostMerge => "post-merge",
            Self::PostRewrite => "post-rewrite",
            Self::PrePush => "pre-push",
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What was done about one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookAction {
    /// The hook.
    pub hook: Hook,
    /// What was done.
    pub done: Done,
}

/// The things that can be done about a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The shim was put in place; there was no hook.
    Installed,
    /// The shim was put in place, and runs the hook that was there.
    Chained,
    /// An older shim was replaced.
    Updated,
    /// Nothing: it is as it should be.
    Unchanged,
    /// Nothing: somebody else writes this hook; what to do there.
    LeftTo(Manager, String),
    /// The shim was taken out.
    Removed,
    /// The hook that was there before is back.
    Restored,
    /// Nothing: the hook is not ours any more, and the one that was there before envsync is still beside it.
    NotOurs,
}

/// What is there of one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookStatus {
    /// The hook.
    pub hook: Hook,
    /// Its file.
    pub path: PathBuf,
    /// What that is.
    pub state: HookState,
    /// The hook that was there before, where one is kept.
    pub kept: Option<PathBuf>,
}

/// What a hook's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookState {
    /// There is none.
    Absent,
    /// A shim of this version ([`SHIM_VERSION`] is the present one).
    Shim(u32),
    /// Written by a manager of hooks or kept by the repository itself.
    Managed(Manager),
    /// Somebody's own.
    Foreign,
}

/// Puts the shims in place, to run `binary`. Doing it again changes nothing.
///
/// # Errors
/// A `core.hooksPath` that reaches beyond this repository, a kept hook that would be overwritten, a directory that
/// cannot be written. Of refusals nothing has been changed.
pub fn install(repository: &Repository, binary: &Path) -> Result<Vec<HookAction>, Failure> {
    let directory = Directory::for_install(repository)?;
    let mut steps = Vec::new();
    for hook in Hook::ALL {
        let place = Place::new(directory.path(), hook);
        let shim = shim::text(hook, binary)?;
        let manager = directory.keeper_of(repository, &place.hook);
        steps.push((place.clone(), plan::install(&place, &place.slot()?, &place.kept_slot()?, shim, manager)?));
    }
    act(repository, steps)
}

/// Takes the shims out and puts back what was there before.
///
/// # Errors
/// A directory that cannot be written.
pub fn uninstall(repository: &Repository) -> Result<Vec<HookAction>, Failure> {
    let mut steps = Vec::new();
    for directory in directory::for_uninstall(repository)? {
        for hook in Hook::ALL {
            let place = Place::new(&directory, hook);
            let step = plan::uninstall(&place.slot()?, &place.kept_slot()?);
            steps.extend(step.map(|step| (place, step)));
        }
    }
    act(repository, steps)
}

/// What is there now, where git looks for hooks.
///
/// # Errors
/// A config or a hook that cannot be read.
pub fn status(repository: &Repository) -> Result<Vec<HookStatus>, Failure> {
    let directory = Directory::effective(repository)?;
    let one = |hook| {
        let place = Place::new(directory.path(), hook);
        let manager = directory.keeper_of(repository, &place.hook);
        let state = plan::state(&place.slot()?, manager);
        let kept = (place.kept_slot()? != Slot::Free).then(|| place.kept.clone());
        Ok(HookStatus { hook, path: place.hook, state, kept })
    };
    Hook::ALL.into_iter().map(one).collect()
}

/// The directory where git looks for hooks.
///
/// # Errors
/// A config that cannot be read.
pub fn directory(repository: &Repository) -> Result<PathBuf, Failure> {
    Ok(Directory::effective(repository)?.path().to_owned())
}

/// One hook's file and the name its predecessor is kept under.
#[derive(Debug, Clone)]
struct Place {
    which: Hook,
    hook: PathBuf,
    kept: PathBuf,
}

impl Place {
    fn new(directory: &Path, which: Hook) -> Self {
        let kept = directory.join(format!("{which}.before-envsync"));
        Self { which, hook: directory.join(which.name()), kept }
    }

    fn slot(&self) -> Result<Slot, Failure> {
        Slot::read(&self.hook)
    }

    fn kept_slot(&self) -> Result<Slot, Failure> {
        Slot::read(&self.kept)
    }
}

fn act(repository: &Repository, steps: Vec<(Place, Step)>) -> Result<Vec<HookAction>, Failure> {
    let mut actions = Vec::new();
    for (place, step) in steps {
        let done = carry_out(repository, &place, step).map_err(|error| {
            Failure::new(FailureKind::Internal, format!("cannot write the hook {}", place.hook.display()))
                .because(error)
        })?;
        actions.push(HookAction { hook: place.which, done });
    }
    Ok(actions)
}

fn carry_out(repository: &Repository, place: &Place, step: Step) -> io::Result<Done> {
    match step {
        Step::Write(shim, done) => write(repository, &place.hook, &shim).map(|()| done),
        Step::MoveAsideAndWrite(shim) => {
            std::fs::rename(&place.hook, &place.kept)?;
            if let Err(error) = write(repository, &place.hook, &shim) {
                std::fs::rename(&place.kept, &place.hook)?;
                return Err(error);
            }
            Ok(Done::Chained)
        }
        Step::Remove => std::fs::remove_file(&place.hook).map(|()| Done::Removed),
        Step::Restore => std::fs::rename(&place.kept, &place.hook).map(|()| Done::Restored),
        Step::Nothing(done) => Ok(done),
    }
}

/// Git must never see half a hook, so it appears by a rename.
fn write(repository: &Repository, hook: &Path, shim: &[u8]) -> io::Result<()> {
    let directory = hook.parent().ok_or_else(|| io::Error::other("no directory"))?;
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(shim)?;
    make_executable(&file, directory::shared_mode(repository))?;
    file.as_file().sync_all()?;
    file.persist(hook).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(unix)]
fn make_executable(file: &tempfile::NamedTempFile, mode: u32) -> io::Result<()> {
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// Git for Windows goes by the first line.
#[cfg(not(unix))]
fn make_executable(_: &tempfile::NamedTempFile, _: u32) -> io::Result<()> {
    Ok(())
}
