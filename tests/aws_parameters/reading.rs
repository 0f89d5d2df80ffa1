//! Reading: how many requests, what they bring, and what they must not.

use super::scene::{ACCOUNT, Scene};
use envsync::domain::snapshot::PayloadName;
use envsync::ports::block_on;
use envsync::stores::payload::{Lookup, PayloadStore};
use std::time::{Duration, Instant};

/// moto answers a next page after a full last one; the service may as well.
const EMPTY_PAGE: usize = 1;

#[test]
fn a_thousand_keys_are_a_hundred_requests_by_path_and_by_name() {
    let Some(scene) = Scene::new("reading a thousand parameters") else { return };
    let names = scene.plant(1_000);
    let all = block_on(scene.payloads.read_all(&scene.location)).unwrap().expect("it reads by path");
    assert_eq!(all.len(), 1_000);
    assert!(matches!(scene.forwarder.count("GetParametersByPath"), 100 | 101), "{:?}", scene.forwarder.counts());
    assert_eq!(scene.forwarder.counts().len(), 1);
    for (listed, lookup) in &all {
        let at = names.iter().position(|name| *name == listed.name).expect("one of ours");
        let Lookup::Found(payload) = lookup else { panic!("{}: {lookup:?}", listed.name.0) };
        assert_eq!(payload.value.expose(), format!("canary-{at}").as_bytes());
        assert_eq!(listed.stamp.as_ref(), Some(&payload.stamp));
        assert_eq!(payload.resource.scope, ACCOUNT);
    }
    scene.forwarder.forget();
    scene.forwarder.hold(Duration::from_millis(40));
    let began = Instant::now();
    let by_name = block_on(scene.payloads.get_many(&names)).unwrap();
    assert!(by_name.values().all(|lookup| matches!(lookup, Lookup::Found(_))));
    assert_eq!(scene.forwarder.counts().into_iter().collect::<Vec<_>>(), [("GetParameters".to_owned(), 100)]);
    // One after another they would be held for four seconds.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    scene.forwarder.hold(Duration::ZERO);
    assert_eq!(block_on(scene.payloads.list(&scene.location)).unwrap().len(), 1_000);
}

#[test]
fn a_list_has_every_page_and_direct_children_alone() {
    let Some(scene) = Scene::new("lists of parameters") else { return };
    assert!(block_on(scene.payloads.list(&scene.location)).unwrap().is_empty());
    let mut names = scene.plant(25);
    scene.moto.put(&scene.name("web/DEEPER").0, "canary-deeper");
    scene.forwarder.forget();
    let mut listed: Vec<PayloadName> =
        block_on(scene.payloads.list(&scene.location)).unwrap().into_iter().map(|listed| listed.name).collect();
    listed.sort();
    names.sort();
    assert_eq!(listed, names);
    assert_eq!(scene.forwarder.count("GetParametersByPath"), 3);
    scene.plant(30);
    scene.forwarder.forget();
    assert_eq!(block_on(scene.payloads.list(&scene.location)).unwrap().len(), 30);
    assert!((3..=3 + EMPTY_PAGE).contains(&scene.forwarder.count("GetParametersByPath")));
}

#[test]
fn a_list_asks_for_no_value_and_keeps_none() {
    let Some(scene) = Scene::new("lists of parameters without values") else { return };
    scene.plant(3);
    let listed = block_on(scene.payloads.list(&scene.location)).unwrap();
    let stamps = block_on(scene.payloads.stamps(&[scene.name("KEY_0")])).unwrap();
    let history = block_on(scene.payloads.history(&scene.name("KEY_0"), 10)).unwrap();
    assert!(!format!("{listed:?} {stamps:?} {history:?} {:?}", scene.payloads).contains("canary"));
    for target in ["GetParametersByPath", "GetParameters", "GetParameterHistory"] {
        let bodies = scene.forwarder.bodies(target);
        assert!(
            !bodies.is_empty() && bodies.iter().all(|body| body.contains(r#""WithDecryption":false"#)),
            "{bodies:?}"
        );
    }
}

#[test]
fn a_stamp_is_the_same_however_it_is_read_and_moves_with_the_value() {
    let Some(scene) = Scene::new("stamps of parameters") else { return };
    let name = scene.plant(1).remove(0);
    let stamp_of = || {
        let listed = block_on(scene.payloads.list(&scene.location)).unwrap().remove(0).stamp.unwrap();
        let stamps = block_on(scene.payloads.stamps(std::slice::from_ref(&name))).unwrap();
        assert!(matches!(&stamps[&name], Lookup::Found(stamp) if *stamp == listed));
        assert_eq!(scene.found("KEY_0").stamp, listed);
        listed
    };
    let first = stamp_of();
    scene.moto.put(&name.0, "canary-next");
    let next = stamp_of();
    assert_ne!(first, next);
    // A parameter that is deleted and created anew counts from 1 again.
    scene.moto.delete(&name.0);
    scene.moto.put(&name.0, "canary-other");
    let other = stamp_of();
    assert!(other != first && other != next);
}

#[test]
fn what_is_not_there_is_absent() {
    let Some(scene) = Scene::new("absent parameters") else { return };
    scene.plant(1);
    let names = [scene.name("KEY_0"), scene.name("NONE")];
    let found = block_on(scene.payloads.get_many(&names)).unwrap();
    assert!(matches!(found[&names[0]], Lookup::Found(_)) && matches!(found[&names[1]], Lookup::Absent));
    assert!(block_on(scene.payloads.get_many(&[])).unwrap().is_empty());
    assert!(block_on(scene.payloads.history(&names[1], 10)).unwrap().is_empty());
}

#[test]
fn history_is_newest_first_and_versions_can_be_read() {
    let Some(scene) = Scene::new("histories of parameters") else { return };
    let name = scene.name("A");
    for at in 1..=110 {
        scene.moto.put(&name.0, &format!("canary-{at}"));
    }
    let all = block_on(scene.payloads.history(&name, 1_000)).unwrap();
    assert_eq!(all.len(), 100);
    assert!(all[0].version.0.starts_with("110@") && all[99].version.0.starts_with("11@"));
    assert!(all.iter().all(|one| one.created.is_some_and(|created| created.0 > 1_600_000_000)));
    assert_eq!(all[0].version, scene.found("A").version);
    let two = block_on(scene.payloads.history(&name, 2)).unwrap();
    assert_eq!(two, all[..2]);
    let former = block_on(scene.payloads.get_version(&name, &two[1].version)).unwrap();
    assert_eq!((former.value.expose(), &former.version), (&b"canary-109"[..], &two[1].version));
    // Labels are somebody else's: they are neither moved nor set.
    assert!(scene.forwarder.counts().keys().all(|target| !target.contains("Label")));
}
