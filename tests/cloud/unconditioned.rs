//! Writing to Secrets Manager without the permission to move stages: the condition is gone, what is run over must not be.

use super::common::{SECRETS_DOTENV, SECRETS_JSON, SECRETS_KEYS, Scene, Store, run};

const STORES: [Store; 3] = [SECRETS_JSON, SECRETS_DOTENV, SECRETS_KEYS];

/// A push of `NAME`, while somebody writes a key just before the unconditioned write; in the keys layout it is the same key, as
/// others are other secrets.
fn met(store: Store) -> Option<Scene> {
    let scene = Scene::watched(store)?;
    scene.write("development", &[("NAME", "canary-old"), ("OTHER", "canary-old")]);
    scene.repo.envsync(["pull"]).ok();
    scene.repo.edit("NAME", "canary-new");
    let denied = r#"{"__type":"AccessDeniedException","Message":"not authorized"}"#;
    scene.forwarder().on(&["UpdateSecretVersionStage"]).answer(400, denied, &[]);
    let (moto, location) = (scene.moto, scene.location("development"));
    let key = theirs(store);
    scene.forwarder().before("PutSecretValue", 1, move || {
        drop(run(moto, store, &location, &format!("write({{'{key}': 'canary-foreign'}})")));
    });
    Some(scene)
}

fn theirs(store: Store) -> &'static str {
    if store == SECRETS_KEYS { "NAME" } else { "OTHER" }
}

#[test]
fn a_push_that_cannot_look_what_it_replaced_says_so_and_the_next_command_puts_it_back() {
    for store in STORES {
        let Some(scene) = met(store) else { return };
        // After the look before, none is answered: what was written can be read, what it replaced is in the history.
        let looks = if store == SECRETS_KEYS { 1 } else { 2 };
        scene.forwarder().on(&["DescribeSecret"]).skip(looks).lose_request();
        let push = scene.repo.envsync(["push", "--timeout", "5s"]);
        assert_ne!(push.status, 0, "{store:?} {}", push.stderr);
        scene.forwarder().clear();
        let pull = scene.repo.envsync(["pull"]);
        let found = scene.read_key("development", theirs(store));
        assert_eq!(found.as_deref(), Some("canary-foreign"), "{store:?} {}{}", push.stderr, pull.stderr);
        assert_eq!(scene.repo.value("NAME").as_deref(), Some("canary-new"), "{store:?}");
    }
}

#[test]
fn a_change_that_an_interrupted_push_ran_over_is_put_back_by_the_next_command() {
    for store in STORES {
        let Some(scene) = met(store) else { return };
        // From the write on, nothing comes back.
        let looks = if store == SECRETS_KEYS { 1 } else { 2 };
        scene.forwarder().on(&["DescribeSecret"]).skip(looks).lose_request();
        scene.forwarder().on(&["GetSecretValue"]).lose_request();
        let push = scene.repo.envsync(["push", "--timeout", "3s"]);
        assert_ne!(push.status, 0, "{store:?} {}", push.stderr);
        scene.forwarder().clear();
        let pull = scene.repo.envsync(["pull"]);
        assert_eq!(
            scene.read_key("development", theirs(store)).as_deref(),
            Some("canary-foreign"),
            "{store:?} {}",
            pull.stderr
        );
        assert!(pull.stderr.contains("interrupted write"), "{store:?} {}", pull.stderr);
        assert_eq!(scene.repo.value("NAME").as_deref(), Some("canary-new"), "{store:?}");
    }
}
