//! Google's own Python client as the judge: of the server, and of what arrives between it and the program.
//!
//! `ENVSYNC_GCP_SDK` is the `python` of an environment that has `google-cloud-secret-manager`. What it does not decide:
//! sizes, names, checksums and etags are the server's own reading of the reference; the client only has to understand
//! the refusals.

use super::contract::environment;
use super::scene::{PARENT, Scene};
use super::server::Server;
use crate::stores::support::{assert_done, commit, fetch, set, value};
use envsync::domain::config::Layout;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Names the client, and answers `result`.
const FRAME: &str = r#"
import json, sys
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import secretmanager as sm
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport
host = sys.argv[1]
transport = SecretManagerServiceRestTransport(host=host, url_scheme="http", credentials=AnonymousCredentials())
client = sm.SecretManagerServiceClient(transport=transport)
parent = "projects/acme-test"
def name(secret): return f"{parent}/secrets/{secret}"
def create(secret, **more):
    return client.create_secret(parent=parent, secret_id=secret, secret={"replication": {"automatic": {}}, **more})
def add(secret, data, **more):
    return client.add_secret_version(parent=name(secret), payload={"data": data, **more})
def access(secret, version="latest"):
    return client.access_secret_version(name=f"{name(secret)}/versions/{version}").payload
def crc32c(data):
    # Castagnoli: https://datatracker.ietf.org/doc/html/rfc3720#appendix-B.4
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
def refused(call):
    try:
        call()
        return None
    except exceptions.GoogleAPICallError as error:
        return [error.code, error.response.json()["error"]["status"]]
"#;

/// The python. None where the client is not installed: what is left out is said then, and in CI it has to be there.
fn installed(left_out: &str) -> Option<OsString> {
    let python = std::env::var_os("ENVSYNC_GCP_SDK");
    if python.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "in CI, ENVSYNC_GCP_SDK must name a python");
        // Not by a macro: the harness would keep the line of a test that passes to itself.
        std::io::stderr().write_all(format!("left out: {left_out} (no ENVSYNC_GCP_SDK)\n").as_bytes()).unwrap();
    }
    python
}

/// A private key such as service accounts have, made for this run.
pub(super) fn private_key(left_out: &str) -> Option<String> {
    const MAKE: &str = "
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(65537, 2048)
print(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode())
";
    static KEY: OnceLock<String> = OnceLock::new();
    let python = installed(left_out)?;
    let key = KEY.get_or_init(|| {
        let output = Command::new(python).args(["-c", MAKE]).output().expect("ENVSYNC_GCP_SDK can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    });
    Some(key.clone())
}

/// Runs a script against the server.
fn run(server: &Server, left_out: &str, script: &str) -> Option<Value> {
    let python = installed(left_out)?;
    let program = format!("{FRAME}\n{script}\nprint(json.dumps(result))\n");
    let output = Command::new(python)
        .args(["-c", &program, server.url().trim_start_matches("http://")])
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .output()
        .expect("ENVSYNC_GCP_SDK can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn googles_own_client_agrees_with_the_server() {
    let server = Server::start();
    server.service().page = 2;
    let script = r#"
made = create("acme--a", labels={"team": "acme"})
first = add("acme--a", b"canary-1")
second = add("acme--a", "canary-ü".encode())
for other in ["acme--b", "acme--c", "acme--d", "other"]:
    create(other)
payload = access("acme--a")
result = {
    "made": [made.name, dict(made.labels), made.create_time.year, made.etag != ""],
    "versions": [first.name, second.name, first.state.name],
    "payload": [payload.data.decode(), payload.data_crc32c == crc32c(payload.data)],
    "first": access("acme--a", "1").data.decode(),
    "again": refused(lambda: create("acme--a")),
    "missing": refused(lambda: access("acme--nothing")),
    "empty": refused(lambda: access("acme--b")),
    "no version": refused(lambda: access("acme--a", "9")),
    "sum": refused(lambda: add("acme--a", b"canary", data_crc32c=1)),
    "right sum": add("acme--a", b"canary-3", data_crc32c=crc32c(b"canary-3")).client_specified_payload_checksum,
    "big": refused(lambda: add("acme--a", b"x" * 65537)),
    "name": refused(lambda: create("a.b")),
    "replication": refused(lambda: client.create_secret(parent=parent, secret_id="x", secret={})),
    "listed": sorted(s.name.split("/")[-1] for s in client.list_secrets(parent=parent)),
    "filtered": sorted(s.name.split("/")[-1] for s in client.list_secrets(request={"parent": parent, "filter": "name:acme--"})),
    "history": [v.name.split("/")[-1] for v in client.list_secret_versions(parent=name("acme--a"))],
}
version = name("acme--a") + "/versions/3"
result["disabled"] = [client.disable_secret_version(name=version).state.name, refused(lambda: access("acme--a"))]
result["enabled"] = [client.enable_secret_version(name=version).state.name, access("acme--a").data.decode()]
result["destroyed"] = [client.destroy_secret_version(name=version).state.name, refused(lambda: access("acme--a"))]
result["for good"] = refused(lambda: client.enable_secret_version(name=version))
secret = client.get_secret(name=name("acme--a"))
stale = secret.etag
changed = client.update_secret(secret={"name": secret.name, "labels": {"team": "b"}, "etag": stale}, update_mask={"paths": ["labels"]})
result["changed"] = [dict(changed.labels), changed.etag != stale]
result["stale"] = refused(lambda: client.delete_secret(request={"name": secret.name, "etag": stale}))
client.delete_secret(request={"name": secret.name, "etag": changed.etag})
result["deleted"] = refused(lambda: client.get_secret(name=secret.name))
regional = client.create_secret(parent=parent + "/locations/europe-west3", secret_id="acme--r", secret={})
result["regional"] = regional.name
"#;
    let Some(seen) = run(&server, "what Google's client makes of the server", script) else { return };
    let secret = format!("{PARENT}/secrets/acme--a");
    let expected = json!({
        "made": [secret, { "team": "acme" }, 2026, true],
        "versions": [format!("{secret}/versions/1"), format!("{secret}/versions/2"), "ENABLED"],
        "payload": ["canary-ü", true],
        "first": "canary-1",
        "again": [409, "ALREADY_EXISTS"],
        "missing": [404, "NOT_FOUND"],
        "empty": [404, "NOT_FOUND"],
        "no version": [404, "NOT_FOUND"],
        "sum": [400, "INVALID_ARGUMENT"],
        "right sum": true,
        "big": [400, "INVALID_ARGUMENT"],
        "name": [400, "INVALID_ARGUMENT"],
        "replication": [400, "INVALID_ARGUMENT"],
        "listed": ["acme--a", "acme--b", "acme--c", "acme--d", "other"],
        "filtered": ["acme--a", "acme--b", "acme--c", "acme--d"],
        "history": ["3", "2", "1"],
        "disabled": ["DISABLED", [400, "FAILED_PRECONDITION"]],
        "enabled": ["ENABLED", "canary-3"],
        "destroyed": ["DESTROYED", [400, "FAILED_PRECONDITION"]],
        "for good": [400, "FAILED_PRECONDITION"],
        "changed": [{ "team": "b" }, true],
        "stale": [400, "FAILED_PRECONDITION"],
        "deleted": [404, "NOT_FOUND"],
        "regional": "projects/123456789012/locations/europe-west3/secrets/acme--r",
    });
    for (claim, expected) in expected.as_object().unwrap() {
        assert_eq!(&seen[claim], expected, "{claim}");
    }
}

#[test]
fn what_googles_client_writes_arrives_and_what_is_pushed_is_read_by_it() {
    for (layout, theirs, read) in [
        (
            Layout::Json,
            r#"create("acme--production"); add("acme--production", b'{"A": "canary-\\u00fc", "N": 1.50}')"#,
            r#"json.loads(access("acme--production").data)"#,
        ),
        (
            Layout::Keys,
            r#"create("acme--production--A"); add("acme--production--A", "canary-ü".encode())"#,
            r#"{"A": access("acme--production--A").data.decode(), "B": access("acme--production--B").data.decode()}"#,
        ),
    ] {
        let scene = Scene::new();
        let left_out = format!("values between Google's client and the program, layout {}", layout.as_str());
        if run(&scene.server, &left_out, &format!("{theirs}; result = None")).is_none() {
            continue;
        }
        let store = environment(&scene.payloads, layout);
        let state = fetch(&*store);
        assert_eq!(value(&state, "A").as_deref(), Some("canary-ü"));
        assert_done(&commit(&*store, &[set("A", "canary-ours ß"), set("B", "canary-new")], &state));
        let seen = run(&scene.server, &left_out, &format!("result = {read}")).unwrap();
        assert_eq!((&seen["A"], &seen["B"]), (&json!("canary-ours ß"), &json!("canary-new")));
        if layout == Layout::Json {
            assert_eq!(seen["N"], json!(1.5));
        }
    }
}
