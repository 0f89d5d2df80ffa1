//! No value leaves but where it is asked for: not on the screen, not in a file beside `.env`, not to other programs.

use crate::support::{Lab, Repo, Run};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Every value in these tests begins so; no key, comment or branch does.
const CANARY: &str = "canary-";

/// Every command that has to keep quiet, with what makes it fail in all the usual ways.
const QUIET: [&[&str]; 40] = [
    &["status"],
    &["status", "--exit-code"],
    &["diff"],
    &["diff", "base", "local"],
    &["diff", "env:staging", "env:development"],
    &["diff", "nonsense", "local"],
    &["fetch"],
    &["pull"],
    &["pull", "-n"],
    &["pull", "--force", "-n"],
    &["push", "-n"],
    &["push"],
    &["push", "--prune", "-n"],
    &["push", "-e", "staging"],
    &["sync", "-n"],
    &["sync"],
    &["resolve"],
    &["resolve", "KEY", "--remote"],
    &["restore", "MISSING"],
    &["restore", "KEY"],
    &["list"],
    &["list", "-e", "staging"],
    &["get", "MISSING"],
    &["unset", "MISSING"],
    &["set", "not a key"],
    &["verify"],
    &["which"],
    &["which", "topic"],
    &["use", "nonsense"],
    &["use", "staging"],
    &["use", "-"],
    &["undo", "--list"],
    &["undo", "-n"],
    &["undo", "999"],
    &["undo"],
    &["recipient", "list"],
    &["key", "show"],
    &["trust", "--show"],
    &["rekey"],
    &["push", "--offline", "--file", "nonsense"],
];

fn repository(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo");
    repo.git(["branch", "staging"]).ok();
    let repo = repo.set_up(
        "KEY=canary-key\nLONG=\"canary-one\ncanary-two\"\nJSON='{\"a\":\"canary-json\"}'\nNODE_OPTIONS=canary-option\n",
    );
    repo.switch("staging");
    repo.git(["merge", "-q", "main"]).ok();
    repo.envsync(["push", "--yes"]).ok();
    repo.edit("KEY", "canary-staging");
    repo.envsync(["push"]).ok();
    repo.commit("staging");
    repo.switch("main");
    repo
}

/// Another value on both sides, one that only the file has, a line nobody can read, and something parked.
fn disturb(repo: &Repo) {
    repo.edit("PARKED", "canary-parked");
    repo.switch("staging");
    repo.edit("PARKED", "canary-parked-there");
    repo.switch("main");
    let before = fs::read(repo.path.join(".envsync/development.env.age")).unwrap();
    repo.edit("KEY", "canary-theirs");
    repo.envsync(["push"]).ok();
    let theirs = fs::read(repo.path.join(".envsync/development.env.age")).unwrap();
    repo.write(".envsync/development.env.age", before);
    repo.envsync(["pull"]).ok();
    repo.write(".envsync/development.env.age", theirs);
    repo.edit("KEY", "canary-mine");
    let text = repo.env();
    repo.write(".env", format!("{text}this canary-line is no assignment\nOPEN='canary-open\n"));
}

#[track_caller]
fn keeps_quiet(run: Run) {
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run.never_says(CANARY);
}

/// The files below a directory that hold a value.
fn telling(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            telling(&path, found);
        } else if entry.file_type().unwrap().is_file() && entry.file_name() != ".env" {
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
}

fn nothing_is_written_beside_the_env_file(lab: &Lab) {
    let mut found = Vec::new();
    telling(lab.path(), &mut found);
    assert!(found.is_empty(), "values lie in {found:?}");
}

#[test]
fn no_command_shows_a_value_unasked_or_writes_one_beside_the_env_file() {
    for disturbed in [false, true] {
        let lab = Lab::new();
        let repo = repository(&lab);
        if disturbed {
            disturb(&repo);
        }
        for arguments in QUIET {
            for extra in [&["-vvv"][..], &["-vvv", "--json"], &["-vvv", "--yes", "--color", "always"]] {
                keeps_quiet(repo.envsync(extra.iter().chain(arguments)));
            }
        }
        keeps_quiet(repo.spawn(["set", "NEW", "-vvv"]).input("canary-new\n").run());
        keeps_quiet(repo.spawn(["set", "NEW", "-e", "staging", "-vvv"]).input("canary-new\n").run());
        keeps_quiet(repo.envsync(["run", "-vvv", "--", "true"]));
        keeps_quiet(repo.envsync(["textconv", ".envsync/development.env.age"]));
        for hook in ["post-checkout", "post-merge", "post-rewrite"] {
            keeps_quiet(repo.envsync(["-vvv", "hook", hook, "0", "1", "1"]));
        }
        nothing_is_written_beside_the_env_file(&lab);
    }
}

#[test]
fn values_are_shown_where_they_are_asked_for() {
    let lab = Lab::new();
    let repo = repository(&lab);
    assert_eq!(repo.envsync(["get", "KEY"]).ok().stdout, "canary-key\n");
    repo.envsync(["list", "--show-values"]).ok().says("canary-key");
    repo.edit("KEY", "canary-mine");
    repo.envsync(["pull", "--force"]).ok();
    repo.envsync(["restore", "KEY"]).ok();
    repo.envsync(["undo", "--list"]).ok().never_says(CANARY);
    repo.envsync(["undo", "--list", "--show-values"]).ok().says("KEY  \"canary-mine\" -> \"canary-key\"");
    repo.envsync(["undo", "--list", "--show-values", "--json"]).ok().says("canary-mine");
}

/// A `git` in front of the real one that writes down what it is given.
#[test]
fn no_helper_gets_a_value_in_its_arguments_or_environment() {
    let lab = Lab::new();
    let repo = repository(&lab);
    disturb(&repo);
    let helpers = lab.path().join("helpers");
    fs::create_dir(&helpers).unwrap();
    let log = lab.path().join("helpers.log");
    let real = std::env::var("PATH").unwrap();
    for name in ["git", "sh", "age"] {
        let script = format!(
            "#!/bin/sh\n{{ printf '%s\\n' \"$0\" \"$@\"; env; }} >>'{}'\nPATH='{real}' exec {name} \"$@\"\n",
            log.display()
        );
        fs::write(helpers.join(name), script).unwrap();
        fs::set_permissions(helpers.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(&log, "").unwrap();
    let path = format!("{}:{real}", helpers.display());
    for arguments in QUIET {
        repo.spawn(arguments).var("PATH", &path).run();
    }
    let seen = fs::read_to_string(&log).unwrap();
    assert!(!seen.contains(CANARY), "a helper was given a value:\n{seen}");
    nothing_is_written_beside_the_env_file(&lab);
}

#[test]
fn a_private_key_in_the_wrong_place_is_not_repeated() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    let text = fs::read_to_string(repo.person.home().join(".config/git-envsync/identity")).unwrap();
    let key = text.lines().last().unwrap();
    for setting in [format!("\"{key}\""), format!("key={key}")] {
        let run = repo.spawn(["status"]).var("GIT_ENVSYNC_IDENTITY", setting).run();
        run.ends(5).says("without quotes").never_says(key);
    }
    repo.envsync(["recipient", "remove", key]).ends(2).says("private key").never_says(key);
}

#[cfg(unix)]
#[test]
fn what_lies_in_the_git_directory_is_for_its_owner_alone() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    let mut waiting = vec![repo.path.join(".git/envsync")];
    while let Some(path) = waiting.pop() {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
        if path.is_dir() {
            waiting.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}
