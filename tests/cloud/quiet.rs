//! What is not there: sockets where nothing has to be asked, values where somebody listens.

use super::common::{EVERY, Scene};
use crate::support::{PROGRAM, is_missing};
use std::fs;

/// Runs the program under strace; what it said, and its system calls of these kinds.
#[cfg(target_os = "linux")]
fn traced(scene: &Scene, arguments: &[&str]) -> (String, Vec<String>) {
    let log = scene.lab.path().join("trace");
    let kinds = "trace=socket,connect,clone,clone3,fork,vfork,execve,openat,open";
    let mut all = vec!["-f", "-qq", "-e", kinds, "-o", log.to_str().unwrap(), PROGRAM];
    all.extend(arguments);
    let run = scene.repo.person.command("strace", &scene.repo.path, all).run().ok();
    let calls = fs::read_to_string(log).unwrap();
    (run.stderr, calls.lines().filter(|line| !line.contains("+++")).map(str::to_owned).collect())
}

/// Sockets, threads, processes, and files of certificates, time zones apart.
#[cfg(target_os = "linux")]
fn of_a_network(calls: &[String]) -> Vec<&String> {
    let kinds = ["socket(", "connect(", "clone(", "clone3(", "fork(", "vfork("];
    let files = ["cert", "ssl", ".pem", ".crt", "resolv.conf", "hosts", "nsswitch"];
    let is_suspect = |line: &str| {
        kinds.iter().any(|kind| line.contains(kind))
            || (line.contains("open") && files.iter().any(|file| line.contains(file)))
    };
    calls.iter().filter(|line| is_suspect(line)).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn the_same_environment_opens_no_socket_starts_no_thread_and_reads_no_certificate() {
    if is_missing("strace", "counting what a quiet hook with a cloud store starts") {
        return;
    }
    for store in EVERY {
        let Some(scene) = Scene::new(*store) else { return };
        let scene = scene.fetched();
        let (told, calls) = traced(&scene, &["hook", "post-checkout", "a", "b", "1"]);
        assert_eq!(told, "");
        assert_eq!(of_a_network(&calls), Vec::<&String>::new(), "{store:?}");
        assert_eq!(calls.iter().filter(|line| line.contains("execve(")).count(), 1);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_switch_with_a_fresh_snapshot_opens_no_socket_either() {
    if is_missing("strace", "counting what a switch between fetched environments starts") {
        return;
    }
    for store in EVERY {
        let Some(scene) = Scene::new(*store) else { return };
        let scene = scene.fetched();
        scene.repo.git(["symbolic-ref", "HEAD", "refs/heads/top"]).ok();
        let (_, calls) = traced(&scene, &["hook", "post-checkout", "a", "b", "1"]);
        assert_eq!(scene.repo.value("NAME").as_deref(), Some("canary-staging"), "{store:?}: it did switch");
        assert_eq!(of_a_network(&calls), Vec::<&String>::new(), "{store:?}");
    }
}

/// A command that asks is seen to: else the two tests above would prove nothing.
#[test]
#[cfg(target_os = "linux")]
fn a_command_that_asks_is_seen_to_open_a_socket() {
    if is_missing("strace", "that sockets are seen") {
        return;
    }
    let Some(scene) = Scene::new(super::common::SECRETS_JSON) else { return };
    let scene = scene.fetched();
    let (_, calls) = traced(&scene, &["fetch"]);
    assert!(!of_a_network(&calls).is_empty());
}

#[test]
fn no_log_level_shows_a_value_or_a_credential() {
    for store in EVERY {
        let Some(scene) = Scene::watched(*store) else { return };
        let repo = &scene.repo;
        // Every value and both credentials begin with the canary.
        let loud = |arguments: &[&str]| {
            let all: Vec<&str> = arguments.iter().chain(&["-vvv"]).copied().collect();
            let run = repo
                .spawn(all)
                .var("RUST_LOG", "trace")
                .var("AWS_LOG_LEVEL", "trace")
                .var("RUST_BACKTRACE", "full")
                .run()
                .never_says("canary-")
                // As a body would spell them.
                .never_says("Y2FuYXJ5");
            assert!(!run.stderr.is_empty(), "{arguments:?} at -vvv says nothing");
            run
        };
        scene.write("development", &[("NAME", "canary-name"), ("OTHER", "canary-other")]);
        loud(&["pull"]).ok();
        loud(&["fetch"]).ok();
        repo.edit("NAME", "canary-edited");
        repo.edit("ADDED", "canary-added");
        loud(&["push"]).ok();
        loud(&["history"]).ok();
        scene.write("development", &[("NAME", "canary-theirs")]);
        repo.edit("NAME", "canary-mine");
        loud(&["push"]).ends(3);
        repo.envsync(["pull", "--prefer", "remote"]).ok();
        // Errors that carry what was sent, or what is stored.
        let told = r#"{"__type":"ValidationException","message":"the value 'canary-echo' is not valid"}"#;
        scene.forwarder().on(&["*"]).times(3).answer(400, told, &[]);
        loud(&["fetch"]);
        repo.edit("NAME", "canary-again");
        scene.forwarder().clear();
        scene.forwarder().on(&["PutSecretValue", "PutParameter", "CreateSecret"]).answer(400, told, &[]);
        loud(&["push"]);
        scene.forwarder().clear();
        scene.forwarder().on(&["*"]).answer(200, r#"{"SecretString": "canary-garbage", "Value": 12"#, &[]);
        loud(&["fetch", "--timeout", "2s"]);
        scene.forwarder().clear();
        scene.forwarder().on(&["*"]).lose_request();
        loud(&["pull", "--timeout", "2s"]).ends(6);
    }
}

#[test]
fn vv_names_each_request_with_its_status() {
    let Some(scene) = Scene::watched(super::common::SECRETS_JSON) else { return };
    scene.write("development", &[("NAME", "canary-name")]);
    scene.repo.envsync(["pull", "-vv"]).ok().says("GetSecretValue").says("200");
}
