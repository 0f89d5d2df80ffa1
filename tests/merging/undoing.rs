//! `undo`: values come back, bases never do.

use super::scenes::{Pair, changes, configured, environment, get, set, three_environments};
use crate::support::Lab;

#[test]
fn undo_restores_values_and_they_become_unpushed_changes() {
    let pair = Pair::new("A=canary-a\n");
    pair.remotely(|theirs| theirs.edit("A", "canary-a2"));
    pair.mine.envsync(["pull"]).ok();
    pair.mine.envsync(["undo", "--dry-run"]).ok().says("A").never_says("canary");
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-a2"), "a dry run");
    pair.mine.envsync(["undo"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-a"));
    let run = pair.mine.envsync(["diff", "--json"]).ok();
    assert_eq!(changes(&run), ["A local_modified update_remote planned"]);
}

#[test]
fn a_key_edited_since_is_a_conflict_and_nothing_is_written() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.remotely(|theirs| {
        theirs.edit("A", "canary-a2");
        theirs.edit("B", "canary-b2");
    });
    pair.mine.envsync(["pull"]).ok();
    pair.mine.edit("A", "canary-edited");
    let env = pair.mine.env();
    pair.mine.envsync(["undo"]).ends(3).says("A").never_says("canary");
    assert_eq!(pair.mine.env(), env);
}

#[test]
fn an_undo_can_be_taken_back_itself() {
    let pair = Pair::new("A=canary-a\n");
    pair.mine.spawn(["set", "A"]).input("canary-set").run().ok();
    pair.mine.envsync(["undo"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-a"));
    pair.mine.envsync(["undo"]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-set"));
}

#[test]
fn entries_are_listed_newest_first_and_taken_back_by_number() {
    let pair = Pair::new("A=canary-a\nB=canary-b\n");
    pair.mine.envsync(["undo"]).ends(1).says("nothing to undo");
    for (key, value) in [("A", "canary-1"), ("B", "canary-2")] {
        pair.mine.spawn(["set", key]).input(value).run().ok();
    }
    let listed = pair.mine.envsync(["undo", "--list", "--json"]).ok().never_says("canary").json();
    let entries = listed["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 2);
    let ids: Vec<u64> = entries.iter().map(|entry| entry["id"].as_u64().expect("a number")).collect();
    assert!(ids[0] > ids[1]);
    assert_eq!(entries[0]["what"], "set");
    assert_eq!(entries[0]["environments"][0]["environment"], "development");
    pair.mine.envsync(["undo", "--list"]).ok().says("set").says("1 key of development");
    pair.mine.envsync(["undo", &ids[1].to_string()]).ok();
    assert_eq!(pair.mine.value("A").as_deref(), Some("canary-a"));
    assert_eq!(pair.mine.value("B").as_deref(), Some("canary-2"));
    pair.mine.envsync(["undo", "4711"]).ends(1).says("4711").says("--list");
}

#[test]
fn values_of_an_environment_the_file_does_not_hold_go_to_its_parked_ones() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.spawn(["set", "NAME"]).input("canary-set").run().ok();
    repo.envsync(["push"]).ok();
    let listed = repo.envsync(["undo", "--list", "--json"]).ok().json();
    let id = listed["entries"][0]["id"].as_u64().expect("a number").to_string();
    repo.switch("top");
    repo.envsync(["undo", &id]).ok().says("parked for development");
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-staging"));
    repo.switch("main");
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-development"));
    let run = repo.envsync(["diff", "--json"]).ok();
    assert_eq!(changes(&run), ["NAME local_modified update_remote planned"]);
}

#[test]
fn undoing_a_switch_parks_nothing_that_the_store_has() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    set(&repo, "staging", "OTHER", "canary-other");
    repo.switch("top");
    repo.switch("main");
    std::fs::remove_dir_all(repo.path.join(".git/envsync/snapshots")).expect("snapshots are there");
    repo.envsync(["undo"]).ok();
    let status = repo.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["targets"][0]["summary"]["parked"], 0);
}

#[test]
fn undo_works_where_the_file_holds_another_branch_s_preview() {
    let lab = Lab::new();
    let preview =
        environment("preview", "feature/{topic}", "").replace("path = \"preview\"", "path = \"preview/{topic}\"");
    let repo = configured(&lab, &(preview + &environment("development", "main", "")));
    repo.write(".env", "NAME=canary-development\n");
    repo.envsync(["push", "--yes"]).ok();
    repo.git(["switch", "-q", "-c", "feature/a"]).ok();
    repo.envsync(["push", "--yes"]).ok();
    repo.spawn(["set", "NAME"]).input("canary-set").run().ok();
    repo.person.command("git", &repo.path, ["switch", "-q", "main"]).var("GIT_ENVSYNC", "0").run().ok();
    repo.envsync(["undo"]).ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-development"));
}

#[test]
fn a_value_removed_from_a_store_comes_back_as_a_parked_change() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.envsync(["unset", "-e", "staging", "NAME"]).ok();
    assert_eq!(get(&repo, "staging", "NAME"), None);
    repo.envsync(["undo"]).ok().says("parked for staging");
    repo.switch("top");
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-staging"));
}
