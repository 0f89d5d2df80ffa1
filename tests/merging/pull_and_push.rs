//! `pull`, `push` and `sync` where the sides settle themselves.

use super::scenes::{Pair, changes};

#[test]
fn pull_brings_in_remote_changes_and_keeps_unpushed_local_ones() {
    let pair = Pair::new("A=canary-a\nB=canary-b\nC=canary-c\n");
    pair.remotely(|theirs| {
        theirs.edit("A", "canary-a2");
        theirs.edit("NEW", "canary-new");
    });
    pair.mine.edit("B", "canary-mine");
    pair.mine.envsync(["pull"]).ok().never_says("canary");
    let values = pair.mine.values();
    assert_eq!(values["A"], "canary-a2");
    assert_eq!(values["B"], "canary-mine");
    assert_eq!(values["NEW"], "canary-new");
    assert_eq!(pair.stored("B").as_deref(), Some("canary-b"), "pull writes no store");
}

#[test]
fn push_writes_exactly_the_keys_changed_locally_and_needs_no_pull_before() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.remotely(|theirs| theirs.edit("A", "canary-a2"));
    pair.mine.edit("B", "canary-b2");
    let run = pair.mine.envsync(["push", "--json"]).ok();
    assert_eq!(changes(&run), ["A remote_modified none -", "B local_modified update_remote applied"]);
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-a"), "push leaves the env file alone");
    assert_eq!(pair.stored("A").as_deref(), Some("canary-a2"), "the key changed remotely is not pushed over");
    assert_eq!(pair.stored("B").as_deref(), Some("canary-b2"));
}

#[test]
fn sync_does_both_in_one_plan() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.remotely(|theirs| theirs.edit("A", "canary-a2"));
    pair.mine.edit("B", "canary-b2");
    let run = pair.mine.envsync(["sync", "--json"]).ok();
    assert_eq!(changes(&run), ["A remote_modified update_local applied", "B local_modified update_remote applied"]);
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-a2"));
    assert_eq!(pair.stored("B").as_deref(), Some("canary-b2"));
}

#[test]
fn sync_in_one_direction_writes_one_side() {
    for (spelling, incoming, outgoing) in [
        ("to-local", true, false),
        ("cloud-to-local", true, false),
        ("to-remote", false, true),
        ("local-to-cloud", false, true),
        ("bidirectional", true, true),
    ] {
        let pair = Pair::new("A=canary-a\nB=canary-b\n");
        pair.remotely(|theirs| theirs.edit("A", "canary-a2"));
        pair.mine.edit("B", "canary-b2");
        pair.mine.envsync(["sync", "--direction", spelling]).ok();
        assert_eq!(pair.mine.value("A").as_deref() == Some("canary-a2"), incoming, "{spelling}");
        assert_eq!(pair.stored("B").as_deref() == Some("canary-b2"), outgoing, "{spelling}");
    }
}

#[test]
fn the_same_change_on_both_sides_is_agreement_and_moves_the_base() {
    let pair = Pair::new("A=canary-a\n");
    pair.remotely(|theirs| theirs.edit("A", "canary-same"));
    pair.mine.edit("A", "canary-same");
    assert_eq!(changes(&pair.mine.envsync(["pull", "--json"]).ok()), ["A converged none -"]);
    pair.mine.edit("A", "canary-next");
    let run = pair.mine.envsync(["push", "--json"]).ok();
    assert_eq!(changes(&run), ["A local_modified update_remote applied"], "the base followed");
}

#[test]
fn a_pull_moves_the_base_for_every_key_that_now_agrees() {
    let pair = Pair::new("A=canary-a\n");
    pair.remotely(|theirs| theirs.edit("A", "canary-a2"));
    pair.mine.envsync(["pull"]).ok();
    pair.mine.edit("A", "canary-a");
    assert_eq!(
        changes(&pair.mine.envsync(["diff", "--json"]).ok()),
        ["A local_modified update_remote planned"],
        "the old value is a change of what was pulled"
    );
}

#[test]
fn a_fetch_moves_no_base_and_touches_no_file() {
    let pair = Pair::new("A=canary-a\n");
    pair.remotely(|theirs| theirs.edit("A", "canary-a2"));
    let before = pair.mine.env();
    pair.mine.envsync(["fetch"]).ok();
    assert_eq!(pair.mine.env(), before);
    pair.mine.edit("A", "canary-mine");
    pair.mine.envsync(["push"]).ends(3);
    let run = pair.mine.envsync(["diff", "snapshot", "remote", "--json"]).ok();
    assert!(changes(&run).is_empty(), "the snapshot is what was fetched");
}

#[test]
fn bases_belong_to_a_worktree() {
    let pair = Pair::new("A=canary-a\n");
    pair.remotely(|theirs| theirs.edit("A", "canary-a2"));
    assert_eq!(
        changes(&pair.mine.envsync(["diff", "--json"]).ok()),
        ["A remote_modified update_local planned"],
        "what the other work tree agreed on is none of ours"
    );
}

#[test]
fn without_a_base_a_key_on_one_side_is_an_addition_and_two_values_are_a_conflict() {
    let pair = Pair::new("A=canary-a\nB=canary-b\nSAME=canary-same\n");
    // A clone made by hand: no record, so no base.
    let state = pair.mine.path.join(".git/envsync");
    std::fs::remove_dir_all(&state).expect("the state is there");
    pair.mine.write(".env", "A=canary-other\nMINE=canary-mine\nSAME=canary-same\n");
    let run = pair.mine.envsync(["diff", "--json"]).ok();
    assert_eq!(
        changes(&run),
        [
            "A conflict none -",
            "B remote_added update_local planned",
            "MINE local_added update_remote planned",
            "SAME converged none -"
        ]
    );
    assert_eq!(run.json()["targets"][0]["changes"][0]["conflict_kind"], "both_added");
    pair.mine.envsync(["pull"]).ends(3);
}

#[test]
fn comments_order_and_unreadable_lines_stay_and_are_never_sent() {
    let pair = Pair::new("# canary-comment-above\nA=canary-a # canary-comment-behind\n\nB=canary-b\n");
    pair.remotely(|theirs| theirs.edit("A", "canary-a2"));
    pair.mine.write(".env", pair.mine.env() + "no assignment canary-line\n");
    pair.mine.envsync(["sync"]).ok().says("line 5").never_says("canary");
    let text = pair.mine.env();
    assert_eq!(
        text,
        "# canary-comment-above\nA=canary-a2 # canary-comment-behind\n\nB=canary-b\nno assignment canary-line\n"
    );
    pair.mine.edit("C", "canary-c");
    pair.mine.envsync(["push"]).ok();
    assert_eq!(pair.stored("C").as_deref(), Some("canary-c"));
    let received = pair.received();
    assert!(!received.contains("canary-line") && !received.contains("canary-comment"), "{received}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.remotely(|theirs| theirs.edit("A", "canary-a2"));
    pair.mine.edit("B", "canary-b2");
    pair.mine.drop_key("A");
    let (env, store) = (pair.mine.env(), pair.store_file());
    for command in [
        &["pull", "-n", "--prefer", "remote"][..],
        &["push", "--dry-run", "--prune", "--force"],
        &["sync", "-n", "--prefer", "local", "--prune"],
        &["unset", "-n", "B"],
    ] {
        pair.mine.envsync(command).ok();
        assert_eq!(pair.mine.env(), env, "{command:?}");
        assert_eq!(pair.store_file(), store, "{command:?}");
    }
    pair.mine.spawn(["set", "-n", "B"]).input("canary-other").run().ok();
    assert_eq!(pair.mine.env(), env);
    let run = pair.mine.envsync(["sync", "-n", "--prefer", "remote", "--json"]).ok();
    assert_eq!(run.json()["dry_run"], true);
    assert_eq!(changes(&run), ["A conflict update_local planned", "B local_modified update_remote planned"]);
}

#[test]
fn a_push_with_nothing_to_send_leaves_the_store_file_alone() {
    let pair = Pair::new("A=canary-a\n");
    let store = pair.store_file();
    pair.mine.envsync(["push"]).ok().says("in step");
    pair.mine.envsync(["sync"]).ok();
    assert_eq!(pair.store_file(), store);
}
