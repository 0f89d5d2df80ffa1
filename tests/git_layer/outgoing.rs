//! What a push would publish.

use super::sandbox::{Sandbox, WorkTree, sandboxed};
use envsync::git::{PushedRef, SkippedReason, parse_pre_push};

/// A repository with an origin that has its `main`.
fn with_origin(sandbox: &Sandbox) -> WorkTree {
    let tree = sandbox.repository("r");
    tree.git(&["init", "-q", "--bare", "../origin.git"]);
    tree.git(&["remote", "add", "origin", "../origin.git"]);
    tree.git(&["push", "-q", "origin", "main"]);
    tree
}

/// What would go out, as `path:line:text` for every run of added lines.
fn outgoing(tree: &WorkTree, tips: &[&str], remote: &str, known: &[&str]) -> Vec<String> {
    let owned = |list: &[&str]| list.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let mut found = Vec::new();
    tree.open()
        .outgoing_text(&owned(tips), Some(remote), &owned(known), &mut |text| {
            let lines = String::from_utf8_lossy(text.text).trim_end().replace('\n', "|");
            found.push(format!("{}:{}:{lines}", text.path, text.first_line));
        })
        .unwrap();
    found
}

/// What git gives a pre-push hook for this push.
fn pushed(tree: &WorkTree, arguments: &[&str]) -> Vec<PushedRef> {
    let input = tree.top.join("../pushed");
    let hook = tree.top.join(".git/hooks/pre-push");
    super::sandbox::write_script(&hook, &format!("#!/bin/sh\ncat >'{}'\n", input.display()));
    tree.git(&[&["push", "-q", "--dry-run", "origin"], arguments].concat());
    std::fs::remove_file(hook).unwrap();
    parse_pre_push(&std::fs::read(input).unwrap())
}

#[test]
fn a_new_branch_adds_its_own_commits_only() {
    sandboxed(|sandbox| {
        let tree = with_origin(sandbox);
        tree.git(&["switch", "-q", "-c", "new"]);
        tree.commit_file("a", "1\n2\n");
        let tip = tree.commit_file("a", "1\nx\ny\n2\nz\n");
        let line = &pushed(&tree, &["new"])[0];
        assert_eq!((line.branch(), line.is_new(), line.local_oid.as_str()), (Some("new"), true, tip.as_str()));
        assert_eq!(outgoing(&tree, &[&tip], "origin", &[&line.remote_oid]), ["a:1:1|2", "a:2:x|y", "a:5:z"]);
    });
}

#[test]
fn a_forced_push_adds_what_the_remote_does_not_have() {
    sandboxed(|sandbox| {
        let tree = with_origin(sandbox);
        let old = tree.commit_file("a", "old\n");
        tree.git(&["push", "-q", "origin", "main"]);
        tree.git(&["reset", "-q", "--hard", "HEAD~1"]);
        let tip = tree.commit_file("a", "new\n");
        let line = &pushed(&tree, &["+main"])[0];
        assert_eq!((line.remote_oid.as_str(), line.branch()), (old.as_str(), Some("main")));
        assert_eq!(outgoing(&tree, &[&tip], "origin", &[&old]), ["a:1:new"]);
    });
}

#[test]
fn remote_commits_count_by_reference_or_by_name_and_unknown_ones_are_passed_over() {
    sandboxed(|sandbox| {
        let tree = with_origin(sandbox);
        let known = tree.commit_file("a", "1\n");
        let tip = tree.commit_file("b", "2\n");
        assert_eq!(outgoing(&tree, &[&tip], "origin", &[]), ["a:1:1", "b:1:2"]);
        assert_eq!(outgoing(&tree, &[&tip], "origin", &[&known, &"9".repeat(40)]), ["b:1:2"]);
        assert_eq!(outgoing(&tree, &[&tip], "../path[*", &[]), ["README:1:hello", "a:1:1", "b:1:2"]);
    });
}

#[test]
fn pushes_by_tag_head_and_deletion_are_told_apart() {
    sandboxed(|sandbox| {
        let tree = with_origin(sandbox);
        tree.git(&["push", "-q", "origin", "main:gone"]);
        tree.git(&["tag", "-a", "-m", "v1", "v1"]);
        tree.commit_file("a", "1\n");
        assert!(!pushed(&tree, &["v1"])[0].needs_check());
        assert!(pushed(&tree, &["--delete", "gone"])[0].is_delete());
        assert_eq!(pushed(&tree, &["HEAD"])[0].branch(), Some("main"));
        assert_eq!(pushed(&tree, &["HEAD~1:refs/heads/d"])[0].branch(), Some("d"));
        let spaces = pushed(&tree, &["HEAD@{1 second ago}:refs/heads/spacey"]);
        assert_eq!((spaces[0].local_ref.as_str(), spaces[0].branch()), ("HEAD@{1 second ago}", Some("spacey")));
        tree.git(&["push", "-q", "origin", "main"]);
        assert_eq!(pushed(&tree, &["main"]), []);
    });
}

#[test]
fn an_annotated_tag_leads_to_its_commits() {
    sandboxed(|sandbox| {
        let tree = with_origin(sandbox);
        tree.commit_file("a", "1\n");
        tree.git(&["tag", "-a", "-m", "v1", "v1"]);
        assert_eq!(outgoing(&tree, &[&tree.git(&["rev-parse", "v1"])], "origin", &[]), ["a:1:1"]);
    });
}

#[test]
fn a_merge_adds_only_what_no_parent_has() {
    sandboxed(|sandbox| {
        let tree = with_origin(sandbox);
        tree.git(&["switch", "-q", "-c", "side"]);
        tree.commit_file("side", "s\n");
        tree.git(&["push", "-q", "origin", "side"]);
        tree.git(&["switch", "-q", "main"]);
        tree.commit_file("README", "hello\nmain\n");
        tree.git(&["merge", "-q", "--no-commit", "side"]);
        tree.write("README", "hello\nmain\nevil\n");
        tree.git(&["commit", "-q", "-a", "-m", "merge"]);
        let tip = tree.git(&["rev-parse", "HEAD"]);
        assert_eq!(outgoing(&tree, &[&tip], "origin", &[]), ["README:2:main", "README:3:evil"]);
    });
}

#[test]
fn a_file_that_was_moved_unchanged_adds_nothing_and_a_removed_one_neither() {
    sandboxed(|sandbox| {
        let tree = with_origin(sandbox);
        tree.commit_file("a", "1\n2\n3\n");
        tree.git(&["push", "-q", "origin", "main"]);
        tree.git(&["mv", "a", "b"]);
        tree.git(&["rm", "-q", "README"]);
        tree.git(&["commit", "-q", "-m", "move"]);
        assert_eq!(outgoing(&tree, &[&tree.git(&["rev-parse", "HEAD"])], "origin", &[]), [""; 0]);
    });
}

#[test]
fn content_that_comes_back_is_shown_once_and_what_was_removed_again_is_still_shown() {
    sandboxed(|sandbox| {
        let tree = with_origin(sandbox);
        tree.commit_file("a", "canary-1\n");
        tree.commit_file("a", "\n");
        let tip = tree.commit_file("a", "canary-1\n");
        assert_eq!(outgoing(&tree, &[&tip], "origin", &[]), ["a:1:canary-1", "a:1:"]);
    });
}

#[test]
fn small_binary_content_is_searched_and_large_is_named() {
    sandboxed(|sandbox| {
        let tree = with_origin(sandbox);
        tree.commit_file("small", b"\0canary-1\n");
        let mut large = vec![0; 5 * 1024 * 1024 + 1];
        large.extend(b"canary-2");
        let tip = tree.commit_file("large", large);
        let mut paths = Vec::new();
        let tips = [tip.clone()];
        let skipped = tree
            .open()
            .outgoing_text(&tips, Some("origin"), &[], &mut |text| paths.push(text.path.to_owned()))
            .unwrap();
        assert_eq!(paths, ["small"]);
        assert_eq!(skipped.len(), 1);
        assert_eq!((skipped[0].commit.as_str(), skipped[0].path.as_str()), (tip.as_str(), "large"));
        assert_eq!(skipped[0].reason, SkippedReason::LargeBinary);
    });
}
