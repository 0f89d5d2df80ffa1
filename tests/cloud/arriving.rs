//! Values travel both ways, and what stands in the store beside them survives, in every layout of both services.

use super::common::{Scene, in_stores};

in_stores!(
    [SECRETS_JSON, SECRETS_KEYS, SECRETS_DOTENV, PARAMETERS_JSON, PARAMETERS_KEYS, PARAMETERS_DOTENV]
    [
        a_value_made_with_boto3_arrives_by_git_switch,
        a_local_edit_is_there_for_boto3_after_a_push,
        an_edit_on_both_sides_stops_with_3_and_nothing_is_written,
        a_first_push_makes_what_the_store_does_not_hold,
        a_deletion_is_withheld_until_prune,
        an_empty_value_and_one_space_travel_both_ways,
        a_second_push_writes_nothing,
    ]
);

fn a_value_made_with_boto3_arrives_by_git_switch(scene: &Scene) {
    let repo = &scene.repo;
    scene.write("staging", &[("NAME", "canary-from-boto"), ("OTHER", "canary-other")]);
    repo.switch("top");
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-from-boto"));
    assert_eq!(repo.value("OTHER").as_deref(), Some("canary-other"));
}

fn a_local_edit_is_there_for_boto3_after_a_push(scene: &Scene) {
    let repo = &scene.repo;
    scene.write("development", &[("NAME", "canary-old"), ("OTHER", "canary-other")]);
    repo.envsync(["pull"]).ok();
    repo.edit("NAME", "canary-new");
    repo.edit("ADDED", "canary-added");
    repo.envsync(["push"]).ok();
    let found = scene.read("development");
    assert_eq!(found["NAME"], "canary-new");
    assert_eq!(found["ADDED"], "canary-added");
    assert_eq!(found["OTHER"], "canary-other");
    assert_eq!(found.len(), 3);
}

fn an_edit_on_both_sides_stops_with_3_and_nothing_is_written(scene: &Scene) {
    let repo = &scene.repo;
    scene.write("development", &[("NAME", "canary-base"), ("OTHER", "canary-base")]);
    repo.envsync(["pull"]).ok();
    repo.edit("NAME", "canary-mine");
    repo.edit("OTHER", "canary-mine-too");
    scene.write("development", &[("NAME", "canary-theirs")]);
    let (file, stored) = (repo.env(), scene.read("development"));
    for command in ["push", "pull", "sync"] {
        repo.envsync([command]).ends(3).says("NAME");
        assert_eq!(repo.env(), file, "{command} wrote the file");
        assert_eq!(scene.read("development"), stored, "{command} wrote the store");
    }
}

fn a_first_push_makes_what_the_store_does_not_hold(scene: &Scene) {
    let repo = &scene.repo;
    repo.write(".env", "NAME=canary-first\nOTHER=canary-other\n");
    repo.envsync(["push", "--yes"]).ok();
    let found = scene.read("development");
    assert_eq!(found.get("NAME").map(String::as_str), Some("canary-first"));
    assert_eq!(found.len(), 2);
    repo.envsync(["diff", "--exit-code"]).ok();
}

fn a_deletion_is_withheld_until_prune(scene: &Scene) {
    let repo = &scene.repo;
    scene.write("development", &[("NAME", "canary-name"), ("GONE", "canary-gone")]);
    repo.envsync(["pull"]).ok();
    repo.drop_key("GONE");
    repo.envsync(["push"]).ok().says("GONE");
    assert_eq!(scene.read("development").len(), 2);
    repo.envsync(["push", "--prune"]).ok();
    assert_eq!(scene.read("development").into_keys().collect::<Vec<_>>(), ["NAME"]);
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.values().into_keys().collect::<Vec<_>>(), ["NAME"]);
}

fn an_empty_value_and_one_space_travel_both_ways(scene: &Scene) {
    let repo = &scene.repo;
    repo.write(".env", "EMPTY=\nSPACE=' '\nNAME=canary-name\n");
    repo.envsync(["push", "--yes"]).ok();
    let other = scene.work_tree("other");
    assert_eq!(other.values(), repo.values());
    assert_eq!(other.value("SPACE").as_deref(), Some(" "));
    assert_eq!(other.value("EMPTY").as_deref(), Some(""));
}

fn a_second_push_writes_nothing(scene: &Scene) {
    let repo = &scene.repo;
    repo.write(".env", "NAME=canary-name\n");
    repo.envsync(["push", "--yes"]).ok();
    let before = scene.versions("development", "NAME");
    repo.envsync(["push"]).ok();
    repo.envsync(["sync"]).ok();
    assert_eq!(scene.versions("development", "NAME"), before);
}
