//! A config is data from a stranger until the user has accepted it.

use super::common::{Team, change, publish};
use crate::support::Repo;

/// Ada publishes a branch whose config was edited.
fn hostile_branch(team: &Team, from: &str, to: &str) {
    let ada = &team.ada;
    ada.git(["switch", "-qc", "other"]).ok();
    let config = ada.read(".envsync.toml");
    assert!(config.contains(from));
    ada.write(".envsync.toml", config.replace(from, to));
    ada.commit("another config");
    ada.git(["push", "-q", "--no-verify", "origin", "other"]).ok();
    ada.git(["switch", "-q", "main"]).ok();
}

fn is_left_alone(bob: &Repo, by: impl FnOnce(&Repo) -> crate::support::Run) {
    let before = bob.env();
    let told = by(bob).ok();
    let lines: Vec<&str> = told.stderr.lines().filter(|line| line.starts_with("envsync:")).collect();
    assert_eq!(lines.len(), 1, "{}", told.stderr);
    assert!(lines[0].contains("git envsync trust"), "{}", lines[0]);
    assert_eq!(bob.env(), before);
}

#[test]
fn a_branch_with_another_directory_is_another_config_and_is_left_alone_with_one_line() {
    let team = Team::new("A=canary-a\n");
    let bob = team.colleague("bob");
    hostile_branch(&team, "directory = \".envsync\"", "directory = \"elsewhere\"");
    bob.git(["fetch", "-q"]).ok();
    is_left_alone(&bob, |bob| bob.git(["switch", "-q", "other"]));
}

#[test]
fn a_branch_with_another_store_is_left_alone_and_commands_end_with_7() {
    let team = Team::new("A=canary-a\n");
    let bob = team.colleague("bob");
    let region = "kind = \"aws-secrets-manager\"\nregion = \"eu-central-1\"";
    hostile_branch(&team, "kind = \"age\"\ndirectory = \".envsync\"", region);
    bob.git(["fetch", "-q"]).ok();
    is_left_alone(&bob, |bob| bob.git(["switch", "-q", "other"]));
    for command in [
        &["pull"][..],
        &["push"],
        &["sync"],
        &["status"],
        &["diff"],
        &["fetch"],
        &["which"],
        &["verify"],
        &["list"],
        &["get", "A"],
        &["use", "development"],
        &["restore", "A"],
        &["resolve", "--local"],
        &["undo"],
        &["run", "--", "true"],
        &["recipient", "list"],
        &["rekey"],
        &["install"],
        &["init", "--yes"],
    ] {
        bob.envsync(command).ends(7).says("git envsync trust");
    }
    let error = bob.envsync(["status", "--json"]).ends(7).json();
    assert_eq!(error["error"]["kind"], "untrusted");
}

#[test]
fn a_merged_config_counts_only_once_it_is_accepted() {
    let team = Team::new("A=canary-a\n");
    let bob = team.colleague("bob");
    let ada = &team.ada;
    ada.write(".envsync.toml", ada.read(".envsync.toml") + "\n[hooks]\nmax_age = \"1m\"\n");
    ada.envsync(["trust", "--yes"]).ok();
    change(ada, "A", "canary-newer");
    ada.git(["push", "-q"]).ok();
    is_left_alone(&bob, |bob| bob.git(["pull", "-q"]));
    bob.envsync(["trust", "--yes"]).ok();
    bob.envsync(["pull"]).ok();
    assert_eq!(bob.value("A").as_deref(), Some("canary-newer"));
}

#[test]
fn accepted_digests_accumulate_so_returning_to_an_accepted_config_asks_nothing() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    hostile_branch(&team, "path = \"development\"", "path = \"other\"");
    ada.git(["switch", "-q", "other"]).ok().says("git envsync trust");
    ada.envsync(["trust", "--yes"]).ok();
    for _ in 0..2 {
        ada.git(["switch", "-q", "main"]).ok().never_says("trust");
        ada.envsync(["status"]).ok();
        ada.git(["switch", "-q", "other"]).ok().never_says("trust");
        ada.envsync(["status"]).ok();
    }
}

#[test]
fn the_digest_covers_the_meaning_and_not_the_text() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    let config = ada.read(".envsync.toml");
    ada.write(".envsync.toml", format!("# a comment\n\n{config}"));
    ada.envsync(["status"]).ok();
    for (from, to) in [
        ("path = \"development\"", "path = \"other\""),
        ("branches = [\"**\"]", "branches = [\"*\"]"),
        ("name = \"development\"", "name = \"dev\""),
        ("directory = \".envsync\"", "directory = \"x\""),
        ("version = 1\n", "version = 1\n[hooks]\npre_push = \"off\"\n"),
        ("version = 1\n", "version = 1\n[[file]]\npath = \".env\"\nlocal = [\"A\"]\n"),
    ] {
        assert!(config.contains(from), "{from}");
        ada.write(".envsync.toml", config.replace(from, to));
        ada.envsync(["status"]).ends(7).says("git envsync trust");
    }
}

#[test]
fn an_acceptance_is_valid_for_one_repository_and_for_all_its_work_trees() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    let second = ada.person.clone_of(&team.origin, "second");
    second.envsync(["status"]).ends(7).says("git envsync trust");
    ada.git(["worktree", "add", "-q", "../linked", "-b", "linked"]).ok().never_says("trust");
    Repo { person: ada.person.clone(), path: team.lab.path().join("linked") }.envsync(["status"]).ok();
}

#[test]
fn trust_shows_the_places_and_who_can_read_and_accepts_only_when_told() {
    let team = Team::new("A=canary-a\n");
    let bob = team.lab.person("bob").clone_of(&team.origin, "bob");
    bob.envsync(["trust"]).ends(7).says("development").says(".envsync").says(".env").says("ada").says("age1");
    bob.envsync(["trust", "--show"]).ok().says("digest of the config").says("not accepted");
    bob.envsync(["status"]).ends(7);
    bob.envsync(["trust", "--yes"]).ok().says("accepted");
    bob.envsync(["trust", "--show"]).ok().says("accepted").never_says("not accepted");
    bob.envsync(["trust"]).ok().says("accepted already");
}

#[test]
fn revoking_takes_every_acceptance_back() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    ada.envsync(["trust", "--revoke"]).ok();
    ada.envsync(["status"]).ends(7).says("git envsync trust");
    ada.edit("A", "canary-edited");
    ada.git(["switch", "-qc", "topic"]).ok().says("git envsync trust");
    ada.envsync(["trust", "--yes"]).ok();
    ada.envsync(["push"]).ok();
}

#[test]
fn the_digests_that_show_prints_serve_as_acceptance_in_ci() {
    let team = Team::new("A=canary-a\n");
    let bob = team.colleague("bob");
    let shown = bob.envsync(["trust", "--show", "--json"]).ok().json();
    let config = shown["config_digest"].as_str().unwrap().to_owned();
    let recipients = shown["recipients"][0]["digest"].as_str().unwrap().to_owned();
    let text = bob.envsync(["trust", "--show"]).ok();
    let text = text.says(&config).says(&recipients);
    drop(text);
    bob.envsync(["trust", "--revoke"]).ok();
    bob.spawn(["status"]).var("GIT_ENVSYNC_TRUST", "0".repeat(64)).run().ends(7);
    bob.spawn(["status"]).var("GIT_ENVSYNC_TRUST", &config).run().ok();
    bob.edit("A", "canary-ci");
    bob.spawn(["push"]).var("GIT_ENVSYNC_TRUST", &config).run().ends(7);
    bob.spawn(["push"]).var("GIT_ENVSYNC_TRUST", format!("{config},{recipients}")).run().ok();
    bob.envsync(["status"]).ends(7);
}

#[test]
fn init_key_trust_uninstall_and_demo_work_without_acceptance() {
    let team = Team::new("A=canary-a\n");
    let bob = team.lab.person("bob").clone_of(&team.origin, "bob");
    bob.envsync(["init"]).ends(7).says("age1").says("git envsync trust");
    bob.envsync(["key", "show"]).ok();
    bob.envsync(["trust", "--show"]).ok();
    bob.envsync(["uninstall"]).ok();
    let demo = bob.spawn(["demo", "playground"]).run();
    assert_ne!(demo.status, 7, "{}", demo.stderr);
}

#[test]
fn yes_never_accepts_a_config_that_init_did_not_write() {
    let team = Team::new("A=canary-a\n");
    let bob = team.lab.person("bob").clone_of(&team.origin, "bob");
    bob.envsync(["init", "--yes"]).ends(7);
    bob.envsync(["status"]).ends(7);
    assert!(!bob.path.join(".env").exists());
    let shown = bob.envsync(["trust", "--show", "--json"]).ok().json();
    let digests =
        format!("{} {}", shown["config_digest"].as_str().unwrap(), shown["recipients"][0]["digest"].as_str().unwrap());
    bob.spawn(["init", "--yes"]).var("GIT_ENVSYNC_TRUST", digests).run().ends(5).says("recipient add");
}

#[test]
fn a_config_that_names_an_endpoint_or_leaves_the_work_tree_is_no_config() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    let config = ada.read(".envsync.toml");
    for (from, to) in [
        ("directory = \".envsync\"", "directory = \".envsync\"\nendpoint = \"http://127.0.0.1:1\""),
        ("directory = \".envsync\"", "directory = \"../elsewhere\""),
        ("directory = \".envsync\"", "directory = \".git/x\""),
        ("version = 1\n", "version = 1\n[[file]]\npath = \"/etc/passwd\"\n"),
        ("version = 1\n", "version = 1\n[[file]]\npath = \".git/config\"\n"),
    ] {
        ada.write(".envsync.toml", config.replace(from, to));
        ada.envsync(["trust", "--yes"]).ends(7).says(".envsync.toml");
        ada.envsync(["pull"]).ends(7);
    }
}

#[test]
fn the_pushing_colleague_s_values_do_not_reach_a_config_nobody_accepted() {
    let team = Team::new("A=canary-a\n");
    let bob = team.colleague("bob");
    hostile_branch(&team, "directory = \".envsync\"", "directory = \"elsewhere\"");
    bob.git(["fetch", "-q"]).ok();
    bob.git(["switch", "-q", "other"]).ok();
    bob.edit("A", "canary-bob");
    bob.envsync(["push", "--yes"]).ends(7);
    assert!(!bob.path.join("elsewhere").exists());
    bob.git(["switch", "-q", "main"]).ok();
    bob.envsync(["push"]).ok();
    publish(&bob, "change");
}

#[test]
fn what_is_shown_before_it_is_accepted_cannot_command_the_terminal() {
    let team = Team::new("A=canary-a\n");
    let list = team.ada.read(".envsync/recipients");
    assert!(list.contains("# "), "{list}");
    team.ada.write(".envsync/recipients", list.replacen("# ", "# \u{1b}[2K\u{1b}[1A", 1));
    for arguments in [&["trust", "--show"][..], &["recipient", "list"], &["trust"]] {
        team.ada.envsync(arguments).says("\\u{1b}[2K\\u{1b}[1A").never_says("\u{1b}");
    }
}
