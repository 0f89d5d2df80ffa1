//! What to do about one hook, decided from what is there.

use super::manager::Manager;
use super::{Done, HookState, Place, shim};
use crate::ports::{Failure, FailureKind};
use std::fs;
use std::io;
use std::path::Path;

/// What is found under a name.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Slot {
    /// Nothing.
    Free,
    /// A file, or a link to one; a link that leads nowhere counts as an empty file.
    File(Vec<u8>),
}

impl Slot {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        match fs::read(path) {
            Ok(content) => Ok(Self::File(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => Ok(Self::File(Vec::new())),
            // Not a directory: `core.hooksPath=/dev/null`, the usual way to run git without hooks.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(Self::Free)
            }
            Err(error) => {
                Err(Failure::new(FailureKind::Refused, format!("cannot read the hook {}", path.display()))
                    .because(error))
            }
        }
    }
}

/// What to do.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Write the shim.
    Write(Vec<u8>, Done),
    /// Keep the hook that is there under the other name, then write the shim.
    MoveAsideAndWrite(Vec<u8>),
    /// Remove the shim.
    Remove,
    /// Put the kept hook in the place of the shim, if there is one.
    Restore,
    /// Leave everything as it is.
    Nothing(Done),
}

/// Decides how the shim gets in place. A kept hook is never overwritten, unless the hook that is there is the same.
pub(super) fn install(
    place: &Place,
    hook: &Slot,
    kept: &Slot,
    shim: Vec<u8>,
    keeper: Option<Manager>,
) -> Result<Step, Failure> {
    let keeper = keeper.or_else(|| manager_of(hook));
    let is_shim = matches!(hook, Slot::File(present) if shim::version(present).is_some());
    if let Some(keeper) = keeper
        && !is_shim
    {
        return Ok(Step::Nothing(Done::LeftTo(keeper, keeper.instructions(place.which))));
    }
    Ok(match (hook, kept) {
        (Slot::File(present), _) if *present == shim => Step::Nothing(Done::Unchanged),
        (Slot::File(_), _) if is_shim => Step::Write(shim, Done::Updated),
        (Slot::Free, Slot::Free) => Step::Write(shim, Done::Installed),
        (Slot::Free, Slot::File(_)) => Step::Write(shim, Done::Chained),
        (Slot::File(_), Slot::Free) => Step::MoveAsideAndWrite(shim),
        (Slot::File(present), Slot::File(former)) if present == former => Step::Write(shim, Done::Chained),
        (Slot::File(_), Slot::File(_)) => return Err(both_are_there(place)),
    })
}

fn both_are_there(place: &Place) -> Failure {
    let (hook, kept) = (place.hook.display(), place.kept.display());
    Failure::new(
        FailureKind::Refused,
        format!("there is a {} hook, and another one is kept from before envsync", place.which),
    )
    .hint(format!("merge {kept} into {hook}, remove the former, then `git envsync install`"))
}

/// Decides how the shim gets out; none where nothing of ours is there.
pub(super) fn uninstall(hook: &Slot, kept: &Slot) -> Option<Step> {
    let is_shim = matches!(hook, Slot::File(content) if shim::version(content).is_some());
    match (hook, kept) {
        (_, Slot::File(_)) if is_shim => Some(Step::Restore),
        (Slot::Free, Slot::File(_)) => Some(Step::Restore),
        (_, Slot::Free) if is_shim => Some(Step::Remove),
        (_, Slot::Free) => None,
        (Slot::File(_), Slot::File(_)) => Some(Step::Nothing(Done::NotOurs)),
    }
}

/// Names what is there.
pub(super) fn state(hook: &Slot, keeper: Option<Manager>) -> HookState {
    let Slot::File(content) = hook else {
        return keeper.map_or(HookState::Absent, HookState::Managed);
    };
    match (shim::version(content), keeper.or_else(|| manager_of(hook))) {
        (Some(version), _) => HookState::Shim(version),
        (None, Some(manager)) => HookState::Managed(manager),
        (None, None) => HookState::Foreign,
    }
}

fn manager_of(hook: &Slot) -> Option<Manager> {
    match hook {
        Slot::File(content) => Manager::that_wrote(content),
        Slot::Free => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Hook;
    use super::*;

    fn decide(hook: Option<&str>, kept: Option<&str>) -> Result<Step, Failure> {
        let place = Place::new(Path::new("/hooks"), Hook::PrePush);
        install(&place, &slot(hook), &slot(kept), b"# git-envsync-shim: 2\n".to_vec(), None)
    }

    fn slot(content: Option<&str>) -> Slot {
        content.map_or(Slot::Free, |content| Slot::File(content.as_bytes().to_vec()))
    }

    fn done(step: Step) -> Option<Done> {
        match step {
            Step::Write(_, done) | Step::Nothing(done) => Some(done),
            _ => None,
        }
    }

    #[test]
    fn every_combination_of_hook_and_kept_hook_has_its_step() {
        assert_eq!(done(decide(None, None).unwrap()), Some(Done::Installed));
        assert_eq!(done(decide(None, Some("old")).unwrap()), Some(Done::Chained));
        assert_eq!(done(decide(Some("old"), Some("old")).unwrap()), Some(Done::Chained));
        assert_eq!(done(decide(Some("# git-envsync-shim: 1\n"), Some("old")).unwrap()), Some(Done::Updated));
        assert_eq!(done(decide(Some("# git-envsync-shim: 2\n"), None).unwrap()), Some(Done::Unchanged));
        assert!(matches!(decide(Some("old"), None).unwrap(), Step::MoveAsideAndWrite(_)));
        assert_eq!(decide(Some("new"), Some("old")).err().unwrap().kind, FailureKind::Refused);
    }

    #[test]
    fn a_managers_hook_is_left_to_it() {
        let step = decide(Some("#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\n"), None).unwrap();
        assert!(matches!(done(step), Some(Done::LeftTo(Manager::PreCommit, _))));
    }

    #[test]
    fn uninstall_touches_only_what_is_ours() {
        assert!(uninstall(&slot(Some("own")), &slot(None)).is_none());
        assert!(uninstall(&slot(None), &slot(None)).is_none());
        assert!(uninstall(&slot(Some("own")), &slot(Some("old"))) == Some(Step::Nothing(Done::NotOurs)));
        assert!(uninstall(&slot(Some("# git-envsync-shim: 1\n")), &slot(Some("old"))) == Some(Step::Restore));
        assert!(uninstall(&slot(Some("# git-envsync-shim: 1\n")), &slot(None)) == Some(Step::Remove));
    }
}
