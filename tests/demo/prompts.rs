//! What a person at a terminal is asked, and what the answers do.

use crate::support::{Lab, Repo};

/// `A` changed on both sides: the store has `canary-theirs`, the file `canary-mine`.
fn with_conflict(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo").set_up("A=canary-first\n");
    repo.edit("A", "canary-theirs");
    repo.envsync(["push"]).ok();
    repo.commit("theirs");
    repo.envsync(["uninstall"]).ok();
    repo.git(["checkout", "-q", "HEAD~1", "--", ".envsync"]).ok();
    repo.envsync(["pull"]).ok();
    repo.edit("A", "canary-mine");
    repo.git(["checkout", "-q", "HEAD", "--", ".envsync"]).ok();
    repo
}

#[test]
fn a_conflict_is_asked_until_the_answer_is_one_and_settled_by_it() {
    let lab = Lab::new();
    let repo = with_conflict(&lab);
    let run = repo.at_a_terminal(&["pull"], "what\nr\n").ends(0);
    assert_eq!(run.stdout.matches("Keep [l]ocal, take [r]emote, or [s]top?").count(), 2, "{}", run.stdout);
    run.says("\nA changed in .env and in development\n  local / remote: 11 characters, ").never_says("canary");
    assert_eq!(repo.value("A").as_deref(), Some("canary-theirs"));
}

#[test]
fn who_stops_at_a_conflict_finds_both_sides_as_they_were() {
    let lab = Lab::new();
    let repo = with_conflict(&lab);
    repo.at_a_terminal(&["pull"], "s\n").ends(3).says("nothing was written");
    assert_eq!(repo.value("A").as_deref(), Some("canary-mine"));
}

#[test]
fn resolve_asks_key_by_key() {
    let lab = Lab::new();
    let repo = with_conflict(&lab);
    repo.at_a_terminal(&["resolve"], "l\n").ends(0);
    assert_eq!(repo.value("A").as_deref(), Some("canary-mine"));
    repo.envsync(["push"]).ok().says("1 sent");
}

#[test]
fn where_asking_is_forbidden_set_says_how_to_give_the_value() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-first\n");
    repo.at_a_terminal(&["--non-interactive", "set", "A"], "").ends(2).says("printf");
    assert_eq!(repo.value("A").as_deref(), Some("canary-first"));
}

#[test]
fn init_shows_the_config_and_writes_it_only_after_a_yes() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    let run = repo.at_a_terminal(&["init"], "n\n").ends(7).says("name = \"development\"").says("nothing was set up");
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    assert!(!repo.path.join(".envsync.toml").exists());
    repo.at_a_terminal(&["init"], "y\n").ends(0).says("wrote .envsync.toml");
    assert!(repo.path.join(".envsync.toml").exists());
}
