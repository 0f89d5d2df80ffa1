//! People, repositories and commands for tests: the real program and the real git, in homes of their own.

#[cfg(feature = "aws")]
pub mod forwarder;
#[cfg(feature = "aws")]
pub mod moto;

use envsync::domain::dotenv::Document;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_git-envsync");

/// A directory with people and repositories, gone when dropped.
pub struct Lab {
    root: TempDir,
}

/// Somebody with a home, and so with an identity and settings of their own.
#[derive(Clone)]
pub struct Person {
    home: PathBuf,
    root: PathBuf,
    variables: Vec<(&'static str, String)>,
}

/// A work tree, seen by a person.
#[derive(Clone)]
pub struct Repo {
    pub person: Person,
    pub path: PathBuf,
}

/// What a command printed, and its status.
pub struct Run {
    pub command: String,
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Whether a program that not every machine has is missing; what is left out without it is said. In CI it has to be there.
pub fn is_missing(program: &str, left_out: &str) -> bool {
    let quiet = Stdio::null;
    let tried = Command::new(program).arg("--version").stdin(quiet()).stdout(quiet()).stderr(quiet()).status();
    if tried.is_ok() {
        return false;
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "in CI, {program} must be installed");
    // Not by a macro: the harness would keep the line of a test that passes to itself.
    std::io::stderr().write_all(format!("left out: {left_out} ({program} is not installed)\n").as_bytes()).unwrap();
    true
}

impl Lab {
    pub fn new() -> Self {
        Self { root: TempDir::new().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.root.path()
    }

    pub fn person(&self, name: &str) -> Person {
        let person =
            Person { home: self.path().join("home").join(name), root: self.path().into(), variables: Vec::new() };
        fs::create_dir_all(&person.home).unwrap();
        for (key, value) in [
            ("user.name", name),
            ("user.email", &format!("{name}@example.com")),
            ("init.defaultBranch", "main"),
            ("protocol.file.allow", "always"),
            ("commit.gpgsign", "false"),
            ("gc.auto", "0"),
        ] {
            person.command("git", self.path(), ["config", "--global", key, value]).run().ok();
        }
        person
    }

    /// A bare repository that several people push to.
    pub fn bare(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        self.person("nobody").command("git", self.path(), ["init", "-q", "--bare", path.to_str().unwrap()]).run().ok();
        path
    }
}

impl Person {
    /// A command in a home of the person's own, with nothing of the machine's settings.
    pub fn command<S: AsRef<OsStr>>(&self, program: &str, at: &Path, arguments: impl IntoIterator<Item = S>) -> Spawn {
        let mut command = Command::new(program);
        let program_dir = Path::new(PROGRAM).parent().unwrap();
        let path = format!("{}:{}", program_dir.display(), std::env::var("PATH").unwrap());
        command.args(arguments).current_dir(at).env_clear();
        command
            .env("PATH", path)
            .env("HOME", &self.home)
            .env("XDG_CONFIG_HOME", self.home.join(".config"))
            .env("XDG_STATE_HOME", self.home.join(".state"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_EDITOR", "true")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("GIT_CEILING_DIRECTORIES", &self.root)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        Spawn { command, stdin: Vec::new() }
    }

    pub fn home(&self) -> &Path {
        &self.home
    }

    #[cfg(feature = "net")]
    /// The person with these variables in every command, git's hooks included.
    pub fn with(mut self, variables: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        for (name, value) in variables {
            self.variables.retain(|(existing, _)| *existing != name);
            self.variables.push((name, value));
        }
        self
    }

    /// A new repository with one commit on `main`.
    pub fn init(&self, name: &str) -> Repo {
        let path = self.root.join(name);
        self.command("git", &self.root, ["init", "-q", path.to_str().unwrap()]).run().ok();
        let repo = Repo { person: self.clone(), path };
        repo.write("README", "text\n");
        repo.git(["add", "README"]).ok();
        repo.git(["commit", "-qm", "first"]).ok();
        repo
    }

    /// A clone.
    pub fn clone_of(&self, origin: &Path, name: &str) -> Repo {
        let path = self.root.join(name);
        self.command("git", &self.root, ["clone", "-q", origin.to_str().unwrap(), path.to_str().unwrap()]).run().ok();
        Repo { person: self.clone(), path }
    }
}

impl Repo {
    /// Runs git here.
    pub fn git<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        self.person.command("git", &self.path, arguments).run()
    }

    /// Runs the program here, directly.
    pub fn envsync<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        self.spawn(arguments).run()
    }

    /// The program here, to add variables or standard input.
    pub fn spawn<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Spawn {
        self.person.command(PROGRAM, &self.path, arguments)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path.join(path)).unwrap()
    }

    /// The text of `.env`.
    pub fn env(&self) -> String {
        self.read(".env")
    }

    /// The values of `.env`.
    pub fn values(&self) -> BTreeMap<String, String> {
        let text = fs::read(self.path.join(".env")).unwrap_or_default();
        Document::parse(&text).values().iter().map(|(k, v)| (k.to_string(), v.expose().to_owned())).collect()
    }

    /// The value of a key in `.env`.
    pub fn value(&self, key: &str) -> Option<String> {
        self.values().remove(key)
    }

    /// Edits `.env` as a person does: sets a key by rewriting or adding its line.
    pub fn edit(&self, key: &str, value: &str) {
        let text = fs::read_to_string(self.path.join(".env")).unwrap_or_default();
        let mut lines: Vec<String> =
            text.lines().filter(|line| !line.starts_with(&format!("{key}="))).map(str::to_owned).collect();
        lines.push(format!("{key}={value}"));
        self.write(".env", lines.join("\n") + "\n");
    }

    /// Removes a key's line from `.env`, as a person does.
    pub fn drop_key(&self, key: &str) {
        let lines: Vec<String> =
            self.env().lines().filter(|line| !line.starts_with(&format!("{key}="))).map(str::to_owned).collect();
        self.write(".env", lines.join("\n") + "\n");
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) {
        self.git(["add", "-A"]).ok();
        self.git(["commit", "-qm", message]).ok();
    }

    /// A repository that `init` has set up, with this `.env` pushed and committed.
    pub fn set_up(self, env: &str) -> Self {
        self.write(".env", env);
        self.envsync(["init"]).ok();
        self.commit("set up envsync");
        self
    }

    /// `git switch`.
    pub fn switch(&self, branch: &str) -> Run {
        self.git(["switch", "-q", branch]).ok()
    }
}

/// Runs a program at a terminal of its own.
const AT_A_TERMINAL: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

impl Repo {
    /// Runs the program as a person does who types these lines. What it prints is all on standard output.
    pub fn at_a_terminal(&self, arguments: &[&str], typed: &str) -> Run {
        let all = ["-c", AT_A_TERMINAL, PROGRAM].into_iter().chain(arguments.iter().copied());
        let mut run = self.person.command("python3", &self.path, all).input(typed).run();
        run.stdout = run.stdout.replace("\r\n", "\n");
        run
    }
}

/// A command that is being put together.
pub struct Spawn {
    command: Command,
    stdin: Vec<u8>,
}

impl Spawn {
    pub fn var(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn input(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stdin = text.as_ref().to_vec();
        self
    }

    /// The plain command, for tests that want to hold the process.
    pub fn into_command(self) -> Command {
        self.command
    }

    pub fn run(mut self) -> Run {
        let command = format!("{:?}", self.command.get_program()).replace('"', "")
            + &self.command.get_args().fold(String::new(), |text, argument| text + " " + &argument.to_string_lossy());
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        // A command that does not read its input closes it: no failure of ours.
        let _ = child.stdin.take().unwrap().write_all(&self.stdin);
        let output = child.wait_with_output().unwrap();
        Run {
            command,
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Run {
    /// Ends with 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.ends(0)
    }

    /// Ends with this status.
    #[track_caller]
    pub fn ends(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{}\n--- stdout\n{}\n--- stderr\n{}", self.command, self.stdout, self.stderr);
        self
    }

    /// Says this, on either output.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "{} does not say {text:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Does not say this, on either output.
    #[track_caller]
    pub fn never_says(self, text: &str) -> Self {
        assert!(
            !self.stdout.contains(text) && !self.stderr.contains(text),
            "{} says {text:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{}: {error}\n{}", self.command, self.stdout))
    }
}
