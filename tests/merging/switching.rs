//! Another environment comes into the file: by a branch, by `pull`, by `use`.

use super::scenes::{changes, configured, environment, get, set, three_environments};
use crate::support::{Lab, Repo};
use std::fs;

#[test]
fn unpushed_changes_are_parked_and_come_back_everything_else_leaves_the_file() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.write(".env", "# kept\nNAME=canary-edited\nSHARED=canary-same\nADDED=canary-added\n");
    repo.switch("top");
    assert_eq!(repo.env(), "# kept\nNAME=canary-staging\n", "comments and order stay");
    repo.envsync(["status"]).ok().says("parked for development: ADDED, NAME");
    repo.switch("main");
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-edited"));
    assert_eq!(repo.value("ADDED").as_deref(), Some("canary-added"));
    assert_eq!(repo.value("SHARED").as_deref(), Some("canary-same"));
    repo.envsync(["status"]).ok().never_says("parked");
    assert_eq!(get(&repo, "staging", "ADDED"), None);
}

#[test]
fn a_parked_deletion_comes_back_as_a_deletion() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.drop_key("SHARED");
    repo.switch("top");
    repo.switch("main");
    assert_eq!(repo.value("SHARED"), None);
    repo.envsync(["push"]).ok().says("--prune");
}

#[test]
fn no_deletion_is_parked_while_the_file_has_lines_that_cannot_be_read() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.write(".env", "NAME=canary-development\nSHARED canary-same\n");
    repo.switch("top");
    repo.switch("main");
    assert_eq!(repo.value("SHARED").as_deref(), Some("canary-same"));
}

#[test]
fn where_a_parked_change_conflicts_the_file_gets_it_and_the_conflict_stays_listed() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.edit("NAME", "canary-parked");
    repo.switch("top");
    set(&repo, "development", "NAME", "canary-newer");
    repo.git(["switch", "main"]).ok().says("conflict");
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-parked"));
    let status = repo.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["targets"][0]["summary"]["conflicts"], 1);
    repo.envsync(["push"]).ends(3);
    repo.envsync(["resolve", "--remote"]).ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-newer"));
}

#[test]
fn a_pull_that_switches_into_a_parked_conflict_ends_with_0() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.edit("NAME", "canary-parked");
    repo.envsync(["use", "staging"]).ok();
    set(&repo, "development", "NAME", "canary-newer");
    repo.envsync(["use", "-"]).ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-parked"));
    repo.envsync(["diff", "--exit-code"]).ends(1).says("! ");
}

#[test]
fn diff_and_status_of_another_environment_show_its_parked_changes() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.edit("NAME", "canary-parked");
    repo.switch("top");
    let run = repo.envsync(["diff", "-e", "development", "--json"]).ok();
    assert_eq!(changes(&run), ["NAME local_modified update_remote planned"]);
    assert_eq!(run.json()["targets"][0]["held"], "staging");
    repo.envsync(["status", "-e", "development"]).ok().says("holds staging");
}

#[test]
fn use_stays_whatever_the_branch_until_use_dash() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.envsync(["use", "staging"]).ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-staging"));
    repo.git(["branch", "another", "main"]).ok();
    let run = repo.git(["switch", "live"]).ok();
    assert_eq!(run.stderr.matches("use -").count(), 1, "one reminder\n{}", run.stderr);
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-staging"));
    repo.switch("main");
    repo.envsync(["use", "-"]).ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-development"));
    repo.envsync(["use", "stagin"]).ends(7).says("staging");
}

#[test]
fn only_use_and_a_named_pull_put_a_protected_environment_into_the_file() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let run = repo.git(["switch", "live"]).ok().says("git envsync use production");
    assert!(run.stderr.contains("still holds development"), "{}", run.stderr);
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-development"));
    repo.envsync(["pull"]).ends(4).says("--allow-protected production");
    repo.envsync(["pull", "--allow-protected", "staging"]).ends(4);
    repo.envsync(["pull", "--yes"]).ends(4);
    repo.envsync(["pull", "--allow-protected", "production"]).ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-production"));
    repo.switch("main");
    repo.envsync(["use", "production"]).ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-production"));
}

#[test]
fn a_hook_does_not_refill_a_missing_file_with_a_protected_environment() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.switch("live");
    repo.envsync(["pull", "--allow-protected", "production"]).ok();
    fs::remove_file(repo.path.join(".env")).expect("it is there");
    repo.git(["branch", "side", "main"]).ok();
    repo.git(["checkout", "-q", "live"]).ok();
    assert!(!repo.path.join(".env").exists(), "a hook put production into the file");
    repo.envsync(["pull"]).ends(4).says("--allow-protected production");
    repo.envsync(["pull", "--allow-protected", "production"]).ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-production"));
}

#[test]
fn writing_a_protected_environment_takes_its_name() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.envsync(["use", "production"]).ok();
    repo.edit("NAME", "canary-new");
    for command in [&["push"][..], &["push", "--yes"], &["push", "--force"], &["push", "--allow-protected", "staging"]]
    {
        repo.envsync(command).ends(4).says("production is protected");
    }
    repo.envsync(["use", "-"]).ok();
    repo.spawn(["set", "-e", "production", "X"]).input("canary-x").run().ends(4);
    repo.envsync(["unset", "-e", "production", "NAME"]).ends(4);
    assert_eq!(get(&repo, "production", "NAME").as_deref(), Some("canary-production"));
    repo.envsync(["use", "production"]).ok();
    repo.envsync(["push", "--allow-protected", "production"]).ok();
    repo.envsync(["use", "-"]).ok();
    assert_eq!(get(&repo, "production", "NAME").as_deref(), Some("canary-new"));
}

#[test]
fn sameness_is_the_address_and_never_the_name() {
    let lab = Lab::new();
    let twin = environment("twin", "twin", "").replace("path = \"twin\"", "path = \"development\"");
    let repo = configured(&lab, &(twin + &environment("development", "main", "")));
    repo.git(["branch", "twin"]).ok();
    repo.write(".env", "NAME=canary-one\n");
    repo.envsync(["push", "--yes"]).ok();
    repo.edit("NAME", "canary-unpushed");
    repo.switch("twin");
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-unpushed"), "the same place is no switch");
    repo.envsync(["status"]).ok().never_says("parked");
    repo.envsync(["push"]).ok();
    assert_eq!(get(&repo, "development", "NAME").as_deref(), Some("canary-unpushed"));
}

#[test]
fn where_no_environment_is_selected_commands_end_with_7_and_name_the_variable() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let unmapped = repo.git(["switch", "-q", "-c", "unmapped"]).ok();
    assert!(unmapped.stderr.contains("still holds development"), "{}", unmapped.stderr);
    for command in ["pull", "push", "sync", "list", "fetch", "diff"] {
        repo.envsync([command]).ends(7).says("GIT_ENVSYNC_ENV");
    }
    repo.envsync(["status"]).ok();
    repo.envsync(["which"]).ok();
    let detached = repo.git(["checkout", "-q", "--detach"]).ok();
    assert_eq!(detached.stderr, "", "silently");
    repo.envsync(["pull"]).ends(7);
    repo.spawn(["pull"]).var("GIT_ENVSYNC_ENV", "staging").run().ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-staging"));
    repo.spawn(["pull"]).var("GIT_ENVSYNC_BRANCH", "main").run().ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-development"));
}

#[test]
fn what_selects_an_environment_has_an_order() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.envsync(["use", "staging"]).ok();
    let which = |arguments: &[&str], variables: &[(&str, &str)]| {
        let spawn = repo.spawn([&["which", "--json"], arguments].concat());
        let spawn = variables.iter().fold(spawn, |spawn, (name, value)| spawn.var(name, value));
        spawn.run().ok().json()["environment"].as_str().map(str::to_owned)
    };
    assert_eq!(which(&[], &[]).as_deref(), Some("staging"), "use beats the rule");
    let branch = ("GIT_ENVSYNC_BRANCH", "main");
    assert_eq!(which(&[], &[branch]).as_deref(), Some("development"), "a variable beats use");
    let name = ("GIT_ENVSYNC_ENV", "production");
    assert_eq!(which(&[], &[branch, name]).as_deref(), Some("production"));
    assert_eq!(which(&["--branch", "main"], &[name]).as_deref(), Some("development"), "a flag beats a variable");
    assert_eq!(which(&["--branch", "main", "-e", "staging"], &[name]).as_deref(), Some("staging"));
}

#[test]
fn an_environment_that_has_left_the_file_is_compared_by_what_was_agreed_then() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.envsync(["use", "staging"]).ok();
    repo.envsync(["use", "-"]).ok();
    let file = repo.path.join(".envsync/staging.env.age");
    let agreed = fs::read(&file).expect("the store file is there");
    let other = lab.path().join("other");
    repo.commit("stores");
    repo.git(["worktree", "add", "-q", "-b", "other", other.to_str().expect("a path of ASCII")]).ok();
    let other = Repo { path: other, ..repo.clone() };
    set(&other, "staging", "NAME", "canary-moved");
    fs::copy(other.path.join(".envsync/staging.env.age"), &file).expect("the store file can be copied");
    let run = repo.envsync(["status", "-e", "staging", "--json"]).ok();
    assert_eq!(changes(&run), ["NAME remote_modified update_local planned"]);
    repo.envsync(["verify", "-e", "staging"]).ends(1).says("NAME");
    assert_eq!(
        changes(&repo.envsync(["diff", "-e", "staging", "local", "base", "--json"]).ok()),
        Vec::<String>::new(),
        "nothing is parked"
    );
    repo.envsync(["diff", "-e", "staging", "base", "remote", "--exit-code"]).ends(1).says("NAME");
    repo.envsync(["use", "staging"]).ok();
    repo.envsync(["use", "-"]).ok();
    repo.envsync(["status", "-e", "staging", "--exit-code"]).ok();
    fs::write(&file, agreed).expect("the store file can be replaced");
    repo.envsync(["status", "-e", "staging", "--exit-code"]).ends(1).says("NAME");
}

#[test]
fn an_environment_that_never_was_in_the_file_differs_in_nothing() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.envsync(["status", "-e", "staging", "--exit-code"]).ok();
    set(&repo, "staging", "LATER", "canary-later");
    repo.envsync(["status", "-e", "staging", "--exit-code"]).ok();
}

#[test]
fn a_parked_change_and_a_store_that_moved_since_both_show() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.switch("top");
    repo.edit("MINE", "canary-mine");
    repo.switch("main");
    assert_eq!(
        changes(&repo.envsync(["status", "-e", "staging", "--json"]).ok()),
        ["MINE local_added update_remote planned"]
    );
    assert_eq!(
        changes(&repo.envsync(["diff", "-e", "staging", "base", "local", "--json"]).ok()),
        ["MINE remote_added none -"]
    );
}
