//! Killed at a random moment: the same command again comes to the same end, nothing is lost, nothing lies around.

use super::random::{Random, setting};
use super::witness::Witness;
use crate::support::{Lab, Repo};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// Two environments, and on each of three branches another version of the store file of the first.
fn repository(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo");
    repo.git(["branch", "staging"]).ok();
    let repo = repo.set_up("# kept\nONE=start-one\nTWO=start-two # note\nTHREE=start-three\n");
    repo.git(["branch", "other"]).ok();
    repo.switch("staging");
    repo.git(["merge", "-q", "main"]).ok();
    repo.edit("TWO", "staging-two");
    repo.envsync(["push", "--yes"]).ok();
    repo.commit("staging");
    repo.switch("main");
    repo
}

/// Starts the program and kills it after a while; says whether it was still running.
fn killed_after(repo: &Repo, arguments: &[&str], delay: Duration) -> bool {
    let mut command = repo.spawn(arguments).into_command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    thread::sleep(delay);
    let running = child.try_wait().unwrap().is_none();
    let _ = child.kill();
    child.wait().unwrap();
    running
}

fn duration_of(run: impl FnOnce()) -> Duration {
    let started = Instant::now();
    run();
    started.elapsed()
}

/// Temporary files of ours, and journal entries, below a directory.
fn litter(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() && name != "objects" {
            litter(&path, found);
        } else if name.contains("tmp") || name.starts_with("journal") {
            found.push(path);
        }
    }
}

#[test]
fn a_command_that_was_killed_at_any_moment_is_finished_by_the_same_command_and_nothing_is_lost() {
    let seed = setting("ENVSYNC_KILL_SEED", 1);
    let mut random = Random::new(seed);
    let lab = Lab::new();
    let repo = repository(&lab);
    let witness = Witness::new(&repo);
    let mut alive = BTreeSet::new();
    let mut landed = 0;
    let mut usual = duration_of(|| drop(repo.envsync(["status"]).ok()));
    let kills = setting("ENVSYNC_KILLS", 100);
    for number in 0..kills {
        let branch = repo.git(["branch", "--show-current"]).ok().stdout.trim().to_owned();
        let key = *random.one_of(&["ONE", "TWO", "THREE", "FOUR"]);
        if let Some(before) = repo.value(key) {
            alive.remove(&before);
        }
        let value = format!("canary-{number}");
        repo.edit(key, &value);
        alive.insert(value);
        let next = *random.one_of(&["main", "staging", "other"]);
        let command: &[&str] = match random.below(4) {
            0 => &["pull", "--prefer", "remote"],
            1 => &["push", "--prefer", "local"],
            2 => &["sync", "--prefer", "local"],
            _ => {
                repo.git(["add", "-A"]).ok();
                repo.git(["commit", "-qm", "work", "--allow-empty"]).ok();
                let switch = repo.person.command("git", &repo.path, ["switch", "-q", next]);
                switch.var("GIT_ENVSYNC", "0").run().ok();
                &["hook", "post-checkout", "0", "1", "1"]
            }
        };
        let told = format!("ENVSYNC_KILL_SEED={seed}, kill {number} of {command:?} on {branch}");
        let delay = usual.mul_f64(f64::from(u32::try_from(random.below(1000)).unwrap()) / 1000.0);
        landed += u64::from(killed_after(&repo, command, delay));
        let gone = |found: BTreeSet<String>| alive.difference(&found).cloned().collect::<Vec<_>>();
        assert!(gone(witness.values()).is_empty(), "{told}: gone: {:?}", gone(witness.values()));
        usual = (usual * 3 + duration_of(|| drop(repo.envsync(command).ok()))) / 4;
        assert!(gone(witness.values()).is_empty(), "{told}, again: gone: {:?}", gone(witness.values()));
        let mut found = Vec::new();
        litter(&repo.path, &mut found);
        assert!(found.is_empty(), "{told}: left behind: {found:?}");
        assert!(repo.env().contains("# kept\n"), "{told}: {}", repo.env());
        let held = repo.envsync(["status", "--json"]).ok().json();
        assert_eq!(held["targets"][0]["held"], held["targets"][0]["environment"], "{told}");
    }
    assert!(landed > kills / 3, "only {landed} of {kills} kills came while the program ran");
}
