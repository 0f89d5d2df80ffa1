//! Files in commits and in unmerged states.

use super::sandbox::{WorkTree, sandboxed};

#[test]
fn a_file_is_read_as_it_stands_in_a_commit() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let first = tree.commit_file("apps/.env.example", b"A=\r\n\xff");
        tree.commit_file("apps/.env.example", "B=\n");
        std::os::unix::fs::symlink("README", tree.top.join("link")).unwrap();
        tree.git(&["add", "link"]);
        tree.git(&["commit", "-q", "-m", "link"]);
        tree.git(&["tag", "-a", "-m", "v1", "v1"]);
        let repository = tree.open();
        let head = repository.head_commit().unwrap();
        assert_eq!(repository.blob_at(&first, "apps/.env.example").unwrap().unwrap(), b"A=\r\n\xff");
        assert_eq!(repository.blob_at(head.as_str(), "apps/.env.example").unwrap().unwrap(), b"B=\n");
        for path in ["missing", "apps", "link", "README/x"] {
            assert_eq!(repository.blob_at(head.as_str(), path).unwrap(), None, "{path}");
        }
        let tag = tree.git(&["rev-parse", "v1"]);
        assert!(repository.blob_at(&tag, "README").unwrap().is_some());
        assert!(repository.blob_at(&"1".repeat(40), "README").is_err());
    });
}

#[test]
fn files_below_a_directory_are_listed_sorted() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        for path in [".envsync/b.env.age", ".envsync/a/x.env.age", ".envsync-not/y"] {
            tree.commit_file(path, path);
        }
        let repository = tree.open();
        let head = repository.head_commit().unwrap();
        let files = |directory| repository.files_at(head.as_str(), directory).unwrap();
        assert_eq!(files(".envsync"), [".envsync/a/x.env.age", ".envsync/b.env.age"]);
        assert_eq!(files("").len(), 4);
        assert_eq!(files("missing"), [""; 0]);
    });
}

#[test]
fn a_partial_clone_fetches_what_it_left_out() {
    sandboxed(|sandbox| {
        let origin = sandbox.repository("origin");
        let first = origin.commit_file("f", "first\n");
        origin.commit_file("f", "second\n");
        origin.git(&["config", "uploadpack.allowFilter", "true"]);
        origin.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        let url = format!("file://{}", origin.top.display());
        origin.git(&["clone", "-q", "--filter=blob:none", &url, "../partial"]);
        let clone = WorkTree { top: sandbox.path("partial") };
        assert_eq!(clone.open().blob_at(&first, "f").unwrap().unwrap(), b"first\n");
    });
}

#[test]
fn an_unmerged_file_has_its_three_sides_until_it_is_staged() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.commit_file("s/x y.age", "base\n");
        tree.git(&["switch", "-q", "-c", "other"]);
        tree.commit_file("s/x y.age", "theirs\n");
        tree.commit_file("s/added", "theirs\n");
        tree.git(&["switch", "-q", "main"]);
        tree.commit_file("s/x y.age", "ours\n");
        tree.commit_file("s/added", "ours\n");
        assert!(!tree.try_git(&["merge", "other"]).status.success());
        let repository = tree.open();
        let stages = repository.unmerged("s/x y.age").unwrap().unwrap();
        let sides = [&stages.base, &stages.ours, &stages.theirs].map(|side| side.as_deref().unwrap());
        assert_eq!(sides, [&b"base\n"[..], b"ours\n", b"theirs\n"]);
        assert_eq!(repository.unmerged("s/added").unwrap().unwrap().base, None);
        assert_eq!(repository.unmerged("README").unwrap(), None);
        assert_eq!(repository.unmerged_under("s").unwrap(), ["s/added", "s/x y.age"]);
        assert_eq!(repository.unmerged_under("other").unwrap(), [""; 0]);
        assert!(repository.is_tracked("s/added").unwrap());

        tree.write("s/x y.age", "merged\n");
        repository.stage("s/x y.age").unwrap();
        assert_eq!(repository.unmerged_under("").unwrap(), ["s/added"]);
        assert_eq!(repository.unmerged("s/x y.age").unwrap(), None);
        assert_eq!(tree.git(&["show", ":s/x y.age"]), "merged");
    });
}

#[test]
fn staging_takes_a_name_literally_and_works_in_a_linked_worktree() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["worktree", "add", "-q", "../w"]);
        let linked = WorkTree { top: sandbox.path("w") };
        linked.write("*.age", "1");
        linked.write("other.age", "1");
        linked.open().stage("*.age").unwrap();
        assert_eq!(linked.git(&["diff", "--cached", "--name-only"]), "*.age");
        assert!(linked.open().stage("missing").unwrap_err().what.contains("missing"));
    });
}
