//! Values that a service never takes: found before the first write.

use super::common::{PARAMETERS_KEYS, Scene};

#[test]
fn a_value_that_parameter_store_takes_for_a_reference_is_refused_before_anything_is_written() {
    let Some(scene) = Scene::watched(PARAMETERS_KEYS) else { return };
    scene.write("development", &[("NAME", "canary-old")]);
    scene.repo.envsync(["pull"]).ok();
    scene.repo.write(".env", "A=canary-a\nNAME=canary-new\nTEMPLATE='{{canary}}'\n");
    let push = scene.repo.envsync(["push"]);
    assert_eq!(push.status, 4, "{}", push.stderr);
    assert!(push.stderr.contains("TEMPLATE"), "it names the key: {}", push.stderr);
    assert!(!push.stderr.contains("canary"), "and no value: {}", push.stderr);
    assert_eq!(scene.forwarder().count("PutParameter"), 0);
    assert_eq!(
        scene.read("development").into_iter().collect::<Vec<_>>(),
        [("NAME".to_owned(), "canary-old".to_owned())]
    );
}
