//! What `-vv` and `-vvv` tell.

use super::Scene;
use super::server::{Answer, Server};

fn scene() -> (Scene, Server) {
    let server = Server::start(|_, _| Answer::secret(r#"{"LOCAL":"canary-local","A":"canary-remote"}"#));
    (Scene::new().signed_in().at(&server.url()).var("RUST_LOG", "trace"), server)
}

#[test]
fn each_request_is_told_with_its_status_and_its_time() {
    let (scene, server) = scene();
    let run = scene.run(&["fetch", "-vv"]).ok();
    let told = run.stderr.lines().filter(|line| line.contains(" debug ")).count();
    assert_eq!(told, server.seen().len(), "{}", run.stderr);
    let line = run.stderr.lines().find(|line| line.contains("SecretValue")).unwrap_or_default();
    assert!(line.contains(&format!("127.0.0.1:{} ", server.port())) && line.contains(" 200 "), "{}", run.stderr);
    assert!(line.ends_with(" ms") && line.as_bytes()[2] == b':', "{line}");
}

#[test]
fn no_level_tells_a_value_or_a_credential() {
    for verbosity in ["-v", "-vv", "-vvv"] {
        for command in ["fetch", "diff", "pull"] {
            let (scene, _server) = scene();
            let run = scene.run(&[command, verbosity]).ok();
            let run =
                ["canary-local", "canary-remote", "canary-secret"].iter().fold(run, |run, told| run.never_says(told));
            run.never_says("AWS4-HMAC");
        }
    }
}

#[test]
fn library_events_are_told_at_the_third_v_only() {
    let (scene, _server) = scene();
    assert!(!scene.run(&["fetch", "-vv"]).ok().stderr.contains(" trace "));
    let told = scene.run(&["diff", "-vvv"]).ok().stderr;
    assert!(told.contains(" trace ") && told.contains(": "), "{told}");
}

#[test]
fn a_command_that_asks_nobody_has_nothing_to_tell() {
    let (scene, server) = scene();
    let run = scene.run(&["which", "-vvv"]).ok();
    assert!(!run.stderr.contains(" debug ") && server.seen().is_empty(), "{}", run.stderr);
}
