//! Putting the hooks in place and taking them out.

use super::sandbox::{mode, sandboxed, sandboxed_with, set_mode, write_script};
use envsync::git::Repository;
use envsync::git::hooks::{self, Done, Hook, HookState, Manager, SHIM_VERSION};
use envsync::ports::FailureKind;
use std::fs;
use std::path::Path;

fn done(repository: &Repository, binary: &Path) -> Vec<Done> {
    hooks::install(repository, binary).unwrap().into_iter().map(|action| action.done).collect()
}

fn states(repository: &Repository) -> Vec<HookState> {
    hooks::status(repository).unwrap().into_iter().map(|status| status.state).collect()
}

#[test]
fn install_again_changes_nothing_and_uninstall_leaves_nothing() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let binary = sandbox.path("git-envsync");
        let list = || {
            let mut names: Vec<_> =
                fs::read_dir(tree.top.join(".git/hooks")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = list();
        assert_eq!(done(&tree.open(), &binary), [Done::Installed, Done::Installed, Done::Installed, Done::Installed]);
        assert_eq!(states(&tree.open()), [HookState::Shim(SHIM_VERSION); 4]);
        assert_eq!(done(&tree.open(), &binary), [Done::Unchanged, Done::Unchanged, Done::Unchanged, Done::Unchanged]);
        assert_eq!(mode(&tree.top.join(".git/hooks/pre-push")), 0o755);
        let removed = hooks::uninstall(&tree.open()).unwrap();
        assert!(removed.len() == 4 && removed.iter().all(|action| action.done == Done::Removed));
        assert_eq!(list(), before);
        assert_eq!(hooks::uninstall(&tree.open()).unwrap(), []);
    });
}

#[test]
fn a_foreign_hook_is_kept_beside_and_comes_back_as_it_was() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let hook = tree.top.join(".git/hooks/pre-push");
        let kept = tree.top.join(".git/hooks/pre-push.before-envsync");
        write_script(&hook, "#!/bin/sh\nexit 0 # own\n\n");
        set_mode(&hook, 0o700);
        assert_eq!(done(&tree.open(), &sandbox.path("b"))[3], Done::Chained);
        assert_eq!(fs::read_to_string(&kept).unwrap(), "#!/bin/sh\nexit 0 # own\n\n");
        assert_eq!(hooks::status(&tree.open()).unwrap()[3].kept.as_deref(), Some(kept.as_path()));
        assert!(hooks::uninstall(&tree.open()).unwrap().iter().any(|action| action.done == Done::Restored));
        assert_eq!(fs::read_to_string(&hook).unwrap(), "#!/bin/sh\nexit 0 # own\n\n");
        assert_eq!(mode(&hook), 0o700);
        assert!(!kept.exists());
    });
}

#[test]
fn a_link_stays_a_link_through_install_and_uninstall() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let hook = tree.top.join(".git/hooks/post-merge");
        write_script(&sandbox.path("tool/hook"), "#!/bin/sh\n");
        std::os::unix::fs::symlink("../../../tool/hook", &hook).unwrap();
        done(&tree.open(), &sandbox.path("b"));
        assert_eq!(fs::read_to_string(sandbox.path("tool/hook")).unwrap(), "#!/bin/sh\n");
        hooks::uninstall(&tree.open()).unwrap();
        assert_eq!(fs::read_link(&hook).unwrap(), Path::new("../../../tool/hook"));
    });
}

#[test]
fn a_kept_hook_is_never_overwritten_and_a_refusal_changes_nothing() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let hook = tree.top.join(".git/hooks/pre-push");
        write_script(&hook, "#!/bin/sh\n# one\n");
        done(&tree.open(), &sandbox.path("b"));
        hooks::uninstall(&tree.open()).unwrap();
        write_script(&tree.top.join(".git/hooks/pre-push.before-envsync"), "#!/bin/sh\n# two\n");
        let failure = hooks::install(&tree.open(), &sandbox.path("b")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        assert_eq!(fs::read_to_string(&hook).unwrap(), "#!/bin/sh\n# one\n");
        assert!(!tree.top.join(".git/hooks/post-checkout").exists());
    });
}

#[test]
fn an_old_shim_is_updated_in_place_and_its_kept_hook_stays() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let hook = tree.top.join(".git/hooks/post-checkout");
        write_script(&hook, "#!/bin/sh\n# git-envsync-shim: 0\n");
        write_script(&tree.top.join(".git/hooks/post-checkout.before-envsync"), "#!/bin/sh\n# own\n");
        assert_eq!(done(&tree.open(), &sandbox.path("b"))[0], Done::Updated);
        assert_eq!(states(&tree.open())[0], HookState::Shim(SHIM_VERSION));
        hooks::uninstall(&tree.open()).unwrap();
        assert_eq!(fs::read_to_string(&hook).unwrap(), "#!/bin/sh\n# own\n");
    });
}

#[test]
fn somebody_elses_hook_over_ours_is_left_by_uninstall() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let hook = tree.top.join(".git/hooks/pre-push");
        write_script(&hook, "#!/bin/sh\n# first\n");
        done(&tree.open(), &sandbox.path("b"));
        write_script(&hook, "#!/bin/sh\n# second\n");
        let actions = hooks::uninstall(&tree.open()).unwrap();
        assert_eq!(actions.iter().find(|action| action.hook == Hook::PrePush).unwrap().done, Done::NotOurs);
        assert_eq!(fs::read_to_string(&hook).unwrap(), "#!/bin/sh\n# second\n");
    });
}

#[test]
fn a_hooks_path_of_this_repository_is_used() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["config", "core.hooksPath", "tools/hooks"]);
        done(&tree.open(), &sandbox.path("b"));
        assert!(tree.top.join("tools/hooks/pre-push").exists());
        assert_eq!(hooks::directory(&tree.open()).unwrap(), tree.top.join("tools/hooks"));
        tree.git(&["config", "--unset", "core.hooksPath"]);
        tree.git(&["config", "core.hooksPath", "~/own"]);
        assert_eq!(hooks::directory(&tree.open()).unwrap(), sandbox.path("home/own"));
    });
}

#[test]
fn a_hook_that_git_tracks_is_left_to_the_repository() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        write_script(&tree.top.join(".githooks/pre-push"), "#!/bin/sh\n");
        tree.git(&["add", "."]);
        tree.git(&["config", "core.hooksPath", ".githooks"]);
        let done = done(&tree.open(), &sandbox.path("b"));
        assert_eq!(done[0], Done::Installed);
        assert!(
            matches!(&done[3], Done::LeftTo(Manager::Repository, text) if text.contains("git-envsync hook pre-push"))
        );
    });
}

#[test]
fn a_hooks_path_of_the_user_or_an_empty_one_is_refused() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["config", "--global", "core.hooksPath", sandbox.path("shared").to_str().unwrap()]);
        let failure = hooks::install(&tree.open(), &sandbox.path("b")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(failure.what.contains("all your repositories"), "{failure}");
        assert!(!sandbox.path("shared").exists());
        tree.git(&["config", "core.hooksPath", ""]);
        assert!(hooks::install(&tree.open(), &sandbox.path("b")).unwrap_err().what.contains("set to nothing"));
    });
}

#[test]
fn a_hooks_path_for_one_command_is_refused() {
    sandboxed_with(&[("GIT_CONFIG_PARAMETERS", "'core.hooksPath'='/dev/null'")], |sandbox| {
        let failure = hooks::install(&sandbox.repository("r").open(), &sandbox.path("b")).unwrap_err();
        assert!(failure.what.contains("this command only"), "{failure}");
        assert_eq!(hooks::uninstall(&sandbox.repository("s").open()).unwrap(), []);
    });
}

#[test]
fn managers_keep_their_hooks_and_the_others_are_installed() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        for (mark, manager) in [
            ("# File generated by pre-commit: https://pre-commit.com", Manager::PreCommit),
            ("# File generated by prek: https://github.com/j178/prek", Manager::Prek),
            ("call_lefthook run \"pre-push\" \"$@\"", Manager::Lefthook),
        ] {
            let text = format!("#!/bin/sh\n{mark}\n");
            write_script(&tree.top.join(".git/hooks/pre-push"), &text);
            assert_eq!(states(&tree.open())[3], HookState::Managed(manager));
            let done = done(&tree.open(), &sandbox.path("b"));
            assert!(matches!(&done[3], Done::LeftTo(who, _) if *who == manager), "{manager}");
            assert_eq!(fs::read_to_string(tree.top.join(".git/hooks/pre-push")).unwrap(), text);
            assert!(tree.top.join(".git/hooks/post-checkout").exists());
        }
    });
}

#[test]
fn the_directory_of_husky_is_left_alone() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.write(".husky/_/h", "");
        tree.git(&["config", "core.hooksPath", ".husky/_"]);
        let done = done(&tree.open(), &sandbox.path("b"));
        assert!(
            done.iter()
                .all(|done| matches!(done, Done::LeftTo(Manager::Husky, text) if text.contains("add to .husky/")))
        );
        assert_eq!(fs::read_dir(tree.top.join(".husky/_")).unwrap().count(), 1);
    });
}

#[test]
fn a_linked_worktree_installs_into_the_common_hooks() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["worktree", "add", "-q", "../w"]);
        done(&Repository::discover(&sandbox.path("w")).unwrap(), &sandbox.path("b"));
        assert!(tree.top.join(".git/hooks/post-checkout").exists());
    });
}

#[test]
fn a_shared_repository_has_hooks_its_group_can_run() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["config", "core.sharedRepository", "0660"]);
        done(&tree.open(), &sandbox.path("b"));
        assert_eq!(mode(&tree.top.join(".git/hooks/pre-push")), 0o770);
    });
}
