//! Writing: what is sent, what is made, and what a write does when it meets another one.

use super::contract::environment;
use super::scene::{PARENT, Scene, name, version};
use super::server::Deed;
use super::service::{Service, State, error};
use crate::stores::support::{assert_done, commit, fetch, set};
use envsync::domain::config::Layout;
use envsync::ports::{StoreErrorKind, WriteGuarantee, block_on};
use envsync::stores::payload::{Lookup, PayloadStore, Precondition};
use serde_json::json;

const NAME: &str = "acme--production";

fn denied() -> Deed {
    Deed::Answer(403, "", error(403, "PERMISSION_DENIED", "Permission denied on resource (or it may not exist)."))
}

#[test]
fn what_is_created_says_who_manages_it_and_its_checksum_is_verified() {
    let scene = Scene::new();
    let written = scene.put(NAME, "canary-1", Precondition::Absent).unwrap();
    assert_eq!((written.guarantee, written.overwrote), (WriteGuarantee::Detected, None));
    let service = scene.server.service();
    assert_eq!(service.labels(PARENT, NAME), json!({ "managed-by": "git-envsync" }));
    assert!(service.was_verified(PARENT, NAME));
    drop(service);
    let found = scene.found(NAME);
    assert_eq!((found.version, found.stamp, found.resource), (written.version, written.stamp, written.resource));
}

#[test]
fn a_push_of_many_keys_into_one_secret_is_one_version() {
    let scene = Scene::new();
    let store = environment(&scene.payloads, Layout::Json);
    let changes: Vec<_> = (0..100).map(|at| set(&format!("KEY_{at}"), "canary")).collect();
    assert_done(&commit(&*store, &changes, &fetch(&*store)));
    assert_eq!((scene.server.count("CreateSecret"), scene.server.count("AddSecretVersion")), (1, 1));
    let state = fetch(&*store);
    scene.server.take_seen();
    assert_done(&commit(&*store, &[set("KEY_7", "canary-new")], &state));
    // Look, and write: nothing else.
    let mut seen: Vec<&str> = scene.server.take_seen().iter().map(|seen| seen.operation).collect();
    seen.sort_unstable();
    assert_eq!(seen, ["AccessSecretVersion", "AddSecretVersion", "GetSecret"]);
}

#[test]
fn a_version_that_came_in_between_is_told() {
    let scene = Scene::new();
    scene.put(NAME, "canary-1", Precondition::Absent).unwrap();
    let seen = scene.found(NAME).version;
    scene.server.service().raw_put(PARENT, NAME, b"canary-foreign");
    let written = scene.put(NAME, "canary-2", Precondition::Unchanged(seen.clone())).unwrap();
    let overwrote = written.overwrote.expect("there was one");
    assert_ne!(overwrote, seen);
    let foreign = block_on(scene.payloads.get_version(&name(NAME), &overwrote)).unwrap();
    assert_eq!(foreign.value.expose(), b"canary-foreign");
    let now = scene.found(NAME).version;
    let written = scene.put(NAME, "canary-3", Precondition::Unchanged(now.clone())).unwrap();
    assert_eq!(written.overwrote, Some(now));
}

#[test]
fn a_secret_without_a_value_is_filled() {
    let scene = Scene::new();
    scene.server.service().raw_shell(PARENT, NAME);
    let written = scene.put(NAME, "canary-1", Precondition::Absent).unwrap();
    assert_eq!(written.overwrote, None);
    assert_eq!(written.version, scene.found(NAME).version);
    // The same where all its values were destroyed.
    scene.server.service().raw_state(PARENT, NAME, State::Destroyed);
    let written = scene.put(NAME, "canary-2", Precondition::Absent).unwrap();
    assert_eq!(written.overwrote, None);
    assert_eq!(scene.found(NAME).value.expose(), b"canary-2");
}

#[test]
fn who_may_fill_and_not_create_fills_what_is_there() {
    let scene = Scene::new();
    scene.server.service().raw_shell(PARENT, NAME);
    scene.server.whenever(&["CreateSecret", "GetSecret", "GetSecretVersion"], None, denied());
    assert!(scene.put(NAME, "canary-1", Precondition::Absent).is_ok());
    assert_eq!(scene.server.service().versions(PARENT, NAME), 1);
    let error = scene.put("acme--other", "canary-1", Precondition::Absent).unwrap_err();
    assert!(matches!(error.kind, StoreErrorKind::Moved | StoreErrorKind::Denied), "{error:?}");
}

#[test]
fn a_creation_does_not_run_over_what_is_there() {
    let scene = Scene::new();
    scene.server.service().raw_put(PARENT, NAME, b"canary-foreign");
    for state in [State::Enabled, State::Disabled] {
        scene.server.service().raw_state(PARENT, NAME, state);
        let error = scene.put(NAME, "canary-1", Precondition::Absent).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Moved);
        assert_eq!(scene.server.service().versions(PARENT, NAME), 1);
    }
}

#[test]
fn values_are_kept_up_to_64_kib_and_not_sent_beyond() {
    let scene = Scene::new();
    let (most, more) = ("x".repeat(65_536), "x".repeat(65_537));
    scene.put(NAME, &most, Precondition::Absent).unwrap();
    assert!(scene.found(NAME).value.expose() == most.as_bytes());
    scene.server.take_seen();
    let error = scene.put("acme--big", &more, Precondition::Absent).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::TooLarge);
    assert!(scene.server.take_seen().is_empty());
}

#[test]
fn a_creation_that_was_cut_off_is_finished_by_the_next() {
    let scene = Scene::new();
    scene.server.times(1, &["AddSecretVersion"], None, Deed::LoseRequest);
    let error = scene.put(NAME, "canary-1", Precondition::Absent).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unreachable);
    assert!(matches!(scene.get(NAME), Lookup::Absent));
    assert!(scene.put(NAME, "canary-1", Precondition::Absent).is_ok());
}

#[test]
fn only_what_was_seen_is_deleted() {
    let scene = Scene::new();
    let first = scene.put(NAME, "canary-1", Precondition::Absent).unwrap().version;
    let second = scene.put(NAME, "canary-2", Precondition::Unchanged(first.clone())).unwrap().version;
    let delete = |version: &_| block_on(scene.payloads.delete(&name(NAME), version));
    assert_eq!(delete(&first).unwrap_err().kind, StoreErrorKind::Moved);
    assert_eq!(scene.server.count("DeleteSecret"), 0);
    // Its metadata changes between the look and the deletion: the etag is another one.
    let relabel = |service: &mut Service| service.raw_relabel(PARENT, NAME);
    scene.server.times(1, &["DeleteSecret"], None, Deed::Before(Box::new(relabel)));
    assert_eq!(delete(&second).unwrap_err().kind, StoreErrorKind::Moved);
    assert_eq!(scene.server.service().versions(PARENT, NAME), 2);
    delete(&second).unwrap();
    assert!(matches!(scene.get(NAME), Lookup::Absent));
    assert_eq!(delete(&second).unwrap_err().kind, StoreErrorKind::Moved);
    // The name is free at once, and counts from 1 again.
    let again = scene.put(NAME, "canary-3", Precondition::Absent).unwrap().version;
    assert!(again.0.starts_with("1@") && again != first);
}

#[test]
fn what_is_gone_cannot_be_brought_back() {
    let scene = Scene::new();
    let error = block_on(scene.payloads.restore(&name(NAME))).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unsupported);
    let error = scene.put(NAME, "canary", Precondition::Unchanged(version("canary"))).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Moved);
    let error = scene.put(NAME, "canary", Precondition::Unchanged(version("7@"))).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Moved);
}
