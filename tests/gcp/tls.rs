//! Certificates and proxies, with credentials that are shown over TLS only.

use super::python::private_key;
use super::service::PROJECT;
use crate::network::server::{Answer, Certificate, Server, proxy_to};
use crate::support::{Lab, Repo, Run};
use serde_json::json;

struct Scene {
    repo: Repo,
    variables: Vec<(&'static str, String)>,
    _lab: Lab,
}

/// Answers every question for a value and refuses all others, as to somebody who may read values only.
fn serve(certificate: &Certificate) -> Server {
    Server::with_tls(certificate, |_, request| {
        if request.contains(":access") {
            let name = "projects/123456789012/secrets/acme--development/versions/1";
            let payload = json!({ "data": "eyJOQU1FIjoiY2FuYXJ5LXRscyJ9" });
            return Answer::Say(200, String::new(), json!({ "name": name, "payload": payload }).to_string());
        }
        let denied = super::service::error(403, "PERMISSION_DENIED", "Permission denied.");
        Answer::Say(403, String::new(), denied)
    })
}

impl Scene {
    /// None where no key can be made; what is left out is said then.
    fn new(endpoint: &str, authority: &str) -> Option<Self> {
        let key = private_key("certificates and proxies before Google Secret Manager")?;
        let lab = Lab::new();
        let account = json!({
            "type": "service_account", "project_id": PROJECT, "private_key_id": "1",
            "private_key": key, "client_id": "1",
            "client_email": "envsync@acme-test.iam.gserviceaccount.com", "token_uri": "https://localhost:1/token",
        });
        let file = |name: &str, text: &str| {
            let path = lab.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let variables = vec![
            ("GOOGLE_APPLICATION_CREDENTIALS", file("account.json", &account.to_string())),
            ("SSL_CERT_FILE", file("authority.pem", authority)),
            ("GIT_ENVSYNC_STORE_CLOUD_ENDPOINT", endpoint.to_owned()),
        ];
        let repo = lab.person("ada").init("repo");
        repo.write(
            ".envsync.toml",
            format!(
                "version = 1\n[[environment]]\nname = \"development\"\nbranches = [\"**\"]\nstore = \"cloud\"\n\
                 path = \"acme/development\"\n[stores.cloud]\nkind = \"gcp-secret-manager\"\nproject = \"{PROJECT}\"\n"
            ),
        );
        repo.write(".gitignore", ".env\n");
        repo.envsync(["key", "generate"]).ok();
        repo.envsync(["trust", "--yes"]).ok();
        Some(Self { repo, variables, _lab: lab })
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn pull(self) -> Run {
        let person = self.repo.person.clone().with(self.variables);
        let run = Repo { person, path: self.repo.path }.envsync(["pull", "--timeout", "5s"]);
        run.never_says("canary").never_says("PRIVATE KEY")
    }
}

#[test]
fn a_certificate_of_a_named_authority_counts() {
    let certificate = Certificate::of("localhost");
    let server = serve(&certificate);
    let Some(scene) = Scene::new(&format!("https://localhost:{}", server.port()), &certificate.authority) else {
        return;
    };
    scene.with("NO_PROXY", "localhost").pull().ok();
    assert!(!server.seen().is_empty());
}

#[test]
fn a_certificate_of_somebody_else_ends_it_before_a_credential_is_shown() {
    let (good, other) = (Certificate::of("localhost"), Certificate::of("localhost"));
    let server = serve(&good);
    let Some(scene) = Scene::new(&format!("https://localhost:{}", server.port()), &other.authority) else { return };
    scene.with("NO_PROXY", "localhost").pull().ends(6).says("certificate of localhost").says("SSL_CERT_FILE");
    assert!(server.seen().is_empty());
}

#[test]
fn a_server_without_tls_is_shown_nothing() {
    let server = Server::start(|_, _| Answer::Say(200, String::new(), "{}".to_owned()));
    let authority = Certificate::of("localhost").authority;
    let Some(scene) = Scene::new(&format!("https://localhost:{}", server.port()), &authority) else { return };
    scene.with("NO_PROXY", "localhost").pull().ends(6).says("localhost");
}

#[test]
fn a_proxy_leads_to_the_service() {
    let certificate = Certificate::of("secrets.example.org");
    let server = serve(&certificate);
    let Some(scene) = Scene::new("https://secrets.example.org", &certificate.authority) else { return };
    let proxy = format!("http://127.0.0.1:{}", proxy_to(server.port()));
    scene.with("HTTPS_PROXY", &proxy).pull().ok();
    assert!(!server.seen().is_empty());
}
