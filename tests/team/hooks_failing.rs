//! Post-hooks end with 0 whatever happens, with one line, and leave the file alone.

use crate::support::{Lab, Repo, Run};
use std::fs;
use std::path::PathBuf;

fn set_up(lab: &Lab) -> Repo {
    lab.person("ada").init("repo").set_up("A=canary-a\n")
}

/// Every post-hook, as git calls them and directly.
fn every_post_hook(repo: &Repo) -> Vec<Run> {
    let zero = "0000000000000000000000000000000000000000";
    let branch = format!("b{}", fs::read_dir(repo.path.join(".git/refs/heads")).unwrap().count());
    vec![
        repo.git(["switch", "-qc", &branch]),
        repo.envsync(["hook", "post-checkout", zero, zero, "1"]),
        repo.envsync(["hook", "post-merge", "0"]),
        repo.spawn(["hook", "post-rewrite", "rebase"]).input("a b\n").run(),
    ]
}

#[track_caller]
fn all_end_with_0(repo: &Repo, lines: usize) {
    let before = fs::read(repo.path.join(".env")).ok();
    for run in every_post_hook(repo) {
        let run = run.ok().never_says("canary").never_says("panicked");
        assert!(run.stderr.lines().count() <= lines, "{}: {}", run.command, run.stderr);
        assert_eq!(run.stdout, "", "{}", run.command);
    }
    assert_eq!(fs::read(repo.path.join(".env")).ok(), before);
}

fn state_file(repo: &Repo, name: &str) -> PathBuf {
    let worktree = repo.path.join(".git/envsync/worktrees/main");
    let entries = fs::read_dir(worktree).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| path.join(name)).find(|path| path.parent().unwrap().is_dir()).unwrap()
}

#[test]
fn with_a_broken_config() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    repo.write(".envsync.toml", "nonsense = [");
    all_end_with_0(&repo, 1);
    repo.write(".envsync.toml", [0xff, 0xfe, 0x00]);
    all_end_with_0(&repo, 1);
    fs::remove_file(repo.path.join(".envsync.toml")).unwrap();
    all_end_with_0(&repo, 0);
    fs::create_dir(repo.path.join(".envsync.toml")).unwrap();
    all_end_with_0(&repo, 1);
}

#[test]
fn with_broken_personal_settings() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    let settings = repo.person.home().join(".config/git-envsync/config.toml");
    fs::write(&settings, "nonsense = [").unwrap();
    all_end_with_0(&repo, 1);
    fs::remove_file(settings).unwrap();
    repo.git(["config", "envsync.timeout", "nonsense"]).ok();
    all_end_with_0(&repo, 1);
}

#[test]
fn with_a_damaged_record_or_journal() {
    for name in ["state.age", "journal.age"] {
        let lab = Lab::new();
        let repo = set_up(&lab);
        let path = state_file(&repo, name);
        fs::write(&path, "no age file").unwrap();
        all_end_with_0(&repo, 1);
        repo.envsync(["pull"]).ends(5).never_says("canary");
        assert_eq!(fs::read(&path).unwrap(), b"no age file");
    }
}

#[test]
fn without_the_identity_or_with_another_one() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    let identity = repo.person.home().join(".config/git-envsync/identity");
    fs::remove_file(&identity).unwrap();
    all_end_with_0(&repo, 1);
    repo.envsync(["key", "generate"]).ok();
    all_end_with_0(&repo, 1);
    repo.envsync(["status"]).ends(5);
    fs::write(identity, "nonsense\n").unwrap();
    all_end_with_0(&repo, 1);
}

#[test]
fn with_a_store_file_that_cannot_be_read() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    let path = repo.path.join(".envsync/development.env.age");
    fs::write(&path, "no age file").unwrap();
    all_end_with_0(&repo, 1);
    repo.envsync(["pull"]).ends(5).says("git restore");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    all_end_with_0(&repo, 1);
    fs::remove_dir(&path).unwrap();
    all_end_with_0(&repo, 1);
    repo.envsync(["pull"]).ends(4).says("--allow-empty");
}

#[test]
fn with_an_env_file_that_is_a_directory_or_leaves_the_work_tree() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    let path = repo.path.join(".env");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    all_end_with_0(&repo, 1);
    fs::remove_dir(&path).unwrap();
    fs::write(lab.path().join("outside"), "A=canary-outside\n").unwrap();
    std::os::unix::fs::symlink("../outside", &path).unwrap();
    all_end_with_0(&repo, 1);
}

#[test]
fn without_the_program() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    let hook = ".git/hooks/post-checkout";
    let text = repo.read(hook).replace(crate::support::PROGRAM, "/nonexistent/git-envsync");
    repo.write(hook, text);
    let mut path = std::env::var("PATH").unwrap().replace("/root/.cargo/bin", "");
    path.insert_str(0, "/usr/bin:");
    repo.person.command("git", &repo.path, ["switch", "-qc", "topic"]).var("PATH", path).run().ok();
    assert_eq!(repo.env(), "A=canary-a\n");
}

#[test]
fn outside_a_repository_and_with_nonsense_arguments() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    let outside = Repo { person: repo.person.clone(), path: lab.path().to_owned() };
    outside.envsync(["hook", "post-checkout", "a", "b", "1"]).ok();
    repo.envsync(["hook", "post-checkout"]).ok();
    repo.envsync(["hook", "no-such-hook", "x"]).ok();
}

#[test]
fn while_another_envsync_holds_the_file() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    fs::remove_file(repo.path.join(".env")).unwrap();
    let lock = fs::File::options().write(true).open(state_file(&repo, "lock")).unwrap();
    lock.lock().unwrap();
    repo.git(["switch", "-qc", "topic"]).ok().says("another envsync is at work");
    assert!(!repo.path.join(".env").exists());
    drop(lock);
    repo.git(["switch", "-q", "main"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-a"));
}
