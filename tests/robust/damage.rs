//! Damaged, missing and unreadable: a clear error that names the file and the way out, the right status, nothing lost.

use super::witness::Witness;
use crate::support::{Lab, Repo, Run};
use std::fs;
use std::path::{Path, PathBuf};

const STORE_FILE: &str = ".envsync/development.env.age";
const ENV: &str = "# mine\nKEY=canary-key\nOTHER=canary-other\n";

fn repository(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo").set_up(ENV);
    repo.edit("KEY", "canary-second");
    repo.spawn(["set", "OTHER"]).input("canary-set").run().ok();
    repo
}

fn under(directory: &Path, name: &str) -> PathBuf {
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with(name) && entry.path().is_file() {
                return entry.path();
            }
            if entry.path().is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    panic!("there is no {name}");
}

/// The error is in three voices: it names the place, and says what to do.
fn explains(run: Run, status: i32, place: &str) -> Run {
    let run = run.ends(status).says("error: ").says("hint: ").says(place).never_says("canary-");
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

fn is_left_alone(repo: &Repo, before: &str) {
    assert_eq!(repo.env(), before);
}

#[test]
fn a_damaged_store_file_is_named_and_nothing_is_written_over_it() {
    let lab = Lab::new();
    let repo = repository(&lab);
    let before = repo.env();
    let file = ".envsync/development.env.age";
    let whole = fs::read(repo.path.join(file)).unwrap();
    for damaged in [Vec::new(), b"no age file".to_vec(), whole[..whole.len() - 7].to_vec()] {
        repo.write(file, &damaged);
        for command in [&["pull"][..], &["push"], &["sync"], &["fetch"], &["diff"]] {
            explains(repo.envsync(command), 5, "development.env.age");
        }
        repo.switch("main").never_says("canary-");
        is_left_alone(&repo, &before);
        assert_eq!(fs::read(repo.path.join(file)).unwrap(), damaged);
    }
    repo.write(file, &whole);
    repo.envsync(["push"]).ok();
}

#[test]
fn a_damaged_record_journal_undo_entry_or_snapshot_is_an_error_never_absent() {
    for name in ["state.age", "journal.age"] {
        let lab = Lab::new();
        let repo = repository(&lab);
        let before = repo.env();
        let state = under(&repo.path.join(".git/envsync"), "state.age");
        let path = state.with_file_name(name);
        let kept = fs::read(&path).ok();
        fs::write(&path, "damaged").unwrap();
        for command in [&["pull"][..], &["push"], &["sync"], &["undo"]] {
            explains(repo.envsync(command), 5, name);
        }
        repo.git(["switch", "-qc", "topic"]).ok().never_says("canary-");
        is_left_alone(&repo, &before);
        match kept {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        repo.envsync(["push"]).ok();
    }
    let lab = Lab::new();
    let repo = repository(&lab);
    fs::write(under(&repo.path.join(".git/envsync/worktrees"), "1.age"), "damaged").unwrap();
    explains(repo.envsync(["undo"]), 5, "1.age");
    repo.envsync(["push"]).ok();
}

#[test]
fn another_identity_reads_nothing_and_changes_nothing() {
    let lab = Lab::new();
    let repo = repository(&lab);
    let before = repo.env();
    let identity = repo.person.home().join(".config/git-envsync/identity");
    let kept = fs::read(&identity).unwrap();
    fs::remove_file(&identity).unwrap();
    for command in [&["pull"][..], &["push"], &["status"], &["undo"]] {
        explains(repo.envsync(command), 5, "identity");
    }
    repo.git(["switch", "-qc", "topic"]).ok().never_says("canary-");
    repo.envsync(["key", "generate"]).ok();
    for command in [&["pull"][..], &["push"], &["undo"]] {
        explains(repo.envsync(command), 5, "");
    }
    repo.git(["switch", "-q", "main"]).ok().never_says("canary-");
    fs::write(&identity, "no identity").unwrap();
    explains(repo.envsync(["pull"]), 5, "identity");
    is_left_alone(&repo, &before);
    fs::write(&identity, kept).unwrap();
    repo.envsync(["push"]).ok();
}

#[test]
fn a_broken_config_is_named_with_its_line_and_hooks_leave_everything_alone() {
    let lab = Lab::new();
    let repo = repository(&lab);
    let before = repo.env();
    let config = repo.read(".envsync.toml");
    for (broken, says) in [
        ("version = 1\n[[environment]\n", ":2:"),
        ("version = 99\n", "version"),
        (&config.replace("branches = [\"**\"]", "branchs = [\"**\"]"), "branches"),
        (&config.replace("store = \"local\"", "store = \"lokal\""), "lokal"),
        (&config.replace("path = \"development\"", "path = \"../../etc\""), "path"),
        (&config.replace("directory = \".envsync\"", "directory = \"../out\""), "../out"),
    ] {
        repo.write(".envsync.toml", broken);
        repo.envsync(["pull"]).ends(7).says(".envsync.toml").says(says).never_says("canary-");
        let hook = repo.envsync(["hook", "post-checkout", "0", "1", "1"]).ok();
        assert!(hook.stderr.lines().count() <= 2, "{}", hook.stderr);
        is_left_alone(&repo, &before);
    }
    repo.write(".envsync.toml", "");
    repo.envsync(["pull"]).ends(7).never_says("canary-");
    fs::remove_file(repo.path.join(".envsync.toml")).unwrap();
    explains(repo.envsync(["pull"]), 7, ".envsync.toml");
    is_left_alone(&repo, &before);
}

#[test]
fn an_unreadable_line_stays_and_is_told_by_its_number() {
    let lab = Lab::new();
    let repo = repository(&lab);
    let text = repo.env() + "what is this canary-line\nOPEN=\"canary-open\n";
    repo.write(".env", &text);
    repo.envsync(["push"]).ok().never_says("canary-");
    repo.envsync(["status"]).ok().says("line").never_says("canary-");
    is_left_alone(&repo, &text);
    // Keys that may only be hidden by the open quote are no deletions.
    repo.write(".env", "OPEN=\"canary-open\nKEY=canary-second\n");
    repo.envsync(["push", "--prune"]).never_says("canary-");
    repo.envsync(["list", "-e", "development"]).never_says("canary-");
    assert!(Witness::new(&repo).values().contains("canary-set"), "a hidden key was pruned");
}

#[test]
fn an_env_file_that_git_would_show_is_refused() {
    let lab = Lab::new();
    let repo = repository(&lab);
    let before = repo.env();
    repo.git(["add", "-f", ".env"]).ok();
    for command in [&["pull"][..], &["push"], &["sync"]] {
        explains(repo.envsync(command), 4, ".env");
    }
    repo.git(["rm", "-q", "--cached", ".env"]).ok();
    repo.write(".gitignore", "");
    for command in [&["pull"][..], &["push"], &["sync"]] {
        explains(repo.envsync(command), 4, ".env");
    }
    is_left_alone(&repo, &before);
}

#[cfg(unix)]
#[test]
fn what_is_no_plain_file_is_refused() {
    let lab = Lab::new();
    let repo = repository(&lab);
    let path = repo.path.join(".env");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    explains(repo.envsync(["pull"]), 4, ".env");
    fs::remove_dir(&path).unwrap();
    let outside = lab.path().join("outside");
    fs::write(&outside, "KEY=canary-outside\n").unwrap();
    std::os::unix::fs::symlink(&outside, &path).unwrap();
    explains(repo.envsync(["pull"]), 4, ".env");
    assert_eq!(fs::read_to_string(&outside).unwrap(), "KEY=canary-outside\n");
}

#[test]
fn an_endless_header_of_a_store_file_holds_nobody_up() {
    let lab = Lab::new();
    let repo = repository(&lab);
    let before = repo.env();
    repo.write(STORE_FILE, "age-encryption.org/v1\n".to_owned() + &"-> X25519 aaaa\n\n".repeat(200_000));
    let started = std::time::Instant::now();
    explains(repo.envsync(["status"]), 5, "development.env.age");
    repo.envsync(["hook", "post-checkout", "HEAD", "HEAD", "1"]).ok();
    repo.envsync(["textconv", STORE_FILE]).ok();
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    is_left_alone(&repo, &before);
}

#[test]
fn thousands_of_keys_are_sent_in_seconds() {
    let lab = Lab::new();
    let repo = repository(&lab);
    let many: String = (0..5000).map(|n| format!("MANY_{n}=canary-{n}\n")).collect();
    repo.write(".env", repo.env() + &many);
    let started = std::time::Instant::now();
    repo.envsync(["push"]).ok();
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
}
