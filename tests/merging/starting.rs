//! Files and environments that have nothing to do with each other yet.

use super::scenes::{configured, environment, get, three_environments};
use crate::support::{Lab, Repo};

/// `main` has development, `new` has fresh, which no store holds; the file holds development.
fn with_a_fresh_environment(lab: &Lab) -> Repo {
    let repo = configured(lab, &(environment("fresh", "new", "") + &environment("development", "main", "")));
    repo.write(".env", "NAME=canary-development\n");
    repo.envsync(["push", "--yes"]).ok();
    repo.git(["branch", "new"]).ok();
    repo
}

#[test]
fn an_environment_that_its_store_does_not_hold_is_left_alone_and_push_is_named() {
    let lab = Lab::new();
    let repo = with_a_fresh_environment(&lab);
    let env = repo.env();
    let run = repo.git(["switch", "new"]).ok().says("git envsync push");
    assert!(run.stderr.contains("still holds development"), "{}", run.stderr);
    repo.envsync(["pull"]).ok().says("git envsync push");
    repo.envsync(["use", "fresh"]).ok().says("git envsync push");
    assert_eq!(repo.env(), env);
    assert!(!repo.path.join(".envsync/fresh.env.age").exists());
}

#[test]
fn it_may_start_from_the_file_once_somebody_says_yes() {
    let lab = Lab::new();
    let repo = with_a_fresh_environment(&lab);
    repo.edit("UNPUSHED", "canary-unpushed");
    repo.switch("new");
    for command in ["push", "sync"] {
        repo.envsync([command]).ends(4).says("the values of development").says("--yes");
    }
    let env = repo.env();
    repo.envsync(["push", "--yes"]).ok();
    assert_eq!(repo.env(), env, "the file is as it was");
    assert_eq!(get(&repo, "fresh", "UNPUSHED").as_deref(), Some("canary-unpushed"));
    let status = repo.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["targets"][0]["held"], "fresh");
    assert_eq!(status["targets"][0]["summary"]["parked"], 0, "nothing stays behind as a parked change");
    repo.switch("main");
    assert_eq!(repo.value("UNPUSHED"), None, "nor as an unpushed one");
}

#[test]
fn a_dry_run_names_whose_values_would_start_it() {
    let lab = Lab::new();
    let repo = with_a_fresh_environment(&lab);
    repo.switch("new");
    let run = repo.envsync(["push", "--dry-run", "--json"]).ok();
    assert_eq!(run.json()["targets"][0]["held"], "development");
    assert_eq!(super::scenes::changes(&run), ["NAME local_added update_remote planned"]);
    assert!(!repo.path.join(".envsync/fresh.env.age").exists());
}

#[test]
fn no_environment_starts_with_a_protected_one_s_values_unless_it_is_named() {
    let lab = Lab::new();
    let config = environment("production", "live", "protected = true") + &environment("fresh", "new", "");
    let repo = configured(&lab, &config);
    for branch in ["live", "new"] {
        repo.git(["branch", branch]).ok();
    }
    repo.switch("live");
    repo.write(".env", "NAME=canary-production\n");
    repo.envsync(["push", "--yes"]).ends(4).says("production is protected");
    repo.envsync(["push", "--yes", "--allow-protected", "production"]).ok();
    repo.switch("new");
    repo.envsync(["push", "--yes"]).ends(4).says("production, which is protected");
    assert!(!repo.path.join(".envsync/fresh.env.age").exists());
    repo.envsync(["push", "--yes", "--allow-protected", "production"]).ok();
    assert_eq!(get(&repo, "fresh", "NAME").as_deref(), Some("canary-production"));
}

#[test]
fn a_protected_environment_that_the_config_calls_by_another_name_is_still_protected() {
    let lab = Lab::new();
    let live = environment("production", "live", "protected = true");
    let config = |live: &str| {
        format!(
            "version = 1\n{live}{}\n[stores.local]\nkind = \"age\"\ndirectory = \".envsync\"\n",
            environment("fresh", "new", "")
        )
    };
    let repo = configured(&lab, &(live.clone() + &environment("fresh", "new", "")));
    repo.git(["switch", "-qc", "live"]).ok();
    repo.write(".env", "NAME=canary-production\n");
    repo.envsync(["push", "--yes", "--allow-protected", "production"]).ok();
    repo.write(".envsync.toml", config(&live.replace("name = \"production\"", "name = \"prod\"")));
    repo.envsync(["trust", "--yes"]).ok();
    repo.git(["switch", "-qc", "new"]).ok();
    repo.envsync(["push", "--yes"]).ends(4).says("the values of prod, which is protected");
    assert!(!repo.path.join(".envsync/fresh.env.age").exists());
    repo.envsync(["push", "--yes", "--allow-protected", "prod"]).ok();
}

#[test]
fn a_file_that_holds_another_environment_is_not_sent_and_no_flag_makes_it_so() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let env = repo.env();
    for command in [
        &["push", "-e", "staging"][..],
        &["push", "-e", "staging", "--force", "--yes"],
        &["sync", "-e", "staging", "--prefer", "local", "--yes"],
        &["sync", "--branch", "top"],
        &["resolve", "-e", "staging", "--local"],
        &["restore", "-e", "staging", "NAME"],
    ] {
        repo.envsync(command).ends(4).says("git envsync pull");
    }
    assert_eq!(repo.env(), env);
    assert_eq!(get(&repo, "staging", "NAME").as_deref(), Some("canary-staging"));
}

#[test]
fn a_file_without_a_record_is_left_alone_by_hooks_and_merged_without_a_base_by_pull() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    std::fs::remove_dir_all(repo.path.join(".git/envsync")).expect("the state is there");
    repo.write(".env", "MINE=canary-mine\nNAME=canary-staging\n");
    let run = repo.git(["switch", "top"]).ok();
    assert_eq!(run.stderr.lines().filter(|line| line.starts_with("envsync:")).count(), 1, "{}", run.stderr);
    assert_eq!(repo.env(), "MINE=canary-mine\nNAME=canary-staging\n");
    repo.envsync(["push"]).ends(4).says("--yes");
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.value("MINE").as_deref(), Some("canary-mine"));
    let status = repo.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["targets"][0]["held"], "staging");
    assert_eq!(status["targets"][0]["summary"]["outgoing"], 1);
}

#[test]
fn push_of_a_file_without_a_record_takes_a_yes_and_writes_over_nothing() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    std::fs::remove_dir_all(repo.path.join(".git/envsync")).expect("the state is there");
    repo.write(".env", "MINE=canary-mine\nNAME=canary-other\n");
    repo.envsync(["push", "--yes"]).ends(3).says("NAME");
    repo.write(".env", "MINE=canary-mine\n");
    repo.envsync(["push", "--yes"]).ok();
    assert_eq!(get(&repo, "staging", "MINE"), None);
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-development"), "what it lacked was no deletion");
}

#[test]
fn with_neither_file_nor_record_pull_fills_the_file_and_push_has_nothing_to_send() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    std::fs::remove_dir_all(repo.path.join(".git/envsync")).expect("the state is there");
    std::fs::remove_file(repo.path.join(".env")).expect("it is there");
    repo.envsync(["push"]).ok().says("nothing to push");
    repo.write(".env.example", "# the database\nSHARED=\n\n# who\nNAME=\n");
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.env(), "# the database\nSHARED=canary-same\n\n# who\nNAME=canary-development\n");
}

#[test]
fn an_environment_without_keys_that_is_held_may_be_pulled() {
    let lab = Lab::new();
    let repo = with_a_fresh_environment(&lab);
    repo.spawn(["set", "-e", "fresh", "X"]).input("canary-x").run().ok();
    repo.envsync(["unset", "-e", "fresh", "X"]).ok();
    repo.switch("new");
    assert_eq!(repo.values().len(), 0, "it is there and has nothing");
}

#[test]
fn an_emptied_environment_stops_with_4_until_it_is_believed() {
    let lab = Lab::new();
    let repo = with_a_fresh_environment(&lab);
    let store = std::fs::read(repo.path.join(".envsync/development.env.age")).expect("a store file");
    repo.switch("new");
    repo.envsync(["push", "--yes"]).ok();
    repo.envsync(["unset", "-e", "development", "NAME"]).ok();
    let emptied = std::fs::read(repo.path.join(".envsync/development.env.age")).expect("a store file");
    let place = |bytes: &[u8]| std::fs::write(repo.path.join(".envsync/development.env.age"), bytes).expect("written");
    place(&store);
    repo.switch("main");
    place(&emptied);
    for command in [&["pull"][..], &["pull", "--force"], &["push", "--prune"], &["sync"]] {
        repo.envsync(command).ends(4).says("had keys and has none").says("--allow-empty");
        assert_eq!(repo.value("NAME").as_deref(), Some("canary-development"), "{command:?}");
    }
    std::fs::write(repo.path.join(".env"), "").expect("written");
    repo.envsync(["pull"]).ends(4).says("had keys and has none");
    repo.write(".env", "NAME=canary-development\n");
    repo.envsync(["pull", "--allow-empty"]).ok();
    assert_eq!(repo.value("NAME"), None);
    repo.envsync(["undo"]).ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-development"));
}

#[test]
fn a_hint_names_the_environment_that_was_typed() {
    let lab = Lab::new();
    let repo = configured(&lab, &(environment("staging", "top", "") + &environment("development", "main", "")));
    repo.write(".env", "KEY=canary-one\n");
    repo.envsync(["push", "--yes"]).ok();
    repo.envsync(["status", "-e", "staging"]).ok().says("`git envsync push -e staging` starts it");
    repo.envsync(["pull", "-e", "staging"]).ok().says("`git envsync push -e staging` starts staging");
    repo.envsync(["push", "-e", "staging"]).ends(4).says("`git envsync push -e staging --yes`");
    repo.envsync(["pull", "--branch", "top"]).ok().says("`git envsync push --branch top` starts staging");
}
