//! Who can read an age store: accepted lists, and files encrypted to another list.

use super::common::{Team, change, commit_of, pre_push, public_key, publish};
use crate::support::Repo;
use std::fs;

const FILE: &str = ".envsync/development.env.age";

/// Ada adds Cid in a clone of her own; Bob gets the list with his next pull.
fn with_cid(team: &Team) -> Repo {
    let cid = team.stranger("cid");
    team.ada.git(["pull", "-q"]).ok();
    team.ada.envsync(["recipient", "add", &public_key(&cid), "--name", "cid"]).ok();
    publish(&team.ada, "add cid");
    cid
}

/// A merge whose store file git merged before the recipients file of the other side was there.
fn merged_for_the_former_recipients(team: &Team, bob: &Repo) {
    let cid = with_cid(team);
    change(bob, "B", "canary-bob");
    bob.git(["pull", "-q", "--no-rebase"]).ok().says(FILE).says("git envsync rekey");
    drop(cid);
}

#[test]
fn a_list_changed_by_a_colleague_counts_for_reading_at_once_and_for_writing_once_accepted() {
    let team = Team::new("A=canary-a\nB=canary-b\n");
    let bob = team.colleague("bob");
    let cid = with_cid(&team);
    bob.git(["pull", "-q"]).ok();
    bob.envsync(["pull"]).ok();
    bob.edit("A", "canary-bob");
    let refused = bob.envsync(["push"]).ends(7).says("git envsync trust").says(&public_key(&cid));
    refused.never_says("canary");
    bob.envsync(["rekey"]).ends(7).says("git envsync trust");
    bob.envsync(["trust", "--show"]).ok().says("not accepted").says("  + ").says("cid");
    bob.envsync(["push"]).ends(7);
    bob.envsync(["trust", "--yes"]).ok();
    bob.envsync(["push"]).ok();
    publish(&bob, "change A");
    cid.git(["pull", "-q"]).ok();
    assert_eq!(cid.value("A").as_deref(), Some("canary-bob"));
}

#[test]
fn recipient_add_and_remove_start_from_an_accepted_list() {
    let team = Team::new("A=canary-a\n");
    let bob = team.colleague("bob");
    let cid = with_cid(&team);
    bob.git(["pull", "-q"]).ok();
    bob.envsync(["recipient", "list"]).ok().says("has not been accepted");
    for arguments in [["recipient", "add", &public_key(&cid)], ["recipient", "remove", "cid"]] {
        let before = bob.read(".envsync/recipients");
        bob.envsync(arguments).ends(7).says("git envsync trust");
        assert_eq!(bob.read(".envsync/recipients"), before);
    }
}

#[test]
fn the_list_that_add_and_remove_leave_is_accepted_and_remove_revokes_lists_with_the_removed_one() {
    let team = Team::new("A=canary-a\n");
    let bob = team.colleague("bob");
    let ada = &team.ada;
    change(ada, "A", "canary-added");
    let with_bob = ada.read(".envsync/recipients");
    ada.envsync(["recipient", "remove", "bob"]).ok().says("best changed");
    change(ada, "A", "canary-removed");
    ada.git(["push", "-q"]).ok();
    bob.git(["pull", "-q"]).ok();
    bob.envsync(["pull"]).ends(5).never_says("canary");
    assert_eq!(bob.value("A").as_deref(), Some("canary-a"));
    ada.write(".envsync/recipients", with_bob);
    ada.edit("A", "canary-again");
    ada.envsync(["push"]).ends(7).says("git envsync trust");
}

#[test]
fn nobody_removes_their_own_key() {
    let team = Team::new("A=canary-a\n");
    team.ada.envsync(["recipient", "remove", "ada"]).ends(4).says("your own key");
}

#[test]
fn post_merge_status_and_verify_say_where_a_file_is_encrypted_to_other_recipients() {
    let team = Team::new("A=canary-a\nB=canary-b\n");
    let bob = team.colleague("bob");
    merged_for_the_former_recipients(&team, &bob);
    bob.envsync(["status"]).ok().says(FILE).says("git envsync rekey");
    let status = bob.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["stale_recipients"], serde_json::json!([FILE]));
    let verify = bob.envsync(["verify", "--json"]).ends(1).json();
    let findings = verify["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|finding| finding["kind"] == "recipients" && finding["blocks"] == true),
        "{findings:?}"
    );
}

#[test]
fn pre_push_blocks_a_file_encrypted_to_other_recipients() {
    let team = Team::new("A=canary-a\nB=canary-b\n");
    let bob = team.colleague("bob");
    merged_for_the_former_recipients(&team, &bob);
    bob.git(["push", "-q"]).ends(1).says("present recipients").says("git push --no-verify");
    let head = commit_of(&bob, "HEAD");
    pre_push(&bob, &format!("refs/heads/main {head} refs/heads/main {}", commit_of(&bob, "origin/main"))).ends(1);
}

#[test]
fn push_with_nothing_else_to_send_encrypts_anew() {
    let team = Team::new("A=canary-a\nB=canary-b\n");
    let bob = team.colleague("bob");
    merged_for_the_former_recipients(&team, &bob);
    bob.envsync(["push"]).ends(7);
    bob.envsync(["trust", "--yes"]).ok();
    let before = fs::read(bob.path.join(FILE)).unwrap();
    bob.envsync(["push"]).ok();
    assert_ne!(fs::read(bob.path.join(FILE)).unwrap(), before);
    bob.envsync(["status"]).ok().never_says("rekey");
    publish(&bob, "encrypt anew");
}

#[test]
fn rekey_encrypts_anew_and_the_new_one_can_read() {
    let team = Team::new("A=canary-a\nB=canary-b\n");
    let bob = team.colleague("bob");
    let cid = with_cid(&team);
    change(&bob, "B", "canary-bob");
    bob.git(["pull", "-q", "--no-rebase"]).ok();
    bob.envsync(["trust", "--yes"]).ok();
    bob.envsync(["rekey", "--dry-run"]).ok().says("development");
    bob.envsync(["rekey"]).ok().says("1 store file encrypted anew");
    bob.envsync(["rekey"]).ok().says("0 store files");
    publish(&bob, "encrypt anew");
    cid.git(["pull", "-q"]).ok();
    assert_eq!(cid.value("B").as_deref(), Some("canary-bob"));
}

#[test]
fn a_copy_of_an_age_file_under_another_name_is_refused() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    ada.write(
        ".envsync.toml",
        ada.read(".envsync.toml").replace(
            "[[environment]]\nname = \"development\"",
            "[[environment]]\nname = \"staging\"\nbranches = [\"staging\"]\nstore = \"local\"\npath = \"staging\"\n\n[[environment]]\nname = \"development\"",
        ),
    );
    ada.envsync(["trust", "--yes"]).ok();
    fs::copy(ada.path.join(FILE), ada.path.join(".envsync/staging.env.age")).unwrap();
    let before = ada.env();
    ada.envsync(["pull", "-e", "staging"]).ends(5).says("development").never_says("canary");
    ada.envsync(["get", "A", "-e", "staging"]).ends(5).never_says("canary");
    ada.envsync(["push", "-e", "staging", "--yes"]).ends(5);
    ada.git(["switch", "-qc", "staging"]).ok().says("staging.env.age");
    assert_eq!(ada.env(), before);
}

#[test]
fn two_who_added_somebody_each_are_told_to_merge_the_list_before_anything_is_encrypted_to_it() {
    let team = Team::new("A=canary-a\n");
    let (ada, cid, dee) = (&team.ada, team.stranger("cid"), team.stranger("dee"));
    ada.git(["switch", "-qc", "topic"]).ok();
    ada.envsync(["recipient", "add", &public_key(&cid)]).ok();
    ada.commit("add cid");
    ada.switch("main");
    ada.envsync(["recipient", "add", &public_key(&dee)]).ok();
    ada.commit("add dee");
    ada.git(["merge", "-q", "topic"]).ends(1);
    ada.edit("A", "canary-newer");
    for command in [&["push"][..], &["sync"], &["rekey"]] {
        ada.envsync(command).ends(3).says("git has .envsync/recipients unmerged").says("git add");
    }
    ada.envsync(["pull"]).ok();
    let list = ada.read(".envsync/recipients");
    let merged: Vec<&str> = list.lines().filter(|line| !line.starts_with(['<', '=', '>'])).collect();
    ada.write(".envsync/recipients", merged.join("\n") + "\n");
    ada.git(["add", ".envsync"]).ok();
    ada.envsync(["push"]).ends(7).says("git envsync trust");
    ada.envsync(["trust", "--yes"]).ok();
    ada.envsync(["push"]).ok();
    publish(ada, "merge the lists");
    for reader in [&cid, &dee] {
        reader.git(["pull", "-q"]).ok();
        assert_eq!(reader.value("A").as_deref(), Some("canary-newer"));
    }
}
