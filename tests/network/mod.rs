//! Sign-in and network: the real program before servers that fail in every way, and before none at all.
//!
//! Every scene ends in time, with the status of the manual and words that help, and leaves the env file as it was.

mod faults;
pub mod server;
mod sign_in;
mod tls;
mod traces;

use crate::support::{Lab, Repo, Run};
use std::time::{Duration, Instant};

/// What the env file holds before each scene.
const ENV: &str = "LOCAL=canary-local\n";

/// All the time that a command of a scene gives its store.
const BUDGET: Duration = Duration::from_secs(3);

/// What starting the program, its git and its thread may take beyond that, on a busy machine.
const AROUND: Duration = Duration::from_secs(7);

/// A repository whose one environment lies in Secrets Manager.
struct Scene {
    lab: Lab,
    repo: Repo,
    variables: Vec<(String, String)>,
}

impl Scene {
    fn new() -> Self {
        Self::with("region = \"eu-central-1\"\n")
    }

    /// With these settings of the store.
    fn with(settings: &str) -> Self {
        let lab = Lab::new();
        let repo = lab.person("ada").init("work");
        repo.write(".gitignore", ".env\n");
        repo.write(
            ".envsync.toml",
            format!(
                "version = 1\n\n[[environment]]\nname = \"production\"\nbranches = [\"**\"]\nstore = \"aws\"\n\
                 path = \"acme/production\"\n\n[stores.aws]\nkind = \"aws-secrets-manager\"\n{settings}"
            ),
        );
        repo.envsync(["key", "generate"]).ok();
        repo.envsync(["trust", "--yes"]).ok();
        repo.commit("set up");
        repo.write(".env", ENV);
        let variables = [
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { lab, repo, variables }
    }

    fn signed_in(self) -> Self {
        self.var("AWS_ACCESS_KEY_ID", "canary-id").var("AWS_SECRET_ACCESS_KEY", "canary-secret")
    }

    fn at(self, endpoint: &str) -> Self {
        self.var("GIT_ENVSYNC_STORE_AWS_ENDPOINT", endpoint)
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A file of the scene.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.lab.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let spawn = self.repo.spawn(arguments);
        self.variables.iter().fold(spawn, |spawn, (name, value)| spawn.var(name, value)).run()
    }

    /// A pull that fails: in time, with this status, and without touching the env file or telling a secret.
    #[track_caller]
    fn fails(&self, status: i32) -> Run {
        let started = Instant::now();
        let run = self.run(&["pull", "--timeout", "3s", "-vvv"]).ends(status);
        let taken = started.elapsed();
        assert!(taken < BUDGET + AROUND, "{taken:?}");
        assert_eq!(self.repo.env(), ENV);
        run.never_says("canary-secret").never_says("canary-message").never_says("canary-password")
    }
}
