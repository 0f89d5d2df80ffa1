//! Finding and opening repositories, as git would, and refusing plainly.

use super::sandbox::{WorkTree, sandboxed, sandboxed_with};
use envsync::git::{Head, Repository};
use envsync::ports::FailureKind;
use std::fs;

#[test]
fn the_top_is_found_from_a_directory_below() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.write("a/b/c", "");
        let repository = Repository::discover(&tree.top.join("a/b")).unwrap();
        assert_eq!(repository.work_tree(), tree.top);
        assert_eq!(repository.git_dir(), tree.top.join(".git"));
        assert_eq!(repository.common_dir(), tree.top.join(".git"));
        assert_eq!(repository.state_dir(), tree.top.join(".git/envsync"));
    });
}

#[test]
fn a_linked_worktree_has_its_own_git_dir_and_the_common_one() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["worktree", "add", "-q", "../w", "-b", "other"]);
        let repository = Repository::discover(&sandbox.path("w")).unwrap();
        assert_eq!(repository.work_tree(), sandbox.path("w"));
        assert_eq!(repository.git_dir(), tree.top.join(".git/worktrees/w"));
        assert_eq!(repository.common_dir(), tree.top.join(".git"));
        assert_eq!(repository.head().unwrap(), Head::Branch("other".to_owned()));
    });
}

#[test]
fn a_submodule_is_a_repository_of_its_own() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        sandbox.repository("lib");
        tree.git(&["submodule", "--quiet", "add", "../lib", "lib"]);
        let repository = Repository::discover(&tree.top.join("lib")).unwrap();
        assert_eq!(repository.work_tree(), tree.top.join("lib"));
        assert_eq!(repository.git_dir(), tree.top.join(".git/modules/lib"));
        assert_eq!(repository.worktree_id().unwrap().as_str(), "main");
    });
}

#[test]
fn no_repository_is_said_so() {
    sandboxed(|sandbox| {
        let failure = Repository::discover(&sandbox.path("")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Config);
        assert!(failure.what.contains("in no git repository"), "{failure}");
    });
}

#[test]
fn a_bare_repository_has_no_work_tree() {
    sandboxed(|sandbox| {
        let tree = WorkTree { top: sandbox.path("") };
        tree.git(&["init", "-q", "--bare", "b.git"]);
        let failure = Repository::discover(&sandbox.path("b.git")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Config);
        assert!(failure.what.contains("no work tree"), "{failure}");
    });
}

#[test]
fn a_worktree_of_a_bare_repository_is_fine() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["clone", "-q", "--bare", ".", "../b.git"]);
        let bare = WorkTree { top: sandbox.path("b.git") };
        bare.git(&["worktree", "add", "-q", "../w", "main"]);
        let repository = Repository::discover(&sandbox.path("w")).unwrap();
        assert_eq!(repository.common_dir(), sandbox.path("b.git"));
        assert_eq!(repository.work_tree(), sandbox.path("w"));
    });
}

#[test]
fn a_sha256_repository_is_refused_by_name() {
    sandboxed(|sandbox| {
        let tree = WorkTree { top: sandbox.path("") };
        tree.git(&["init", "-q", "--object-format=sha256", "s"]);
        let failure = Repository::discover(&sandbox.path("s")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Config);
        assert!(failure.what.contains("extensions.objectFormat = sha256"), "{failure}");
        assert!(failure.hint.is_some());
    });
}

#[test]
fn reftable_and_unknown_extensions_are_refused_by_name() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["config", "core.repositoryFormatVersion", "1"]);
        tree.git(&["config", "extensions.refStorage", "reftable"]);
        let failure = Repository::discover(&tree.top).unwrap_err();
        assert!(failure.what.contains("extensions.refStorage = reftable"), "{failure}");
        assert_eq!(failure.hint.as_deref(), Some("git refs migrate --ref-format=files"));

        let config = tree.read(".git/config").replace("refStorage = reftable", "futureThing = on");
        tree.write(".git/config", config);
        let failure = Repository::discover(&tree.top).unwrap_err();
        assert!(failure.what.contains("extensions.futurething"), "{failure}");
        assert_eq!(failure.kind, FailureKind::Config);
    });
}

#[test]
fn a_repository_of_somebody_else_gets_gits_own_advice() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        // Only root can give a directory away.
        if std::os::unix::fs::chown(&tree.top, Some(12345), None).is_err() {
            return;
        }
        let failure = Repository::discover(&tree.top).unwrap_err();
        let advice = format!("git config --global --add safe.directory {}", tree.top.display());
        assert_eq!(failure.hint, Some(advice));
        tree.git(&["config", "--global", "--add", "safe.directory", tree.top.to_str().unwrap()]);
        assert!(Repository::discover(&tree.top).is_ok());
    });
}

#[test]
fn git_dir_and_work_tree_of_the_environment_count() {
    sandboxed_with(&[("GIT_DIR", "r/dot.git"), ("GIT_WORK_TREE", "elsewhere")], |sandbox| {
        let tree = sandbox.repository("r");
        fs::rename(tree.top.join(".git"), tree.top.join("dot.git")).unwrap();
        fs::create_dir(sandbox.path("elsewhere")).unwrap();
        let repository = Repository::discover(&sandbox.path("")).unwrap();
        assert_eq!(repository.work_tree(), sandbox.path("elsewhere"));
        assert_eq!(repository.git_dir(), tree.top.join("dot.git"));
    });
}

#[test]
fn git_dir_alone_makes_the_current_directory_the_work_tree() {
    sandboxed_with(&[("GIT_DIR", "../r/.git")], |sandbox| {
        sandbox.repository("r");
        fs::create_dir(sandbox.path("elsewhere")).unwrap();
        let repository = Repository::discover(&sandbox.path("elsewhere")).unwrap();
        assert_eq!(repository.work_tree(), sandbox.path("elsewhere"));
    });
}

#[test]
fn git_dir_of_a_hook_does_not_make_a_directory_below_the_top_one() {
    sandboxed_with(&[("GIT_DIR", "../.git")], |sandbox| {
        let tree = sandbox.repository("r");
        tree.write("below/x", "");
        let repository = Repository::discover(&tree.top.join("below")).unwrap();
        assert_eq!(repository.work_tree(), tree.top);
    });
}

#[test]
fn git_dir_of_a_bare_repository_has_no_work_tree() {
    sandboxed_with(&[("GIT_DIR", "b.git")], |sandbox| {
        let tree = WorkTree { top: sandbox.path("") };
        tree.git(&["init", "-q", "--bare", "b.git"]);
        assert!(Repository::discover(&sandbox.path("")).unwrap_err().what.contains("no work tree"));
    });
}
