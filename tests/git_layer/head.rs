//! HEAD in its states.

use super::sandbox::{WorkTree, sandboxed, write_script};
use envsync::git::{Head, Operation, Repository};

fn branch(name: &str) -> Head {
    Head::Branch(name.to_owned())
}

/// A repository on `work` that cannot be rebased onto `main` without a conflict.
fn conflicting(tree: &WorkTree) {
    tree.git(&["switch", "-q", "-c", "work"]);
    tree.commit_file("README", "work\n");
    tree.git(&["switch", "-q", "main"]);
    tree.commit_file("README", "main\n");
    tree.git(&["switch", "-q", "work"]);
}

#[test]
fn a_branch_is_named_in_full_even_where_a_tag_has_its_name() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["tag", "feature/x"]);
        tree.git(&["switch", "-q", "-c", "feature/x"]);
        assert_eq!(tree.open().head().unwrap(), branch("feature/x"));
    });
}

#[test]
fn an_unborn_branch_has_a_name_and_no_commit() {
    sandboxed(|sandbox| {
        let repository = sandbox.empty_repository("r").open();
        assert_eq!(repository.head().unwrap(), Head::Unborn("main".to_owned()));
        assert_eq!(repository.head_commit(), None);
    });
}

#[test]
fn a_detached_head_is_on_no_branch() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["switch", "-q", "--detach"]);
        let repository = tree.open();
        assert_eq!(repository.head().unwrap(), Head::Detached);
        assert_eq!(repository.head_commit().unwrap().as_str(), tree.git(&["rev-parse", "HEAD"]));
    });
}

#[test]
fn both_kinds_of_rebase_are_seen_with_the_branch_they_began_on() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        conflicting(&tree);
        for backend in ["--merge", "--apply"] {
            assert!(!tree.try_git(&["rebase", backend, "main"]).status.success());
            let busy = Head::Busy(Operation::Rebase, Some("work".to_owned()));
            assert_eq!(tree.open().head().unwrap(), busy, "{backend}");
            assert_eq!(tree.open().attached_head().unwrap(), Head::Detached, "{backend}");
            tree.git(&["rebase", "--abort"]);
            assert_eq!(tree.open().head().unwrap(), branch("work"), "{backend}");
        }
    });
}

#[test]
fn an_interrupted_am_stays_on_its_branch() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        conflicting(&tree);
        let patch = tree.git(&["format-patch", "-1", "--stdout"]);
        tree.git(&["switch", "-q", "main"]);
        tree.write("../p.patch", format!("{patch}\n"));
        assert!(!tree.try_git(&["am", "../p.patch"]).status.success());
        assert_eq!(tree.open().head().unwrap(), branch("main"));
    });
}

#[test]
fn a_bisection_is_seen_with_the_branch_it_began_on() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        for number in 0..4 {
            tree.commit_file("n", number.to_string());
        }
        tree.git(&["bisect", "start", "HEAD", "HEAD~3"]);
        assert_eq!(tree.open().head().unwrap(), Head::Busy(Operation::Bisect, Some("main".to_owned())));
        tree.git(&["bisect", "reset"]);
        assert_eq!(tree.open().head().unwrap(), branch("main"));
    });
}

#[test]
fn a_head_outside_of_branches_is_elsewhere() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["symbolic-ref", "HEAD", "refs/odd/x"]);
        assert_eq!(tree.open().head().unwrap(), Head::Elsewhere("refs/odd/x".to_owned()));
        tree.git(&["symbolic-ref", "HEAD", "refs/heads/gitbutler/workspace"]);
        assert!(matches!(tree.open().head().unwrap(), Head::Elsewhere(_)));
    });
}

#[test]
fn the_default_branch_is_the_remotes_then_the_configured_then_a_usual_one() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["branch", "trunk"]);
        assert_eq!(tree.open().default_branch().as_deref(), Some("main"));
        tree.git(&["config", "init.defaultBranch", "trunk"]);
        assert_eq!(tree.open().default_branch().as_deref(), Some("trunk"));
        tree.git(&["config", "init.defaultBranch", "missing"]);
        assert_eq!(tree.open().default_branch().as_deref(), Some("main"));
        tree.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop"]);
        assert_eq!(tree.open().default_branch().as_deref(), Some("develop"));
    });
}

#[test]
fn branches_are_listed_by_their_short_names() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["branch", "feature/a"]);
        tree.git(&["pack-refs", "--all"]);
        tree.git(&["branch", "b"]);
        let repository = tree.open();
        assert_eq!(repository.branches(), ["b", "feature/a", "main"]);
        assert_eq!(repository.commit_of_branch("feature/a"), repository.head_commit());
        assert_eq!(repository.commit_of_branch("missing"), None);
    });
}

#[test]
fn while_post_rewrite_runs_the_branch_is_known_although_the_rebase_is_not_over() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        conflicting(&tree);
        let copy = format!("#!/bin/sh\ncp -r .git '{}'\n", sandbox.path("seen").display());
        write_script(&tree.top.join(".git/hooks/post-rewrite"), &copy);
        tree.git(&["rebase", "-q", "--force-rebase", "HEAD~1"]);
        std::fs::create_dir(sandbox.path("during")).unwrap();
        std::fs::rename(sandbox.path("seen"), sandbox.path("during/.git")).unwrap();
        let repository = Repository::discover(&sandbox.path("during")).unwrap();
        assert!(matches!(repository.head().unwrap(), Head::Busy(Operation::Rebase, _)));
        assert_eq!(repository.attached_head().unwrap(), branch("work"));
    });
}
