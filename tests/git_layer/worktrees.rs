//! Identities of work trees.

use super::sandbox::sandboxed;
use envsync::git::Repository;
use std::fs;

#[test]
fn the_main_worktree_is_main_and_a_linked_one_keeps_its_identity() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        assert_eq!(tree.open().worktree_id().unwrap().as_str(), "main");
        tree.git(&["worktree", "add", "-q", "../w"]);
        let id = || Repository::discover(&sandbox.path("w")).unwrap().worktree_id().unwrap();
        let first = id();
        assert!(first.as_str().starts_with("w-") && first.as_str().len() == 2 + 16, "{first}");
        assert_eq!(id(), first);
    });
}

#[test]
fn a_moved_worktree_is_the_same_one() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["worktree", "add", "-q", "../w"]);
        let before = Repository::discover(&sandbox.path("w")).unwrap().worktree_id().unwrap();
        tree.git(&["worktree", "move", "../w", "../v"]);
        assert_eq!(Repository::discover(&sandbox.path("v")).unwrap().worktree_id().unwrap(), before);
        assert_eq!(tree.open().live_worktrees().unwrap(), [tree.open().worktree_id().unwrap(), before]);
    });
}

#[test]
fn a_worktree_added_again_under_its_name_is_another_one() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let add = || {
            tree.git(&["worktree", "add", "-q", "-f", "../w", "HEAD"]);
            Repository::discover(&sandbox.path("w")).unwrap().worktree_id().unwrap()
        };
        let first = add();
        assert!(tree.open().live_worktrees().unwrap().contains(&first));
        tree.git(&["worktree", "remove", "../w"]);
        let second = add();
        assert_ne!(first, second);
        let live = tree.open().live_worktrees().unwrap();
        assert!(live.contains(&second) && !live.contains(&first));
    });
}

#[test]
fn a_deleted_worktree_is_not_live_unless_it_is_locked() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["worktree", "add", "-q", "../w"]);
        let id = Repository::discover(&sandbox.path("w")).unwrap().worktree_id().unwrap();
        fs::remove_dir_all(sandbox.path("w")).unwrap();
        assert!(!tree.open().live_worktrees().unwrap().contains(&id));
        tree.git(&["worktree", "lock", "../w"]);
        assert!(tree.open().live_worktrees().unwrap().contains(&id));
    });
}
