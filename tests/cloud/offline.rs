//! With the server stopped: what only reads goes on with the snapshot and says its age, what writes ends with 6.

use super::common::{EVERY, Scene};

/// Every store in turn, both environments fetched, then stopped.
fn stopped() -> impl Iterator<Item = Scene> {
    EVERY.iter().filter_map(|store| {
        let mut scene = Scene::watched_with(*store, "time_budget = \"25s\"\nmax_age = \"0\"\n")?.fetched();
        scene.stop_server();
        scene.age();
        Some(scene)
    })
}

#[test]
fn what_only_reads_serves_the_snapshot_and_says_its_age() {
    for scene in stopped() {
        let repo = &scene.repo;
        repo.edit("NAME", "canary-mine");
        repo.envsync(["diff"]).ok().says("NAME").says("ago");
        repo.envsync(["status"]).ok().says("ago");
        repo.envsync(["list", "-e", "staging"]).ok().says("NAME").says("ago");
        let status = repo.envsync(["status", "--json"]).ok().json();
        assert!(status["targets"][0]["snapshot_age_seconds"].is_u64(), "{status}");
        // An unpushed change is a finding; the store that cannot be asked is not.
        repo.envsync(["restore", "NAME"]).ok();
        repo.envsync(["verify"]).ok().says("ago");
        let run = repo.envsync(["run", "-e", "staging", "--", "sh", "-c", "printf %s \"$NAME\""]).ok();
        assert_eq!(run.stdout, "canary-staging", "{:?}", scene.store);
    }
}

#[test]
fn a_switch_between_fetched_environments_works_and_says_so_in_one_line() {
    for scene in stopped() {
        let repo = &scene.repo;
        repo.edit("MINE", "canary-unpushed");
        let told = repo.switch("top");
        assert_eq!(repo.value("NAME").as_deref(), Some("canary-staging"), "{:?}", scene.store);
        assert!(told.stderr.contains("ago"), "{}", told.stderr);
        repo.switch("main");
        assert_eq!(repo.value("MINE").as_deref(), Some("canary-unpushed"), "what was parked came back");
    }
}

#[test]
fn push_ends_with_6_and_keeps_everything() {
    for scene in stopped() {
        let repo = &scene.repo;
        repo.edit("NAME", "canary-mine");
        repo.drop_key("SHARED");
        let before = repo.env();
        for command in [&["push"][..], &["push", "--prune"], &["sync"], &["pull"], &["fetch"]] {
            repo.envsync(command).ends(6);
            assert_eq!(repo.env(), before, "{command:?}");
        }
        assert_eq!(scene.read_key("development", "NAME").as_deref(), Some("canary-development"));
        let status = repo.envsync(["diff", "--json"]).ok().json();
        assert_eq!(status["targets"][0]["summary"]["outgoing"], 1, "{status}");
    }
}

#[test]
fn max_age_0_forbids_the_snapshot() {
    for scene in stopped() {
        for command in ["status", "diff"] {
            scene.repo.envsync([command, "--max-age", "0"]).ends(6);
        }
        scene.repo.envsync(["run", "--max-age", "0", "-e", "staging", "--", "true"]).ends(6);
    }
}

#[test]
fn offline_asks_nobody_by_flag_and_by_variable() {
    for store in EVERY {
        let Some(scene) = Scene::watched(*store) else { return };
        let scene = scene.fetched();
        scene.write("development", &[("NAME", "canary-unseen")]);
        scene.forwarder().forget();
        let repo = &scene.repo;
        for command in ["status", "diff", "pull", "verify"] {
            repo.envsync([command, "--offline"]).ok();
            repo.spawn([command]).var("GIT_ENVSYNC_OFFLINE", "1").run().ok();
        }
        repo.spawn(["push"]).var("GIT_ENVSYNC_OFFLINE", "1").run().ends(6);
        repo.envsync(["fetch", "--offline"]).ends(6);
        assert_eq!(scene.forwarder().counts().len(), 0, "{:?}", scene.forwarder().counts());
        assert_eq!(repo.value("NAME").as_deref(), Some("canary-development"));
    }
}

#[test]
fn a_hook_asks_only_when_the_snapshot_is_older_than_max_age() {
    for store in EVERY {
        let Some(scene) = Scene::watched_with(*store, "time_budget = \"25s\"\nmax_age = \"0\"\n") else { return };
        let scene = scene.fetched();
        scene.write("staging", &[("NAME", "canary-moved")]);
        scene.age();
        scene.forwarder().forget();
        scene.repo.switch("top");
        assert!(!scene.forwarder().counts().is_empty(), "it has to ask");
        assert_eq!(scene.repo.value("NAME").as_deref(), Some("canary-moved"));
    }
}
