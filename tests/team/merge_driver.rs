//! Git merges store files key by key.

use super::common::{Team, change};
use crate::support::{Lab, Repo};

/// Two branches from one store: `main` and `topic`.
fn two_branches(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\nB=canary-b\n");
    repo.git(["branch", "topic"]).ok();
    repo
}

fn on_topic(repo: &Repo, key: &str, value: &str) {
    repo.switch("topic");
    change(repo, key, value);
}

fn on_main(repo: &Repo, key: &str, value: &str) {
    repo.switch("main");
    change(repo, key, value);
}

#[test]
fn two_people_who_pushed_different_keys_merge_without_conflict() {
    let team = Team::new("A=canary-a\nB=canary-b\n");
    let (ada, bob) = (&team.ada, team.colleague("bob"));
    change(ada, "A", "canary-ada");
    ada.git(["push", "-q"]).ok();
    change(&bob, "B", "canary-bob");
    bob.git(["push", "-q"]).ends(1);
    bob.git(["pull", "-q", "--no-rebase"]).ok();
    assert_eq!(bob.value("A").as_deref(), Some("canary-ada"));
    bob.git(["push", "-q"]).ok();
    ada.git(["pull", "-q"]).ok();
    assert_eq!(ada.values(), bob.values());
    assert_eq!(ada.value("B").as_deref(), Some("canary-bob"));
}

#[test]
fn a_merge_brings_both_keys_into_the_file() {
    let lab = Lab::new();
    let repo = two_branches(&lab);
    on_topic(&repo, "B", "canary-topic");
    on_main(&repo, "A", "canary-main");
    repo.git(["merge", "-q", "topic"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-main"));
    assert_eq!(repo.value("B").as_deref(), Some("canary-topic"));
    repo.envsync(["status", "--exit-code"]).ok();
}

#[test]
fn a_rebase_merges_them_too() {
    let lab = Lab::new();
    let repo = two_branches(&lab);
    on_main(&repo, "A", "canary-main");
    on_topic(&repo, "B", "canary-topic");
    repo.git(["rebase", "-q", "main"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-main"));
    assert_eq!(repo.value("B").as_deref(), Some("canary-topic"));
    repo.envsync(["status", "--exit-code"]).ok();
}

#[test]
fn a_cherry_pick_merges_them_and_pull_brings_them_in() {
    let lab = Lab::new();
    let repo = two_branches(&lab);
    on_topic(&repo, "B", "canary-topic");
    on_main(&repo, "A", "canary-main");
    repo.git(["cherry-pick", "topic"]).ok();
    // No hook runs after a cherry-pick.
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-main"));
    assert_eq!(repo.value("B").as_deref(), Some("canary-topic"));
}

#[test]
fn one_key_changed_on_both_sides_stays_unmerged_until_resolve_settles_it() {
    let lab = Lab::new();
    let repo = two_branches(&lab);
    on_topic(&repo, "A", "canary-topic");
    on_main(&repo, "A", "canary-main");
    repo.git(["merge", "-q", "topic"]).ends(1).says("changed on both sides: A").says("git envsync resolve");
    for command in ["pull", "push", "sync"] {
        repo.envsync([command]).ends(3).says("git has .envsync/development.env.age unmerged").says("resolve");
    }
    repo.envsync(["resolve", "A", "--remote"]).ok().never_says("canary");
    assert_eq!(repo.value("A").as_deref(), Some("canary-topic"));
    repo.git(["commit", "-qm", "merge"]).ok();
    repo.envsync(["status", "--exit-code"]).ok();
    repo.envsync(["undo", "--list", "--show-values"]).ok().says("canary-main");
}

#[test]
fn while_a_rebase_has_a_store_file_unmerged_status_3_names_resolve_though_head_is_on_no_branch() {
    let lab = Lab::new();
    let repo = two_branches(&lab);
    on_main(&repo, "A", "canary-main");
    on_topic(&repo, "A", "canary-topic");
    repo.git(["rebase", "-q", "main"]).ends(1);
    for command in ["pull", "push", "sync"] {
        repo.envsync([command]).ends(3).says("git envsync resolve");
    }
    assert_eq!(repo.value("A").as_deref(), Some("canary-topic"));
    // In a rebase `theirs` is the commit that is replayed.
    repo.envsync(["resolve", "--remote"]).ok();
    repo.git(["rebase", "--continue"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-topic"));
    repo.envsync(["status", "--exit-code"]).ok();
}

#[test]
fn an_aborted_merge_leaves_file_and_store_as_they_were() {
    let lab = Lab::new();
    let repo = two_branches(&lab);
    on_topic(&repo, "A", "canary-topic");
    on_main(&repo, "A", "canary-main");
    repo.git(["merge", "-q", "topic"]).ends(1);
    repo.git(["merge", "--abort"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-main"));
    repo.envsync(["status", "--exit-code"]).ok();
}

#[test]
fn the_driver_ends_with_1_and_leaves_the_file_unmerged_where_the_recipients_are_not_accepted() {
    let lab = Lab::new();
    let repo = two_branches(&lab);
    on_topic(&repo, "B", "canary-topic");
    on_main(&repo, "A", "canary-main");
    let shown = repo.envsync(["trust", "--show", "--json"]).ok().json();
    let config = shown["config_digest"].as_str().unwrap();
    repo.envsync(["trust", "--revoke"]).ok();
    let merge =
        || repo.person.command("git", &repo.path, ["merge", "-q", "topic"]).var("GIT_ENVSYNC_TRUST", config).run();
    merge().ends(1).says("have not been accepted").says("git envsync trust").never_says("canary");
    assert_eq!(repo.git(["status", "--porcelain"]).ok().stdout, "UU .envsync/development.env.age\n");
    repo.git(["merge", "--abort"]).ok();
    repo.envsync(["trust", "--yes"]).ok();
    merge().ok();
    assert_eq!(repo.value("B").as_deref(), Some("canary-topic"));
}
