//! A team around one bare repository.

use crate::support::{Lab, Repo, Run};
use std::path::PathBuf;

/// A bare repository that Ada has set up, and clones of it.
pub struct Team {
    pub lab: Lab,
    pub origin: PathBuf,
    pub ada: Repo,
}

impl Team {
    /// Ada has pushed this `.env` as `development`, and committed and pushed the store.
    pub fn new(env: &str) -> Self {
        let lab = Lab::new();
        let origin = lab.bare("origin.git");
        let ada = lab.person("ada").clone_of(&origin, "ada");
        ada.write("README", "text\n");
        ada.commit("first");
        let ada = ada.set_up(env);
        ada.git(["push", "-q", "origin", "HEAD:main"]).ok();
        ada.git(["branch", "-q", "-u", "origin/main"]).ok();
        Self { lab, origin, ada }
    }

    /// Somebody who has cloned and accepted, and is no recipient yet.
    pub fn stranger(&self, name: &str) -> Repo {
        let repo = self.lab.person(name).clone_of(&self.origin, name);
        repo.envsync(["trust", "--yes"]).ok();
        repo.envsync(["init"]).ends(5);
        repo
    }

    /// Somebody who can read and write: Ada has added them, and they have accepted the list.
    pub fn colleague(&self, name: &str) -> Repo {
        let repo = self.stranger(name);
        self.ada.git(["pull", "-q"]).ok();
        self.ada.envsync(["recipient", "add", &public_key(&repo), "--name", name]).ok();
        publish(&self.ada, &format!("add {name}"));
        repo.git(["pull", "-q"]).ok();
        repo.envsync(["trust", "--yes"]).ok();
        repo
    }
}

/// The public key of a person.
pub fn public_key(repo: &Repo) -> String {
    repo.envsync(["key", "show"]).ok().stdout.trim().to_owned()
}

/// Commits everything and pushes it with git.
pub fn publish(repo: &Repo, message: &str) {
    repo.commit(message);
    repo.git(["push", "-q"]).ok();
}

/// Changes a key, sends it to the store, commits it.
pub fn change(repo: &Repo, key: &str, value: &str) {
    repo.edit(key, value);
    repo.envsync(["push"]).ok();
    repo.commit(&format!("change {key}"));
}

/// A pre-push hook as git calls it, for one reference.
pub fn pre_push(repo: &Repo, line: &str) -> Run {
    let url = repo.git(["config", "remote.origin.url"]).stdout.trim().to_owned();
    repo.spawn(["hook", "pre-push", "origin", &url]).input(format!("{line}\n")).run()
}

/// The commit that a name stands for.
pub fn commit_of(repo: &Repo, name: &str) -> String {
    repo.git(["rev-parse", name]).ok().stdout.trim().to_owned()
}

/// Forty zeros: no object.
pub const NOTHING: &str = "0000000000000000000000000000000000000000";
