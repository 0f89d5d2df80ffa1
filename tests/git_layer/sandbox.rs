//! A home, a git config and a directory of its own for every test.
//!
//! libgit2 reads the process's environment, so a test's body runs in a second process of this test binary with a
//! clean one: nothing of the developer's config, and nothing of a hook that runs the tests, gets in.

use envsync::git::Repository;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const INSIDE: &str = "ENVSYNC_TEST_SANDBOX";

/// Runs the rest of a test in a child process with a clean environment; in that child, runs it here.
pub(super) fn sandboxed<F: FnOnce(&Sandbox)>(body: F) {
    sandboxed_with(&[], body);
}

/// As [`sandboxed`], with more variables in the environment. The test is found by the path of its closure.
pub(super) fn sandboxed_with<F: FnOnce(&Sandbox)>(variables: &[(&str, &str)], body: F) {
    if let Some(root) = std::env::var_os(INSIDE) {
        return body(&Sandbox { root: PathBuf::from(root) });
    }
    let path = std::any::type_name::<F>().trim_end_matches("::{{closure}}");
    let root = tempfile::tempdir().unwrap();
    let root_path = root.path().canonicalize().unwrap();
    let home = root_path.join("home");
    fs::create_dir_all(&home).unwrap();
    let config = "[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n\
                  [protocol \"file\"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n";
    fs::write(home.join("gitconfig"), config).unwrap();
    let (_, test) = path.split_once("::").unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env_clear()
        .env(INSIDE, &root_path)
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", &home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_STATE_HOME", home.join("state"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", home.join("gitconfig"))
        .env("GIT_CEILING_DIRECTORIES", root_path.parent().unwrap())
        .env("GIT_EDITOR", "true")
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .envs(variables.iter().copied())
        .current_dir(&root_path)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "no test is called {test}: {said}");
}

/// A directory of its own, with a home in it.
pub(super) struct Sandbox {
    root: PathBuf,
}

impl Sandbox {
    /// A path in the sandbox.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A new repository with one commit on `main`.
    pub(super) fn repository(&self, name: &str) -> WorkTree {
        let tree = self.empty_repository(name);
        tree.commit_file("README", "hello\n");
        tree
    }

    /// A new repository without a commit.
    pub(super) fn empty_repository(&self, name: &str) -> WorkTree {
        let tree = WorkTree { top: self.path(name) };
        fs::create_dir_all(&tree.top).unwrap();
        tree.git(&["init", "-q"]);
        tree
    }

    /// Writes a program.
    pub(super) fn script(&self, path: &Path, text: &str) {
        write_script(path, text);
    }
}

/// Writes an executable file.
pub(super) fn write_script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    set_mode(path, 0o755);
}

pub(super) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

pub(super) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A work tree, and the real git in it.
pub(super) struct WorkTree {
    pub(super) top: PathBuf,
}

impl WorkTree {
    /// Runs git, which must succeed; its standard output without the last line break.
    pub(super) fn git<S: AsRef<OsStr>>(&self, arguments: &[S]) -> String {
        let output = self.try_git(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Runs git, whatever comes of it.
    pub(super) fn try_git<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Output {
        self.git_command().args(arguments).output().unwrap()
    }

    /// Git, to be given more.
    pub(super) fn git_command(&self) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.top);
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"] {
            command.env_remove(name);
        }
        command
    }

    /// Writes a file below the top.
    pub(super) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.top.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.top.join(path)).unwrap()
    }

    /// Writes, adds and commits a file; the commit's name.
    pub(super) fn commit_file(&self, path: &str, content: impl AsRef<[u8]>) -> String {
        self.write(path, content);
        self.git(&["add", "--", path]);
        self.git(&["commit", "-q", "-m", path]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// What is tested.
    pub(super) fn open(&self) -> Repository {
        Repository::discover(&self.top).unwrap()
    }
}
