//! Tracked, ignored, and lines added to git's files.

use super::sandbox::{mode, sandboxed, set_mode};
use envsync::git::{Edit, Repository, attributes};
use envsync::ports::FailureKind;

#[test]
fn ignore_rules_of_every_source_count() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.write(".gitignore", ".env\n");
        tree.write("apps/.gitignore", "*.local\n!keep.local\n");
        tree.write("../home/config/git/ignore", "personal\n");
        tree.open().exclude("/excluded").unwrap();
        let repository = tree.open();
        for path in [".env", "apps/web/.env", "apps/x.local", "personal", "excluded"] {
            assert!(repository.is_ignored(path).unwrap(), "{path}");
            assert!(tree.try_git(&["check-ignore", "-q", path]).status.success(), "{path}");
        }
        for path in [".env.example", "apps/keep.local", "below/excluded"] {
            assert!(!repository.is_ignored(path).unwrap(), "{path}");
        }
    });
}

#[test]
fn a_tracked_file_is_tracked_also_where_it_is_ignored() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.commit_file(".env", "A=1\n");
        tree.commit_file("with space/.env", "A=1\n");
        tree.write(".gitignore", ".env\n");
        let repository = tree.open();
        assert!(repository.is_tracked(".env").unwrap());
        assert!(repository.is_tracked("with space/.env").unwrap());
        assert!(!repository.is_tracked("other/.env").unwrap());
        assert!(repository.is_ignored(".env").unwrap());
    });
}

#[test]
fn an_index_that_libgit2_does_not_read_is_read_by_git() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.commit_file("d/file", "1\n");
        tree.git(&["update-index", "--split-index"]);
        let repository = tree.open();
        assert!(repository.is_tracked("d/file").unwrap());
        assert!(!repository.is_tracked("d").unwrap());
        assert_eq!(repository.unmerged_under("").unwrap(), [""; 0]);
    });
}

#[test]
fn a_pattern_is_excluded_once_for_all_worktrees() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["worktree", "add", "-q", "../w"]);
        let linked = Repository::discover(&sandbox.path("w")).unwrap();
        let before = tree.read(".git/info/exclude");
        assert_eq!(linked.exclude("/.env.tmp").unwrap(), Edit::Made);
        assert_eq!(tree.open().exclude("/.env.tmp").unwrap(), Edit::NotNeeded);
        assert_eq!(tree.read(".git/info/exclude"), format!("{before}/.env.tmp\n"));
        std::fs::remove_dir_all(tree.top.join(".git/info")).unwrap();
        assert_eq!(tree.open().exclude("x").unwrap(), Edit::Made);
    });
}

#[test]
fn the_ignore_line_matches_exactly_its_path_and_the_file_keeps_its_mode() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.write(".gitignore", "target");
        set_mode(&tree.top.join(".gitignore"), 0o600);
        let repository = tree.open();
        assert!(!repository.is_ignored("apps/[web]/.env").unwrap());
        assert_eq!(repository.add_gitignore_line("apps/[web]/.env").unwrap(), Edit::Made);
        assert_eq!(repository.add_gitignore_line("apps/[web]/.env").unwrap(), Edit::NotNeeded);
        assert_eq!(tree.read(".gitignore"), "target\n/apps/\\[web]/.env\n");
        assert_eq!(mode(&tree.top.join(".gitignore")), 0o600);
        assert!(repository.is_ignored("apps/[web]/.env").unwrap());
        assert!(!repository.is_ignored("apps/w/.env").unwrap());
    });
}

#[test]
fn a_linked_gitignore_is_refused() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.write("../elsewhere", "");
        std::os::unix::fs::symlink("../elsewhere", tree.top.join(".gitignore")).unwrap();
        assert_eq!(tree.open().add_gitignore_line(".env").unwrap_err().kind, FailureKind::Refused);
    });
}

#[test]
fn git_reads_the_attributes_as_they_are_meant() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        for directory in [".envsync", "my store", "a[b]"] {
            assert!(!attributes::has(&tree.open(), directory).unwrap());
            assert_eq!(attributes::ensure(&tree.open(), directory).unwrap(), Edit::Made, "{directory}");
            assert_eq!(attributes::ensure(&tree.open(), directory).unwrap(), Edit::NotNeeded, "{directory}");
            assert!(attributes::has(&tree.open(), directory).unwrap());
            for file in ["x.env.age", "deep/er/x.env.age"] {
                let path = format!("{directory}/{file}");
                let said = tree.git(&["check-attr", "diff", "merge", "text", "--", &path]);
                let words: Vec<&str> = said.lines().filter_map(|line| line.rsplit(' ').next()).collect();
                assert_eq!(words, ["envsync", "envsync", "unset"], "{said}");
            }
        }
    });
}
