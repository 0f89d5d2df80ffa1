//! What answers that say no, and no answers at all, are called; what mends them; and whether trying again can help.

use super::scene::{Ears, PARENT, Scene, client, client_heard, client_within, location, name};
use super::server::{Deed, Server};
use envsync::files::SystemClock;
use envsync::ports::{Retry, StoreError, StoreErrorKind, TimeBudget, block_on};
use envsync::stores::layers::layered;
use envsync::stores::payload::{Lookup, PayloadStore, Precondition};
use serde_json::json;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NAME: &str = "acme--production";

/// What a list fails with, where this is answered. A value and a token never show.
fn failing(status: u16, headers: &'static str, body: &str) -> StoreError {
    let scene = Scene::new();
    scene.server.whenever(&["ListSecrets"], None, Deed::Answer(status, headers, body.to_owned()));
    let error = block_on(scene.payloads.list(&location())).expect_err("it says no");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    error
}

fn google(status: u16, code: &str, reason: Option<&str>) -> String {
    let details: Vec<_> = reason
        .map(|reason| json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com" }))
        .into_iter()
        .collect();
    json!({ "error": { "code": status, "message": "canary in a message", "status": code, "details": details } })
        .to_string()
}

#[test]
fn codes_have_their_meanings() {
    for (status, code, kind, retry) in [
        (401, "UNAUTHENTICATED", StoreErrorKind::SignedOut, Retry::Never),
        (403, "PERMISSION_DENIED", StoreErrorKind::Denied, Retry::Never),
        (429, "RESOURCE_EXHAUSTED", StoreErrorKind::Throttled, Retry::Soon),
        (500, "INTERNAL", StoreErrorKind::Unreachable, Retry::Soon),
        (503, "UNAVAILABLE", StoreErrorKind::Unreachable, Retry::Soon),
        (504, "DEADLINE_EXCEEDED", StoreErrorKind::Unreachable, Retry::Soon),
        (400, "INVALID_ARGUMENT", StoreErrorKind::Nonsense, Retry::Never),
        (501, "UNIMPLEMENTED", StoreErrorKind::Nonsense, Retry::Never),
    ] {
        let error = failing(status, "", &google(status, code, None));
        assert_eq!((error.kind, error.retry), (kind, retry), "{code}: {error:?}");
        assert!(error.detail.contains(code), "{error}");
    }
}

#[test]
fn answers_without_a_code_are_somebody_elses() {
    for (status, kind, retry) in [
        (401, StoreErrorKind::SignedOut, Retry::Never),
        (403, StoreErrorKind::Denied, Retry::Never),
        (404, StoreErrorKind::Nonsense, Retry::Never),
        (407, StoreErrorKind::Unreachable, Retry::Never),
        (429, StoreErrorKind::Throttled, Retry::Soon),
        (502, StoreErrorKind::Unreachable, Retry::Soon),
        (200, StoreErrorKind::Nonsense, Retry::Soon),
    ] {
        let error = failing(status, "", "<html>canary</html>");
        assert_eq!((error.kind, error.retry), (kind, retry), "{status}: {error:?}");
    }
    // Above all, a page of a proxy does not say that a secret is not there.
    let scene = Scene::new();
    scene.server.service().raw_put(PARENT, NAME, b"canary-1");
    scene.server.whenever(&["AccessSecretVersion"], None, Deed::Answer(404, "", "<html>Not Found</html>".to_owned()));
    assert!(matches!(scene.get(NAME), Lookup::Unreadable(error) if error.kind == StoreErrorKind::Nonsense));
}

#[test]
fn what_mends_it_is_said() {
    let hint = |status, code, reason| failing(status, "", &google(status, code, reason)).hint.expect("a hint");
    assert!(hint(401, "UNAUTHENTICATED", None).contains("gcloud auth application-default login"));
    assert!(hint(403, "PERMISSION_DENIED", None).contains("roles/secretmanager.secretAccessor"));
    let disabled = hint(403, "PERMISSION_DENIED", Some("SERVICE_DISABLED"));
    assert!(disabled.contains("gcloud services enable secretmanager.googleapis.com --project 123456789012"));
    assert!(hint(403, "PERMISSION_DENIED", Some("CONSUMER_INVALID")).contains("gcloud projects list"));
    assert!(hint(403, "PERMISSION_DENIED", Some("USER_PROJECT_DENIED")).contains("set-quota-project"));
}

#[test]
fn settings_that_are_missing_or_lead_elsewhere_ask_nobody() {
    let scene = Scene::with(|settings| settings.project = None);
    let error = block_on(scene.payloads.list(&location())).unwrap_err();
    assert!(error.hint.unwrap().contains("`project` of [stores.gcp]"), "{}", error.detail);
    let scene = Scene::with(|settings| settings.location = Some("x.example.org/".to_owned()));
    assert!(block_on(scene.payloads.list(&location())).is_err());
    assert!(scene.server.take_seen().is_empty());
}

#[test]
fn a_pause_that_was_asked_for_is_kept() {
    let error = failing(429, "Retry-After: 7\r\n", &google(429, "RESOURCE_EXHAUSTED", None));
    assert_eq!(error.retry, Retry::After(Duration::from_secs(7)));
    let error = failing(503, "Retry-After: 2\r\n", &google(503, "UNAVAILABLE", None));
    assert_eq!(error.retry, Retry::After(Duration::from_secs(2)));
    let error = failing(403, "Retry-After: 2\r\n", &google(403, "PERMISSION_DENIED", None));
    assert_eq!(error.retry, Retry::Never);
}

#[test]
fn connections_that_fail_are_told_apart_and_tried_again() {
    let scene = Scene::new();
    let fails = |deed: Deed| {
        scene.server.behave();
        scene.server.times(1, &["ListSecrets"], None, deed);
        block_on(scene.payloads.list(&location())).expect_err("there is no answer")
    };
    let lost = fails(Deed::LoseRequest);
    assert_eq!((lost.kind, lost.retry), (StoreErrorKind::Unreachable, Retry::Soon));
    let cut = fails(Deed::CutAnswer);
    assert_eq!(cut.retry, Retry::Soon, "{cut:?}");
    assert!(matches!(cut.kind, StoreErrorKind::Unreachable | StoreErrorKind::Nonsense), "{cut:?}");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = client(&format!("http://127.0.0.1:{port}"), |_| {});
    let refused = block_on(closed.list(&location())).unwrap_err();
    assert_eq!((refused.kind, refused.retry), (StoreErrorKind::Unreachable, Retry::Soon));
    assert!(refused.detail.contains("refuses"), "{refused}");
    // Whoever answers without TLS where TLS is expected.
    let plain = client(&format!("https://127.0.0.1:{}", scene.server.port), |settings| {
        settings.variables.insert("GCE_METADATA_HOST".to_owned(), format!("127.0.0.1:{}", scene.server.port));
    });
    assert_eq!(block_on(plain.list(&location())).unwrap_err().kind, StoreErrorKind::Unreachable);
}

#[test]
fn who_never_answers_is_waited_for_no_longer_than_the_time_budget() {
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hole.local_addr().unwrap().port();
    let payloads = client_within(Duration::from_millis(300), &format!("http://127.0.0.1:{port}"), |_| {});
    let began = Instant::now();
    let error = block_on(payloads.list(&location())).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unreachable);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_storm_of_refusals_ends_in_an_answer_or_with_the_time_budget() {
    let server = Server::start();
    server.service().raw_put(PARENT, NAME, b"canary-1");
    let clock = Rc::new(SystemClock::new());
    let within = |limit: Duration| {
        let budget = Rc::new(TimeBudget::new(clock.clone(), limit));
        layered(client_within(limit, &server.url(), |_| {}), clock.clone(), budget)
    };
    let storm = || Deed::Answer(429, "", google(429, "RESOURCE_EXHAUSTED", None));
    server.times(3, &["AccessSecretVersion"], None, storm());
    let read = |payloads: &Rc<dyn PayloadStore>| block_on(payloads.get_many(&[name(NAME)]));
    let answers = read(&within(Duration::from_secs(30))).unwrap();
    assert!(matches!(&answers[&name(NAME)], Lookup::Found(payload) if payload.value.expose() == b"canary-1"));
    server.whenever(&["AccessSecretVersion"], None, storm());
    let began = Instant::now();
    assert_eq!(read(&within(Duration::from_millis(700))).unwrap_err().kind, StoreErrorKind::Throttled);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_write_whose_answer_was_lost_is_not_made_again() {
    let scene = Scene::new();
    scene.put(NAME, "canary-1", Precondition::Absent).unwrap();
    let seen = scene.found(NAME).version;
    scene.server.times(1, &["AddSecretVersion"], None, Deed::LoseAnswer);
    let error = scene.put(NAME, "canary-2", Precondition::Unchanged(seen)).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unreachable);
    assert_eq!(scene.server.service().versions(PARENT, NAME), 2);
    assert!(!format!("{error:?} {:?}", scene.payloads).contains("canary"));
}

#[test]
fn requests_are_heard_with_their_status_and_nothing_else() {
    let server = Server::start();
    server.service().raw_put(PARENT, NAME, b"canary-1");
    let ears = Arc::new(Ears::default());
    let payloads = client_heard(Arc::clone(&ears) as _, Duration::from_secs(60), &server.url(), |_| {});
    drop(block_on(payloads.get_many(&[name(NAME)])).unwrap());
    drop(block_on(payloads.get_version(&name(NAME), &super::scene::version("9"))).unwrap_err());
    let mut heard = ears.0.lock().unwrap().clone();
    heard.sort();
    let expected = [
        ("AccessSecretVersion", Some(200)),
        ("AccessSecretVersion", Some(404)),
        ("GetSecret", Some(200)),
        ("GetSecret", Some(200)),
    ];
    assert_eq!(heard, expected.map(|(operation, status)| (operation.to_owned(), status)));
}
