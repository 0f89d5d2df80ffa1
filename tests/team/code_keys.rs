//! Keys that make programs load code.

use super::common::{Team, change};
use crate::support::is_missing;

const KEYS: [&str; 4] = ["NODE_OPTIONS", "LD_PRELOAD", "GIT_SSH_COMMAND", "PATH"];

fn with_code_keys() -> (Team, crate::support::Repo) {
    let team = Team::new("A=canary-a\n");
    let bob = team.colleague("bob");
    for key in KEYS {
        team.ada.edit(key, "canary-code");
    }
    change(&team.ada, "A", "canary-newer");
    team.ada.git(["push", "-q"]).ok();
    (team, bob)
}

#[test]
fn a_hook_never_brings_them_in_and_lists_them() {
    let (_team, bob) = with_code_keys();
    let told = bob.git(["pull", "-q"]).ok().says("git envsync pull");
    for key in KEYS {
        assert!(told.stderr.contains(key), "{}", told.stderr);
        assert_eq!(bob.value(key), None);
    }
    assert_eq!(bob.value("A").as_deref(), Some("canary-newer"));
}

#[test]
fn pull_leaves_them_out_with_status_0_where_nobody_can_be_asked() {
    let (_team, bob) = with_code_keys();
    bob.git(["pull", "-q"]).ok();
    let told = bob.envsync(["pull"]).ok();
    for key in KEYS {
        assert!(told.stdout.contains(key), "{}", told.stdout);
        assert_eq!(bob.value(key), None);
    }
}

#[test]
fn yes_accepts_them_and_a_hook_leaves_out_the_next_change() {
    let (team, bob) = with_code_keys();
    bob.git(["pull", "-q"]).ok();
    bob.envsync(["pull", "--yes"]).ok();
    for key in KEYS {
        assert_eq!(bob.value(key).as_deref(), Some("canary-code"));
    }
    change(&team.ada, "NODE_OPTIONS", "canary-worse");
    team.ada.git(["push", "-q"]).ok();
    bob.git(["pull", "-q"]).ok().says("NODE_OPTIONS");
    assert_eq!(bob.value("NODE_OPTIONS").as_deref(), Some("canary-code"));
    bob.envsync(["pull"]).ok().says("NODE_OPTIONS");
    assert_eq!(bob.value("NODE_OPTIONS").as_deref(), Some("canary-code"));
}

#[test]
fn a_switch_by_a_hook_leaves_them_out_too() {
    let (_team, bob) = with_code_keys();
    std::fs::remove_file(bob.path.join(".env")).unwrap();
    bob.git(["pull", "-q"]).ok().says("NODE_OPTIONS");
    assert_eq!(bob.value("NODE_OPTIONS"), None);
    bob.git(["switch", "-qc", "topic"]).ok();
    assert_eq!(bob.value("NODE_OPTIONS"), None);
}

#[test]
fn the_file_s_own_ones_stay_through_a_switch_and_back() {
    let team = Team::new("A=canary-a\nNODE_OPTIONS=canary-own\n");
    let ada = &team.ada;
    ada.git(["switch", "-qc", "topic"]).ok();
    ada.git(["switch", "-q", "main"]).ok();
    assert_eq!(ada.value("NODE_OPTIONS").as_deref(), Some("canary-own"));
}

/// `script` (util-linux) gives the program a terminal.
#[test]
#[cfg(target_os = "linux")]
fn pull_asks_at_a_terminal() {
    if is_missing("script", "asking at a terminal") {
        return;
    }
    let (_team, bob) = with_code_keys();
    bob.git(["pull", "-q"]).ok();
    let command = format!("{} pull", crate::support::PROGRAM);
    let asked = |answer: &str| {
        let run = bob.person.command("script", &bob.path, ["-qec", &command, "/dev/null"]).input(answer).run();
        run.ok().says("can make programs load code")
    };
    asked("n\n");
    assert_eq!(bob.value("NODE_OPTIONS"), None);
    asked("y\n");
    assert_eq!(bob.value("NODE_OPTIONS").as_deref(), Some("canary-code"));
}
