//! How many requests a command makes, counted on the way to the server.

use super::common::{SECRETS_JSON, SECRETS_KEYS, Scene, python};
use std::collections::BTreeMap;

/// A thousand values under one environment.
fn thousand(scene: &Scene) {
    let values: BTreeMap<String, String> =
        (0..1000).map(|number| (format!("KEY_{number:04}"), format!("canary-{number}"))).collect();
    scene.python("development", &format!("write({})", python(&values)));
}

/// What a command asks for.
fn asked(scene: &Scene, arguments: &[&str]) -> BTreeMap<String, usize> {
    scene.forwarder().forget();
    scene.repo.envsync(arguments).ok();
    scene.forwarder().counts()
}

fn total(counts: &BTreeMap<String, usize>) -> usize {
    counts.values().sum()
}

#[test]
fn a_thousand_keys_of_a_json_secret_are_one_request_and_nothing_moved_is_one_more() {
    let Some(scene) = Scene::watched(SECRETS_JSON) else { return };
    thousand(&scene);
    let cold = asked(&scene, &["fetch"]);
    assert_eq!(total(&cold), 1, "{cold:?}");
    let warm = asked(&scene, &["fetch"]);
    assert_eq!(total(&warm), 1, "{warm:?}");
    assert_eq!(warm.get("GetSecretValue"), None, "nothing moved: no value travels");
    scene.repo.envsync(["pull"]).ok();
    assert_eq!(scene.repo.values().len(), 1000);
}

#[test]
fn a_thousand_secrets_are_fifty_batches_and_nothing_moved_is_the_list_alone() {
    let Some(scene) = Scene::watched(SECRETS_KEYS) else { return };
    thousand(&scene);
    let cold = asked(&scene, &["fetch"]);
    assert_eq!(cold.get("BatchGetSecretValue"), Some(&50), "{cold:?}");
    assert_eq!(cold.get("ListSecrets"), Some(&10), "{cold:?}");
    assert_eq!(total(&cold), 60, "{cold:?}");
    let warm = asked(&scene, &["fetch"]);
    assert_eq!(warm, BTreeMap::from([("ListSecrets".to_owned(), 10)]));
    scene.write("development", &[("KEY_0500", "canary-moved")]);
    let moved = asked(&scene, &["fetch"]);
    assert_eq!(moved.get("ListSecrets"), Some(&10), "{moved:?}");
    assert_eq!(total(&moved), 11, "what moved is one read: {moved:?}");
}

#[test]
#[cfg(feature = "ssm")]
fn a_thousand_parameters_are_a_hundred_pages_and_nothing_moved_is_the_list_alone() {
    let Some(scene) = Scene::watched(super::common::PARAMETERS_KEYS) else { return };
    thousand(&scene);
    let cold = asked(&scene, &["fetch"]);
    assert_eq!(cold, BTreeMap::from([("GetParametersByPath".to_owned(), 100)]));
    let warm = asked(&scene, &["fetch"]);
    assert_eq!(warm, BTreeMap::from([("GetParametersByPath".to_owned(), 100)]));
    let decrypting = scene.forwarder().bodies("GetParametersByPath");
    assert!(decrypting.iter().all(|body| !body.contains("\"WithDecryption\":true")), "nothing moved: no value travels");
}

#[test]
#[cfg(feature = "ssm")]
fn one_parameter_is_one_request_and_nothing_moved_is_one_more() {
    let Some(scene) = Scene::watched(super::common::PARAMETERS_JSON) else { return };
    scene.write("development", &[("NAME", "canary-name")]);
    assert_eq!(total(&asked(&scene, &["fetch"])), 1);
    assert_eq!(total(&asked(&scene, &["fetch"])), 1);
}

#[test]
fn a_push_of_a_hundred_keys_into_a_json_secret_is_four_requests() {
    let Some(scene) = Scene::watched(SECRETS_JSON) else { return };
    let value = |number: usize, word: &str| format!("KEY_{number}=canary-{word}-{number}\n");
    scene.write("development", &[("NAME", "canary-name")]);
    scene.repo.envsync(["pull"]).ok();
    for word in ["added", "changed"] {
        let keys: String = (0..100).map(|number| value(number, word)).collect();
        scene.repo.write(".env", format!("NAME=canary-name\n{keys}"));
        let push = asked(&scene, &["push"]);
        assert_eq!(push.get("PutSecretValue"), Some(&1), "{push:?}");
        assert_eq!(push.get("UpdateSecretVersionStage"), Some(&2), "{push:?}");
        assert_eq!(total(&push), 4, "ask, put, move AWSCURRENT, drop the private stage: {push:?}");
        assert_eq!(scene.read_key("development", "KEY_99").as_deref(), Some(&*format!("canary-{word}-99")));
    }
    let stages = scene.python(
        "development",
        "result = sorted(s for v in sm.describe_secret(SecretId=location)['VersionIdsToStages'].values() for s in v)",
    );
    assert_eq!(stages, serde_json::json!(["AWSCURRENT", "AWSPREVIOUS"]), "no private stage is left");
}

#[test]
fn a_fresh_snapshot_answers_a_switch_without_a_request() {
    for store in super::common::EVERY {
        let Some(scene) = Scene::watched(*store) else { return };
        let scene = scene.fetched();
        scene.forwarder().forget();
        scene.repo.switch("top");
        scene.repo.switch("main");
        assert_eq!(total(&scene.forwarder().counts()), 0, "{store:?}");
    }
}
