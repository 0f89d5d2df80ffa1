//! Two people, two clones, two identities.

use super::common::{Team, change, public_key, publish};

#[test]
fn what_one_pushes_the_other_has_after_git_pull_and_keeps_an_unpushed_edit() {
    let team = Team::new("URL=canary-url\nKEY=canary-key\n");
    let (ada, bob) = (&team.ada, team.colleague("bob"));
    bob.edit("MINE", "canary-mine");
    bob.edit("KEY", "canary-edited");
    change(ada, "URL", "canary-newer");
    ada.git(["push", "-q"]).ok();
    bob.git(["pull", "-q"]).ok().says("1 change of development came in").never_says("canary");
    assert_eq!(bob.value("URL").as_deref(), Some("canary-newer"));
    assert_eq!(bob.value("MINE").as_deref(), Some("canary-mine"));
    assert_eq!(bob.value("KEY").as_deref(), Some("canary-edited"));
    let status = bob.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["targets"][0]["summary"]["outgoing"], 2);
}

#[test]
fn the_same_holds_after_a_pull_with_rebase() {
    let team = Team::new("URL=canary-url\n");
    let (ada, bob) = (&team.ada, team.colleague("bob"));
    bob.write("other", "text\n");
    bob.commit("other work");
    bob.edit("MINE", "canary-mine");
    change(ada, "URL", "canary-newer");
    ada.git(["push", "-q"]).ok();
    bob.git(["pull", "-q", "--rebase"]).ok();
    assert_eq!(bob.value("URL").as_deref(), Some("canary-newer"));
    assert_eq!(bob.value("MINE").as_deref(), Some("canary-mine"));
}

#[test]
fn a_key_that_both_changed_stops_with_status_3_and_nobody_s_value_is_gone() {
    let team = Team::new("KEY=canary-old\n");
    let (ada, bob) = (&team.ada, team.colleague("bob"));
    bob.edit("KEY", "canary-bob");
    change(ada, "KEY", "canary-ada");
    ada.git(["push", "-q"]).ok();
    bob.git(["pull", "-q"]).ok().says("KEY").says("git envsync resolve");
    assert_eq!(bob.value("KEY").as_deref(), Some("canary-bob"));
    for command in ["pull", "push", "sync"] {
        bob.envsync([command]).ends(3).says("KEY").says("git envsync resolve").never_says("canary");
    }
    assert_eq!(bob.value("KEY").as_deref(), Some("canary-bob"));
    assert_eq!(bob.envsync(["diff", "base", "remote", "--show-values"]).ok().stdout.matches("canary-ada").count(), 1);
    bob.envsync(["resolve", "KEY", "--remote"]).ok();
    assert_eq!(bob.value("KEY").as_deref(), Some("canary-ada"));
    bob.envsync(["undo"]).ok();
    assert_eq!(bob.value("KEY").as_deref(), Some("canary-bob"));
}

#[test]
fn a_conflict_that_is_kept_local_is_pushed_over_the_other_value() {
    let team = Team::new("KEY=canary-old\n");
    let (ada, bob) = (&team.ada, team.colleague("bob"));
    bob.edit("KEY", "canary-bob");
    change(ada, "KEY", "canary-ada");
    ada.git(["push", "-q"]).ok();
    bob.git(["pull", "-q"]).ok();
    bob.envsync(["resolve", "--local"]).ok();
    bob.envsync(["push"]).ok();
    publish(&bob, "settle");
    ada.git(["pull", "-q"]).ok();
    assert_eq!(ada.value("KEY").as_deref(), Some("canary-bob"));
    ada.envsync(["undo"]).ok();
    assert_eq!(ada.value("KEY").as_deref(), Some("canary-ada"));
}

#[test]
fn a_remote_deletion_arrives_and_can_be_taken_back() {
    let team = Team::new("KEY=canary-key\nOLD=canary-old\n");
    let (ada, bob) = (&team.ada, team.colleague("bob"));
    ada.drop_key("OLD");
    ada.envsync(["push"]).ok().says("withheld");
    ada.envsync(["push", "--prune"]).ok();
    publish(ada, "drop OLD");
    bob.git(["pull", "-q"]).ok();
    assert_eq!(bob.value("OLD"), None);
    bob.envsync(["undo"]).ok();
    assert_eq!(bob.value("OLD").as_deref(), Some("canary-old"));
}

#[test]
fn somebody_who_is_no_recipient_gets_the_key_to_send_and_the_values_once_they_are_added() {
    let team = Team::new("KEY=canary-key\n");
    let cid = team.stranger("cid");
    let key = public_key(&cid);
    let told = cid.envsync(["init"]).ends(5).says(&key).says("git envsync recipient add");
    assert!(told.stderr.lines().any(|line| line == key), "the key stands on a line of its own, to be copied");
    assert!(!cid.path.join(".env").exists());
    for command in [&["pull"][..], &["status"], &["get", "KEY"]] {
        cid.envsync(command).ends(5).says("git envsync key show");
    }
    team.ada.envsync(["recipient", "add", &key, "--name", "cid"]).ok();
    publish(&team.ada, "add cid");
    cid.git(["pull", "-q"]).ok();
    assert_eq!(cid.value("KEY").as_deref(), Some("canary-key"));
}

#[test]
fn somebody_who_may_not_read_is_told_by_the_hook_and_keeps_the_file() {
    let team = Team::new("KEY=canary-key\n");
    let cid = team.stranger("cid");
    cid.git(["switch", "-qc", "topic"]).ok().says("not encrypted to your key");
    assert!(!cid.path.join(".env").exists());
}
