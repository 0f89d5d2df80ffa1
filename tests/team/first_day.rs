//! A colleague's first day: `init` in a repository that has a config.

use super::common::{Team, public_key, publish};
use crate::support::Repo;

/// Bob has accepted and may read; `init` has not run.
fn bob(team: &Team) -> Repo {
    let bob = team.lab.person("bob").clone_of(&team.origin, "bob");
    bob.envsync(["key", "generate"]).ok();
    team.ada.envsync(["recipient", "add", &public_key(&bob), "--name", "bob"]).ok();
    publish(&team.ada, "add bob");
    bob.git(["pull", "-q"]).ok();
    bob.envsync(["trust", "--yes"]).ok();
    bob
}

#[test]
fn init_keeps_the_config_installs_the_hooks_and_pulls() {
    let team = Team::new("# database\nA=canary-a\n");
    let bob = bob(&team);
    let config = bob.read(".envsync.toml");
    bob.envsync(["init"]).ok().never_says("canary");
    assert_eq!(bob.read(".envsync.toml"), config);
    assert_eq!(bob.value("A").as_deref(), Some("canary-a"));
    assert!(bob.path.join(".git/hooks/post-checkout").exists());
    assert_eq!(bob.git(["status", "--porcelain"]).ok().stdout, "");
    bob.envsync(["status", "--exit-code"]).ok();
}

#[test]
fn an_existing_file_with_other_values_is_listed_and_kept_and_the_status_is_0() {
    let team = Team::new("A=canary-a\nB=canary-b\n");
    let bob = bob(&team);
    bob.write(".env", "A=canary-mine\nC=canary-c\n");
    bob.envsync(["init"]).ok().says("A").says("git envsync pull --prefer remote").never_says("canary");
    assert_eq!(bob.env(), "A=canary-mine\nC=canary-c\n");
    bob.envsync(["pull", "--prefer", "remote"]).ok();
    assert_eq!(bob.value("A").as_deref(), Some("canary-a"));
    assert_eq!(bob.value("B").as_deref(), Some("canary-b"));
    assert_eq!(bob.value("C").as_deref(), Some("canary-c"));
    bob.envsync(["undo"]).ok();
    assert_eq!(bob.value("A").as_deref(), Some("canary-mine"));
}

#[test]
fn an_existing_file_without_other_values_is_merged() {
    let team = Team::new("A=canary-a\nB=canary-b\n");
    let bob = bob(&team);
    bob.write(".env", "C=canary-c\nA=canary-a\n");
    bob.envsync(["init"]).ok();
    assert_eq!(bob.values().len(), 3);
    let status = bob.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["targets"][0]["summary"]["outgoing"], 1);
}

#[test]
fn a_hook_leaves_a_file_without_a_record_alone_with_one_line() {
    let team = Team::new("A=canary-a\n");
    let bob = bob(&team);
    bob.write(".env", "A=canary-mine\n");
    bob.envsync(["install"]).ok();
    let told = bob.git(["switch", "-qc", "topic"]).ok().says("git envsync pull");
    assert_eq!(told.stderr.lines().count(), 1);
    assert_eq!(bob.env(), "A=canary-mine\n");
    bob.envsync(["push"]).ends(4).says("git envsync pull");
    assert_eq!(bob.env(), "A=canary-mine\n");
}

#[test]
fn on_a_protected_branch_everything_is_set_up_and_the_file_is_left() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    let config = ada.read(".envsync.toml");
    ada.write(
        ".envsync.toml",
        config
            .replace("branches = [\"**\"]", "branches = [\"main\"]")
            .replace("path = \"development\"", "path = \"development\"\nprotected = true"),
    );
    ada.envsync(["trust", "--yes"]).ok();
    publish(ada, "protect");
    let bob = bob(&team);
    bob.envsync(["init"]).ok().says("protected").says("git envsync use development");
    assert!(!bob.path.join(".env").exists());
    bob.envsync(["use", "development"]).ok();
    assert_eq!(bob.value("A").as_deref(), Some("canary-a"));
}
