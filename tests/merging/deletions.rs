//! Deletions: on the remote, in the env file, and what only looks like one.

use super::scenes::{Pair, changes};

#[test]
fn a_remote_deletion_reaches_the_env_file_by_itself_and_undo_has_it() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.remotely(|theirs| theirs.drop_key("B"));
    pair.mine.envsync(["pull"]).ok();
    assert_eq!(pair.mine.value("B"), None);
    pair.mine.envsync(["undo"]).ok();
    assert_eq!(pair.mine.value("B").as_deref(), Some("canary-b"));
    let run = pair.mine.envsync(["diff", "--json"]).ok();
    assert_eq!(changes(&run), ["B local_added update_remote planned"], "undo restores values, never bases");
}

#[test]
fn a_local_deletion_is_withheld_without_prune_and_reaches_the_remote_with_it() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.mine.drop_key("B");
    for command in ["push", "sync"] {
        let run = pair.mine.envsync([command, "--json"]).ok();
        assert_eq!(changes(&run), ["B local_deleted withheld -"]);
        assert_eq!(run.json()["targets"][0]["summary"]["withheld"], 1);
    }
    pair.mine.envsync(["push"]).ok().says("--prune");
    assert_eq!(pair.stored("B").as_deref(), Some("canary-b"));
    let run = pair.mine.envsync(["push", "--prune", "--json"]).ok();
    assert_eq!(changes(&run), ["B local_deleted remove_remote applied"]);
    assert_eq!(pair.stored("B"), None);
}

#[test]
fn a_withheld_deletion_stays_withheld_and_is_not_brought_back_by_pull() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.mine.drop_key("B");
    pair.mine.envsync(["pull"]).ok();
    pair.mine.envsync(["sync"]).ok();
    assert_eq!(pair.mine.value("B"), None);
}

#[test]
fn a_withheld_deletion_is_no_finding_and_does_not_count_for_exit_code() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.mine.git(["add", "-A"]).ok();
    pair.mine.drop_key("B");
    pair.mine.envsync(["diff", "--exit-code"]).ok();
    pair.mine.envsync(["status", "--exit-code"]).ok();
    pair.mine.envsync(["verify"]).ok();
    pair.mine.edit("A", "canary-a2");
    pair.mine.envsync(["diff", "--exit-code"]).ends(1);
    pair.mine.envsync(["status", "--exit-code"]).ends(1);
    pair.mine.envsync(["diff"]).ok();
}

#[test]
fn a_pruned_value_can_be_taken_back() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.mine.drop_key("B");
    pair.mine.envsync(["push", "--prune"]).ok();
    pair.mine.envsync(["undo"]).ok();
    assert_eq!(pair.mine.value("B").as_deref(), Some("canary-b"));
}

#[test]
fn a_missing_env_file_is_rebuilt_by_pull_and_is_no_deletion_to_push() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    std::fs::remove_file(pair.mine.path.join(".env")).expect("it is there");
    pair.mine.envsync(["push", "--prune"]).ok();
    assert_eq!(pair.stored("A").as_deref(), Some("canary-a"));
    assert!(!pair.mine.path.join(".env").exists(), "push writes no env file");
    pair.mine.envsync(["sync", "--prune"]).ok();
    assert_eq!(pair.mine.values().len(), 2, "sync rebuilds it too");
    std::fs::remove_file(pair.mine.path.join(".env")).expect("it is there");
    pair.mine.envsync(["pull"]).ok();
    assert_eq!(pair.mine.value("B").as_deref(), Some("canary-b"));
}

#[test]
fn a_file_without_any_assignment_has_no_base_and_keeps_its_comments() {
    let pair = Pair::new("A=canary-a\n");
    pair.mine.write(".env", "# only a comment\n");
    pair.mine.envsync(["push", "--prune"]).ok();
    assert_eq!(pair.stored("A").as_deref(), Some("canary-a"));
    pair.mine.envsync(["pull"]).ok();
    assert_eq!(pair.mine.env(), "# only a comment\nA=canary-a\n");
}

#[test]
fn no_deletion_is_sent_while_the_file_has_lines_that_cannot_be_read() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.mine.write(".env", "A=canary-a\nB canary-b\n");
    let run = pair.mine.envsync(["push", "--prune", "--json"]).ok();
    assert_eq!(changes(&run), ["B local_deleted withheld -"]);
    pair.mine.envsync(["sync", "--prune"]).ok().says("lines that cannot be read");
    assert_eq!(pair.stored("B").as_deref(), Some("canary-b"));
}

#[test]
fn a_deletion_against_a_change_is_a_conflict_on_either_side() {
    for (locally, kind) in [(true, "deleted_locally"), (false, "deleted_remotely")] {
        let pair = Pair::new("A=canary-a\nB=canary-b\n");
        pair.remotely(|theirs| if locally { theirs.edit("B", "canary-b2") } else { theirs.drop_key("B") });
        if locally {
            pair.mine.drop_key("B");
        } else {
            pair.mine.edit("B", "canary-mine");
        }
        let run = pair.mine.envsync(["pull", "--json"]).ends(3);
        assert_eq!(run.json()["targets"][0]["changes"][0]["conflict_kind"], kind);
    }
}
