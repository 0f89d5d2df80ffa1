//! What cannot be read is not gone: one bad key does not take the others with it, and nothing of it is touched.

use super::common::{SECRETS_JSON, SECRETS_KEYS, Scene, Store};
use crate::support::Run;
use serde_json::json;

/// The state of a key in a JSON document.
fn state(run: &Run, key: &str) -> Option<String> {
    let document = run.json();
    let changes = document["targets"][0]["changes"].as_array().expect("changes").clone();
    let found = changes.iter().find(|change| change["key"] == key)?;
    Some(found["state"].as_str().expect("a state").to_owned())
}

/// Three keys have been pulled; one of them cannot be read any more, the others have moved.
#[track_caller]
fn the_others_arrive(scene: &Scene, stored: impl Fn() -> Option<String>) {
    let repo = &scene.repo;
    let before = stored();
    let pull = repo.envsync(["pull", "--json"]).ok();
    assert_eq!(state(&pull, "HIDDEN").as_deref(), Some("unknown"), "{}", pull.stdout);
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-moved"));
    assert_eq!(repo.value("HIDDEN").as_deref(), Some("canary-hidden"), "it was removed");
    // Neither an edit nor a removal of it goes there; what is known does.
    repo.edit("NAME", "canary-mine");
    repo.edit("HIDDEN", "canary-edited");
    let push = repo.envsync(["push"]);
    assert!([0, 8].contains(&push.status), "{}\n{}", push.status, push.stderr);
    assert_eq!(scene.python("development", "result = get(location + '/NAME')"), json!("canary-mine"));
    assert_eq!(stored(), before, "it was pushed over");
    repo.drop_key("HIDDEN");
    repo.envsync(["push", "--prune"]);
    assert_eq!(stored(), before, "it was pruned");
    repo.edit("HIDDEN", "canary-hidden");
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.value("HIDDEN").as_deref(), Some("canary-hidden"));
}

/// Three keys, pulled.
fn three(store: Store) -> Option<Scene> {
    let scene = Scene::watched(store)?;
    scene.write("development", &[("NAME", "canary-name"), ("OTHER", "canary-other"), ("HIDDEN", "canary-hidden")]);
    scene.repo.envsync(["pull"]).ok();
    assert_eq!(scene.repo.values().len(), 3);
    Some(scene)
}

#[test]
fn a_secret_scheduled_for_deletion_is_unknown_and_the_others_arrive() {
    let Some(scene) = three(SECRETS_KEYS) else { return };
    scene.python("development", "sm.delete_secret(SecretId=location + '/HIDDEN')");
    scene.write("development", &[("NAME", "canary-moved")]);
    let deleted = "d = sm.describe_secret(SecretId=location + '/HIDDEN')\n\
        result = [str(d['DeletedDate']), sorted(d['VersionIdsToStages'])]";
    the_others_arrive(&scene, || Some(scene.python("development", deleted).to_string()));
}

/// A batch says of each secret that cannot be read why. moto knows no permissions: the forwarder answers for it, as
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html> describes.
#[test]
fn a_secret_that_is_denied_is_unknown_and_the_others_arrive() {
    let Some(scene) = three(SECRETS_KEYS) else { return };
    scene.write("development", &[("NAME", "canary-moved"), ("HIDDEN", "canary-unseen")]);
    let denied = r#"{"__type":"AccessDeniedException","Message":"not authorized"}"#;
    let hidden = format!("{}/HIDDEN\"", scene.location("development"));
    // The whole batch is refused, as where a policy names single secrets, and so is the one.
    scene.forwarder().on(&["BatchGetSecretValue"]).answer(400, denied, &[]);
    scene.forwarder().on(&["GetSecretValue", "DescribeSecret"]).containing(hidden).answer(400, denied, &[]);
    the_others_arrive(&scene, || Some(scene.python("development", "result = get(location + '/HIDDEN')").to_string()));
}

#[test]
fn a_batch_with_one_denied_secret_brings_the_others() {
    let Some(scene) = Scene::watched(SECRETS_KEYS) else { return };
    scene.write("development", &[("NAME", "canary-name"), ("OTHER", "canary-other"), ("HIDDEN", "canary-hidden")]);
    let answer = scene.python(
        "development",
        "names = [location + '/NAME', location + '/OTHER']\n\
         found = sm.batch_get_secret_value(SecretIdList=names)['SecretValues']\n\
         result = [{**s, 'CreatedDate': s['CreatedDate'].timestamp()} for s in found]",
    );
    let hidden = format!("{}/HIDDEN", scene.location("development"));
    let body = json!({"SecretValues": answer,
        "Errors": [{"SecretId": hidden, "ErrorCode": "AccessDeniedException", "Message": "not authorized"}]});
    scene.forwarder().on(&["BatchGetSecretValue"]).answer(200, &body.to_string(), &[]);
    let pull = scene.repo.envsync(["pull", "--json"]).ok();
    assert_eq!(state(&pull, "HIDDEN").as_deref(), Some("unknown"), "{}", pull.stdout);
    assert_eq!(scene.repo.values().into_keys().collect::<Vec<_>>(), ["NAME", "OTHER"]);
}

/// One parameter whose key may not be used fails the page and the batch it is in.
#[test]
#[cfg(feature = "ssm")]
fn a_parameter_that_is_denied_is_unknown_and_the_others_arrive() {
    let Some(scene) = three(super::common::PARAMETERS_KEYS) else { return };
    scene.write("development", &[("NAME", "canary-moved"), ("HIDDEN", "canary-unseen")]);
    let denied = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
    let hidden = format!("{}/HIDDEN\"", scene.location("development"));
    let decrypted = "\"WithDecryption\":true";
    scene.forwarder().on(&["GetParametersByPath"]).containing(decrypted).answer(400, denied, &[]);
    let single = ["GetParameters", "GetParameter", "GetParameterHistory"];
    scene.forwarder().on(&single).containing(hidden).containing(decrypted).answer(400, denied, &[]);
    the_others_arrive(&scene, || Some(scene.python("development", "result = get(location + '/HIDDEN')").to_string()));
}

#[test]
fn a_list_that_is_denied_is_made_up_by_the_names_that_are_known() {
    for store in [
        SECRETS_KEYS,
        #[cfg(feature = "ssm")]
        super::common::PARAMETERS_KEYS,
    ] {
        let Some(scene) = three(store) else { return };
        let denied = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
        scene.forwarder().on(&["ListSecrets", "GetParametersByPath"]).answer(400, denied, &[]);
        scene.write("development", &[("NAME", "canary-moved")]);
        scene.repo.envsync(["pull"]).ok();
        assert_eq!(scene.repo.value("NAME").as_deref(), Some("canary-moved"), "{store:?}");
        scene.repo.edit("OTHER", "canary-mine");
        scene.repo.edit("ADDED", "canary-added");
        scene.repo.envsync(["push"]).ok();
        let found = scene.read("development");
        assert_eq!((&*found["OTHER"], &*found["ADDED"]), ("canary-mine", "canary-added"), "{store:?}");
    }
}

#[test]
fn everything_denied_ends_with_5_and_names_what_is_missing() {
    for store in super::common::EVERY {
        let Some(scene) = Scene::watched(*store) else { return };
        scene.write("development", &[("NAME", "canary-name")]);
        scene.repo.envsync(["pull"]).ok();
        let before = scene.repo.env();
        let denied = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
        scene.forwarder().on(&["*"]).answer(400, denied, &[]);
        let service = if format!("{store:?}").contains("Secrets") { "secretsmanager:" } else { "ssm:" };
        scene.repo.envsync(["pull"]).ends(5).says(service);
        assert_eq!(scene.repo.env(), before, "{store:?}");
    }
}

#[test]
fn an_environment_that_had_keys_and_has_none_stops_with_4() {
    for store in super::common::EVERY {
        let Some(scene) = Scene::watched(*store) else { return };
        scene.write("development", &[("NAME", "canary-name"), ("OTHER", "canary-other")]);
        scene.repo.envsync(["pull"]).ok();
        let before = scene.repo.env();
        scene.remove("development", &["NAME", "OTHER"]);
        scene.repo.envsync(["pull"]).ends(4).says("--allow-empty");
        assert_eq!(scene.repo.env(), before, "{store:?}");
        scene.repo.envsync(["pull", "--allow-empty"]).ok();
        assert!(scene.repo.values().is_empty(), "{store:?}");
    }
}

#[test]
fn another_account_stops_with_4_until_use_accepts_it() {
    for store in super::common::EVERY {
        let Some(scene) = Scene::watched(*store) else { return };
        scene.write("development", &[("NAME", "canary-name")]);
        scene.repo.envsync(["pull"]).ok();
        let before = scene.repo.env();
        // The same place in an account that is somebody else's.
        let keys = scene.python(
            "development",
            "other = clients('111122223333')\nsm, ssm = other['secretsmanager'], other['ssm']\n\
             missing = sm.exceptions.ResourceNotFoundException\nwrite({'NAME': 'canary-elsewhere'})\n\
             result = credentials('111122223333')",
        );
        let text = |name: &str| keys[name].as_str().expect("credentials").to_owned();
        let mut repo = scene.repo.clone();
        repo.person = repo.person.with([
            ("AWS_ACCESS_KEY_ID", text("AccessKeyId")),
            ("AWS_SECRET_ACCESS_KEY", text("SecretAccessKey")),
            ("AWS_SESSION_TOKEN", text("SessionToken")),
        ]);
        for command in ["pull", "push", "sync"] {
            repo.envsync([command]).ends(4).says("111122223333");
            assert_eq!(repo.env(), before, "{store:?}: {command}");
        }
        repo.envsync(["use", "development"]).ok();
        assert_eq!(repo.value("NAME").as_deref(), Some("canary-elsewhere"), "{store:?}");
        assert_eq!(
            scene.read_key("development", "NAME").as_deref(),
            Some("canary-name"),
            "the first account is as it was"
        );
    }
}

#[test]
fn a_payload_that_is_no_json_object_is_left_alone() {
    for text in ["not json", "[1]", "\"text\"", "{\"A\": 1"] {
        let Some(scene) = Scene::watched(SECRETS_JSON) else { return };
        scene.write_text("development", text);
        scene.repo.write(".env", "NAME=canary-mine\n");
        let run = scene.repo.envsync(["push", "--yes"]);
        assert_ne!(run.status, 0, "{text}: {}", run.stdout);
        assert_eq!(scene.text("development").as_deref(), Some(text), "it was replaced");
        assert_eq!(scene.repo.env(), "NAME=canary-mine\n");
    }
}
