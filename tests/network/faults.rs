//! What goes wrong between here and a service that is there.

use super::Scene;
use super::server::{Answer, Server};
use std::net::TcpListener;

#[track_caller]
fn scene(deed: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> (Scene, Server) {
    let server = Server::start(deed);
    (Scene::new().signed_in().at(&server.url()), server)
}

#[test]
fn a_port_where_nobody_listens_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let scene = Scene::new().signed_in().at(&format!("http://127.0.0.1:{port}"));
    scene.fails(6).says(&format!("nobody listens at 127.0.0.1:{port}")).says("`git envsync fetch`");
    // Nothing was read before that could serve.
    scene.fails(6).never_says("--offline");
}

#[test]
fn a_server_that_says_nothing_takes_the_time_budget_and_no_more() {
    let (scene, _server) = scene(|_, _| Answer::Silence);
    scene.fails(6).says("no answer within 3 s");
}

#[test]
fn a_body_that_drips_takes_the_time_budget_and_no_more() {
    let (scene, _server) = scene(|_, _| Answer::Drip);
    scene.fails(6).says("3 s");
}

#[test]
fn a_body_without_end_is_read_up_to_a_limit() {
    let (scene, server) = scene(|_, _| Answer::Flood);
    // It is the limit that ends it, not the time.
    scene.fails(6).says("not as AWS does").never_says("no answer within");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn what_stands_in_the_place_of_a_code_is_not_told() {
    for code in ["canary-message", "\u{1b}[31mcanary\nmessage", "", &"c".repeat(10_000)] {
        let answer = serde_json::json!({"__type": code, "message": "canary-message"});
        let (scene, _server) = scene(move |_, _| Answer::json(400, &answer));
        scene.fails(6).never_says("\u{1b}").never_says("canary\n").never_says("cccc");
    }
}

#[test]
fn names_and_versions_cannot_command_the_terminal() {
    let (scene, _server) = scene(|_, request| match request {
        request if request.ends_with("ListSecretVersionIds") => Answer::json(
            200,
            &serde_json::json!({
                "ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:acme/production-AbCdEf",
                "Name": "acme/production",
                "Versions": [{"VersionId": "\u{1b}[31mversion", "VersionStages": ["AWSCURRENT"]}],
            }),
        ),
        _ => Answer::secret(r#"{"A\u001b[31m\nB": "canary-a", "LOCAL": "canary\u001b[31m"}"#),
    });
    scene.repo.write(".env", "");
    scene.run(&["pull"]).ok().says("A\\u{1b}[31m\\nB").never_says("\u{1b}");
    scene.run(&["status"]).ok().says("A\\u{1b}[31m\\nB").never_says("\u{1b}");
    scene.run(&["list", "--show-values"]).ok().says("canary\\u{1b}[31m").never_says("\u{1b}");
    scene.run(&["history"]).ok().says("\\u{1b}[31mversion").never_says("\u{1b}");
    // To a program the value goes as it is.
    scene.run(&["get", "LOCAL"]).ok().says("canary\u{1b}[31m");
}

#[test]
fn a_connection_that_ends_is_told() {
    let (scene, _server) = scene(|_, _| Answer::Hang);
    scene.fails(6).says("127.0.0.1");
}

#[test]
fn a_body_that_ends_in_the_middle_is_told() {
    let (scene, _server) = scene(|_, _| Answer::Cut);
    scene.fails(6).says("127.0.0.1");
}

#[test]
fn an_answer_that_makes_no_sense_is_told() {
    for (status, body) in [(200, "<html>canary-message</html>"), (200, "{"), (404, "<html>")] {
        let (scene, _server) = scene(move |_, _| Answer::Say(status, String::new(), body.to_owned()));
        scene.fails(6).says("not as AWS does").says("is it the right endpoint");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Server::start(|_, _| Answer::secret(r#"{"A":"canary-other"}"#));
    let location = format!("Location: {}\r\n", other.url());
    let (scene, _server) = scene(move |_, _| Answer::Say(307, location.clone(), String::new()));
    scene.fails(6);
    assert_eq!(other.seen(), Vec::<String>::new());
}

#[test]
fn a_server_that_is_ill_is_told() {
    let (scene, _server) = scene(|_, _| Answer::Say(500, String::new(), String::new()));
    scene.fails(6).says("500");
    let (scene, _server) = self::scene(|_, _| Answer::code("InternalServiceError"));
    scene.fails(6);
}

/// Status, further header lines and body, as services, balancers, gateways and proxies say "not now".
const NOT_NOW: [(u16, &str, &str); 8] = [
    (429, "", ""),
    (429, "Retry-After: 1\r\n", ""),
    (500, "", "{}"),
    (502, "Content-Type: text/html\r\n", "<html><title>502 Bad Gateway</title></html>"),
    (503, "", "{}"),
    (503, "Content-Type: text/html\r\nRetry-After: 1\r\n", "<html>come back later</html>"),
    (503, "Content-Type: application/x-amz-json-1.1\r\n", ""),
    (504, "Content-Type: text/plain\r\n", "upstream timed out"),
];

#[test]
fn a_server_that_recovers_in_time_is_believed() {
    for (status, headers, body) in NOT_NOW {
        let (scene, server) = scene(move |number, _| match number {
            0 => Answer::Say(status, headers.to_owned(), body.to_owned()),
            _ => Answer::secret(r#"{"LOCAL":"canary-local"}"#),
        });
        scene.run(&["pull", "--timeout", "10s"]).ok();
        assert!(server.seen().len() >= 2, "{status} {body}: {:?}", server.seen());
    }
}

#[test]
fn a_gateway_that_stays_ill_is_told_by_its_status() {
    for (status, headers, body) in NOT_NOW.into_iter().filter(|(status, ..)| *status >= 500) {
        let (scene, server) = scene(move |_, _| Answer::Say(status, headers.to_owned(), body.to_owned()));
        scene.fails(6).says(&format!("the answer was {status}"));
        assert!(server.seen().len() > 1, "{status} {body}: {:?}", server.seen());
    }
}

#[test]
fn a_page_that_refuses_is_no_refusal_of_the_service() {
    for status in [400, 403] {
        let (scene, server) = scene(move |_, _| Answer::Say(status, String::new(), "<html>blocked</html>".to_owned()));
        scene.fails(6).says("not as AWS does").says("does a proxy answer in its place");
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}

#[test]
fn a_storm_of_refusals_ends_in_time() {
    for retry_after in ["", "Retry-After: 1\r\n", "Retry-After: 3600\r\n"] {
        let (scene, _server) = scene(move |_, _| Answer::Say(429, retry_after.to_owned(), String::new()));
        scene.fails(6).says("slow down");
    }
    let (scene, _server) = scene(|_, _| Answer::code("ThrottlingException"));
    scene.fails(6).says("slow down (ThrottlingException)");
}

#[test]
fn codes_are_put_into_words_with_what_mends_them() {
    for (code, words, hint) in [
        ("AccessDeniedException", "is not permitted", "docs/stores/aws.md"),
        ("ExpiredTokenException", "the sign-in has expired", "aws sso login"),
        ("UnrecognizedClientException", "AWS does not know these credentials", "aws sso login"),
        ("InvalidSignatureException", "a wrong clock, or a wrong secret key", "timedatectl"),
        (
            "KMSDisabledException",
            "the key that encrypts acme/production is unknown or disabled",
            "aws kms describe-key",
        ),
    ] {
        let (scene, _server) = scene(move |_, _| Answer::code(code));
        scene.fails(5).says(words).says(hint);
    }
}

#[test]
fn the_permission_that_is_missing_is_named() {
    let (scene, _server) = scene(|_, _| Answer::code("AccessDeniedException"));
    scene.fails(5).says("secretsmanager:").says("on acme/production is not permitted");
}

#[test]
fn a_clock_that_is_wrong_is_measured() {
    let (scene, _server) = scene(|_, _| {
        let date = "Date: Sat, 01 Jan 2000 00:00:00 GMT\r\n".to_owned();
        Answer::Say(403, date, r#"{"__type":"InvalidSignatureException"}"#.to_owned())
    });
    scene.fails(5).says("this machine's clock is").says("minutes off");
}
