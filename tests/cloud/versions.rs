//! `history` and `rollback` over the versions that the services keep.

use super::common::{Scene, in_stores};
use serde_json::Value;
use std::thread::sleep;
use std::time::Duration;

in_stores!(
    [SECRETS_JSON, SECRETS_KEYS, SECRETS_DOTENV, PARAMETERS_JSON, PARAMETERS_KEYS, PARAMETERS_DOTENV]
    [
        a_rollback_of_an_environment_brings_its_previous_values_back,
        a_rollback_of_a_key_leaves_the_others,
        a_rollback_is_a_plan_that_can_be_looked_at,
        a_rollback_that_would_run_over_an_unpushed_edit_is_a_conflict,
        a_rollback_asks_a_person_at_a_terminal_first,
    ]
);

/// Three states of an environment, far enough apart for times in whole seconds: one, two, three.
fn three_states(scene: &Scene) {
    let repo = &scene.repo;
    repo.write(".env", "A=canary-a1\nB=canary-b1\n");
    repo.envsync(["push", "--yes"]).ok();
    for state in [2, 3] {
        sleep(Duration::from_millis(1100));
        repo.edit("A", &format!("canary-a{state}"));
        if state == 3 {
            repo.edit("B", "canary-b3");
        }
        repo.envsync(["push"]).ok();
    }
    sleep(Duration::from_millis(1100));
}

/// What `history` lists, newest first.
fn history(scene: &Scene, arguments: &[&str]) -> Vec<Value> {
    let all: Vec<&str> = ["history", "--json"].iter().chain(arguments).copied().collect();
    let document = scene.repo.envsync(all).ok().json();
    document["versions"].as_array().expect("versions").clone()
}

/// The name of a listed version.
fn version(listed: &Value) -> String {
    assert!(listed["created"].is_string(), "{listed}");
    listed["version"].as_str().expect("a version").to_owned()
}

fn a_rollback_of_an_environment_brings_its_previous_values_back(scene: &Scene) {
    three_states(scene);
    let listed = history(scene, &[]);
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert_eq!(listed[0]["current"], true);
    assert!(listed[1..].iter().all(|version| version["current"] == false), "{listed:?}");
    assert_eq!(listed[1]["keys"], serde_json::json!(["A"]), "what changed with the second state");
    scene.repo.envsync(["rollback", "--yes", &version(&listed[1])]).ok();
    let found = scene.read("development");
    assert_eq!((&*found["A"], &*found["B"]), ("canary-a2", "canary-b1"));
    assert_eq!(scene.repo.values(), found, "the file holds it too");
    scene.repo.envsync(["diff", "--exit-code"]).ok();
    // And back again.
    scene.repo.envsync(["rollback", "--yes", &version(&listed[0])]).ok();
    assert_eq!(scene.read("development")["A"], "canary-a3");
}

fn a_rollback_of_a_key_leaves_the_others(scene: &Scene) {
    three_states(scene);
    let listed = history(scene, &["A"]);
    assert_eq!(listed.len(), 3, "{listed:?}");
    scene.repo.envsync(["rollback", "--yes", &version(&listed[2]), "A"]).ok();
    let found = scene.read("development");
    assert_eq!((&*found["A"], &*found["B"]), ("canary-a1", "canary-b3"));
    let listed = history(scene, &["B"]);
    assert_eq!(listed.len(), 2, "only where it changed: {listed:?}");
}

fn a_rollback_is_a_plan_that_can_be_looked_at(scene: &Scene) {
    three_states(scene);
    let before = (scene.read("development"), scene.repo.env());
    let first = version(history(scene, &[]).last().expect("the first"));
    scene.repo.envsync(["rollback", "-n", &first]).ok().says("A").says("B").never_says("canary-");
    assert_eq!((scene.read("development"), scene.repo.env()), before);
    let plan = scene.repo.envsync(["rollback", "-n", "--json", &first]).ok().json();
    assert_eq!((&plan["command"], &plan["dry_run"]), (&"rollback".into(), &true.into()), "{plan}");
    let changes = plan["targets"][0]["changes"].as_array().expect("changes");
    let shown: Vec<String> = changes
        .iter()
        .map(|change| format!("{} {} {}", change["key"], change["action"], change["outcome"]).replace('"', ""))
        .collect();
    assert_eq!(shown, ["A update_remote planned", "B update_remote planned"]);
    for unknown in ["no-such-version", "2001-01-01T00:00:00Z", "00000000-0000-4000-8000-000000000000", "99"] {
        let run = scene.repo.envsync(["rollback", "--yes", unknown]).ends(1).says("git envsync history");
        assert!(run.stderr.contains(unknown), "{}", run.stderr);
    }
    scene.repo.envsync(["rollback", "--yes", &first, "NONE"]).ends(1).says("NONE");
    assert_eq!((scene.read("development"), scene.repo.env()), before);
}

fn a_rollback_that_would_run_over_an_unpushed_edit_is_a_conflict(scene: &Scene) {
    three_states(scene);
    let first = version(history(scene, &[]).last().expect("the first"));
    scene.repo.edit("A", "canary-mine");
    let before = (scene.read("development"), scene.repo.env());
    scene.repo.envsync(["rollback", "--yes", &first]).ends(3).says("A");
    assert_eq!((scene.read("development"), scene.repo.env()), before);
}

fn a_rollback_asks_a_person_at_a_terminal_first(scene: &Scene) {
    three_states(scene);
    let first = version(history(scene, &[]).last().expect("the first"));
    let before = (scene.read("development"), scene.repo.env());
    let run = scene.repo.at_a_terminal(&["rollback", &first], "n\n").ends(4).says("nothing was written");
    run.says("Write 2 keys of development in ").never_says("canary-");
    assert_eq!((scene.read("development"), scene.repo.env()), before);
    scene.repo.at_a_terminal(&["rollback", &first, "B"], "y\n").ends(0).never_says("canary-");
    let found = scene.read("development");
    assert_eq!((&*found["A"], &*found["B"]), ("canary-a3", "canary-b1"));
    assert_eq!(scene.repo.values(), found);
}
