//! Writing: what a write asks for, what it says it ran over, and what is refused before anything is asked.

use super::scene::{ACCOUNT, Scene, version};
use envsync::domain::secret::SecretBytes;
use envsync::ports::{StoreErrorKind, WriteGuarantee, block_on};
use envsync::stores::payload::{Labels, Lookup, PayloadStore, Precondition, Put, WriteId};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

#[test]
fn a_write_answers_the_version_a_read_then_finds() {
    let Some(scene) = Scene::new("versions of written parameters") else { return };
    let made = scene.put("A", "canary-1", Precondition::Absent).unwrap();
    let read = scene.found("A");
    assert_eq!((&made.version, &made.stamp, made.overwrote), (&read.version, &read.stamp, None));
    assert_eq!((made.guarantee, made.resource.scope.as_str()), (WriteGuarantee::Detected, ACCOUNT));
    let next = scene.put("A", "canary-2", Precondition::Unchanged(read.version.clone())).unwrap();
    assert_eq!(next.overwrote, Some(read.version));
    assert_eq!(next.version, scene.found("A").version);
}

#[test]
fn a_creation_meets_another_one_and_writes_nothing() {
    let Some(scene) = Scene::new("creations of parameters") else { return };
    scene.moto.put(&scene.name("A").0, "canary-foreign");
    assert_eq!(scene.put("A", "canary-1", Precondition::Absent).unwrap_err().kind, StoreErrorKind::Moved);
    assert_eq!(scene.moto.value(&scene.name("A").0).as_deref(), Some("canary-foreign"));
}

#[test]
fn one_or_two_versions_of_others_in_between_are_told() {
    let Some(scene) = Scene::new("races on parameters") else { return };
    for others in 1..=2 {
        let key = format!("A{others}");
        scene.put(&key, "canary-1", Precondition::Absent).unwrap();
        let expected = scene.found(&key).version;
        let (moto, name) = (scene.moto, scene.name(&key).0);
        scene.forwarder.before("PutParameter", 0, move || {
            (0..others).for_each(|at| moto.put(&name, &format!("canary-foreign-{at}")));
        });
        let made = scene.put(&key, "canary-2", Precondition::Unchanged(expected.clone())).unwrap();
        let theirs = made.overwrote.expect("it ran over somebody");
        assert_ne!(theirs, expected);
        let kept = block_on(scene.payloads.get_version(&scene.name(&key), &theirs)).unwrap();
        assert_eq!(kept.value.expose(), format!("canary-foreign-{}", others - 1).as_bytes());
        assert_eq!(kept.version, theirs);
    }
}

#[test]
fn where_versions_may_not_be_looked_at_the_numbers_still_tell() {
    let Some(scene) = Scene::new("races on parameters that may not be looked at") else { return };
    scene.put("A", "canary-1", Precondition::Absent).unwrap();
    let expected = scene.found("A").version;
    scene.forwarder.answer("GetParameter", 400, r#"{"__type":"AccessDeniedException"}"#, &[]);
    let made = scene.put("A", "canary-2", Precondition::Unchanged(expected.clone())).unwrap();
    assert_eq!((made.overwrote, made.version.0.as_str()), (Some(expected.clone()), "2@"));
    assert_eq!(made.resource.scope, ACCOUNT);
    assert_ne!(made.version, scene.found("A").version);
    let made = scene.put("A", "canary-3", Precondition::Unchanged(expected)).unwrap();
    assert_eq!(made.overwrote, Some(version("2@")));
}

#[test]
fn a_parameter_made_anew_with_the_same_number_is_another_one() {
    let Some(scene) = Scene::new("parameters made anew") else { return };
    let name = scene.name("A");
    scene.put("A", "canary-1", Precondition::Absent).unwrap();
    let expected = scene.found("A").version;
    scene.moto.delete(&name.0);
    scene.moto.put(&name.0, "canary-foreign");
    let now = scene.found("A").version;
    assert!(now != expected && now.0.starts_with("1@") && expected.0.starts_with("1@"));
    assert!(block_on(scene.payloads.get_version(&name, &expected)).is_err());
    assert_eq!(block_on(scene.payloads.delete(&name, &expected)).unwrap_err().kind, StoreErrorKind::Moved);
    assert_eq!(scene.moto.value(&name.0).as_deref(), Some("canary-foreign"));
    // Also where it happens between the last look and the write.
    let expected = now;
    let moto = scene.moto;
    scene.forwarder.before("PutParameter", 0, {
        let name = name.0.clone();
        move || {
            moto.delete(&name);
            moto.put(&name, "canary-newer");
        }
    });
    let made = scene.put("A", "canary-2", Precondition::Unchanged(expected.clone())).unwrap();
    let theirs = made.overwrote.expect("it ran over somebody");
    assert_ne!(theirs, expected);
    let kept = block_on(scene.payloads.get_version(&name, &theirs)).unwrap();
    assert_eq!(kept.value.expose(), b"canary-newer");
}

#[test]
fn a_write_over_a_deletion_says_that_nothing_was_there() {
    let Some(scene) = Scene::new("writes over deletions") else { return };
    scene.put("A", "canary-1", Precondition::Absent).unwrap();
    let expected = scene.found("A").version;
    let (moto, name) = (scene.moto, scene.name("A").0);
    scene.forwarder.before("PutParameter", 0, move || moto.delete(&name));
    let made = scene.put("A", "canary-2", Precondition::Unchanged(expected)).unwrap();
    assert_eq!(made.overwrote, None);
}

#[test]
fn a_crash_between_a_write_and_the_look_after_it_loses_nothing() {
    let Some(scene) = Scene::new("crashes after writing a parameter") else { return };
    scene.put("A", "canary-1", Precondition::Absent).unwrap();
    let expected = scene.found("A").version;
    let (moto, name) = (scene.moto, scene.name("A").0);
    scene.forwarder.before("PutParameter", 0, move || moto.put(&name, "canary-foreign"));
    scene.forwarder.forget();
    let (name, value) = (scene.name("A"), SecretBytes::from("canary-2"));
    let write = WriteId::from_random(1, 2);
    let when = Precondition::Unchanged(expected.clone());
    let labels = Labels::new();
    {
        // Driven until the write has arrived, then dropped.
        let put = Put { name: &name, value: &value, when, write: &write, labels: &labels };
        let mut writing = pin!(scene.payloads.put(put));
        let began = Instant::now();
        while moto.value(&name.0).as_deref() != Some("canary-2") {
            assert!(began.elapsed() < Duration::from_secs(20), "the write never arrived");
            let polled = writing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if polled.is_ready() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let versions = block_on(scene.payloads.history(&name, 10)).unwrap();
    assert_eq!((versions.len(), &versions[2].version), (3, &expected));
    let theirs = block_on(scene.payloads.get_version(&name, &versions[1].version)).unwrap();
    assert_eq!(theirs.value.expose(), b"canary-foreign");
}

#[test]
fn what_is_created_is_encrypted_and_says_who_manages_it() {
    let kms = |settings: &mut envsync::stores::aws::AwsSettings| settings.kms_key = Some("alias/canary-kms".to_owned());
    let Some(scene) = Scene::with("settings of created parameters", kms) else { return };
    scene.put("A", "canary-1", Precondition::Absent).unwrap();
    let created = &scene.forwarder.bodies("PutParameter")[0];
    for part in [
        r#""Type":"SecureString""#,
        r#""KeyId":"alias/canary-kms""#,
        r#""Overwrite":false"#,
        r#""Tier":"Standard""#,
        r#"{"Key":"managed-by","Value":"git-envsync"}"#,
    ] {
        assert!(created.contains(part), "{part} in {created}");
    }
    let expected = scene.found("A").version;
    scene.put("A", "canary-2", Precondition::Unchanged(expected)).unwrap();
    let updated = &scene.forwarder.bodies("PutParameter")[1];
    assert!(updated.contains(r#""Overwrite":true"#) && !updated.contains("Tags"), "{updated}");
}

#[test]
fn a_policy_that_forbids_tags_does_not_forbid_to_create() {
    let Some(scene) = Scene::new("creations without tags") else { return };
    let denied = r#"{"__type":"AccessDeniedException"}"#;
    scene.forwarder.on(&["PutParameter"]).containing("\"Tags\"").answer(400, denied, &[]);
    scene.put("A", "canary-1", Precondition::Absent).unwrap();
    assert_eq!(scene.found("A").value.expose(), b"canary-1");
}

#[test]
fn type_key_and_tier_of_others_stay() {
    let Some(scene) = Scene::new("settings of updated parameters") else { return };
    let make = |key: &str, kind: &str, extra: &[(&str, &str)]| {
        let mut body = serde_json::json!({ "Name": scene.name(key).0, "Value": "canary-1", "Type": kind });
        extra.iter().for_each(|(name, value)| body[*name] = (*value).into());
        scene.moto.call("PutParameter", &body);
    };
    make("PLAIN", "String", &[]);
    make("LIST", "StringList", &[]);
    make("KMS", "SecureString", &[("KeyId", "alias/canary-kms")]);
    make("ADVANCED", "SecureString", &[("Tier", "Advanced")]);
    for key in ["PLAIN", "LIST", "KMS", "ADVANCED"] {
        let expected = scene.found(key).version;
        scene.put(key, "canary-2", Precondition::Unchanged(expected)).unwrap();
    }
    assert_eq!(scene.moto.described(&scene.name("PLAIN").0)["Type"], "String");
    assert_eq!(scene.moto.described(&scene.name("LIST").0)["Type"], "StringList");
    assert_eq!(scene.moto.described(&scene.name("ADVANCED").0)["Tier"], "Advanced");
    let bodies = scene.forwarder.bodies("PutParameter");
    assert!(!bodies[0].contains("KeyId") && !bodies[1].contains("KeyId"));
    assert!(bodies[2].contains(r#""KeyId":"alias/canary-kms""#), "{}", bodies[2]);
    assert!(bodies[3].contains(r#""Tier":"Advanced""#), "{}", bodies[3]);
}

#[test]
fn where_nothing_may_be_described_the_history_tells() {
    let Some(scene) = Scene::new("updates without descriptions") else { return };
    let mut body = serde_json::json!({ "Name": scene.name("A").0, "Value": "canary-1", "Type": "SecureString" });
    body["KeyId"] = "alias/canary-kms".into();
    body["Tier"] = "Advanced".into();
    scene.moto.call("PutParameter", &body);
    scene.forwarder.answer("DescribeParameters", 400, r#"{"__type":"AccessDeniedException"}"#, &[]);
    let expected = scene.found("A").version;
    scene.put("A", "canary-2", Precondition::Unchanged(expected)).unwrap();
    let written = &scene.forwarder.bodies("PutParameter")[0];
    assert!(written.contains(r#""KeyId":"alias/canary-kms""#) && written.contains(r#""Tier":"Advanced""#), "{written}");
}

#[test]
fn where_no_settings_may_be_asked_for_the_type_that_was_read_stays() {
    let Some(scene) = Scene::new("updates without settings") else { return };
    let body = serde_json::json!({ "Name": scene.name("PLAIN").0, "Value": "canary-1", "Type": "String" });
    scene.moto.call("PutParameter", &body);
    for target in ["DescribeParameters", "GetParameterHistory"] {
        scene.forwarder.answer(target, 400, r#"{"__type":"AccessDeniedException"}"#, &[]);
    }
    let expected = scene.found("PLAIN").version;
    scene.put("PLAIN", "canary-2", Precondition::Unchanged(expected)).unwrap();
    let written = &scene.forwarder.bodies("PutParameter")[0];
    assert!(written.contains(r#""Type":"String""#) && written.contains("Intelligent-Tiering"), "{written}");
}

#[test]
fn settings_that_cannot_be_asked_for_at_the_moment_stop_a_write() {
    let Some(scene) = Scene::new("updates while throttled") else { return };
    scene.put("A", "canary-1", Precondition::Absent).unwrap();
    scene.forwarder.answer("DescribeParameters", 400, r#"{"__type":"ThrottlingException"}"#, &[]);
    let expected = scene.found("A").version;
    let throttled = scene.put("A", "canary-2", Precondition::Unchanged(expected)).unwrap_err();
    assert_eq!((throttled.kind, scene.forwarder.count("PutParameter")), (StoreErrorKind::Throttled, 1));
}

#[test]
fn a_parameter_that_grew_out_of_its_tier_stays_in_the_new_one() {
    let Some(scene) = Scene::new("tiers of shrinking parameters") else { return };
    let mut version = scene.put("A", "canary-1", Precondition::Absent).unwrap().version;
    for value in ["canary-2", &"c".repeat(5_000), "canary-3"] {
        version = scene.put("A", value, Precondition::Unchanged(version)).unwrap().version;
    }
    assert_eq!(scene.moto.described(&scene.name("A").0)["Tier"], "Advanced");
}

#[test]
fn a_value_over_four_kilobytes_is_an_advanced_parameter() {
    let Some(scene) = Scene::new("tiers of parameters") else { return };
    for (key, bytes, tier) in [("A", 4_096, "Standard"), ("B", 4_097, "Advanced"), ("C", 8_192, "Advanced")] {
        let value = "c".repeat(bytes);
        scene.put(key, &value, Precondition::Absent).unwrap();
        assert_eq!(scene.moto.described(&scene.name(key).0)["Tier"], tier);
        assert_eq!(scene.found(key).value.expose().len(), bytes);
    }
}

#[test]
fn what_the_service_would_refuse_is_refused_without_a_request() {
    let Some(scene) = Scene::new("refusals without a request") else { return };
    let refused = |value: &str| scene.put("A", value, Precondition::Absent).unwrap_err();
    let nested = refused("canary {{ssm:other}}");
    assert_eq!(nested.kind, StoreErrorKind::Unstorable);
    assert!(nested.detail.contains("{{ }}") && !nested.detail.contains("canary"));
    assert_eq!(refused(&"c".repeat(8_193)).kind, StoreErrorKind::TooLarge);
    let (name, value) = (scene.name("A"), SecretBytes::new(vec![0xff, 0xfe]));
    let write = WriteId::from_random(1, 2);
    let put = Put { name: &name, value: &value, when: Precondition::Absent, write: &write, labels: &Labels::new() };
    assert_eq!(block_on(scene.payloads.put(put)).unwrap_err().kind, StoreErrorKind::Unstorable);
    assert!(scene.forwarder.counts().is_empty());
}

#[test]
fn a_deletion_takes_the_version_it_expects_alone() {
    let Some(scene) = Scene::new("deletions of parameters") else { return };
    scene.put("A", "canary-1", Precondition::Absent).unwrap();
    let stale = scene.found("A").version;
    scene.moto.put(&scene.name("A").0, "canary-foreign");
    assert_eq!(block_on(scene.payloads.delete(&scene.name("A"), &stale)).unwrap_err().kind, StoreErrorKind::Moved);
    assert_eq!(scene.forwarder.count("DeleteParameter"), 0);
    let expected = scene.found("A").version;
    assert_eq!(block_on(scene.payloads.delete(&scene.name("A"), &expected)).unwrap().overwrote, None);
    assert!(matches!(scene.get("A"), Lookup::Absent));
    assert_eq!(block_on(scene.payloads.restore(&scene.name("A"))).unwrap_err().kind, StoreErrorKind::Unsupported);
}
