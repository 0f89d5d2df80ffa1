//! Who asks, and where: before a question is put to a store.

use super::Scene;
use super::server::{Answer, Server};

#[test]
fn an_error_tells_everything_that_was_tried() {
    let run = Scene::new().fails(5).says("nobody is signed in to AWS (tried: AWS_ACCESS_KEY_ID is not set");
    let run = run.says("the profile default: there is no such profile").says("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    run.says("AWS_EC2_METADATA_DISABLED").says("hint: `aws configure` or `aws sso login`");
}

#[test]
fn half_a_pair_of_keys_is_none() {
    Scene::new().var("AWS_ACCESS_KEY_ID", "canary-id").fails(5).says("AWS_SECRET_ACCESS_KEY is not set");
}

#[test]
fn a_configured_profile_is_the_only_one_that_is_asked() {
    let scene = Scene::with("region = \"eu-central-1\"\nprofile = \"acme\"\n").signed_in();
    scene.fails(5).says("(tried: the profile acme: there is no such profile)").says("--profile acme");
}

#[test]
fn a_sign_in_that_has_expired_names_the_command() {
    let files = "[profile acme]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = reader\n\
                 [profile above]\nrole_arn = arn:aws:iam::123456789012:role/above\nsource_profile = acme\n\
                 [default]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-central-1\n\
                 sso_account_id = 123456789012\nsso_role_name = reader\n\
                 [sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-central-1\n";
    for (profile, command) in [
        ("profile = \"acme\"\n", "hint: `aws sso login --profile acme`"),
        ("profile = \"above\"\n", "hint: `aws sso login --profile acme`"),
        ("", "hint: `aws sso login`\n"),
    ] {
        let scene = Scene::with(&format!("region = \"eu-central-1\"\n{profile}"));
        let files = scene.file("aws-config", files);
        scene.var("AWS_CONFIG_FILE", &files).fails(5).says("has expired, or was never made").says(command);
    }
}

#[test]
fn a_command_that_gives_no_credentials_is_told_without_its_output() {
    let scene = Scene::with("region = \"eu-central-1\"\nprofile = \"acme\"\n");
    let files = scene.file("aws-config", "[profile acme]\ncredential_process = echo canary-secret\n");
    scene.var("AWS_CONFIG_FILE", &files).fails(5).says("its credential_process gives no credentials");
}

#[test]
fn without_a_region_nothing_is_guessed() {
    Scene::with("").signed_in().fails(7).says("no region is set").says("under [stores.aws]");
}

#[test]
fn the_region_is_the_configs_else_the_variables_else_the_profiles() {
    let server = Server::start(|_, _| Answer::secret(r#"{"LOCAL":"canary-local"}"#));
    Scene::with("").signed_in().var("AWS_REGION", "eu-west-1").at(&server.url()).run(&["pull"]).ok();
    let scene = Scene::with("").signed_in().at(&server.url());
    let files = scene.file("aws-config", "[default]\nregion = eu-west-2\n");
    scene.var("AWS_CONFIG_FILE", &files).run(&["pull"]).ok();
}

#[test]
fn a_service_on_this_machine_needs_no_credentials() {
    let server = Server::start(|_, _| Answer::secret(r#"{"LOCAL":"canary-local"}"#));
    Scene::new().at(&server.url()).run(&["pull"]).ok();
    assert!(!server.seen().is_empty());
}

#[test]
fn a_role_that_may_not_be_assumed_is_named() {
    const ROLE: &str = "arn:aws:iam::123456789012:role/deployer";
    let error = |code: &str| {
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>canary-message</Message></Error></ErrorResponse>")
    };
    for (code, words) in [("AccessDenied", "sts:AssumeRole on "), ("SignatureDoesNotMatch", "cannot be assumed")] {
        let sts = Server::start(move |_, _| Answer::Say(403, String::new(), error(code)));
        let store = Server::start(|_, _| Answer::Silence);
        let scene = Scene::with(&format!("region = \"eu-central-1\"\nrole_arn = \"{ROLE}\"\n")).signed_in();
        let scene = scene.at(&store.url()).var("AWS_ENDPOINT_URL_STS", &sts.url());
        scene.fails(5).says(ROLE).says(words);
        assert!(store.seen().is_empty() && sts.seen().len() == 1);
    }
}

#[test]
fn a_host_without_an_address_is_told() {
    let scene = Scene::new().signed_in().at("https://secrets.invalid");
    let authority = super::server::Certificate::of("secrets.invalid").authority;
    let trusted = scene.file("authority.pem", &authority);
    scene.var("SSL_CERT_FILE", &trusted).fails(6).says("secrets.invalid has no address");
}

#[test]
fn an_endpoint_that_an_env_file_brought_in_is_not_asked() {
    let planted = Server::start(|_, _| Answer::secret(r#"{"LOCAL":"canary-other"}"#));
    let store = Server::start(|_, _| Answer::secret(r#"{"LOCAL":"canary-local"}"#));
    let scene = Scene::new().signed_in().at(&store.url()).var("AWS_ENDPOINT_URL", &planted.url());
    scene.repo.write(".env", format!("LOCAL=canary-local\nAWS_ENDPOINT_URL={}\n", planted.url()));
    scene.run(&["pull"]).ok().says("AWS_ENDPOINT_URL is ignored");
    assert_eq!(planted.seen(), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn files_that_never_end_take_the_time_budget_and_no_more() {
    let scene = Scene::new();
    let pipe = scene.file("pipe", "");
    std::fs::remove_file(&pipe).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for variable in ["AWS_CONFIG_FILE", "SSL_CERT_FILE"] {
        let scene = Scene::new().signed_in().var("AWS_ACCESS_KEY_ID", "").var(variable, &pipe);
        scene.fails(6).says("no answer within 3 s");
    }
}

#[test]
fn a_profile_cannot_send_a_token_in_the_clear() {
    let scene = Scene::new().var("AWS_PROFILE", "acme").var("AWS_EC2_METADATA_DISABLED", "true");
    let home = scene.lab.path().join("sso-home");
    let cache = home.join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    // The name of the cached token is the SHA-1 of the session's name.
    let token = r#"{"accessToken":"canary-secret","expiresAt":"2999-01-01T00:00:00Z"}"#;
    std::fs::write(cache.join("0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33.json"), token).unwrap();
    let files = scene.file(
        "aws",
        "[sso-session foo]\nsso_start_url = https://x.example.org/start\nsso_region = eu-central-1\n\
         sso_registration_scopes = sso:account:access\n[profile acme]\nsso_session = foo\n\
         sso_account_id = 123456789012\nsso_role_name = x\nservices = v\n[services v]\nsso =\n  \
         endpoint_url = http://192.0.2.1:8080\n",
    );
    let scene = scene.var("AWS_CONFIG_FILE", &files).var("HOME", home.to_str().unwrap());
    scene.fails(7).says("192.0.2.1:8080 is not asked").says("plain http");
}

#[test]
fn another_env_file_does_not_hide_an_endpoint_that_one_brought_in() {
    let planted = Server::start(|_, _| Answer::secret(r#"{"LOCAL":"canary-other"}"#));
    let store = Server::start(|_, _| Answer::secret(r#"{"LOCAL":"canary-local"}"#));
    let scene = Scene::new().signed_in().at(&store.url()).var("AWS_ENDPOINT_URL", &planted.url());
    let config = scene.repo.read(".envsync.toml");
    let files = "version = 1\n\n[[file]]\npath = \"a.env\"\n\n[[file]]\npath = \"b.env\"\nsuffix = \"b\"\n";
    scene.repo.write(".envsync.toml", config.replace("version = 1\n", files));
    scene.repo.write(".gitignore", "*.env\n");
    scene.repo.envsync(["trust", "--yes"]).ok();
    for named in ["a.env", "b.env", ".env"] {
        for file in ["a.env", "b.env", ".env"] {
            let url = if file == named { planted.url() } else { "https://elsewhere.example.org".to_owned() };
            scene.repo.write(file, format!("LOCAL=canary-local\nAWS_ENDPOINT_URL={url}\n"));
        }
        scene.run(&["status"]).says("AWS_ENDPOINT_URL is ignored");
    }
    assert_eq!(planted.seen(), Vec::<String>::new());
}

#[test]
fn the_users_own_endpoint_is_asked_also_where_an_env_file_names_it() {
    let store = Server::start(|_, _| Answer::secret(r#"{"LOCAL":"canary-local"}"#));
    let scene = Scene::new().signed_in().at(&store.url()).var("AWS_ENDPOINT_URL", &store.url());
    scene.repo.write(".env", format!("LOCAL=canary-local\nAWS_ENDPOINT_URL={}\n", store.url()));
    scene.run(&["pull"]).ok().says("AWS_ENDPOINT_URL is ignored");
    assert!(!store.seen().is_empty());
}
