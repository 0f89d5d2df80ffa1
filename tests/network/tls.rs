//! Certificates and proxies.

use super::Scene;
use super::server::{Answer, Certificate, Server, proxy_to};

fn serve(certificate: &Certificate) -> Server {
    Server::with_tls(certificate, |_, _| Answer::secret(r#"{"LOCAL":"canary-local"}"#))
}

/// A scene that trusts this authority alone.
fn scene(endpoint: &str, authority: &str) -> Scene {
    let scene = Scene::new().signed_in().at(endpoint);
    let trusted = scene.file("authority.pem", authority);
    scene.var("SSL_CERT_FILE", &trusted)
}

#[test]
fn a_certificate_of_a_named_authority_counts() {
    let certificate = Certificate::of("localhost");
    let server = serve(&certificate);
    let endpoint = format!("https://localhost:{}", server.port());
    scene(&endpoint, &certificate.authority).run(&["pull"]).ok();
    let scene = Scene::new().signed_in().at(&endpoint);
    let bundle = scene.file("bundle.pem", &certificate.authority);
    scene.var("AWS_CA_BUNDLE", &bundle).run(&["pull"]).ok();
}

#[test]
fn a_certificate_that_does_not_hold_is_told_with_what_is_wrong() {
    let (good, expired, other) =
        (Certificate::of("localhost"), Certificate::expired("localhost"), Certificate::of("x"));
    for (certificate, authority, words) in [
        (&good, &other.authority, "nobody whom this machine trusts has signed it"),
        (&expired, &expired.authority, "it has expired"),
        (&other, &other.authority, "it is for another name"),
    ] {
        let server = serve(certificate);
        let endpoint = format!("https://localhost:{}", server.port());
        scene(&endpoint, authority).fails(6).says("the certificate of localhost").says(words).says("SSL_CERT_FILE");
    }
}

#[test]
fn a_server_without_tls_is_told() {
    let server = Server::start(|_, _| Answer::Hang);
    let endpoint = format!("https://localhost:{}", server.port());
    scene(&endpoint, &Certificate::of("localhost").authority).fails(6).says("localhost");
}

#[test]
fn a_file_without_certificates_is_told() {
    for variable in ["SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        let scene = Scene::new().signed_in();
        let file = scene.file("authority.pem", "canary-message");
        scene.var(variable, &file).fails(7).says(&format!("{variable} does not name a file of certificates"));
    }
}

#[test]
fn a_proxy_leads_to_the_service() {
    let certificate = Certificate::of("secrets.example.org");
    let server = serve(&certificate);
    let scene = scene("https://secrets.example.org", &certificate.authority);
    let proxy = format!("http://127.0.0.1:{}", proxy_to(server.port()));
    scene.var("HTTPS_PROXY", &proxy).run(&["pull"]).ok();
    assert!(!server.seen().is_empty());
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password() {
    let proxy = Server::start(|_, _| Answer::Say(407, String::new(), String::new()));
    let scene = scene("https://secrets.example.org", &Certificate::of("x").authority);
    let address = format!("http://me:canary-password@127.0.0.1:{}", proxy.port());
    let run = scene.var("HTTPS_PROXY", &address).fails(6);
    run.says(&format!("the proxy 127.0.0.1:{} did not lead to secrets.example.org", proxy.port())).says("NO_PROXY");
    assert!(proxy.seen()[0].starts_with("CONNECT secrets.example.org:443"), "{:?}", proxy.seen());
}

#[test]
fn no_proxy_stands_between_this_machine_and_itself() {
    let proxy = Server::start(|_, _| Answer::Say(407, String::new(), String::new()));
    let certificate = Certificate::of("localhost");
    let (plain, tls) = (Server::start(|_, _| Answer::secret(r#"{"LOCAL":"canary-local"}"#)), serve(&certificate));
    for endpoint in [plain.url(), format!("https://localhost:{}", tls.port())] {
        let mut scene = scene(&endpoint, &certificate.authority);
        for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            scene = scene.var(variable, &proxy.url());
        }
        scene.run(&["pull"]).ok();
    }
    assert_eq!(proxy.seen(), Vec::<String>::new());
}
