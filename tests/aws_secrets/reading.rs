//! Reading secrets: batches, lists, histories, and one outcome per name.

use super::scene::{ACCOUNT, Scene, refusal, token};
use envsync::domain::environment::Location;
use envsync::domain::snapshot::PayloadName;
use envsync::ports::{Retry, StoreErrorKind, block_on};
use envsync::stores::payload::{Currency, Lookup, PayloadStore, Precondition};
use serde_json::json;
use std::collections::BTreeSet;

const LEFT_OUT: &str = "reading from Secrets Manager";

fn kind<T: std::fmt::Debug>(lookup: &Lookup<T>) -> StoreErrorKind {
    match lookup {
        Lookup::Unreadable(error) => error.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_travel_twenty_a_request_and_each_has_its_outcome() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let mut names = scene.plant(43);
    scene.moto.schedule_deletion(&names[3].0);
    names.extend([scene.name("MISSING_1"), scene.name("MISSING_2")]);
    let all = block_on(scene.payloads.get_many(&names)).unwrap();
    assert_eq!(scene.forwarder.counts().into_iter().collect::<Vec<_>>(), [("BatchGetSecretValue".to_owned(), 3)]);
    assert_eq!(all.len(), 45);
    for (at, name) in names.iter().enumerate() {
        match &all[name] {
            Lookup::Deleted { recoverable: true } if at == 3 => {}
            Lookup::Absent if at >= 43 => {}
            Lookup::Found(payload) => assert_eq!(payload.value.expose(), format!("canary-{at}").as_bytes()),
            other => panic!("{}: {other:?}", name.0),
        }
    }
}

#[test]
fn the_answer_names_the_account_that_really_answered() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    scene.moto.put(&scene.name("").0, "canary");
    let payload = scene.found("");
    assert_eq!(payload.resource.scope, ACCOUNT);
    assert!(payload.resource.name.starts_with("arn:aws:secretsmanager:eu-central-1:123456789012:secret:acme/secrets-"));
    assert_eq!(payload.write, None);
}

#[test]
fn what_a_batch_says_of_one_name_is_about_that_name_alone() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let names = scene.plant(6);
    let codes = [
        "AccessDeniedException",
        "DecryptionFailure",
        "InvalidRequestException",
        "ResourceNotFoundException",
        "InternalServiceError",
    ];
    let errors: Vec<_> =
        codes.iter().zip(&names).map(|(code, name)| json!({ "ErrorCode": code, "SecretId": name.0 })).collect();
    let value = json!({ "ARN": "arn:aws:secretsmanager:r:a:secret:x-AbCdEf", "Name": names[5].0, "VersionId": "v",
        "SecretString": "canary-5" });
    let body = json!({ "Errors": errors, "SecretValues": [value] }).to_string();
    scene.forwarder.answer("BatchGetSecretValue", 200, &body, &[]);
    let all = block_on(scene.payloads.get_many(&names)).unwrap();
    assert_eq!(kind(&all[&names[0]]), StoreErrorKind::Denied);
    assert_eq!(kind(&all[&names[1]]), StoreErrorKind::Undecryptable);
    assert!(matches!(all[&names[2]], Lookup::Deleted { recoverable: true }));
    assert!(matches!(all[&names[3]], Lookup::Absent));
    let Lookup::Unreadable(error) = &all[&names[4]] else { panic!("{all:?}") };
    assert_eq!((error.kind, error.retry), (StoreErrorKind::Unreachable, Retry::Soon));
    assert_eq!(error.payload.as_ref(), Some(&names[4]));
    assert!(matches!(all[&names[5]], Lookup::Found(_)));
    assert_eq!(scene.forwarder.count("GetSecretValue"), 0);
}

#[test]
fn who_may_not_read_batches_reads_one_by_one_and_asks_for_a_batch_once() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let names = scene.plant(5);
    scene.refuse("BatchGetSecretValue", "AccessDeniedException");
    let denied = scene.forwarder.on(&["GetSecretValue"]).containing(format!(r#""{}""#, names[1].0));
    denied.answer(400, &refusal("AccessDeniedException"), &[]);
    for _ in 0..2 {
        let all = block_on(scene.payloads.get_many(&names)).unwrap();
        assert_eq!(kind(&all[&names[1]]), StoreErrorKind::Denied);
        assert_eq!(all.values().filter(|lookup| matches!(lookup, Lookup::Found(_))).count(), 4);
    }
    assert_eq!(scene.forwarder.count("BatchGetSecretValue"), 1);
    assert_eq!(scene.forwarder.count("GetSecretValue"), 10);
}

#[test]
fn names_that_a_batch_forgot_are_asked_for_one_by_one() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let names = scene.plant(3);
    scene.forwarder.answer("BatchGetSecretValue", 200, r#"{"SecretValues":[],"NextToken":"more"}"#, &[]);
    let all = block_on(scene.payloads.get_many(&names)).unwrap();
    assert!(all.values().all(|lookup| matches!(lookup, Lookup::Found(_))), "{all:?}");
}

#[test]
fn a_batch_that_fails_takes_no_other_with_it() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let names = scene.plant(25);
    let first = scene.forwarder.on(&["BatchGetSecretValue"]).containing(format!(r#""{}""#, names[0].0));
    first.answer(400, &refusal("InternalServiceError"), &[]);
    let all = block_on(scene.payloads.get_many(&names)).unwrap();
    for (at, name) in names.iter().enumerate() {
        match &all[name] {
            Lookup::Unreadable(error) if at < 20 => {
                assert_eq!((error.kind, error.retry), (StoreErrorKind::Unreachable, Retry::Soon));
                assert_eq!(error.payload.as_ref(), Some(name));
            }
            Lookup::Found(_) if at >= 20 => {}
            other => panic!("{}: {other:?}", name.0),
        }
    }
}

#[test]
fn a_list_has_all_pages_and_only_direct_children() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let names = scene.plant(104);
    scene.moto.schedule_deletion(&names[7].0);
    scene.moto.put(&scene.name("web/DEEPER").0, "canary-deeper");
    scene.moto.put(&scene.name("").0, "canary-whole");
    scene.moto.put(&format!("{}-other/KEY_1", scene.location), "canary-other");
    let listed = block_on(scene.payloads.list(&scene.location)).unwrap();
    assert_eq!(scene.forwarder.count("ListSecrets"), 2);
    let found: BTreeSet<&PayloadName> = listed.iter().map(|entry| &entry.name).collect();
    assert_eq!(found, names.iter().collect());
    let stamps = block_on(scene.payloads.stamps(&names[..10])).unwrap();
    for entry in listed.iter().filter(|entry| names[..10].contains(&entry.name)) {
        match &stamps[&entry.name] {
            Lookup::Deleted { recoverable: true } => assert_eq!(entry.name, names[7]),
            Lookup::Found(stamp) => assert_eq!(entry.stamp.as_ref(), Some(stamp)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        Some(&scene.found("KEY_0").stamp),
        listed.iter().find(|one| one.name == names[0]).unwrap().stamp.as_ref()
    );
}

#[test]
fn an_illegal_location_or_an_arn_is_not_listed() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    for location in ["acme production", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:acme-AbCdEf"] {
        let error = block_on(scene.payloads.list(&Location::new(location))).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Unstorable);
    }
    assert!(scene.forwarder.counts().is_empty());
}

#[test]
fn a_secret_that_was_deleted_and_made_again_is_another() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let (name, token) = (scene.name("").0, token());
    let make = || {
        scene.moto.call("CreateSecret", &json!({ "Name": name, "SecretString": "canary", "ClientRequestToken": token }))
    };
    make();
    let before = scene.found("").stamp;
    scene.moto.delete(&name);
    make();
    let after = scene.found("");
    assert_eq!(after.version.0, token);
    assert_ne!(after.stamp, before);
}

#[test]
fn bytes_that_are_no_text_are_read_as_they_are() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let name = scene.name("").0;
    scene.moto.call("CreateSecret", &json!({ "Name": name, "SecretBinary": "/wBj", "ClientRequestToken": token() }));
    assert_eq!(scene.found("").value.expose(), [0xff, 0, b'c']);
}

#[test]
fn a_secret_without_a_value_is_absent() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let name = scene.name("");
    scene.moto.call("CreateSecret", &json!({ "Name": name.0, "ClientRequestToken": token() }));
    assert!(matches!(scene.get(""), Lookup::Absent));
    let stamps = block_on(scene.payloads.stamps(std::slice::from_ref(&name))).unwrap();
    assert!(matches!(stamps[&name], Lookup::Absent));
}

#[test]
fn a_history_has_the_current_version_first_and_no_try_under_way() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let name = scene.name("");
    let first = scene.moto.put(&name.0, "canary-1");
    let second = scene.put("", "canary-2", Precondition::Unchanged(first.clone())).unwrap().version;
    let third = scene.moto.put(&name.0, "canary-3");
    scene.moto.put_staged(&name.0, "canary-try", &["envsync-1700000000-0123456789abcdef0123456789abcdef"], &token());
    let versions = block_on(scene.payloads.history(&name, 10)).unwrap();
    let order: Vec<_> = versions.iter().map(|one| one.version.clone()).collect();
    assert_eq!(order, [third, second.clone(), first.clone()]);
    let current: Vec<_> = versions.iter().map(|one| one.currency == Currency::Current).collect();
    assert_eq!(current, [true, false, false]);
    assert!(versions.iter().all(|one| one.created.is_some_and(|time| time.0 > 1_700_000_000)));
    assert_eq!(block_on(scene.payloads.history(&name, 2)).unwrap().len(), 2);
    let former = block_on(scene.payloads.get_version(&name, &first)).unwrap();
    assert_eq!((former.value.expose(), former.version), (&b"canary-1"[..], first));
    let ours = block_on(scene.payloads.get_version(&name, &second)).unwrap();
    assert_eq!(ours.write.map(|write| write.as_str().to_owned()), Some(second.0));
    let unknown = envsync::domain::snapshot::VersionId(token());
    let error = block_on(scene.payloads.get_version(&name, &unknown)).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unsupported);
}
