//! Writing secrets: compare-and-swap, its faults at every step, and what is done without the permission for it.

use super::scene::{ACCOUNT, Scene, client, environment_of, refusal, token, unchanged};
use crate::stores::support::{assert_done, commit, fetch, fetch_knowing, outcome, set, value};
use envsync::domain::config::Layout;
use envsync::domain::environment::Location;
use envsync::domain::snapshot::VersionId;
use envsync::ports::{Retry, StoreErrorKind, WriteGuarantee, block_on};
use envsync::stores::payload::{Lookup, PayloadStore, Precondition, WriteId};
use serde_json::json;
use std::thread;
use std::time::Duration;

const LEFT_OUT: &str = "writing to Secrets Manager";
const OLD_STAGE: &str = "envsync-1700000000-0123456789abcdef0123456789abcdef";

#[test]
fn a_push_takes_four_requests_and_leaves_no_stage() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    scene.moto.put(&scene.name("").0, r#"{"A":"canary-1","B":2}"#);
    let store = scene.environment(Layout::Json);
    let known = fetch(&*store);
    scene.forwarder.forget();
    let state = fetch_knowing(&*store, &known);
    let changes: Vec<_> = (0..100).map(|at| set(&format!("KEY_{at}"), &format!("canary-{at}"))).collect();
    assert_done(&commit(&*store, &changes, &state));
    let counts: Vec<_> = scene.forwarder.counts().into_iter().collect();
    let expected = [("DescribeSecret", 1), ("PutSecretValue", 1), ("UpdateSecretVersionStage", 2)];
    assert_eq!(counts, expected.map(|(action, count)| (action.to_owned(), count)));
    assert!(scene.private_stages("").is_empty());
    let now = fetch(&*store);
    assert_eq!(now.entries.len(), 102);
    assert_eq!(value(&now, "B").as_deref(), Some("2"));
}

#[test]
fn a_write_says_what_it_made_as_the_next_read_does() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let created = scene.put("A", "canary-1", Precondition::Absent).unwrap();
    let first = scene.found("A");
    assert_eq!((&created.version, &created.stamp, &created.resource), (&first.version, &first.stamp, &first.resource));
    let written = scene.put("A", "canary-2", unchanged(&first.version)).unwrap();
    let second = scene.found("A");
    assert_eq!(
        (&written.version, &written.stamp, &written.resource),
        (&second.version, &second.stamp, &second.resource)
    );
    assert_eq!(written.guarantee, WriteGuarantee::Conditional);
    assert_eq!(written.resource.scope, ACCOUNT);
    assert_eq!(second.write.map(|write| write.as_str().to_owned()), Some(second.version.0));
}

#[test]
fn a_secret_is_made_with_its_key_and_says_who_manages_it() {
    let change = |settings: &mut envsync::stores::aws::AwsSettings| settings.kms_key = Some("alias/acme".to_owned());
    let Some(scene) = Scene::with(LEFT_OUT, change) else { return };
    scene.put("A", "canary-1", Precondition::Absent).unwrap();
    let described = scene.moto.call("DescribeSecret", &json!({ "SecretId": scene.name("A").0 }));
    assert_eq!(described["Tags"], json!([{ "Key": "managed-by", "Value": "git-envsync" }]));
    assert_eq!(described["KmsKeyId"], "alias/acme");
    scene.refuse("CreateSecret", "ResourceNotFoundException");
    let error = scene.put("B", "canary-2", Precondition::Absent).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Denied);
    assert!(error.detail.contains("alias/acme"), "{}", error.detail);
}

#[test]
fn whoever_is_faster_between_put_and_move_wins() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let (moto, name) = (scene.moto, scene.name("").0);
    let version = moto.put(&name, "canary-1");
    scene.forwarder.before("UpdateSecretVersionStage", 0, move || drop(moto.put(&name, "canary-foreign")));
    assert_eq!(scene.put("", "canary-2", unchanged(&version)).unwrap_err().kind, StoreErrorKind::Moved);
    assert_eq!(scene.text(""), "canary-foreign");
    assert!(scene.private_stages("").is_empty());
}

#[test]
fn writers_at_once_are_all_there_and_leave_no_stage() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    scene.moto.put(&scene.name("").0, "{}");
    let writer = |number: u64| {
        let (url, location) = (scene.forwarder.url(), scene.location.clone());
        move || {
            let store = environment_of(client(&url, |_| {}), Layout::Json, location);
            let change = [set(&format!("KEY_{number}"), &format!("canary-{number}"))];
            for round in 0..100 {
                let report = commit(&*store, &change, &fetch(&*store));
                match outcome(&report, &format!("KEY_{number}")) {
                    None => return,
                    Some(kind) => assert_eq!(kind, StoreErrorKind::Moved),
                }
                thread::sleep(Duration::from_millis((number * 13 + round * 7) % 50));
            }
            panic!("it never won");
        }
    };
    let writers: Vec<_> = (0..8).map(|number| thread::spawn(writer(number))).collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(fetch(&*scene.environment(Layout::Json)).entries.len(), 8);
    assert!(scene.private_stages("").is_empty());
}

#[test]
fn a_write_that_ends_before_the_move_leaves_the_old_value_current() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let version = scene.moto.put(&scene.name("").0, "canary-1");
    scene.forwarder.on(&["UpdateSecretVersionStage"]).times(1).lose_request();
    assert_eq!(scene.put("", "canary-2", unchanged(&version)).unwrap_err().kind, StoreErrorKind::Unreachable);
    assert_eq!(scene.text(""), "canary-1");
    assert_eq!(scene.private_stages("").len(), 1);
}

#[test]
fn the_same_write_again_is_one_write_whatever_answer_was_lost() {
    for (action, skip) in [("PutSecretValue", 0), ("UpdateSecretVersionStage", 0)] {
        let Some(scene) = Scene::new(LEFT_OUT) else { return };
        let version = scene.moto.put(&scene.name("").0, "canary-1");
        let write = WriteId::from_random(7, skip as u64);
        scene.forwarder.on(&[action]).skip(skip).times(1).lose_answer();
        let error = scene.put_as(&write, "", "canary-2", unchanged(&version)).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Unreachable, "{action}");
        let written = scene.put_as(&write, "", "canary-2", unchanged(&version)).unwrap();
        assert_eq!(written.version.0, write.as_str());
        assert_eq!(scene.text(""), "canary-2");
        assert!(scene.private_stages("").is_empty(), "{action}");
        assert_eq!(block_on(scene.payloads.history(&scene.name(""), 10)).unwrap().len(), 2);
    }
}

#[test]
fn a_stage_that_cannot_be_dropped_does_not_undo_the_write() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let version = scene.moto.put(&scene.name("").0, "canary-1");
    scene.forwarder.on(&["UpdateSecretVersionStage"]).skip(1).times(1).lose_request();
    scene.put("", "canary-2", unchanged(&version)).unwrap();
    assert_eq!(scene.text(""), "canary-2");
}

#[test]
fn abandoned_stages_go_after_a_write_and_young_ones_stay() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let name = scene.name("");
    let version = scene.moto.put(&name.0, "canary-1");
    let young = format!("envsync-99999999999-{}", WriteId::from_random(3, 4));
    scene.moto.put_staged(&name.0, "canary-try", &[OLD_STAGE], &token());
    scene.moto.put_staged(&name.0, "canary-try", &[young.as_str()], &token());
    block_on(scene.payloads.stamps(std::slice::from_ref(&name))).unwrap();
    scene.forwarder.forget();
    scene.put("", "canary-2", unchanged(&version)).unwrap();
    assert_eq!(scene.private_stages(""), [young]);
    assert_eq!(scene.forwarder.count("DescribeSecret"), 0);
    assert_eq!(scene.forwarder.count("UpdateSecretVersionStage"), 3);
}

#[test]
fn a_secret_full_of_abandoned_stages_is_cleaned_and_takes_the_next_try() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let name = scene.name("");
    let version = scene.moto.put(&name.0, "canary-1");
    block_on(scene.payloads.stamps(std::slice::from_ref(&name))).unwrap();
    for at in 0..19 {
        let stage = format!("envsync-1700000000-{}", WriteId::from_random(5, at));
        scene.moto.put_staged(&name.0, "canary-try", &[stage.as_str()], &token());
    }
    let error = scene.put("", "canary-2", unchanged(&version)).unwrap_err();
    assert_eq!((error.kind, error.retry), (StoreErrorKind::Moved, Retry::Soon));
    assert!(scene.private_stages("").is_empty());
    scene.put("", "canary-2", unchanged(&version)).unwrap();
    assert_eq!(scene.text(""), "canary-2");
}

#[test]
fn who_may_not_move_stages_puts_and_looks_and_is_told_so() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let version = scene.moto.put(&scene.name("").0, "canary-1");
    scene.refuse("UpdateSecretVersionStage", "AccessDeniedException");
    let written = scene.put("", "canary-2", unchanged(&version)).unwrap();
    assert_eq!((written.guarantee, written.overwrote), (WriteGuarantee::Detected, Some(version)));
    let found = scene.found("");
    assert_eq!(
        (found.version, found.stamp, found.resource),
        (written.version.clone(), written.stamp, written.resource)
    );
    let asked = scene.forwarder.count("UpdateSecretVersionStage");
    let again = scene.put("", "canary-3", unchanged(&written.version)).unwrap();
    assert_eq!(again.overwrote, Some(written.version));
    assert_eq!(scene.forwarder.count("UpdateSecretVersionStage"), asked);
    assert_eq!(scene.text(""), "canary-3");
}

#[test]
fn a_put_without_moves_tells_whom_it_ran_over() {
    for describes in [true, false] {
        let Some(scene) = Scene::new(LEFT_OUT) else { return };
        let (moto, name) = (scene.moto, scene.name("").0);
        let version = moto.put(&name, "canary-1");
        scene.refuse("UpdateSecretVersionStage", "AccessDeniedException");
        if !describes {
            scene.refuse("DescribeSecret", "AccessDeniedException");
        }
        // The first put goes under a stage of its own, the second one is current at once.
        let other = name.clone();
        scene.forwarder.before("PutSecretValue", 1, move || drop(moto.put(&other, "canary-foreign")));
        let written = scene.put("", "canary-2", unchanged(&version)).unwrap();
        let overwrote = written.overwrote.expect("it ran over somebody");
        assert_ne!(overwrote, version);
        let lost = block_on(scene.payloads.get_version(&scene.name(""), &overwrote)).unwrap();
        assert_eq!(lost.value.expose(), b"canary-foreign");
        assert_eq!(scene.put("", "canary-3", unchanged(&version)).unwrap_err().kind, StoreErrorKind::Moved);
        assert_eq!(scene.text(""), "canary-2");
    }
}

#[test]
fn the_lost_answer_of_a_put_without_moves_is_recognised() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let version = scene.moto.put(&scene.name("").0, "canary-1");
    scene.refuse("UpdateSecretVersionStage", "AccessDeniedException");
    scene.forwarder.on(&["PutSecretValue"]).skip(1).times(1).lose_answer();
    let write = WriteId::from_random(11, 12);
    let error = scene.put_as(&write, "", "canary-2", unchanged(&version)).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unreachable);
    assert_eq!(scene.found("").write, Some(write.clone()));
    let written = scene.put_as(&write, "", "canary-2", unchanged(&version)).unwrap();
    assert_eq!((written.guarantee, written.overwrote), (WriteGuarantee::Detected, Some(version)));
}

#[test]
fn a_denied_write_names_the_permission() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let version = scene.moto.put(&scene.name("").0, "canary-1");
    for (action, when) in [("PutSecretValue", unchanged(&version)), ("CreateSecret", Precondition::Absent)] {
        scene.refuse(action, "AccessDeniedException");
        let error = scene.put("", "canary-2", when).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Denied);
        assert!(error.detail.contains(&format!("secretsmanager:{action} on {}", scene.location)), "{}", error.detail);
    }
}

#[test]
fn a_name_that_is_taken_or_reserved_is_not_created() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let name = scene.name("A").0;
    let version = scene.moto.put(&name, "canary-1");
    assert_eq!(scene.put("A", "canary-2", Precondition::Absent).unwrap_err().kind, StoreErrorKind::Moved);
    scene.moto.schedule_deletion(&name);
    for when in [Precondition::Absent, unchanged(&version)] {
        assert_eq!(scene.put("A", "canary-2", when).unwrap_err().kind, StoreErrorKind::PendingDeletion);
    }
    block_on(scene.payloads.restore(&scene.name("A"))).unwrap();
    assert_eq!(scene.text("A"), "canary-1");
}

#[test]
fn a_secret_that_was_made_without_a_value_gets_its_first_one_once() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    scene.moto.call("CreateSecret", &json!({ "Name": scene.name("A").0, "ClientRequestToken": token() }));
    scene.refuse("CreateSecret", "ResourceExistsException");
    let written = scene.put("A", "canary-1", Precondition::Absent).unwrap();
    assert_eq!(written.version, scene.found("A").version);
    assert!(scene.private_stages("A").is_empty());
    scene.moto.call("CreateSecret", &json!({ "Name": scene.name("B").0, "ClientRequestToken": token() }));
    let (moto, name) = (scene.moto, scene.name("B").0);
    let fill = move || moto.put_staged(&name, "canary-foreign", &["AWSCURRENT"], &token());
    scene.forwarder.before("PutSecretValue", 0, fill);
    assert_eq!(scene.put("B", "canary-2", Precondition::Absent).unwrap_err().kind, StoreErrorKind::Moved);
    assert_eq!(scene.text("B"), "canary-foreign");
    assert!(scene.private_stages("B").is_empty());
}

#[test]
fn what_somebody_else_manages_is_not_written() {
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x-AbCdEf";
    for (more, word) in [
        (json!({ "RotationEnabled": true }), "rotated"),
        (json!({ "OwningService": "rds" }), "rds"),
        (json!({ "PrimaryRegion": "us-east-1" }), "us-east-1"),
    ] {
        let Some(scene) = Scene::new(LEFT_OUT) else { return };
        let version = scene.moto.put(&scene.name("").0, "canary-1");
        let mut body = json!({ "ARN": arn, "VersionIdsToStages": { &version.0: ["AWSCURRENT"] } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        scene.forwarder.answer("DescribeSecret", 200, &body.to_string(), &[]);
        let error = scene.put("", "canary-2", unchanged(&version)).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Unstorable);
        assert!(error.detail.contains(word), "{}", error.detail);
        let error = block_on(scene.payloads.delete(&scene.name(""), &version)).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Unstorable);
        assert_eq!(scene.forwarder.count("PutSecretValue") + scene.forwarder.count("DeleteSecret"), 0);
        assert_eq!(scene.text(""), "canary-1");
    }
}

#[test]
fn who_may_not_describe_writes_all_the_same() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let version = scene.moto.put(&scene.name("").0, "canary-1");
    scene.refuse("DescribeSecret", "AccessDeniedException");
    let written = scene.put("", "canary-2", unchanged(&version)).unwrap();
    assert_eq!(written.guarantee, WriteGuarantee::Conditional);
    scene.put("", "canary-3", unchanged(&written.version)).unwrap();
    assert_eq!(scene.text(""), "canary-3");
    assert_eq!(scene.forwarder.count("DescribeSecret"), 1);
}

#[test]
fn an_arn_is_read_and_updated_and_never_created() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    scene.moto.put(&scene.name("").0, r#"{"A":"canary-1"}"#);
    let arn = scene.found("").resource.name;
    let store = scene.environment_at(Layout::Json, Location::new(arn.as_str()));
    let state = fetch(&*store);
    assert_eq!(value(&state, "A").as_deref(), Some("canary-1"));
    assert_done(&commit(&*store, &[set("A", "canary-2")], &state));
    assert_eq!(value(&fetch(&*scene.environment(Layout::Json)), "A").as_deref(), Some("canary-2"));
    let other = arn.rsplit_once('-').map(|(name, _)| format!("{name}-none-AbCdEf")).unwrap();
    let store = scene.environment_at(Layout::Json, Location::new(other));
    let report = commit(&*store, &[set("A", "canary-3")], &fetch(&*store));
    let error = report.outcomes.into_values().next().unwrap().unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unstorable);
    assert_eq!(scene.forwarder.count("CreateSecret"), 0);
    let keys = scene.environment_at(Layout::Keys, Location::new(arn));
    assert_eq!(block_on(keys.fetch(envsync::ports::Reading::default())).unwrap_err().kind, StoreErrorKind::Unstorable);
}

#[test]
fn a_deletion_tells_what_it_took_away_and_can_be_taken_back() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let name = scene.name("A");
    let version = scene.moto.put(&name.0, "canary-1");
    let stale = VersionId(token());
    assert_eq!(block_on(scene.payloads.delete(&name, &stale)).unwrap_err().kind, StoreErrorKind::Moved);
    let (moto, other) = (scene.moto, name.0.clone());
    scene.forwarder.before("DeleteSecret", 0, move || drop(moto.put(&other, "canary-foreign")));
    let deleted = block_on(scene.payloads.delete(&name, &version)).unwrap();
    assert!(deleted.overwrote.is_some_and(|overwrote| overwrote != version));
    assert!(matches!(scene.get("A"), Lookup::Deleted { recoverable: true }));
    block_on(scene.payloads.restore(&name)).unwrap();
    assert_eq!(scene.text("A"), "canary-foreign");
    let now = scene.found("A").version;
    assert_eq!(block_on(scene.payloads.delete(&name, &now)).unwrap().overwrote, Some(now.clone()));
    // The same deletion again, as after a lost answer.
    assert_eq!(block_on(scene.payloads.delete(&name, &now)).unwrap().overwrote, Some(now));
}

#[test]
fn a_key_that_cannot_encrypt_is_said_to_be_the_reason() {
    let Some(scene) = Scene::new(LEFT_OUT) else { return };
    let version = scene.moto.put(&scene.name("").0, "canary-1");
    scene.forwarder.on(&["PutSecretValue"]).answer(400, &refusal("EncryptionFailure"), &[]);
    let error = scene.put("", "canary-2", unchanged(&version)).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Denied);
    assert!(error.detail.contains("KMS"), "{}", error.detail);
}
