//! Signing in: each way of application default credentials, what is said where none works, and how long that takes.

use super::python::private_key;
use super::scene::{Scene, client_within, location};
use super::server::Server;
use envsync::ports::{Retry, StoreError, StoreErrorKind, block_on};
use envsync::stores::payload::PayloadStore;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Asks a service that wants the token `canary-token`, with these variables.
fn asked(server: &Server, variables: &[(&str, &str)]) -> Result<(), StoreError> {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let payloads = client_within(Duration::from_secs(20), &server.url(), |settings| settings.variables = variables);
    let answer = block_on(payloads.list(&location())).map(drop);
    if let Err(error) = &answer {
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
    answer
}

fn guarded() -> Server {
    Server::asking_for(Some("canary-token"))
}

/// A credentials file, in a directory that goes with it.
fn file(json: &Value) -> (TempDir, String) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("credentials.json");
    std::fs::write(&path, json.to_string()).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

fn user(server: &Server, refresh: &str) -> Value {
    json!({
        "type": "authorized_user", "client_id": "canary-client", "client_secret": "canary-secret",
        "refresh_token": refresh, "token_uri": format!("{}/token", server.url()),
    })
}

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_service_on_this_machine_that_wants_no_credentials_gets_none() {
    assert!(block_on(Scene::new().payloads.list(&location())).is_ok());
    let error = asked(&guarded(), &[]).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::SignedOut);
    assert!(error.hint.unwrap().contains("gcloud auth application-default login"));
}

#[test]
fn a_user_who_signed_in_is_let_in() {
    let server = guarded();
    let (_directory, path) = file(&user(&server, "canary-refresh"));
    asked(&server, &[("GOOGLE_APPLICATION_CREDENTIALS", &path)]).unwrap();
}

#[test]
fn where_gcloud_leaves_its_file_it_is_found() {
    let server = guarded();
    let directory = TempDir::new().unwrap();
    let gcloud = directory.path().join(".config/gcloud");
    std::fs::create_dir_all(&gcloud).unwrap();
    let json = user(&server, "canary-refresh").to_string();
    std::fs::write(gcloud.join("application_default_credentials.json"), json).unwrap();
    // Named so that the service on this machine counts as one that wants credentials.
    let nowhere = format!("127.0.0.1:{}", closed_port());
    let home = directory.path().to_str().unwrap();
    asked(&server, &[("HOME", home), ("GCE_METADATA_HOST", &nowhere)]).unwrap();
    asked(&server, &[("CLOUDSDK_CONFIG", gcloud.to_str().unwrap()), ("GCE_METADATA_HOST", &nowhere)]).unwrap();
}

#[test]
fn a_sign_in_that_has_expired_is_told_with_the_command_that_mends_it() {
    let server = guarded();
    let (_directory, path) = file(&user(&server, "canary-expired"));
    let error = asked(&server, &[("GOOGLE_APPLICATION_CREDENTIALS", &path)]).unwrap_err();
    assert_eq!((error.kind, error.retry), (StoreErrorKind::SignedOut, Retry::Never), "{error:?}");
    assert!(error.detail.contains("expired") && error.detail.contains("400"), "{error}");
    assert!(error.hint.unwrap().contains("gcloud auth application-default login"));
}

#[test]
fn who_hands_tokens_out_may_be_away_for_a_moment() {
    let server = guarded();
    let mut json = user(&server, "canary-refresh");
    json["token_uri"] = format!("http://127.0.0.1:{}/token", closed_port()).into();
    let (_directory, path) = file(&json);
    let error = asked(&server, &[("GOOGLE_APPLICATION_CREDENTIALS", &path)]).unwrap_err();
    assert_eq!((error.kind, error.retry), (StoreErrorKind::Unreachable, Retry::Soon), "{error:?}");
}

#[test]
fn a_service_account_signs_for_itself() {
    let Some(key) = private_key("a service account that signs for itself") else { return };
    let server = guarded();
    let (_directory, path) = file(&json!({
        "type": "service_account", "project_id": "acme-test", "private_key_id": "1",
        "private_key": key,
        "client_email": "envsync@acme-test.iam.gserviceaccount.com", "client_id": "1",
        "token_uri": format!("{}/token", server.url()),
    }));
    asked(&server, &[("GOOGLE_APPLICATION_CREDENTIALS", &path)]).unwrap();
}

#[test]
fn the_metadata_server_of_a_machine_in_the_cloud_is_asked() {
    let server = guarded();
    let home = TempDir::new().unwrap();
    let host = server.url().trim_start_matches("http://").to_owned();
    asked(&server, &[("HOME", home.path().to_str().unwrap()), ("GCE_METADATA_HOST", &host)]).unwrap();
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let server = guarded();
    let wrong = |path: &str| {
        let error = asked(&server, &[("GOOGLE_APPLICATION_CREDENTIALS", path)]).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::SignedOut);
        assert!(error.detail.contains(path) && error.hint.is_some(), "{error:?}");
    };
    wrong("/nowhere/credentials.json");
    for json in [json!("canary"), json!({ "type": "canary" }), json!({ "type": "authorized_user" }), json!({})] {
        let (_directory, path) = file(&json);
        wrong(&path);
    }
    let (_directory, path) = file(&json!(null));
    std::fs::write(&path, "canary, no JSON").unwrap();
    wrong(&path);
}

#[test]
fn where_nobody_is_signed_in_all_ways_are_told_and_that_takes_no_minute() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = TempDir::new().unwrap();
    let home = home.path().to_str().unwrap();
    for port in [closed_port(), silent.local_addr().unwrap().port()] {
        let metadata = format!("127.0.0.1:{port}");
        let variables = [("HOME", home), ("GCE_METADATA_HOST", metadata.as_str())];
        let began = Instant::now();
        let error = asked(&guarded(), &variables).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!((error.kind, error.retry), (StoreErrorKind::SignedOut, Retry::Never));
        for way in
            ["GOOGLE_APPLICATION_CREDENTIALS (not set)", "application_default_credentials.json (not there)", &metadata]
        {
            assert!(error.detail.contains(way), "{way}: {error}");
        }
        assert!(error.hint.unwrap().contains("gcloud auth application-default login"));
    }
}
