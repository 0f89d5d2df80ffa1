//! What git's hooks do, and leave alone.

use super::common::{Team, change};
use crate::support::{Lab, Repo};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// `main` has `development`, `staging` has `staging`, both in their stores.
fn two_environments(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo");
    repo.git(["branch", "staging"]).ok();
    let repo = repo.set_up("A=canary-development\n");
    repo.switch("staging");
    repo.git(["merge", "-q", "main"]).ok();
    repo.envsync(["push", "--yes"]).ok();
    change(&repo, "A", "canary-staging");
    repo.switch("main");
    repo.git(["merge", "-q", "staging"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-development"));
    repo
}

fn script(repo: &Repo, hook: &str, body: &str) {
    let path = format!(".git/hooks/{hook}");
    repo.write(&path, format!("#!/bin/sh\n{body}\n"));
    fs::set_permissions(repo.path.join(path), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_file_checkout_leaves_the_file_alone() {
    let lab = Lab::new();
    let repo = two_environments(&lab);
    repo.drop_key("A");
    repo.write(".env", "A=canary-edited\n");
    repo.git(["checkout", "staging", "--", "README"]).ok().never_says("envsync:");
    repo.git(["restore", "--staged", "README"]).ok().never_says("envsync:");
    assert_eq!(repo.env(), "A=canary-edited\n");
}

#[test]
fn a_detached_head_leaves_the_file_alone_silently() {
    let lab = Lab::new();
    let repo = two_environments(&lab);
    repo.git(["checkout", "-q", "--detach", "staging"]).ok().never_says("envsync:");
    assert_eq!(repo.value("A").as_deref(), Some("canary-development"));
    repo.git(["checkout", "-q", "staging"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-staging"));
}

#[test]
fn an_unborn_branch_leaves_the_file_alone_silently() {
    let lab = Lab::new();
    let repo = two_environments(&lab);
    repo.git(["switch", "-q", "--orphan", "empty"]).ok().never_says("envsync:");
    assert_eq!(repo.value("A").as_deref(), Some("canary-development"));
    repo.switch("staging");
    assert_eq!(repo.value("A").as_deref(), Some("canary-staging"));
}

#[test]
fn stash_branch_applies_the_stash() {
    let lab = Lab::new();
    let repo = two_environments(&lab);
    repo.write("README", "stashed\n");
    repo.git(["stash", "-q"]).ok();
    repo.git(["stash", "branch", "topic"]).ok();
    assert_eq!(repo.read("README"), "stashed\n");
}

#[test]
fn a_rebase_leaves_the_file_alone_until_it_has_ended() {
    let lab = Lab::new();
    let repo = two_environments(&lab);
    repo.write("README", "main\n");
    repo.commit("main's");
    repo.switch("staging");
    repo.write("README", "staging\n");
    repo.commit("staging's");
    let before = repo.env();
    repo.git(["rebase", "-q", "main"]).ends(1).never_says("envsync:");
    assert_eq!(repo.env(), before);
    repo.write("README", "both\n");
    repo.git(["add", "README"]).ok();
    repo.git(["rebase", "--continue"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-staging"));
}

#[test]
fn a_bisection_leaves_the_file_alone() {
    let lab = Lab::new();
    let repo = two_environments(&lab);
    for number in 0..4 {
        repo.write("README", format!("{number}\n"));
        repo.commit("step");
    }
    repo.edit("A", "canary-edited");
    let before = repo.env();
    repo.git(["bisect", "start", "HEAD", "HEAD~3"]).ok().never_says("envsync:");
    repo.git(["bisect", "good"]).ok().never_says("envsync:");
    repo.git(["bisect", "reset"]).ok();
    assert_eq!(repo.env(), before);
}

#[test]
fn an_unmapped_branch_says_in_one_line_what_the_file_still_holds() {
    let lab = Lab::new();
    let repo = two_environments(&lab);
    repo.write(".envsync.toml", repo.read(".envsync.toml").replace("branches = [\"**\"]", "branches = [\"main\"]"));
    repo.envsync(["trust", "--yes"]).ok();
    let told = repo.git(["switch", "-qc", "topic"]).ok().says(".env still holds development").says("git envsync use");
    assert_eq!(told.stderr.lines().count(), 1);
    repo.envsync(["pull"]).ends(7).says("GIT_ENVSYNC_ENV");
    repo.envsync(["status"]).ok();
    repo.envsync(["which"]).ok();
}

#[test]
fn an_environment_its_store_does_not_hold_yet_leaves_the_file_and_names_push() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    repo.git(["branch", "staging"]).ok();
    let repo = repo.set_up("A=canary-a\n");
    repo.git(["switch", "-q", "staging"]).ok();
    let told = repo.git(["merge", "-q", "main"]).ok().says(".env still holds development").says("git envsync push");
    assert_eq!(told.stderr.lines().count(), 1);
    repo.envsync(["pull"]).ok().says("git envsync push");
    assert_eq!(repo.env(), "A=canary-a\n");
}

#[test]
fn a_protected_environment_is_left_alone_and_the_line_names_use() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    repo.git(["branch", "production"]).ok();
    let repo = repo.set_up("A=canary-a\n");
    repo.git(["switch", "-q", "production"]).ok();
    repo.git(["merge", "-q", "main"]).ok();
    repo.envsync(["push", "--yes", "--allow-protected", "production"]).ok();
    repo.commit("start production");
    repo.envsync(["use", "development"]).ok();
    repo.envsync(["use", "-"]).ok().says("git envsync use production");
    repo.git(["switch", "-q", "main"]).ok();
    repo.git(["merge", "-q", "production"]).ok();
    let told = repo.git(["switch", "-q", "production"]).ok().says("git envsync use production");
    let told = told.says("still holds development");
    assert_eq!(told.stderr.lines().count(), 1, "{}", told.stderr);
    repo.envsync(["pull"]).ends(4).says("--allow-protected production");
    repo.envsync(["pull", "--allow-protected", "production"]).ok();
}

#[test]
fn while_use_is_on_a_switch_prints_one_reminder() {
    let lab = Lab::new();
    let repo = two_environments(&lab);
    repo.envsync(["use", "staging"]).ok();
    let told = repo.git(["switch", "-qc", "topic"]).ok().says("git envsync use -");
    assert_eq!(told.stderr.lines().count(), 1);
    assert_eq!(repo.value("A").as_deref(), Some("canary-staging"));
}

#[test]
fn a_clone_with_a_template_fills_the_file_once_the_config_is_accepted() {
    let team = Team::new("A=canary-a\n");
    let bob = team.colleague("bob");
    let template = team.lab.path().join("template");
    fs::create_dir_all(&template).unwrap();
    let copied = bob.person.command("cp", &bob.path, ["-r", ".git/hooks", template.to_str().unwrap()]).run();
    copied.ok();
    bob.git(["config", "--global", "init.templateDir", template.to_str().unwrap()]).ok();
    let path = team.lab.path().join("second");
    let origin = team.origin.to_str().unwrap();
    bob.git(["clone", "-q", origin, path.to_str().unwrap()]).ok().says("git envsync trust");
    let second = Repo { person: bob.person, path };
    assert!(!second.path.join(".env").exists());
    second.envsync(["trust", "--yes"]).ok();
    second.git(["checkout", "-q", "main"]).ok();
    assert_eq!(second.value("A").as_deref(), Some("canary-a"));
}

#[test]
fn existing_hooks_run_first_with_their_arguments_and_input() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    for hook in ["post-checkout", "post-merge", "post-rewrite", "pre-push"] {
        script(&repo, hook, &format!("{{ echo {hook} \"$#\"; [ -t 0 ] || cat; }} >>ran"));
    }
    repo.write(".git/info/exclude", "ran\n");
    let origin = lab.bare("origin.git");
    repo.git(["remote", "add", "origin", origin.to_str().unwrap()]).ok();
    let repo = repo.set_up("A=canary-a\n");
    repo.git(["push", "-q", "origin", "main"]).ok();
    repo.git(["switch", "-qc", "topic"]).ok();
    repo.write("README", "topic\n");
    repo.commit("topic");
    repo.git(["switch", "-q", "main"]).ok();
    repo.git(["merge", "-q", "topic"]).ok();
    repo.git(["commit", "-q", "--amend", "-m", "amended"]).ok();
    let ran = repo.read("ran");
    for line in ["pre-push 2", "post-checkout 3", "post-merge 1", "post-rewrite 1", "refs/heads/main refs/heads"] {
        assert!(ran.contains(line) || line.starts_with("refs/"), "{line} in {ran}");
    }
    assert!(ran.contains("refs/heads/main "), "the chained hook reads what git says: {ran}");
}

#[test]
fn an_existing_pre_push_hook_still_stops_a_push() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    script(&repo, "pre-push", "echo no >&2; exit 1");
    let origin = lab.bare("origin.git");
    repo.git(["remote", "add", "origin", origin.to_str().unwrap()]).ok();
    let repo = repo.set_up("A=canary-a\n");
    repo.git(["push", "-q", "origin", "main"]).ends(1).says("no");
}

#[test]
fn git_envsync_0_switches_every_hook_off_and_not_the_chained_ones() {
    let lab = Lab::new();
    let repo = two_environments(&lab);
    repo.envsync(["uninstall"]).ok();
    script(&repo, "post-checkout", "echo chained >>ran");
    repo.write(".git/info/exclude", "ran\n");
    repo.envsync(["install"]).ok();
    let off = repo.person.command("git", &repo.path, ["switch", "-q", "staging"]).var("GIT_ENVSYNC", "0").run();
    off.ok().never_says("envsync:");
    assert_eq!(repo.value("A").as_deref(), Some("canary-development"));
    assert_eq!(repo.read("ran"), "chained\n");
    for hook in ["post-checkout", "post-merge", "post-rewrite", "pre-push"] {
        repo.spawn(["hook", hook, "a", "b", "1"]).var("GIT_ENVSYNC", "0").run().ok().never_says("envsync:");
    }
}
