//! Conflicts: nothing is written, until somebody chooses.

use super::scenes::{Pair, changes};

/// `A` changed on both sides, `B` in the file alone.
fn conflict() -> Pair {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.remotely(|theirs| theirs.edit("A", "canary-theirs"));
    pair.mine.edit("A", "canary-mine");
    pair.mine.edit("B", "canary-b2");
    pair
}

#[test]
fn a_conflict_stops_with_3_and_nothing_is_written_on_either_side() {
    let pair = conflict();
    let (env, store) = (pair.mine.env(), pair.store_file());
    for command in ["pull", "push", "sync"] {
        pair.mine.envsync([command]).ends(3).says("A").says("--prefer").never_says("canary");
        pair.mine.envsync([command, "--prefer", "stop"]).ends(3);
        pair.mine.envsync([command, "--prefer", "ask"]).ends(3);
        assert_eq!((pair.mine.env(), pair.store_file()), (env.clone(), store.clone()), "{command}");
    }
}

#[test]
fn prefer_settles_conflicts_and_nothing_else() {
    let pair = conflict();
    pair.mine.envsync(["pull", "--prefer", "remote"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-theirs"));
    assert_eq!(pair.mine.value("B").as_deref(), Some("canary-b2"), "no conflict: it stays");
    assert_eq!(pair.stored("B").as_deref(), Some("canary-b"), "pull writes no store");
}

#[test]
fn pull_prefer_local_keeps_the_value_as_an_unpushed_change() {
    let pair = conflict();
    pair.mine.envsync(["pull", "--prefer", "local"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-mine"));
    assert_eq!(pair.stored("A").as_deref(), Some("canary-theirs"));
    pair.mine.envsync(["push"]).ok();
    assert_eq!(pair.stored("A").as_deref(), Some("canary-mine"));
}

#[test]
fn force_is_the_side_that_is_read() {
    let pair = conflict();
    pair.mine.envsync(["pull", "--force"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-theirs"));
    let pair = conflict();
    pair.mine.envsync(["push", "--force"]).ok();
    assert_eq!(pair.stored("A").as_deref(), Some("canary-mine"));
    pair.mine.envsync(["sync", "--force"]).ends(2);
    pair.mine.envsync(["pull", "--force", "--prefer", "local"]).ends(2);
}

#[test]
fn on_conflict_in_the_personal_settings_decides_unless_a_flag_does() {
    let pair = conflict();
    pair.mine.git(["config", "envsync.onConflict", "remote"]).ok();
    let first = pair.mine.envsync(["pull", "--prefer", "stop"]).status;
    assert_eq!(first, 3, "a flag is stronger");
    pair.mine.envsync(["pull"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-theirs"));
}

#[test]
fn the_losing_value_goes_to_the_undo_record_whichever_side_lost() {
    let pair = conflict();
    pair.mine.envsync(["sync", "--prefer", "remote"]).ok();
    pair.mine.envsync(["undo"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-mine"));
    let pair = conflict();
    pair.mine.envsync(["sync", "--prefer", "local"]).ok();
    pair.mine.envsync(["undo"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-theirs"));
    assert_eq!(pair.stored("A").as_deref(), Some("canary-mine"), "undo writes no store");
}

#[test]
fn push_force_does_not_prune() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.remotely(|theirs| theirs.edit("B", "canary-b2"));
    pair.mine.drop_key("B");
    pair.mine.envsync(["push", "--force"]).ok();
    assert_eq!(pair.stored("B").as_deref(), Some("canary-b2"));
    let run = pair.mine.envsync(["push", "--json"]).ok();
    assert_eq!(changes(&run), ["B local_deleted withheld -"], "settled: from now on it is a deletion");
}

#[test]
fn resolve_settles_named_keys_and_says_what_is_left() {
    let pair = Pair::new("A=canary-a\nB=canary-b\nC=canary-c\n");
    pair.remotely(|theirs| {
        theirs.edit("A", "canary-a2");
        theirs.edit("B", "canary-b2");
    });
    pair.mine.edit("A", "canary-mine");
    pair.mine.edit("B", "canary-mine");
    pair.mine.edit("C", "canary-mine");
    pair.mine.envsync(["resolve"]).ends(2).says("--local");
    pair.mine.envsync(["resolve", "C", "--local"]).ends(1).says("C is no conflict");
    pair.mine.envsync(["resolve", "A", "--remote"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-a2"));
    assert_eq!(pair.mine.value("B").as_deref(), Some("canary-mine"));
    pair.mine.envsync(["push"]).ends(3);
    pair.mine.envsync(["resolve", "--local"]).ok();
    pair.mine.envsync(["push"]).ok();
    assert_eq!(pair.stored("B").as_deref(), Some("canary-mine"));
    assert_eq!(pair.stored("C").as_deref(), Some("canary-mine"));
    pair.mine.envsync(["resolve", "A", "--local", "--remote"]).ends(2);
}

#[test]
fn resolve_writes_no_store() {
    let pair = conflict();
    let store = pair.store_file();
    pair.mine.envsync(["resolve", "--local"]).ok();
    assert_eq!(pair.store_file(), store);
}

#[test]
fn restore_drops_the_local_change_of_a_key_deleted_ones_too() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.mine.edit("A", "canary-mine");
    pair.mine.edit("NEW", "canary-new");
    pair.mine.drop_key("B");
    pair.mine.envsync(["restore", "A", "B", "NEW"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-a"));
    assert_eq!(pair.mine.value("B").as_deref(), Some("canary-b"));
    assert_eq!(pair.mine.value("NEW"), None, "the store does not have it");
    pair.mine.envsync(["diff", "--exit-code"]).ok();
    pair.mine.envsync(["undo"]).ok();
    assert_eq!(pair.mine.value("NEW").as_deref(), Some("canary-new"), "what was dropped can be taken back");
    pair.mine.envsync(["restore", "NOWHERE"]).ends(1).says("NOWHERE");
}

#[test]
fn restore_leaves_other_keys_and_their_bases_alone() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.remotely(|theirs| theirs.edit("B", "canary-b2"));
    pair.mine.edit("A", "canary-mine");
    pair.mine.envsync(["restore", "A"]).ok();
    assert_eq!(pair.mine.value("B").as_deref(), Some("canary-b"));
    assert_eq!(changes(&pair.mine.envsync(["diff", "--json"]).ok()), ["B remote_modified update_local planned"]);
}
