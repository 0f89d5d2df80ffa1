//! Local keys: outside the merge, wherever they stand.

use super::scenes::{configured, environment, get, set};
use crate::support::{Lab, Repo};

/// `DEBUG` and `LOCAL_*` are local by the config, `MINE` by its mark.
fn with_local_keys(lab: &Lab) -> Repo {
    let config = "[[file]]\npath = \".env\"\nlocal = [\"DEBUG\", \"LOCAL_*\"]\n".to_owned()
        + &environment("staging", "top", "")
        + &environment("development", "main", "");
    let repo = configured(lab, &config);
    repo.git(["branch", "top"]).ok();
    repo.write(".env", "A=canary-a\nDEBUG=canary-debug\nLOCAL_X=canary-x\nMINE=canary-mine # envsync: local\n");
    repo.envsync(["push", "--yes"]).ok();
    repo
}

#[test]
fn a_local_key_is_never_sent_or_counted() {
    let lab = Lab::new();
    let repo = with_local_keys(&lab);
    repo.edit("DEBUG", "canary-other");
    repo.envsync(["status", "--exit-code"]).ok().says("in step");
    repo.envsync(["diff", "--exit-code"]).ok().never_says("DEBUG");
    repo.envsync(["push"]).ok();
    set(&repo, "staging", "A", "canary-staging");
    repo.switch("top");
    assert_eq!(get(&repo, "development", "A").as_deref(), Some("canary-a"));
    for key in ["DEBUG", "LOCAL_X", "MINE"] {
        assert_eq!(get(&repo, "development", key), None, "{key} was sent");
    }
}

#[test]
fn a_local_key_is_never_received_or_removed() {
    let lab = Lab::new();
    let repo = with_local_keys(&lab);
    repo.drop_key("A");
    repo.envsync(["push", "--prune"]).ok();
    repo.envsync(["pull", "--allow-empty", "--prefer", "remote"]).ok();
    assert_eq!(repo.value("DEBUG").as_deref(), Some("canary-debug"));
    assert_eq!(repo.value("MINE").as_deref(), Some("canary-mine"));
    repo.envsync(["diff", "base", "remote"]).ok().never_says("DEBUG");
}

#[test]
fn a_local_key_stays_in_place_when_the_environment_changes() {
    let lab = Lab::new();
    let repo = with_local_keys(&lab);
    set(&repo, "staging", "A", "canary-staging");
    repo.switch("top");
    assert_eq!(
        repo.env(),
        "A=canary-staging\nDEBUG=canary-debug\nLOCAL_X=canary-x\nMINE=canary-mine # envsync: local\n"
    );
    let status = repo.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["targets"][0]["summary"]["parked"], 0, "a local key is never parked");
}

#[test]
fn a_local_key_is_not_put_into_a_store_or_restored_over() {
    let lab = Lab::new();
    let repo = with_local_keys(&lab);
    set(&repo, "staging", "A", "canary-staging");
    repo.spawn(["set", "-e", "staging", "DEBUG"]).input("canary-debug").run().ends(4).says("local key");
    assert_eq!(get(&repo, "staging", "DEBUG"), None);
    repo.envsync(["restore", "DEBUG"]).ends(4).says("local key");
    repo.envsync(["restore", "MINE"]).ends(4);
    assert_eq!(repo.value("MINE").as_deref(), Some("canary-mine"));
}

#[test]
fn set_changes_a_local_key_in_the_file() {
    let lab = Lab::new();
    let repo = with_local_keys(&lab);
    repo.spawn(["set", "DEBUG"]).input("canary-set").run().ok();
    assert_eq!(repo.value("DEBUG").as_deref(), Some("canary-set"));
    repo.envsync(["diff", "--exit-code"]).ok();
}

#[test]
fn a_marked_key_that_the_store_has_keeps_the_file_s_value() {
    let lab = Lab::new();
    let repo = with_local_keys(&lab);
    repo.write(".env", "A=canary-mine # envsync: local\nB=canary-b\n");
    repo.envsync(["sync", "--prune", "--prefer", "remote"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-mine"));
    set(&repo, "staging", "B", "canary-staging");
    repo.switch("top");
    assert_eq!(repo.value("A").as_deref(), Some("canary-mine"));
    assert_eq!(get(&repo, "development", "A").as_deref(), Some("canary-a"));
}

#[test]
fn a_parked_change_of_a_key_that_is_local_by_now_stays_parked() {
    let lab = Lab::new();
    let repo = with_local_keys(&lab);
    set(&repo, "staging", "A", "canary-staging");
    repo.edit("A", "canary-parked");
    repo.edit("NEW", "canary-new");
    repo.switch("top");
    repo.edit("NEW", "canary-local # envsync: local");
    repo.switch("main").never_says("conflict");
    assert_eq!(repo.value("A").as_deref(), Some("canary-parked"));
    assert_eq!(repo.value("NEW").as_deref(), Some("canary-local"), "the file's own value stays in place");
    repo.envsync(["status"]).ok().says("parked for development: NEW");
    repo.switch("top");
    repo.drop_key("NEW");
    repo.switch("main");
    assert_eq!(repo.value("NEW").as_deref(), Some("canary-new"), "and the parked one was kept");
}

#[test]
fn a_marked_key_that_undo_brings_back_is_local_still() {
    let lab = Lab::new();
    let repo = with_local_keys(&lab);
    repo.write(".env", repo.env() + "MY=canary-my # envsync: local\n");
    repo.envsync(["unset", "MY"]).ok().says("it is local and stays there");
    assert_eq!(repo.value("MY"), None);
    repo.envsync(["undo"]).ok();
    assert!(repo.env().contains("MY=canary-my # envsync: local"), "{}", repo.env());
    repo.envsync(["push"]).ok().never_says("MY");
    set(&repo, "staging", "A", "canary-staging");
    repo.switch("top");
    assert_eq!(get(&repo, "development", "MY"), None, "a local key is never sent");
}
