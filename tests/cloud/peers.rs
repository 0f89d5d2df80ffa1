//! What other tools were seen to do to values of their users, each as a claim that this one does not.

use super::common::{EVERY, SECRETS_JSON, SECRETS_KEYS, Scene, in_stores, run, timed};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

in_stores!(
    [SECRETS_JSON, SECRETS_KEYS, SECRETS_DOTENV, PARAMETERS_JSON, PARAMETERS_KEYS, PARAMETERS_DOTENV]
    [
        a_pull_keeps_comments_unpushed_edits_and_local_keys,
        a_push_keeps_what_others_changed_meanwhile,
        a_change_between_our_read_and_our_write_is_not_lost,
        every_value_travels_as_it_is,
        a_second_push_of_changed_values_writes_them,
        a_child_gets_every_value_as_it_is,
    ]
);

/// Values that other tools mangle.
const ODD: [(&str, &str); 12] = [
    ("DOLLAR", "pa$$word-$HOME-${PATH}"),
    ("BCRYPT", "$2a$10$abcDEFghiJKLmnoPQRstuv"),
    ("BACKTICK", "canary-`id`-$(id)"),
    ("QUOTES", "it's \"quoted\" \\\" and \\' so"),
    ("WINDOWS", "c:\\new\\table"),
    ("SHARP", "canary #not a comment"),
    ("SPACES", "  canary  "),
    ("EQUALS", "a=b=c=="),
    ("JSON", "{\"a\": [1, \"two\"], \"b\": null}"),
    ("PEM", "-----BEGIN CANARY KEY-----\nbGluZSBvbmU\nbGluZSB0d28=\n-----END CANARY KEY-----\n"),
    ("UMLAUT", "grüße-☃-𝄞"),
    ("ESCAPES", "one\\ntwo\\ttab"),
];

fn a_pull_keeps_comments_unpushed_edits_and_local_keys(scene: &Scene) {
    let repo = &scene.repo;
    scene.write("development", &[("A", "canary-a"), ("B", "canary-b"), ("C", "canary-c")]);
    repo.write(
        ".env",
        "# about A\nA=canary-a\n\nB='canary-b' # why B\nexport C=canary-c\nMINE=canary-local # envsync: local\n",
    );
    fs::set_permissions(repo.path.join(".env"), fs::Permissions::from_mode(0o640)).unwrap();
    repo.envsync(["pull"]).ok();
    repo.write(".env", repo.env().replace("A=canary-a", "A=canary-mine"));
    scene.write("development", &[("B", "canary-b2")]);
    repo.envsync(["pull"]).ok();
    assert_eq!(
        repo.env(),
        "# about A\nA=canary-mine\n\nB=canary-b2 # why B\nexport C=canary-c\nMINE=canary-local # envsync: local\n"
    );
    let mode = fs::metadata(repo.path.join(".env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(scene.read_key("development", "MINE"), None, "a local key was sent");
}

fn a_push_keeps_what_others_changed_meanwhile(scene: &Scene) {
    let repo = &scene.repo;
    scene.write("development", &[("A", "canary-a"), ("B", "canary-b")]);
    repo.envsync(["pull"]).ok();
    scene.write("development", &[("B", "canary-theirs"), ("NEW", "canary-new")]);
    repo.edit("A", "canary-mine");
    repo.envsync(["push"]).ok();
    let found = scene.read("development");
    assert_eq!(found["A"], "canary-mine");
    assert_eq!(found["B"], "canary-theirs", "their change was reverted");
    assert_eq!(found["NEW"], "canary-new", "the whole was replaced");
}

/// The race is real: somebody writes after we have read and before our first write arrives.
fn a_change_between_our_read_and_our_write_is_not_lost(scene: &Scene) {
    let Some(scene) = Scene::watched(scene.store) else { return };
    let repo = &scene.repo;
    scene.write("development", &[("A", "canary-a"), ("B", "canary-b")]);
    repo.envsync(["pull"]).ok();
    repo.edit("A", "canary-mine");
    // A forwarder's closure has to own what it uses.
    let (moto, store, location) = (scene.moto, scene.store, scene.location("development"));
    scene.forwarder().before(store.service.put(), 0, move || {
        run(moto, store, &location, "write({'B': 'canary-theirs', 'NEW': 'canary-new'})");
    });
    repo.envsync(["push"]).ok();
    let found = scene.read("development");
    assert_eq!(found.get("A").map(String::as_str), Some("canary-mine"), "{store:?}");
    assert_eq!(found.get("B").map(String::as_str), Some("canary-theirs"), "{store:?}: their change was lost");
    assert_eq!(found.get("NEW").map(String::as_str), Some("canary-new"), "{store:?}: their key was lost");
}

#[test]
fn a_change_of_the_same_key_between_our_read_and_our_write_is_a_conflict() {
    for store in EVERY {
        let Some(scene) = Scene::watched(*store) else { return };
        scene.write("development", &[("A", "canary-a")]);
        scene.repo.envsync(["pull"]).ok();
        scene.repo.edit("A", "canary-mine");
        let (moto, store, location) = (scene.moto, scene.store, scene.location("development"));
        scene.forwarder().before(store.service.put(), 0, move || {
            run(moto, store, &location, "write({'A': 'canary-theirs'})");
        });
        scene.repo.envsync(["push"]).ends(3).says("A");
        assert_eq!(scene.read_key("development", "A").as_deref(), Some("canary-theirs"), "{store:?}");
        assert_eq!(scene.repo.value("A").as_deref(), Some("canary-mine"), "{store:?}");
    }
}

fn every_value_travels_as_it_is(scene: &Scene) {
    let repo = &scene.repo;
    if scene.store.layout != "dotenv" {
        scene.write("development", &ODD);
        repo.envsync(["pull"]).ok();
        for (key, value) in ODD {
            assert_eq!(repo.value(key).as_deref(), Some(value), "{key} on its way here");
        }
    }
    // The other way: under another environment, from the file as the program wrote it, or as a person would.
    repo.write(
        ".env",
        "PLAIN=$2a$10$abcDEF\nNOTED=canary-value # a note\nPEM=\"-----BEGIN-----\nline\n-----END-----\"\n",
    );
    repo.envsync(["push", "--yes"]).ok();
    let found = scene.read("development");
    assert_eq!(found["PLAIN"], "$2a$10$abcDEF");
    assert_eq!(found["NOTED"], "canary-value");
    assert_eq!(found["PEM"], "-----BEGIN-----\nline\n-----END-----");
}

fn a_second_push_of_changed_values_writes_them(scene: &Scene) {
    let repo = &scene.repo;
    repo.write(".env", "A=canary-one\nB=canary-one\n");
    repo.envsync(["push", "--yes"]).ok();
    repo.write(".env", "A=canary-two\nB=canary-two\n");
    repo.envsync(["push"]).ok();
    assert!(scene.read("development").values().all(|value| value == "canary-two"));
}

fn a_child_gets_every_value_as_it_is(scene: &Scene) {
    if scene.store.layout == "dotenv" {
        return;
    }
    scene.write("staging", &ODD);
    let run = scene.repo.envsync(["run", "-e", "staging", "--", "env", "-0"]).ok();
    for (key, value) in ODD {
        assert!(run.stdout.split('\0').any(|line| line == format!("{key}={value}")), "{key} in a child");
    }
    assert!(!scene.repo.path.join(".env").exists(), "`run` writes no plaintext");
}

#[test]
fn setting_one_key_leaves_the_rest_of_the_secret() {
    let Some(scene) = Scene::new(SECRETS_JSON) else { return };
    scene.write_text("staging", r#"{"A":"canary-a","PORT":5432,"NESTED":{"x":1},"a":"canary-lower"}"#);
    scene.repo.spawn(["set", "-e", "staging", "A"]).input("canary-set").run().ok();
    let text = scene.text("staging").unwrap();
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found, serde_json::json!({"A": "canary-set", "PORT": 5432, "NESTED": {"x": 1}, "a": "canary-lower"}));
}

#[test]
fn a_store_that_cannot_be_asked_empties_no_file_and_starts_no_child() {
    for store in EVERY {
        let Some(mut scene) = Scene::watched(*store) else { return };
        scene.write("development", &[("NAME", "canary-name")]);
        scene.repo.envsync(["pull"]).ok();
        let before = scene.repo.env();
        scene.stop_server();
        scene.repo.envsync(["pull"]).ends(6);
        assert_eq!(scene.repo.env(), before);
        // Never read, so there is nothing to run it with.
        let run = scene.repo.envsync(["run", "-e", "staging", "--", "touch", "started"]).ends(6);
        assert!(!scene.repo.path.join("started").exists(), "{}", run.stderr);
        let run = scene.repo.envsync(["get", "-e", "staging", "NAME"]).ends(6);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn a_server_that_never_answers_hangs_nobody() {
    let Some(scene) = Scene::watched(SECRETS_KEYS) else { return };
    scene.write("development", &[("NAME", "canary-name")]);
    scene.forwarder().hold(Duration::from_secs(120));
    let (run, took) = timed(|| scene.repo.envsync(["pull", "--timeout", "1s"]));
    run.ends(6);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn the_time_a_command_has_is_30_seconds_when_nobody_says_otherwise() {
    let Some(scene) = Scene::watched(SECRETS_JSON) else { return };
    scene.write("development", &[("NAME", "canary-name")]);
    scene.forwarder().hold(Duration::from_secs(120));
    let (run, took) = timed(|| scene.repo.envsync(["pull"]));
    run.ends(6);
    assert!(took > Duration::from_secs(10) && took < Duration::from_secs(36), "{took:?}");
}

#[test]
fn an_empty_value_leaves_no_half_written_set() {
    for store in EVERY {
        let Some(scene) = Scene::new(*store) else { return };
        scene.repo.write(".env", "A=canary-a\nEMPTY=\nZ=canary-z\n");
        scene.repo.envsync(["push", "--yes"]).ok();
        let found = scene.read("development");
        assert_eq!(found.len(), 3, "{store:?}: {found:?}");
        let empty = if store.layout == "keys" { "envsync:empty" } else { "" };
        assert_eq!(found["EMPTY"], empty, "{store:?}");
    }
}

#[test]
fn a_value_over_the_limit_writes_nothing_at_all() {
    for store in EVERY {
        let Some(scene) = Scene::new(*store) else { return };
        scene.repo.write(".env", format!("A=canary-a\nBIG={}\nZ=canary-z\n", "x".repeat(70_000)));
        let run = scene.repo.envsync(["push", "--yes"]).ends(4).says("bytes");
        assert!(store.layout != "keys" || run.stderr.contains("BIG"), "{store:?}: {}", run.stderr);
        assert!(scene.read("development").is_empty(), "{store:?}");
    }
}

#[test]
fn nothing_prints_a_value_unasked() {
    for store in EVERY {
        let Some(scene) = Scene::new(*store) else { return };
        let repo = &scene.repo;
        scene.write("development", &[("A", "canary-a"), ("B", "canary-b")]);
        for command in [&["pull"][..], &["status"], &["diff"], &["list"], &["push", "-n"], &["verify"], &["fetch"]] {
            repo.envsync(command).never_says("canary-a").never_says("canary-b");
        }
        repo.edit("A", "canary-edited");
        for command in [&["diff"][..], &["push", "-n"], &["push"], &["history"], &["history", "A"]] {
            repo.envsync(command).never_says("canary-");
        }
    }
}
