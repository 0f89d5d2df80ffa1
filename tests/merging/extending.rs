//! `extends`: an environment over the one it inherits from.

use super::scenes::{changes, configured, environment, get, set};
use crate::support::{Lab, Repo};

/// `main` has upper, which extends lower; lower has `BOTH` and `BELOW`, upper has `BOTH`. The file holds upper.
fn extending(lab: &Lab) -> Repo {
    let config = environment("upper", "main", "extends = \"lower\"") + &environment("lower", "low", "");
    let repo = configured(lab, &config);
    set(&repo, "lower", "BOTH", "canary-lower");
    set(&repo, "lower", "BELOW", "canary-below");
    set(&repo, "upper", "BOTH", "canary-upper");
    repo.envsync(["pull"]).ok();
    repo
}

#[test]
fn keys_the_environment_lacks_are_read_from_the_one_below() {
    let lab = Lab::new();
    let repo = extending(&lab);
    assert_eq!(repo.value("BOTH").as_deref(), Some("canary-upper"));
    assert_eq!(repo.value("BELOW").as_deref(), Some("canary-below"));
    repo.envsync(["diff", "--exit-code"]).ok();
    let listed = repo.envsync(["list", "-e", "lower", "--json"]).ok().json();
    assert_eq!(listed["keys"][0]["origin"], "lower");
}

#[test]
fn writes_never_go_below() {
    let lab = Lab::new();
    let repo = extending(&lab);
    repo.edit("BELOW", "canary-override");
    let run = repo.envsync(["push", "--json"]).ok();
    assert_eq!(changes(&run), ["BELOW local_modified update_remote applied"]);
    assert_eq!(get(&repo, "lower", "BELOW").as_deref(), Some("canary-below"));
    set(&repo, "lower", "BELOW", "canary-below2");
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.value("BELOW").as_deref(), Some("canary-override"), "the override hides what is below");
}

#[test]
fn removing_an_override_brings_the_inherited_value_back() {
    let lab = Lab::new();
    let repo = extending(&lab);
    repo.drop_key("BOTH");
    repo.envsync(["push", "--prune"]).ok();
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.value("BOTH").as_deref(), Some("canary-lower"));
    repo.envsync(["diff", "--exit-code"]).ok();
}

#[test]
fn deleting_an_inherited_key_is_withheld_with_its_origin_named() {
    let lab = Lab::new();
    let repo = extending(&lab);
    repo.drop_key("BELOW");
    let run = repo.envsync(["push", "--prune", "--json"]).ok();
    assert_eq!(changes(&run), ["BELOW local_deleted withheld -"]);
    assert_eq!(run.json()["targets"][0]["changes"][0]["inherited_from"], "lower");
    repo.envsync(["push", "--prune"]).ok().says("lower");
    assert_eq!(get(&repo, "lower", "BELOW").as_deref(), Some("canary-below"));
    repo.git(["branch", "low"]).ok();
    repo.switch("low");
    repo.envsync(["unset", "-e", "upper", "BELOW"]).ends(4).says("git envsync unset -e lower BELOW");
}

#[test]
fn an_environment_counts_as_held_when_the_one_below_is() {
    let lab = Lab::new();
    let config = environment("upper", "main", "extends = \"lower\"") + &environment("lower", "low", "");
    let repo = configured(&lab, &config);
    set(&repo, "lower", "BELOW", "canary-below");
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.value("BELOW").as_deref(), Some("canary-below"));
    repo.edit("OWN", "canary-own");
    repo.envsync(["push"]).ok();
    assert_eq!(get(&repo, "lower", "OWN"), None);
    repo.envsync(["diff", "--exit-code"]).ok();
}

#[test]
fn a_change_below_is_incoming() {
    let lab = Lab::new();
    let repo = extending(&lab);
    set(&repo, "lower", "BELOW", "canary-below2");
    let run = repo.envsync(["pull", "--json"]).ok();
    assert_eq!(changes(&run), ["BELOW remote_modified update_local applied"]);
}
