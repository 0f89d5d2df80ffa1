//! Whole programs in a repository whose environments lie in Secret Manager.

use super::scene::PARENT;
use super::server::{Deed, Server};
use super::service::{NUMBER, PROJECT, State, error};
use crate::support::{Lab, PROGRAM, Repo};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The time budget of hooks: a busy machine must not decide.
const HOOKS: &str = "[hooks]\ntime_budget = \"25s\"\n";

/// `development` on `main` and `staging` on `top`, both in one project, empty at first.
pub(super) struct Scene {
    pub(super) repo: Repo,
    pub(super) server: Option<Server>,
    layout: &'static str,
    _lab: Lab,
}

const LAYOUTS: [&str; 3] = ["json", "keys", "dotenv"];

impl Scene {
    pub(super) fn new(layout: &'static str) -> Self {
        Self::with(layout, HOOKS)
    }

    fn with(layout: &'static str, hooks: &str) -> Self {
        let (lab, server) = (Lab::new(), Server::start());
        let person = lab
            .person("ada")
            .with([("GIT_ENVSYNC_STORE_CLOUD_ENDPOINT", server.url()), ("NO_PROXY", "127.0.0.1,localhost".to_owned())]);
        let environment = |name: &str, branch: &str| {
            format!(
                "[[environment]]\nname = \"{name}\"\nbranches = [\"{branch}\"]\nstore = \"cloud\"\npath = \"acme/{name}\"\n"
            )
        };
        let store =
            format!("[stores.cloud]\nkind = \"gcp-secret-manager\"\nproject = \"{PROJECT}\"\nlayout = \"{layout}\"\n");
        let environments = [environment("staging", "top"), environment("development", "main")].concat();
        let repo = person.init("repo");
        repo.write(".envsync.toml", format!("version = 1\n{environments}{store}{hooks}"));
        repo.write(".gitignore", ".env\n.env.*\n");
        repo.envsync(["key", "generate"]).ok();
        repo.envsync(["trust", "--yes"]).ok();
        repo.envsync(["install"]).ok();
        repo.commit("config");
        repo.git(["branch", "top"]).ok();
        Self { repo, server: Some(server), layout, _lab: lab }
    }

    pub(super) fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    /// Somebody writes these values around the program; what the layout json holds is theirs alone then.
    fn write(&self, environment: &str, values: &[(&str, &str)]) {
        let mut service = self.server().service();
        let whole = format!("acme--{environment}");
        match self.layout {
            "keys" => {
                for (key, value) in values {
                    service.raw_put(PARENT, &format!("{whole}--{key}"), value.as_bytes());
                }
            }
            "json" => {
                let members: BTreeMap<&str, &str> = values.iter().copied().collect();
                service.raw_put(PARENT, &whole, &serde_json::to_vec(&members).unwrap());
            }
            _ => {
                let lines: String = values.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
                service.raw_put(PARENT, &whole, lines.as_bytes());
            }
        }
    }

    /// What lies there for a key.
    fn read(&self, environment: &str, key: &str) -> Option<String> {
        let service = self.server().service();
        let whole = format!("acme--{environment}");
        let text = |name: &str| service.raw(PARENT, name).map(|bytes| String::from_utf8(bytes).unwrap());
        match self.layout {
            "keys" => text(&format!("{whole}--{key}")),
            "json" => {
                let members: serde_json::Value = serde_json::from_str(&text(&whole)?).unwrap();
                members.get(key).map(|value| value.as_str().unwrap().to_owned())
            }
            _ => crate::gcp::contract::values(&text(&whole)?).remove(key),
        }
    }

    fn fetched(self) -> Self {
        self.write("development", &[("NAME", "canary-development")]);
        self.write("staging", &[("NAME", "canary-staging")]);
        self.repo.envsync(["pull"]).ok();
        self.repo.switch("top");
        self.repo.switch("main");
        assert_eq!(self.repo.value("NAME").as_deref(), Some("canary-development"));
        self
    }

    fn writes(&self) -> usize {
        ["CreateSecret", "AddSecretVersion", "DeleteSecret"].iter().map(|one| self.server().count(one)).sum()
    }
}

#[test]
fn a_value_that_somebody_made_arrives_by_git_switch() {
    for layout in LAYOUTS {
        let scene = Scene::new(layout).fetched();
        scene.write("staging", &[("NAME", "canary-from-elsewhere"), ("OTHER", "canary-other")]);
        scene.repo.envsync(["fetch", "-e", "staging"]).ok();
        scene.repo.switch("top");
        assert_eq!(scene.repo.value("NAME").as_deref(), Some("canary-from-elsewhere"), "{layout}");
        assert_eq!(scene.repo.value("OTHER").as_deref(), Some("canary-other"), "{layout}");
    }
}

#[test]
fn a_local_edit_is_there_after_a_push_and_a_second_push_writes_nothing() {
    for layout in LAYOUTS {
        let scene = Scene::new(layout).fetched();
        scene.repo.edit("NAME", "canary-new");
        scene.repo.edit("ADDED", "canary-added");
        scene.repo.envsync(["push"]).ok();
        assert_eq!(scene.read("development", "NAME").as_deref(), Some("canary-new"), "{layout}");
        assert_eq!(scene.read("development", "ADDED").as_deref(), Some("canary-added"), "{layout}");
        let writes = scene.writes();
        scene.repo.envsync(["push"]).ok();
        assert_eq!(scene.writes(), writes, "{layout}");
    }
}

#[test]
fn a_first_push_makes_what_is_not_there_and_prune_takes_away() {
    for layout in LAYOUTS {
        let scene = Scene::new(layout);
        scene.repo.write(".env", "NAME=canary-first\nGONE=canary-gone\nEMPTY=\n");
        scene.repo.envsync(["push", "--yes"]).ok();
        assert_eq!(scene.read("development", "NAME").as_deref(), Some("canary-first"), "{layout}");
        scene.repo.drop_key("GONE");
        scene.repo.envsync(["push"]).ok().says("GONE");
        assert!(scene.read("development", "GONE").is_some());
        scene.repo.envsync(["push", "--prune"]).ok();
        assert_eq!(scene.read("development", "GONE"), None, "{layout}");
        scene.repo.envsync(["diff", "--exit-code"]).ok();
        assert_eq!(scene.repo.value("EMPTY").as_deref(), Some(""));
    }
}

#[test]
fn an_edit_on_both_sides_stops_with_3_and_nothing_is_written() {
    for layout in LAYOUTS {
        let scene = Scene::new(layout).fetched();
        scene.repo.edit("NAME", "canary-mine");
        scene.write("development", &[("NAME", "canary-theirs")]);
        let (file, writes) = (scene.repo.env(), scene.writes());
        for command in ["push", "pull", "sync"] {
            scene.repo.envsync([command]).ends(3).says("NAME");
        }
        assert_eq!((scene.repo.env(), scene.writes()), (file, writes), "{layout}");
    }
}

#[test]
fn members_that_others_put_there_stay_with_their_types() {
    let scene = Scene::new("json");
    let theirs = br#"{"A": "canary-a", "NUMBER": 1.50, "FLAG": true, "nested": {"x": [1, null]}}"#;
    scene.server().service().raw_put(PARENT, "acme--development", theirs);
    scene.repo.envsync(["pull"]).ok();
    assert_eq!(scene.repo.value("NUMBER").as_deref(), Some("1.50"));
    scene.repo.edit("NUMBER", "2.75");
    scene.repo.edit("A", "canary-b");
    scene.repo.envsync(["push"]).ok();
    let text = String::from_utf8(scene.server().service().raw(PARENT, "acme--development").unwrap()).unwrap();
    let after: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        after,
        serde_json::json!({ "A": "canary-b", "NUMBER": 2.75, "FLAG": true, "nested": { "x": [1, null] } })
    );
}

#[test]
fn without_the_service_snapshots_serve_and_a_push_ends_with_6() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout).fetched();
        scene.server = None;
        scene.repo.envsync(["status"]).ok();
        scene.repo.envsync(["run", "--", "sh", "-c", "test \"$NAME\" = canary-development"]).ok();
        scene.repo.switch("top");
        assert_eq!(scene.repo.value("NAME").as_deref(), Some("canary-staging"), "{layout}");
        scene.repo.edit("NAME", "canary-kept");
        let file = scene.repo.env();
        scene.repo.envsync(["push"]).ends(6);
        assert_eq!(scene.repo.env(), file);
    }
}

#[test]
fn one_that_may_not_be_read_is_unknown_and_the_others_arrive() {
    let scene = Scene::new("keys");
    scene.write("development", &[("A", "canary-a"), ("CLOSED", "canary-closed"), ("SECRET", "canary-secret")]);
    scene.repo.envsync(["pull"]).ok();
    scene.server().service().raw_state(PARENT, "acme--development--CLOSED", State::Disabled);
    let denied = error(403, "PERMISSION_DENIED", "Permission denied on resource (or it may not exist).");
    let reads = ["AccessSecretVersion", "GetSecretVersion", "GetSecret"];
    scene.server().whenever(&reads, Some("acme--development--SECRET"), Deed::Answer(403, "", denied));
    scene.write("development", &[("A", "canary-moved")]);
    scene.repo.envsync(["pull"]).ok();
    assert_eq!(scene.repo.value("A").as_deref(), Some("canary-moved"));
    // Nothing of theirs is removed, and nothing is written over.
    assert_eq!(scene.repo.value("CLOSED").as_deref(), Some("canary-closed"));
    assert_eq!(scene.repo.value("SECRET").as_deref(), Some("canary-secret"));
    let versions = |name: &str| scene.server().service().versions(PARENT, name);
    scene.repo.edit("CLOSED", "canary-mine");
    scene.repo.envsync(["push"]);
    assert_eq!(versions("acme--development--CLOSED"), 1);
    assert_eq!(versions("acme--development--SECRET"), 1);
}

#[test]
fn faults_end_with_6_within_the_time_and_leave_the_file_alone() {
    let scene = Scene::new("json").fetched();
    scene.write("development", &[("NAME", "canary-moved")]);
    let all = ["AccessSecretVersion", "GetSecretVersion", "GetSecret"];
    let busy = |status, code| error(status, code, "canary in a message");
    let faults: [(&str, Deed); 7] = [
        ("reset", Deed::LoseRequest),
        ("cut", Deed::CutAnswer),
        ("garbage", Deed::Answer(200, "", "<html>canary</html>".to_owned())),
        ("storm", Deed::Answer(429, "", busy(429, "RESOURCE_EXHAUSTED"))),
        ("storm with a pause", Deed::Answer(429, "Retry-After: 60\r\n", busy(429, "RESOURCE_EXHAUSTED"))),
        ("error", Deed::Answer(500, "", busy(500, "INTERNAL"))),
        ("hole", Deed::After(Duration::from_secs(20))),
    ];
    let file = scene.repo.env();
    for (fault, deed) in faults {
        scene.server().behave();
        scene.server().whenever(&all, None, deed);
        let began = Instant::now();
        scene.repo.envsync(["pull", "--timeout", "2s", "-vvv"]).ends(6).never_says("canary");
        assert!(began.elapsed() < Duration::from_secs(8), "{fault}: {:?}", began.elapsed());
        assert_eq!(scene.repo.env(), file, "{fault}");
    }
    scene.server().behave();
    scene.repo.envsync(["pull"]).ok();
    assert_eq!(scene.repo.value("NAME").as_deref(), Some("canary-moved"));
}

#[test]
fn a_short_storm_is_sat_out() {
    let scene = Scene::new("json").fetched();
    scene.repo.edit("NAME", "canary-new");
    let storm = error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.");
    let all = ["AccessSecretVersion", "GetSecretVersion", "GetSecret", "AddSecretVersion"];
    scene.server().times(6, &all, None, Deed::Answer(429, "", storm));
    scene.repo.envsync(["push"]).ok();
    assert_eq!(scene.read("development", "NAME").as_deref(), Some("canary-new"));
    // And an answer that was lost is not written twice.
    let versions = || scene.server().service().versions(PARENT, "acme--development");
    let before = versions();
    scene.repo.edit("NAME", "canary-newer");
    scene.server().times(1, &["AddSecretVersion"], None, Deed::LoseAnswer);
    scene.repo.envsync(["push"]).ok();
    assert_eq!(versions(), before + 1);
}

#[test]
fn nothing_at_any_level_of_talk_shows_a_value() {
    for layout in LAYOUTS {
        let scene = Scene::new(layout).fetched();
        scene.write("development", &[("NAME", "canary-moved"), ("MORE", "canary-more")]);
        let run = |arguments: &[&str]| {
            let spawn = scene.repo.person.command(PROGRAM, &scene.repo.path, arguments);
            spawn.var("RUST_LOG", "trace").var("GOOGLE_CLOUD_RUST_LOGGING", "true").run().never_says("canary")
        };
        run(&["diff", "-vvv"]).ok().says("AccessSecretVersion");
        run(&["pull", "-vvv"]).ok();
        scene.repo.edit("NAME", "canary-mine");
        run(&["push", "-vvv"]).ok().says("AddSecretVersion");
        run(&["history", "-vvv"]).ok();
    }
}

#[test]
fn who_is_not_signed_in_is_told_the_command_and_ends_with_5() {
    let (lab, port) = (Lab::new(), TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    let person = lab.person("ada").with([("GCE_METADATA_HOST", format!("127.0.0.1:{port}"))]);
    let repo = person.init("repo");
    repo.write(
        ".envsync.toml",
        "version = 1\n[[environment]]\nname = \"development\"\nbranches = [\"**\"]\nstore = \"cloud\"\n\
         path = \"acme/development\"\n[stores.cloud]\nkind = \"gcp-secret-manager\"\nproject = \"acme-test\"\n",
    );
    repo.write(".gitignore", ".env\n");
    repo.write(".env", "NAME=canary-kept\n");
    repo.envsync(["key", "generate"]).ok();
    repo.envsync(["trust", "--yes"]).ok();
    repo.envsync(["pull"]).ends(5).says("gcloud auth application-default login");
    assert_eq!(repo.env(), "NAME=canary-kept\n");
}

#[test]
fn where_no_project_is_set_that_is_a_matter_of_the_config() {
    let scene = Scene::new("json");
    let config = scene.repo.read(".envsync.toml").replace("project = \"acme-test\"\n", "");
    scene.repo.write(".envsync.toml", config);
    scene.repo.envsync(["trust", "--yes"]).ok();
    scene.repo.envsync(["pull"]).ends(7).says("project");
    let spawn = scene.repo.person.command(PROGRAM, &scene.repo.path, ["fetch"]);
    spawn.var("GOOGLE_CLOUD_PROJECT", NUMBER).run().ok();
}

#[test]
fn an_earlier_version_comes_back_by_rollback() {
    for layout in LAYOUTS {
        let scene = Scene::new(layout).fetched();
        scene.server().service().pass_time();
        scene.repo.edit("NAME", "canary-new");
        scene.repo.envsync(["push"]).ok();
        let history = scene.repo.envsync(["history", "NAME", "--json"]).ok().json();
        let versions = history["versions"].as_array().unwrap();
        assert_eq!(versions.len(), 2, "{layout}");
        let first = versions[1]["version"].as_str().unwrap();
        scene.repo.envsync(["rollback", first, "NAME", "--yes"]).ok();
        assert_eq!(scene.read("development", "NAME").as_deref(), Some("canary-development"), "{layout}");
    }
}

/// Twenty work trees of one person that have pulled.
fn writers(scene: &Scene) -> Vec<Repo> {
    let writer = |number: usize| {
        let name = format!("writer{number}");
        let path = scene.repo.path.with_file_name(&name);
        scene.repo.git(["worktree", "add", "-q", "-b", &name, path.to_str().unwrap(), "main"]).ok();
        let person = scene.repo.person.clone().with([("GIT_ENVSYNC_BRANCH", "main".to_owned())]);
        let repo = Repo { person, path };
        repo.envsync(["pull"]).ok();
        repo
    };
    (0..20).map(writer).collect()
}

/// The statuses of pushes that run at the same time, and what they told.
fn push_at_once(writers: &[Repo]) -> Vec<(Option<i32>, String)> {
    let start = |writer: &Repo| {
        let spawn = writer.person.command(PROGRAM, &writer.path, ["push", "--timeout", "120s"]);
        let mut command = spawn.into_command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let started: Vec<_> = writers.iter().map(start).collect();
    let ended = started.into_iter().map(|child| child.wait_with_output().unwrap());
    ended.map(|output| (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())).collect()
}

#[test]
fn twenty_processes_push_different_keys_at_once_and_all_are_there() {
    for layout in ["json", "keys"] {
        let scene = Scene::new(layout).fetched();
        let writers = writers(&scene);
        for (number, writer) in writers.iter().enumerate() {
            writer.edit(&format!("KEY_{number}"), &format!("canary-{number}"));
        }
        for (number, (status, told)) in push_at_once(&writers).into_iter().enumerate() {
            assert_eq!(status, Some(0), "{layout}, writer {number}: {told}");
        }
        for number in 0..20 {
            let there = scene.read("development", &format!("KEY_{number}"));
            assert_eq!(there, Some(format!("canary-{number}")), "{layout}, writer {number} said done");
        }
        assert_eq!(scene.read("development", "NAME").as_deref(), Some("canary-development"), "{layout}");
    }
}

#[test]
fn of_twenty_who_push_one_key_only_one_says_done() {
    for layout in ["json", "keys"] {
        let scene = Scene::new(layout).fetched();
        let writers = writers(&scene);
        for (number, writer) in writers.iter().enumerate() {
            writer.edit("NAME", &format!("canary-{number}"));
        }
        let ended = push_at_once(&writers);
        let found = scene.read("development", "NAME");
        let mut done = Vec::new();
        for (number, (status, told)) in ended.into_iter().enumerate() {
            assert!([Some(0), Some(3)].contains(&status), "{layout}, writer {number} ended with {status:?}: {told}");
            done.extend((status == Some(0)).then_some(format!("canary-{number}")));
        }
        assert_eq!(done.len(), 1, "{layout}: {done:?} all said done, {found:?} is there");
        assert_eq!(found.as_ref(), done.first(), "{layout}");
    }
}
