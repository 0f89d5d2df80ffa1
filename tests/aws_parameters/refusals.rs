//! Refusals that moto never makes: answers of our own, in the service's protocol.

use super::scene::Scene;
use envsync::domain::snapshot::PayloadName;
use envsync::ports::{Retry, StoreError, StoreErrorKind, block_on};
use envsync::stores::payload::{Lookup, PayloadStore, Precondition};

/// An error as the service words it.
fn error(code: &str) -> String {
    format!(r#"{{"__type":"{code}","message":"canary-message"}}"#)
}

#[track_caller]
fn unreadable(lookup: &Lookup<envsync::stores::payload::Payload>) -> &StoreError {
    match lookup {
        Lookup::Unreadable(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_denied_key_of_a_batch_leaves_the_others_readable() {
    for (code, kind) in
        [("AccessDeniedException", StoreErrorKind::Denied), ("InvalidKeyId", StoreErrorKind::Undecryptable)]
    {
        let Some(scene) = Scene::new("denied keys of parameters") else { return };
        let names = scene.plant(25);
        for target in ["GetParameters", "GetParameter"] {
            scene.forwarder.on(&[target]).containing(format!("\"{}\"", names[7].0)).answer(400, &error(code), &[]);
        }
        let found = block_on(scene.payloads.get_many(&names)).unwrap();
        assert_eq!(found.len(), 25);
        for (name, lookup) in &found {
            if *name == names[7] {
                let denied = unreadable(lookup);
                assert_eq!((denied.kind, denied.retry, denied.payload.as_ref()), (kind, Retry::Never, Some(name)));
                assert!(!format!("{denied:?}").contains("canary-message"));
            } else {
                assert!(matches!(lookup, Lookup::Found(_)), "{}: {lookup:?}", name.0);
            }
        }
        // Three batches, ten names of the one that failed, and the other way to ask for the one that fails.
        assert_eq!((scene.forwarder.count("GetParameters"), scene.forwarder.count("GetParameter")), (13, 1));
    }
}

#[test]
fn a_policy_that_permits_single_reads_alone_is_enough() {
    let Some(scene) = Scene::new("single reads of parameters") else { return };
    let names = scene.plant(12);
    scene.forwarder.answer("GetParameters", 400, &error("AccessDeniedException"), &[]);
    let found = block_on(scene.payloads.get_many(&names)).unwrap();
    assert!(found.values().all(|lookup| matches!(lookup, Lookup::Found(_))));
    assert!(matches!(scene.get("NONE"), Lookup::Absent));
}

#[test]
fn a_path_with_a_denied_key_is_no_answer_and_no_error() {
    let Some(scene) = Scene::new("paths with denied keys") else { return };
    scene.plant(2);
    let decrypting = || scene.forwarder.on(&["GetParametersByPath"]).containing(r#""WithDecryption":true"#);
    decrypting().answer(400, &error("AccessDeniedException"), &[]);
    assert!(block_on(scene.payloads.read_all(&scene.location)).unwrap().is_none());
    assert_eq!(block_on(scene.payloads.list(&scene.location)).unwrap().len(), 2);
    scene.forwarder.answer("GetParametersByPath", 400, &error("AccessDeniedException"), &[]);
    let denied = block_on(scene.payloads.list(&scene.location)).unwrap_err();
    assert_eq!(denied.kind, StoreErrorKind::Denied);
}

#[test]
fn a_throttled_batch_fails_for_its_own_names_alone_and_may_be_tried_again() {
    let Some(scene) = Scene::new("throttled reads of parameters") else { return };
    let names = scene.plant(30);
    let throttled = error("ThrottlingException");
    scene.forwarder.on(&["GetParameters"]).containing(format!("\"{}\"", names[0].0)).answer(400, &throttled, &[]);
    let found = block_on(scene.payloads.get_many(&names)).unwrap();
    let failed: Vec<&PayloadName> =
        found.iter().filter(|(_, lookup)| matches!(lookup, Lookup::Unreadable(_))).map(|(name, _)| name).collect();
    let mut expected: Vec<&PayloadName> = names[..10].iter().collect();
    expected.sort();
    assert_eq!(failed, expected);
    assert_eq!(unreadable(&found[&names[0]]).kind, StoreErrorKind::Throttled);
    assert_eq!(scene.forwarder.count("GetParameters"), 3);
}

#[test]
fn codes_of_writes_have_kinds_and_hints_and_never_a_message() {
    let Some(scene) = Scene::new("refused writes of parameters") else { return };
    scene.put("A", "canary-1", Precondition::Absent).unwrap();
    let expected = scene.found("A").version;
    for (code, kind, retry) in [
        ("ParameterAlreadyExists", StoreErrorKind::Moved, Retry::Never),
        ("TooManyUpdates", StoreErrorKind::Throttled, Retry::Soon),
        ("InternalServerError", StoreErrorKind::Unreachable, Retry::Soon),
        ("InvalidKeyId", StoreErrorKind::Denied, Retry::Never),
        ("AccessDeniedException", StoreErrorKind::Denied, Retry::Never),
        ("ParameterMaxVersionLimitExceeded", StoreErrorKind::Unstorable, Retry::Never),
        ("ParameterLimitExceeded", StoreErrorKind::TooLarge, Retry::Never),
        ("HierarchyTypeMismatchException", StoreErrorKind::Unstorable, Retry::Never),
        ("ParameterPatternMismatchException", StoreErrorKind::Unstorable, Retry::Never),
        ("UnsupportedParameterType", StoreErrorKind::Unstorable, Retry::Never),
        ("ValidationException", StoreErrorKind::Unstorable, Retry::Never),
    ] {
        scene.forwarder.clear();
        scene.forwarder.answer("PutParameter", 400, &error(code), &[]);
        let refused = scene.put("A", "canary-2", Precondition::Unchanged(expected.clone())).unwrap_err();
        assert_eq!((refused.kind, refused.retry), (kind, retry), "{code}");
        assert_eq!(refused.payload, Some(scene.name("A")));
        assert!(!format!("{refused:?}").contains("canary-"), "{refused:?}");
    }
    assert_eq!(scene.found("A").version, expected);
}

#[test]
fn an_answer_without_a_version_is_not_taken_for_a_write() {
    let Some(scene) = Scene::new("writes without an answer") else { return };
    scene.forwarder.answer("PutParameter", 200, "{}", &[]);
    assert_eq!(scene.put("A", "canary-1", Precondition::Absent).unwrap_err().kind, StoreErrorKind::Nonsense);
}

#[test]
fn a_page_that_the_service_does_not_know_any_more_may_be_asked_for_again() {
    let Some(scene) = Scene::new("lost pages of parameters") else { return };
    scene.plant(15);
    let later = || scene.forwarder.on(&["GetParametersByPath"]).containing("NextToken");
    later().times(1).answer(400, &error("InvalidNextToken"), &[]);
    let lost = block_on(scene.payloads.list(&scene.location)).unwrap_err();
    assert_eq!((lost.kind, lost.retry), (StoreErrorKind::Nonsense, Retry::Soon));
    assert_eq!(block_on(scene.payloads.list(&scene.location)).unwrap().len(), 15);
}

#[test]
fn an_answer_that_leaves_a_name_out_is_not_an_absence() {
    let Some(scene) = Scene::new("answers about too little") else { return };
    scene.forwarder.answer("GetParameters", 200, r#"{"Parameters":[],"InvalidParameters":[]}"#, &[]);
    assert_eq!(unreadable(&scene.get("A")).kind, StoreErrorKind::Nonsense);
    scene.forwarder.clear();
    let nameless = r#"{"Parameters":[{"Value":"canary-1"}],"InvalidParameters":[]}"#;
    scene.forwarder.answer("GetParameters", 200, nameless, &[]);
    assert_eq!(unreadable(&scene.get("A")).kind, StoreErrorKind::Nonsense);
}

#[test]
fn a_connection_that_breaks_is_worth_another_try() {
    let Some(scene) = Scene::new("broken connections") else { return };
    scene.plant(1);
    let cut = || scene.forwarder.on(&["GetParameters"]).times(1).cut_answer();
    let breaks: [&dyn Fn(); 3] =
        [&|| scene.forwarder.lose_answer("GetParameters"), &|| scene.forwarder.lose_request("GetParameters"), &cut];
    for (at, broken) in breaks.iter().enumerate() {
        broken();
        let lookup = scene.get("KEY_0");
        let error = unreadable(&lookup);
        assert_eq!((error.kind, error.retry), (StoreErrorKind::Unreachable, Retry::Soon), "{at}: {error:?}");
        assert_eq!(scene.found("KEY_0").value.expose(), b"canary-0");
    }
}
