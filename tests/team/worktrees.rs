//! Linked work trees: a record each, and what a removed one leaves behind.

use crate::support::{Lab, Repo};

fn linked(repo: &Repo, branch: &str) -> Repo {
    let path = repo.path.with_file_name(branch);
    let exists = repo.git(["rev-parse", "-q", "--verify", branch]).status == 0;
    let path_text = path.to_str().unwrap().to_owned();
    let arguments: &[&str] = if exists {
        &["worktree", "add", "-q", &path_text, branch]
    } else {
        &["worktree", "add", "-q", &path_text, "-b", branch]
    };
    repo.git(arguments).ok();
    Repo { person: repo.person.clone(), path }
}

/// A repository with a work tree `gone` that held `staging` (a key of it unpushed) with a change of `development` parked, and
/// was removed.
fn with_a_removed_work_tree(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo");
    repo.git(["branch", "staging"]).ok();
    let repo = repo.set_up("A=canary-a\nB=canary-b\n");
    repo.envsync(["push", "-e", "staging", "--yes"]).ok();
    repo.commit("start staging");
    repo.envsync(["pull"]).ok();
    let gone = linked(&repo, "gone");
    gone.edit("A", "canary-parked");
    gone.edit("NEW", "canary-new");
    gone.envsync(["use", "staging"]).ok().says("2 unpushed changes of development parked");
    repo.git(["worktree", "remove", "--force", gone.path.to_str().unwrap()]).ok();
    repo
}

#[test]
fn worktree_add_fills_the_new_file() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    assert_eq!(linked(&repo, "topic").value("A").as_deref(), Some("canary-a"));
}

#[test]
fn every_work_tree_has_a_record_of_its_own() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    let topic = linked(&repo, "topic");
    topic.edit("A", "canary-topic");
    repo.edit("A", "canary-main");
    topic.envsync(["push"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-main"));
    let status = repo.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["targets"][0]["changes"][0]["state"], "local_modified");
    topic.envsync(["status", "--exit-code"]).ok();
    topic.envsync(["use", "development"]).ok();
    repo.git(["switch", "-qc", "other"]).ok().never_says("use -");
}

#[test]
fn parked_changes_of_a_removed_work_tree_stay_listed() {
    let lab = Lab::new();
    let repo = with_a_removed_work_tree(&lab);
    repo.envsync(["status"]).ok().says("gone").says("2 changes").says("git envsync undo --list");
    let listed = repo.envsync(["undo", "--list"]).ok().says("2 changes of development parked");
    listed.says("git envsync undo --worktree gone").never_says("canary");
    let listed = repo.envsync(["undo", "--list", "--json"]).ok().json();
    assert_eq!(listed["orphans"][0]["worktree"], "gone");
    assert_eq!(listed["orphans"][0]["parked"][0]["keys"], serde_json::json!(["A", "NEW"]));
}

#[test]
fn undo_takes_them_into_the_file_that_holds_their_environment_as_unpushed_changes() {
    let lab = Lab::new();
    let repo = with_a_removed_work_tree(&lab);
    let before = repo.env();
    repo.envsync(["undo", "--worktree", "gone", "--dry-run"]).ok().says("would come back: A, NEW");
    assert_eq!(repo.env(), before);
    repo.envsync(["undo", "--worktree", "gone"]).ok().says("came back: A, NEW").never_says("canary");
    assert_eq!(repo.value("A").as_deref(), Some("canary-parked"));
    assert_eq!(repo.value("NEW").as_deref(), Some("canary-new"));
    let status = repo.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["targets"][0]["summary"]["outgoing"], 2);
    repo.envsync(["undo", "--list"]).ok().never_says("gone:");
    repo.envsync(["undo", "--worktree", "gone"]).ends(1).says("git envsync undo --list");
    repo.envsync(["push"]).ok();
}

#[test]
fn undo_parks_them_here_where_the_file_holds_another_environment() {
    let lab = Lab::new();
    let repo = with_a_removed_work_tree(&lab);
    repo.envsync(["use", "staging"]).ok();
    let before = repo.env();
    repo.envsync(["undo", "--worktree", "gone"]).ok().says("parked for development");
    assert_eq!(repo.env(), before);
    repo.envsync(["use", "-"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-parked"));
    assert_eq!(repo.value("NEW").as_deref(), Some("canary-new"));
}

#[test]
fn a_key_changed_here_too_is_a_conflict_and_nothing_is_written() {
    let lab = Lab::new();
    let repo = with_a_removed_work_tree(&lab);
    repo.edit("A", "canary-here");
    let before = repo.env();
    repo.envsync(["undo", "--worktree", "gone"]).ends(3).says("A").says("git envsync push").never_says("canary");
    assert_eq!(repo.env(), before);
    repo.envsync(["restore", "A"]).ok();
    repo.envsync(["undo", "--worktree", "gone"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-parked"));
}

#[test]
fn where_the_store_has_moved_since_the_conflict_stays_listed() {
    let lab = Lab::new();
    let repo = with_a_removed_work_tree(&lab);
    repo.edit("A", "canary-pushed");
    repo.envsync(["push"]).ok();
    repo.envsync(["undo", "--worktree", "gone"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-parked"));
    repo.envsync(["push"]).ends(3).says("A");
    repo.envsync(["resolve", "A", "--remote"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-pushed"));
}

#[test]
fn taking_over_can_be_taken_back_and_its_undo_entries_come_along() {
    let lab = Lab::new();
    let repo = with_a_removed_work_tree(&lab);
    repo.envsync(["undo", "--worktree", "gone"]).ok().says("to undo");
    repo.envsync(["undo"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-a"));
    assert_eq!(repo.value("NEW"), None);
}

#[test]
fn the_number_of_another_work_tree_s_entry_is_not_shown_as_one_to_type_here() {
    let lab = Lab::new();
    let repo = with_a_removed_work_tree(&lab);
    let listed = repo.envsync(["undo", "--list"]).ok().stdout;
    let gone: Vec<&str> = listed.lines().filter(|line| line.contains("(work tree gone, gone)")).collect();
    assert!(!gone.is_empty(), "{listed}");
    assert!(gone.iter().all(|line| line.starts_with("      ")), "{listed}");
}
