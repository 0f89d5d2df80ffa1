//! More than one store, more than one file, and a sign-in that has run out.

use super::common::{SECRETS_JSON, SECRETS_KEYS, Scene, Store, configured, environment, timed};
use crate::support::moto::Moto;
use crate::support::{Lab, Repo};
use std::time::Duration;

/// `top` extends `main`'s environment, which lies in an age store; both are pushed.
fn across(lab: &Lab, moto: &Moto, store: Store) -> Repo {
    let prefix = moto.prefix();
    let person = lab.person("ada").with(moto.variables());
    let below = "[[environment]]\nname = \"base\"\nbranches = [\"main\"]\nstore = \"local\"\npath = \"base\"\n";
    let config = format!(
        "{}{below}[stores.local]\nkind = \"age\"\ndirectory = \".envsync\"\n[stores.cloud]\n{}\n[hooks]\ntime_budget = \"25s\"\n",
        environment("staging", "top", &prefix, "extends = \"base\""),
        store.settings(moto.region())
    );
    let repo = configured(&person, &config);
    repo.write(".env", "SHARED=canary-shared\nNAME=canary-below\n");
    repo.envsync(["push", "--yes"]).ok();
    repo.commit("the store");
    repo.git(["branch", "top"]).ok();
    repo.spawn(["set", "-e", "staging", "NAME"]).input("canary-above").run().ok();
    repo
}

#[test]
fn an_environment_on_amazon_extends_one_in_the_repository() {
    for store in [SECRETS_JSON, SECRETS_KEYS] {
        let Some(moto) = Moto::on_loopback("extends across stores") else { return };
        let lab = Lab::new();
        let repo = across(&lab, moto, store);
        repo.switch("top");
        assert_eq!(repo.value("NAME").as_deref(), Some("canary-above"));
        assert_eq!(repo.value("SHARED").as_deref(), Some("canary-shared"));
        // An override goes to the upper one, and its removal brings the inherited value back.
        repo.edit("SHARED", "canary-override");
        repo.envsync(["push"]).ok();
        repo.switch("main");
        assert_eq!(repo.value("SHARED").as_deref(), Some("canary-shared"), "the one below was written");
        repo.switch("top");
        assert_eq!(repo.value("SHARED").as_deref(), Some("canary-override"));
        repo.drop_key("SHARED");
        repo.envsync(["push", "--prune"]).ok();
        repo.envsync(["pull"]).ok();
        assert_eq!(repo.value("SHARED").as_deref(), Some("canary-shared"));
        repo.envsync(["diff", "env:staging", "env:base"]).ok().says("NAME");
    }
}

#[test]
fn each_env_file_has_its_own_place_and_one_conflict_stops_all() {
    for store in super::common::EVERY {
        let Some(moto) = Moto::on_loopback("several env files") else { return };
        let lab = Lab::new();
        let prefix = moto.prefix();
        let files = "[[file]]\npath = \".env\"\n[[file]]\npath = \"web/.env\"\nsuffix = \"web\"\n\
            [[file]]\npath = \".env.test\"\nenvironment = \"test\"\nsuffix = \"tests\"\n";
        let config = format!(
            "{files}{}{}{}[stores.cloud]\n{}\n[hooks]\ntime_budget = \"25s\"\n",
            environment("staging", "top", &prefix, ""),
            environment("test", "none", &prefix, ""),
            environment("development", "main", &prefix, ""),
            store.settings(moto.region())
        );
        let repo = configured(&lab.person("ada").with(moto.variables()), &config);
        repo.write("web/index.html", "text\n");
        repo.commit("web");
        repo.git(["branch", "top"]).ok();
        repo.write(".env", "NAME=canary-root\n");
        repo.write("web/.env", "NAME=canary-web\n");
        repo.write(".env.test", "NAME=canary-test\n");
        repo.envsync(["push", "--yes"]).ok();
        let other = lab.path().join("other");
        repo.git(["worktree", "add", "-q", "-b", "other", other.to_str().unwrap()]).ok();
        let person = repo.person.clone().with([("GIT_ENVSYNC_BRANCH", "main".to_owned())]);
        let other = Repo { person, path: other };
        other.envsync(["pull"]).ok();
        let file = |repo: &Repo, path: &str| super::common::values(&repo.read(path)).remove("NAME");
        for (path, value) in [(".env", "canary-root"), ("web/.env", "canary-web"), (".env.test", "canary-test")] {
            assert_eq!(file(&other, path).as_deref(), Some(value), "{store:?}");
        }
        // One conflict in one file: no file is written, and nothing is sent.
        other.write("web/.env", "NAME=canary-theirs\n");
        other.write(".env", "NAME=canary-root-2\n");
        other.envsync(["push"]).ok();
        repo.write("web/.env", "NAME=canary-mine\n");
        repo.envsync(["pull"]).ends(3);
        assert_eq!(repo.env(), "NAME=canary-root\n", "{store:?}");
    }
}

/// As <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html> says it.
#[test]
fn a_sign_in_that_has_expired_is_one_line_in_a_hook_and_5_in_a_command() {
    for store in super::common::EVERY {
        let hooks = "time_budget = \"25s\"\nmax_age = \"0\"\n";
        let Some(scene) = Scene::watched_with(*store, hooks) else { return };
        scene.write("development", &[("NAME", "canary-development")]);
        scene.write("staging", &[("NAME", "canary-staging")]);
        scene.repo.envsync(["pull"]).ok();
        let before = scene.repo.env();
        let expired =
            r#"{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}"#;
        scene.forwarder().on(&["*"]).answer(400, expired, &[]);
        let told = scene.repo.switch("top");
        assert_eq!(told.stderr.lines().count(), 1, "{store:?}: {}", told.stderr);
        assert!(told.stderr.contains("aws "), "it names the command that mends it: {}", told.stderr);
        assert_eq!(scene.repo.env(), before, "{store:?}");
        scene.repo.switch("main");
        scene.repo.envsync(["push"]).ends(5);
        scene.repo.envsync(["pull"]).ends(5);
        assert_eq!(scene.repo.env(), before, "{store:?}");
    }
}

#[test]
fn a_switch_to_what_was_read_before_says_in_its_one_line_that_the_sign_in_has_expired() {
    let hooks = "time_budget = \"25s\"\nmax_age = \"0\"\n";
    let Some(scene) = Scene::watched_with(SECRETS_JSON, hooks) else { return };
    scene.write("development", &[("NAME", "canary-development")]);
    scene.write("staging", &[("NAME", "canary-staging")]);
    scene.repo.envsync(["pull"]).ok();
    scene.repo.envsync(["fetch", "-e", "staging"]).ok();
    let expired =
        r#"{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}"#;
    scene.forwarder().on(&["*"]).answer(400, expired, &[]);
    let told = scene.repo.switch("top");
    assert_eq!(told.stderr.lines().count(), 1, "{}", told.stderr);
    assert!(told.stderr.contains("holds staging") && told.stderr.contains("`aws sso login`"), "{}", told.stderr);
    assert_eq!(scene.repo.value("NAME").as_deref(), Some("canary-staging"));
    // A command says it once, whatever it asks.
    let told = scene.repo.envsync(["status"]).ok();
    assert_eq!(told.stderr.matches("has expired").count(), 1, "{}", told.stderr);
}

#[test]
fn nobody_signed_in_is_said_at_once() {
    let Some(scene) = Scene::watched(SECRETS_JSON) else { return };
    let mut repo = scene.repo.clone();
    // A remote endpoint that nobody may reach: the sign-in fails first.
    repo.person = repo.person.with([
        ("AWS_ACCESS_KEY_ID", String::new()),
        ("AWS_SECRET_ACCESS_KEY", String::new()),
        ("AWS_ENDPOINT_URL", "https://192.0.2.1".to_owned()),
    ]);
    let (run, took) = timed(|| repo.envsync(["pull"]));
    run.ends(5).says("AWS_ACCESS_KEY_ID");
    assert!(took < Duration::from_secs(5), "{took:?}");
}
