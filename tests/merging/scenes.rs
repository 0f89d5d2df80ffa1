//! Where the tests of merging take place: a repository with a store, and somebody else who changes it.

use crate::support::{Lab, Repo, Run};
use std::fs;

/// The store file of the environment that `init` makes.
const STORE_FILE: &str = ".envsync/development.env.age";

/// A work tree whose store somebody else can write, in a work tree of their own.
pub(super) struct Pair {
    pub(super) mine: Repo,
    theirs: Repo,
    _lab: Lab,
}

impl Pair {
    /// Both hold `env`, and so does the store.
    pub(super) fn new(env: &str) -> Self {
        let lab = Lab::new();
        let mine = lab.person("ada").init("mine").set_up(env);
        let path = lab.path().join("theirs");
        mine.git(["worktree", "add", "-q", "-b", "theirs", path.to_str().expect("a path of ASCII")]).ok();
        let theirs = Repo { person: mine.person.clone(), path };
        Self { mine, theirs, _lab: lab }
    }

    /// Somebody else changes the store.
    pub(super) fn remotely(&self, change: impl FnOnce(&Repo)) {
        carry(&self.mine, &self.theirs);
        self.theirs.envsync(["pull"]).ok();
        change(&self.theirs);
        self.theirs.envsync(["push", "--prune"]).ok();
        carry(&self.theirs, &self.mine);
    }

    /// What the store has for a key.
    pub(super) fn stored(&self, key: &str) -> Option<String> {
        carry(&self.mine, &self.theirs);
        self.theirs.envsync(["pull"]).ok();
        self.theirs.value(key)
    }

    /// The text of the other work tree's env file, which knows nothing but the store.
    pub(super) fn received(&self) -> String {
        self.theirs.env()
    }

    /// The bytes of the store file.
    pub(super) fn store_file(&self) -> Vec<u8> {
        fs::read(self.mine.path.join(STORE_FILE)).expect("the store file is there")
    }
}

fn carry(from: &Repo, to: &Repo) {
    fs::copy(from.path.join(STORE_FILE), to.path.join(STORE_FILE)).expect("the store file can be copied");
}

/// A repository with this config, accepted; the env files are ignored, nothing is pushed yet.
pub(super) fn configured(lab: &Lab, config: &str) -> Repo {
    let repo = lab.person("ada").init("repo");
    repo.write(
        ".envsync.toml",
        format!("version = 1\n{config}\n[stores.local]\nkind = \"age\"\ndirectory = \".envsync\"\n"),
    );
    repo.write(".gitignore", ".env\n");
    repo.envsync(["key", "generate"]).ok();
    repo.envsync(["trust", "--yes"]).ok();
    repo.envsync(["install"]).ok();
    repo.commit("config");
    repo
}

/// `[[environment]]` of the age store.
pub(super) fn environment(name: &str, branch: &str, more: &str) -> String {
    format!(
        "[[environment]]\nname = \"{name}\"\nbranches = [\"{branch}\"]\nstore = \"local\"\npath = \"{name}\"\n{more}\n"
    )
}

/// `main` has development, `top` has staging, `live` has production, which is protected; each is pushed with a value of
/// `NAME` of its own. On `main`.
pub(super) fn three_environments(lab: &Lab) -> Repo {
    let config = environment("production", "live", "protected = true")
        + &environment("staging", "top", "")
        + &environment("development", "main", "");
    let repo = configured(lab, &config);
    for branch in ["live", "top"] {
        repo.git(["branch", branch]).ok();
    }
    repo.write(".env", "NAME=canary-development\nSHARED=canary-same\n");
    repo.envsync(["push", "--yes"]).ok();
    for (environment, value) in [("staging", "canary-staging"), ("production", "canary-production")] {
        set(&repo, environment, "NAME", value);
    }
    repo
}

/// Sets a variable of an environment that the file does not hold.
pub(super) fn set(repo: &Repo, environment: &str, key: &str, value: &str) -> Run {
    repo.spawn(["set", "-e", environment, "--allow-protected", environment, key]).input(value).run().ok()
}

/// What an environment has for a key, wherever it is.
pub(super) fn get(repo: &Repo, environment: &str, key: &str) -> Option<String> {
    let run = repo.envsync(["get", "-e", environment, key]);
    (run.status == 0).then(|| run.stdout.trim_end_matches('\n').to_owned())
}

/// The changes of the first env file of a JSON document, as `KEY state action outcome`.
pub(super) fn changes(run: &Run) -> Vec<String> {
    let document = run.json();
    let changes = document["targets"][0]["changes"].as_array().expect("changes").clone();
    let word = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    changes
        .iter()
        .map(|change| ["key", "state", "action", "outcome"].map(|name| word(&change[name])).join(" "))
        .collect()
}
