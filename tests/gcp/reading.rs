//! Reading: how many requests it takes, what is not there, and what may not be read.

use super::contract::environment;
use super::scene::{PARENT, Scene, by_id, client, location, name, put, version};
use super::server::{Deed, Seen};
use super::service::{State, error};
use crate::stores::support::{fetch, fetch_knowing, key, set, value};
use envsync::domain::config::Layout;
use envsync::domain::environment::Location;
use envsync::ports::{Reading, Retry, StoreErrorKind, block_on};
use envsync::stores::payload::{Currency, Lookup, PayloadStore, Precondition};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn operations(seen: &[Seen]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for seen in seen {
        *counts.entry(seen.operation).or_default() += 1;
    }
    counts
}

fn denied() -> Deed {
    Deed::Answer(403, "", error(403, "PERMISSION_DENIED", "Permission denied on resource (or it may not exist)."))
}

#[test]
fn a_thousand_keys_take_a_list_and_one_access_each_with_32_under_way() {
    let scene = Scene::new();
    scene.plant("acme--production", 1_000);
    scene.server.whenever(&["AccessSecretVersion"], None, Deed::After(Duration::from_millis(5)));
    let state = fetch(&*environment(&scene.payloads, Layout::Keys));
    assert_eq!(state.entries.len(), 1_000);
    let expected = BTreeMap::from([("ListSecrets", 1), ("AccessSecretVersion", 1_000)]);
    assert_eq!(operations(&scene.server.take_seen()), expected);
    let most = scene.server.most_at_once();
    assert!((16..=32).contains(&most), "{most} at once");
}

#[test]
fn nothing_moved_takes_a_list_and_one_metadata_read_a_name() {
    let scene = Scene::new();
    scene.plant("acme--production", 101);
    let store = environment(&scene.payloads, Layout::Keys);
    let known = fetch(&*store);
    scene.server.take_seen();
    let again = fetch_knowing(&*store, &known);
    assert_eq!(again.entries, known.entries);
    let expected = BTreeMap::from([("ListSecrets", 1), ("GetSecretVersion", 101)]);
    assert_eq!(operations(&scene.server.take_seen()), expected);
    scene.server.service().raw_put(PARENT, "acme--production--KEY_7", b"canary-moved");
    let moved = fetch_knowing(&*store, &again);
    assert_eq!(value(&moved, "KEY_7").as_deref(), Some("canary-moved"));
    assert_eq!(operations(&scene.server.take_seen())["AccessSecretVersion"], 1);
}

#[test]
fn more_names_than_the_quota_of_metadata_takes_are_accessed() {
    let scene = Scene::new();
    scene.plant("acme--production", 301);
    let store = environment(&scene.payloads, Layout::Keys);
    let known = fetch(&*store);
    scene.server.take_seen();
    assert_eq!(fetch_knowing(&*store, &known).entries, known.entries);
    let expected = BTreeMap::from([("ListSecrets", 1), ("AccessSecretVersion", 301)]);
    assert_eq!(operations(&scene.server.take_seen()), expected);
}

#[test]
fn one_payload_is_read_with_its_metadata_in_two_requests_and_probed_without_its_value() {
    let scene = Scene::new();
    scene.server.service().raw_put(PARENT, "acme--production", br#"{"A": "canary-1"}"#);
    let store = environment(&scene.payloads, Layout::Json);
    let known = fetch(&*store);
    let expected = BTreeMap::from([("AccessSecretVersion", 1), ("GetSecret", 1)]);
    assert_eq!(operations(&scene.server.take_seen()), expected);
    assert_eq!(fetch_knowing(&*store, &known).entries, known.entries);
    let expected = BTreeMap::from([("GetSecretVersion", 1), ("GetSecret", 1)]);
    assert_eq!(operations(&scene.server.take_seen()), expected);
}

#[test]
fn lists_are_followed_past_every_page() {
    for page in [1, 10, 25, 100] {
        let scene = Scene::new();
        scene.server.service().page = page;
        scene.plant("acme--production", 101);
        assert_eq!(block_on(scene.payloads.list(&location())).unwrap().len(), 101);
        assert_eq!(scene.server.count("ListSecrets"), 101_usize.div_ceil(page));
    }
}

#[test]
fn only_what_is_directly_below_is_listed_and_the_service_is_asked_for_no_more() {
    let scene = Scene::new();
    for planted in ["acme--production", "acme--production--A", "acme--production--web--B", "xacme--production--C", "D"]
    {
        scene.server.service().raw_put(PARENT, planted, b"canary");
    }
    let listed = block_on(scene.payloads.list(&location())).unwrap();
    let names: Vec<&str> = listed.iter().map(|listed| listed.name.0.as_str()).collect();
    assert_eq!(names, ["acme--production--A"]);
    assert_eq!(scene.server.take_seen()[0].query["filter"], "name:acme--production--");
    let listed = block_on(scene.payloads.list(&Location::new(""))).unwrap();
    assert_eq!(listed.iter().map(|listed| listed.name.0.as_str()).collect::<Vec<_>>(), ["D"]);
}

#[test]
fn a_secret_that_was_deleted_and_made_anew_is_another_one() {
    let scene = Scene::new();
    let remake = |name: &str, value: &[u8]| {
        let mut service = scene.server.service();
        service.raw_delete(PARENT, name);
        service.raw_put(PARENT, name, value);
    };
    for (layout, secret, one, two) in [
        (Layout::Json, "acme--production", r#"{"A":"canary-1"}"#, r#"{"A":"canary-2"}"#),
        (Layout::Keys, "acme--production--A", "canary-1", "canary-2"),
    ] {
        remake(secret, one.as_bytes());
        let store = environment(&scene.payloads, layout);
        let known = fetch(&*store);
        let before = scene.found(secret);
        // Version 1 in both lives.
        remake(secret, two.as_bytes());
        assert_eq!(value(&fetch_knowing(&*store, &known), "A").as_deref(), Some("canary-2"));
        let gone = block_on(scene.payloads.get_version(&name(secret), &before.version)).expect_err("another life");
        assert_eq!(gone.kind, StoreErrorKind::Unsupported);
        let lost = block_on(scene.payloads.delete(&name(secret), &before.version)).expect_err("another life");
        assert_eq!(lost.kind, StoreErrorKind::Moved);
    }
}

#[test]
fn a_disabled_version_is_there_and_closed_and_a_destroyed_one_is_gone() {
    let scene = Scene::new();
    scene.plant("acme--production", 3);
    let mut service = scene.server.service();
    service.raw_put(PARENT, "acme--production--KEY_0", b"canary-newest");
    service.raw_state(PARENT, "acme--production--KEY_0", State::Disabled);
    service.raw_state(PARENT, "acme--production--KEY_1", State::Destroyed);
    service.raw_shell(PARENT, "acme--production--KEY_2");
    drop(service);
    match scene.get("acme--production--KEY_0") {
        Lookup::Unreadable(error) => {
            assert_eq!(error.kind, StoreErrorKind::Disabled);
            assert!(error.hint.unwrap().contains("gcloud secrets versions enable 2"));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(scene.get("acme--production--KEY_1"), Lookup::Absent));
    assert!(matches!(scene.get("acme--production--KEY_2"), Lookup::Absent));
    assert!(matches!(scene.get("acme--production--KEY_3"), Lookup::Absent));
    // The metadata says the same.
    let stamps = block_on(scene.payloads.stamps(&[0, 1, 2, 3].map(|at| name(&format!("acme--production--KEY_{at}")))));
    let stamps: Vec<_> = stamps.unwrap().into_values().collect();
    assert!(matches!(&stamps[0], Lookup::Unreadable(error) if error.kind == StoreErrorKind::Disabled));
    assert!(stamps[1..].iter().all(|stamp| matches!(stamp, Lookup::Absent)));
    let state = fetch(&*environment(&scene.payloads, Layout::Keys));
    assert!(state.entries.is_empty() && state.is_unknown(&key("KEY_0")) && state.unknown.len() == 1);
    // Not the version before it: `latest` is the newest one.
    let error = block_on(scene.payloads.get_version(&name("acme--production--KEY_0"), &version("2"))).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Disabled);
}

#[test]
fn who_may_only_read_values_reads_what_is_known_by_name() {
    let scene = Scene::new();
    scene.plant("acme--production", 3);
    let metadata =
        ["ListSecrets", "ListSecretVersions", "GetSecret", "GetSecretVersion", "CreateSecret", "DeleteSecret"];
    scene.server.whenever(&metadata, None, denied());
    let store = environment(&scene.payloads, Layout::Keys);
    let expected = BTreeSet::from([key("KEY_0"), key("KEY_2"), key("MISSING")]);
    let reading = Reading { known: None, expected: &expected };
    let state = block_on(store.fetch(reading)).expect("the names are known");
    assert_eq!(state.entries.len(), 2);
    // Nothing moved, and what moved, without metadata.
    let stamps = |names: &[_]| block_on(scene.payloads.stamps(names)).unwrap();
    let names = [name("acme--production--KEY_0")];
    let (Lookup::Found(one), mark) = (stamps(&names).remove(&names[0]).unwrap(), &state.payloads[&names[0]]) else {
        panic!("not found")
    };
    assert_eq!(one, mark.stamp);
    // A version may be added, where that is permitted.
    let report = block_on(store.commit(&[set("KEY_0", "canary-new")], &state, &mut crate::stores::support::NoJournal));
    assert!(report.outcomes[&key("KEY_0")].is_ok(), "{report:?}");
    assert_eq!(scene.found("acme--production--KEY_0").value.expose(), b"canary-new");
}

#[test]
fn bytes_that_do_not_fit_their_checksum_are_not_taken() {
    let scene = Scene::new();
    scene.server.service().raw_put(PARENT, "acme--production", b"canary-1");
    scene.server.times(1, &["AccessSecretVersion"], None, Deed::Flip);
    match scene.get("acme--production") {
        Lookup::Unreadable(error) => {
            assert_eq!((error.kind, error.retry), (StoreErrorKind::Nonsense, Retry::Soon));
            assert!(!format!("{error:?}").contains("canary-1"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(scene.found("acme--production").value.expose(), b"canary-1");
}

#[test]
fn an_address_is_the_project_that_answered() {
    let scene = Scene::with(by_id);
    assert_eq!(scene.payloads.scope(), "acme-test");
    let written = scene.put("acme--production", r#"{"A":"canary-1"}"#, Precondition::Absent).unwrap();
    assert_eq!(written.resource.scope, "123456789012");
    assert_eq!(written.resource.name, "projects/123456789012/secrets/acme--production/versions/1");
    let state = fetch(&*environment(&scene.payloads, Layout::Json));
    assert_eq!(state.address.scope, "123456789012");
}

#[test]
fn secrets_of_a_region_are_other_secrets() {
    let scene = Scene::new();
    let regional = client(&scene.server.url(), |settings| settings.location = Some("europe-west3".to_owned()));
    let written = put(&regional, "acme--production", "canary-regional", Precondition::Absent).unwrap();
    assert_eq!(written.resource.scope, "123456789012/europe-west3");
    assert!(matches!(scene.get("acme--production"), Lookup::Absent));
    let in_region = "projects/123456789012/locations/europe-west3";
    assert_eq!(scene.server.service().raw(in_region, "acme--production").as_deref(), Some(&b"canary-regional"[..]));
    assert_eq!(block_on(regional.list(&Location::new("acme"))).unwrap().len(), 1);
}

#[test]
fn the_history_is_that_of_the_service_newest_first() {
    let scene = Scene::new();
    scene.server.service().page = 2;
    for at in 0..5 {
        scene.server.service().raw_put(PARENT, "acme--production", format!("canary-{at}").as_bytes());
        scene.server.service().pass_time();
    }
    let history = block_on(scene.payloads.history(&name("acme--production"), 4)).unwrap();
    assert_eq!(history.len(), 4);
    assert_eq!(history[0].currency, Currency::Current);
    assert_eq!(history[0].version, scene.found("acme--production").version);
    assert!(history.windows(2).all(|pair| pair[0].created > pair[1].created && pair[1].currency == Currency::Former));
    let first = block_on(scene.payloads.get_version(&name("acme--production"), &history[3].version)).unwrap();
    assert_eq!(first.value.expose(), b"canary-1");
    // A person types the number alone.
    let typed = block_on(scene.payloads.get_version(&name("acme--production"), &version("1"))).unwrap();
    assert_eq!(typed.value.expose(), b"canary-0");
    for never in ["6", "0", "canary", ""] {
        let error = block_on(scene.payloads.get_version(&name("acme--production"), &version(never))).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Unsupported, "{never}");
    }
    assert!(block_on(scene.payloads.history(&name("acme--nothing"), 4)).unwrap().is_empty());
}

#[test]
fn one_request_that_fails_is_about_its_name_and_all_are_about_the_service() {
    let scene = Scene::new();
    let names = scene.plant("acme--production", 3);
    let busy = || Deed::Answer(503, "", error(503, "UNAVAILABLE", "busy"));
    scene.server.whenever(&["AccessSecretVersion"], Some(&names[1].0), busy());
    let answers = block_on(scene.payloads.get_many(&names)).unwrap();
    assert!(matches!(&answers[&names[1]], Lookup::Unreadable(error) if error.retry == Retry::Soon));
    assert!(matches!(&answers[&names[2]], Lookup::Found(_)));
    scene.server.whenever(&["AccessSecretVersion"], None, busy());
    assert_eq!(block_on(scene.payloads.get_many(&names)).unwrap_err().kind, StoreErrorKind::Unreachable);
}
