//! A network that fails in every way it can: the right status within the time budget, and `.env` as it was.

use super::common::{EVERY, SECRETS_JSON, SECRETS_KEYS, Scene, Service, Store, timed};
use crate::support::Run;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What a command gets that must end soon.
const BUDGET: Duration = Duration::from_secs(2);

/// What a busy machine may add to it: starting, reading, encrypting.
const CHANGE: Duration = Duration::from_secs(3);

/// A way to fail.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Refused,
    Reset,
    Cut,
    Slow,
    Garbage,
    Throttled,
    ThrottledForLong,
    ThrottledInWords,
    Broken,
    BlackHole,
}

/// A repository whose network still works: `development` is in the file with an unpushed edit, `staging` was never read.
fn before(store: Store) -> Option<Scene> {
    let scene = Scene::watched_with(store, "time_budget = \"2s\"\nmax_age = \"0\"\n")?;
    scene.write("development", &[("NAME", "canary-development"), ("OTHER", "canary-other")]);
    scene.write("staging", &[("NAME", "canary-staging")]);
    scene.repo.envsync(["pull"]).ok();
    scene.repo.edit("NAME", "canary-mine");
    Some(scene)
}

/// From now on every request fails like this. The answer is where to ask.
fn breaks(scene: &Scene, fault: Fault) -> String {
    let forwarder = scene.forwarder();
    let every = || forwarder.on(&["*"]);
    let throttled = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
    match fault {
        Fault::Refused => {
            // A port that was free a moment ago.
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            return format!("http://{}", listener.local_addr().unwrap());
        }
        Fault::Slow => return serve(dribble),
        Fault::BlackHole => return serve(swallow),
        Fault::Reset => every().lose_request(),
        Fault::Cut => every().cut_answer(),
        Fault::Garbage => {
            every().answer(200, "<html>hotel wifi: please sign in</html>", &[("content-type", "text/html")]);
        }
        Fault::Throttled => every().answer(429, throttled, &[]),
        Fault::ThrottledForLong => every().answer(429, throttled, &[("retry-after", "3600")]),
        Fault::ThrottledInWords => every().answer(400, throttled, &[]),
        Fault::Broken => every().answer(500, r#"{"__type":"InternalServiceError"}"#, &[]),
    }
    forwarder.url()
}

/// Reads what comes and never says anything.
fn swallow(mut connection: TcpStream) {
    let mut request = [0; 4096];
    while connection.read(&mut request).is_ok_and(|count| count > 0) {}
}

/// A server that does this with each connection, until the tests end.
fn serve(with: impl Fn(TcpStream) + Send + Copy + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || with(connection));
        }
    });
    url
}

/// An answer of which a byte comes each half second.
fn dribble(mut connection: TcpStream) {
    let mut request = [0; 4096];
    let _ = connection.read(&mut request);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: 1000\r\n\r\n";
    let _ = connection.write_all(head.as_bytes());
    while connection.write_all(b" ").is_ok() {
        thread::sleep(Duration::from_millis(500));
    }
}

/// Runs a command against the broken network; it ends in time, and the file is as it was.
#[track_caller]
fn ends_in_time(scene: &Scene, url: &str, fault: Fault, arguments: &[&str]) -> Run {
    let file = scene.repo.env();
    let (run, took) = timed(|| scene.repo.spawn(arguments).var("AWS_ENDPOINT_URL", url).run());
    assert!(took < BUDGET + CHANGE, "{fault:?}: {arguments:?} took {took:?}");
    assert_eq!(scene.repo.env(), file, "{fault:?}: {arguments:?} wrote the file");
    run
}

/// A test a fault, so that a name says which it was.
macro_rules! faults {
    ($($name:ident: $fault:ident,)*) => { $(
        mod $name {
            #[test]
            fn a_pull_ends_with_6_in_time_and_the_file_is_as_it_was() {
                super::a_pull_ends_with_6(super::Fault::$fault);
            }
            #[test]
            fn a_push_ends_with_6_in_time_and_nothing_is_written() {
                super::a_push_ends_with_6(super::Fault::$fault);
            }
            #[test]
            fn a_switch_ends_with_0_in_time_and_one_line() {
                super::a_switch_ends_with_0(super::Fault::$fault);
            }
        }
    )* };
}

faults! {
    refused: Refused,
    reset: Reset,
    cut: Cut,
    slow: Slow,
    garbage: Garbage,
    throttled: Throttled,
    throttled_for_long: ThrottledForLong,
    throttled_in_words: ThrottledInWords,
    broken: Broken,
    black_hole: BlackHole,
}

fn a_pull_ends_with_6(fault: Fault) {
    let Some(scene) = before(SECRETS_JSON) else { return };
    let url = breaks(&scene, fault);
    for command in ["pull", "fetch", "sync"] {
        ends_in_time(&scene, &url, fault, &[command, "--timeout", "2s"]).ends(6);
    }
}

fn a_push_ends_with_6(fault: Fault) {
    let Some(scene) = before(SECRETS_KEYS) else { return };
    let url = breaks(&scene, fault);
    ends_in_time(&scene, &url, fault, &["push", "--timeout", "2s"]).ends(6);
    assert_eq!(scene.read_key("development", "NAME").as_deref(), Some("canary-development"), "{fault:?}");
    // Afterwards the same command does it.
    scene.forwarder().clear();
    scene.repo.envsync(["push"]).ok();
    assert_eq!(scene.read_key("development", "NAME").as_deref(), Some("canary-mine"));
}

fn a_switch_ends_with_0(fault: Fault) {
    let Some(scene) = before(SECRETS_JSON) else { return };
    let url = breaks(&scene, fault);
    let file = scene.repo.env();
    let switch =
        || scene.repo.person.command("git", &scene.repo.path, ["switch", "-q", "top"]).var("AWS_ENDPOINT_URL", &url);
    let (run, took) = timed(|| switch().run().ok());
    assert!(took < BUDGET + CHANGE, "{fault:?}: the hook took {took:?}");
    assert_eq!(scene.repo.env(), file, "{fault:?}: an environment that was never read leaves the file alone");
    assert_eq!(run.stderr.lines().count(), 1, "{fault:?}: {}", run.stderr);
    assert!(run.stderr.contains("git-envsync") || run.stderr.contains("envsync"), "{}", run.stderr);
}

/// The operations of a push whose answers may get lost.
fn writes(store: Store) -> &'static [&'static str] {
    match store.service {
        Service::Secrets => &["PutSecretValue", "UpdateSecretVersionStage"],
        #[cfg(feature = "ssm")]
        Service::Parameters => &["PutParameter"],
    }
}

#[test]
fn a_lost_answer_is_recognised_and_nothing_is_written_twice() {
    for store in EVERY {
        for operation in writes(*store) {
            let Some(scene) = Scene::watched(*store) else { return };
            scene.write("development", &[("NAME", "canary-old")]);
            scene.repo.envsync(["pull"]).ok();
            scene.repo.edit("NAME", "canary-new");
            scene.forwarder().lose_answer(operation);
            scene.repo.envsync(["push"]).ok();
            assert_eq!(scene.read_key("development", "NAME").as_deref(), Some("canary-new"), "{store:?} {operation}");
            assert_eq!(
                scene.versions("development", "NAME"),
                2,
                "{store:?}: {operation} was repeated as another write"
            );
            scene.repo.envsync(["diff", "--exit-code"]).ok();
        }
    }
}

#[test]
fn a_lost_answer_of_a_creation_is_recognised_too() {
    for store in EVERY {
        let Some(scene) = Scene::watched(*store) else { return };
        scene.repo.write(".env", "NAME=canary-first\n");
        for operation in ["CreateSecret", "PutParameter"] {
            scene.forwarder().lose_answer(operation);
        }
        scene.repo.envsync(["push", "--yes"]).ok();
        assert_eq!(scene.read_key("development", "NAME").as_deref(), Some("canary-first"), "{store:?}");
        assert_eq!(scene.versions("development", "NAME"), 1, "{store:?}");
    }
}

#[test]
fn a_push_whose_answers_are_all_lost_says_so_and_the_next_one_goes_on() {
    for store in EVERY {
        let Some(scene) = Scene::watched(*store) else { return };
        scene.write("development", &[("NAME", "canary-old"), ("OTHER", "canary-old")]);
        scene.repo.envsync(["pull"]).ok();
        scene.repo.edit("NAME", "canary-new");
        scene.repo.edit("OTHER", "canary-new");
        scene.forwarder().on(writes(*store)).lose_answer();
        let run = scene.repo.envsync(["push", "--timeout", "4s"]);
        assert!([0, 4, 6, 8].contains(&run.status), "{store:?} ended with {}\n{}", run.status, run.stderr);
        if run.status == 0 {
            let found = scene.read("development");
            assert!(found.values().all(|value| value == "canary-new"), "{store:?} said done, {found:?}");
        }
        scene.forwarder().clear();
        scene.repo.envsync(["push"]).ok();
        let found = scene.read("development");
        assert!(found.values().all(|value| value == "canary-new"), "{store:?}: {found:?}");
        assert_eq!(found.len(), 2);
        scene.repo.envsync(["diff", "--exit-code"]).ok();
    }
}

#[test]
fn a_network_that_heals_within_the_budget_is_not_noticed() {
    for store in EVERY {
        let Some(scene) = Scene::watched(*store) else { return };
        scene.write("development", &[("NAME", "canary-name")]);
        let throttled = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
        scene.forwarder().on(&["*"]).times(1).answer(429, throttled, &[("retry-after", "1")]);
        scene.forwarder().on(&["*"]).times(1).answer(503, "{}", &[]);
        scene.forwarder().on(&["*"]).times(1).lose_request();
        scene.repo.envsync(["pull"]).ok();
        assert_eq!(scene.repo.value("NAME").as_deref(), Some("canary-name"), "{store:?}");
    }
}
