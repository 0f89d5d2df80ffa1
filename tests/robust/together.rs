//! Several at once: hooks never wait, commands do for a while, and what is edited meanwhile stays.

use super::witness::Witness;
use crate::support::{Lab, Repo};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

fn repository(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo");
    repo.git(["branch", "staging"]).ok();
    repo.set_up("KEY=canary-key\nOTHER=canary-other\n")
}

fn start(repo: &Repo, arguments: &[&str]) -> Child {
    let mut command = repo.spawn(arguments).into_command();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// The lock of the env file, held as by another envsync.
fn hold_lock(repo: &Repo) -> File {
    let worktree = repo.path.join(".git/envsync/worktrees/main");
    let place = fs::read_dir(worktree).unwrap().flatten().find(|entry| entry.path().is_dir()).unwrap().path();
    let lock = File::options().write(true).open(place.join("lock")).unwrap();
    lock.lock().unwrap();
    lock
}

#[test]
fn a_hook_never_waits_for_another_envsync_and_says_so() {
    let lab = Lab::new();
    let repo = repository(&lab);
    repo.switch("staging");
    repo.git(["merge", "-q", "main"]).ok();
    repo.envsync(["push", "--yes"]).ok();
    repo.commit("staging");
    let held = hold_lock(&repo);
    let started = Instant::now();
    repo.switch("main").says("another envsync is at work");
    assert!(started.elapsed() < Duration::from_secs(2), "the hook waited");
    drop(held);
    repo.envsync(["status"]).ok().says("holds staging");
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.value("KEY").as_deref(), Some("canary-key"));
}

#[test]
fn a_command_waits_for_another_envsync() {
    let lab = Lab::new();
    let repo = repository(&lab);
    repo.edit("KEY", "canary-edited");
    let held = hold_lock(&repo);
    let mut push = start(&repo, &["push"]);
    thread::sleep(Duration::from_millis(150));
    assert!(push.try_wait().unwrap().is_none(), "it did not wait");
    drop(held);
    assert!(push.wait().unwrap().success());
    repo.envsync(["status", "--exit-code"]).ok();
}

#[test]
fn many_commands_at_once_on_one_work_tree_lose_nothing() {
    let lab = Lab::new();
    let repo = repository(&lab);
    for round in 0..5 {
        let value = format!("canary-round-{round}");
        repo.edit("KEY", &value);
        let commands: [&[&str]; 6] =
            [&["push"], &["sync"], &["pull"], &["hook", "post-checkout", "0", "1", "1"], &["push"], &["status"]];
        let children: Vec<Child> = commands.iter().map(|arguments| start(&repo, arguments)).collect();
        for (child, arguments) in children.into_iter().zip(commands) {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(repo.value("KEY"), Some(value));
        repo.envsync(["status", "--exit-code"]).ok();
    }
}

/// Two places that write one store file: git would share it by commits, here it is one file with a lock.
#[test]
fn sets_at_once_on_one_store_all_arrive() {
    let lab = Lab::new();
    let repo = repository(&lab);
    repo.switch("staging");
    repo.git(["merge", "-q", "main"]).ok();
    repo.envsync(["push", "--yes"]).ok();
    let keys: Vec<String> = (0..8).map(|number| format!("KEY_{number}")).collect();
    let writers: Vec<_> = keys
        .iter()
        .cloned()
        .map(|key| {
            let repo = repo.clone();
            thread::spawn(move || {
                let set = repo.spawn(["set", "-e", "development", "--timeout", "20s", &key]);
                set.input(format!("canary-{key}")).run()
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap().ok();
    }
    let listed = repo.envsync(["list", "-e", "development", "--json"]).ok().json();
    let names: BTreeSet<&str> = listed["keys"].as_array().unwrap().iter().map(|k| k["key"].as_str().unwrap()).collect();
    for key in &keys {
        assert!(names.contains(key.as_str()), "{key} is gone: {names:?}");
    }
}

/// An editor saves again and again while commands run: the newest save and every value before it are there afterwards.
#[test]
fn what_is_saved_while_a_command_runs_stays() {
    let lab = Lab::new();
    let repo = repository(&lab);
    let witness = Witness::new(&repo);
    for round in 0..25 {
        repo.edit("PUSHED", &format!("canary-pushed-{round}"));
        repo.envsync(["push"]).ok();
        repo.edit("PUSHED", &format!("canary-local-{round}"));
        let mut pull = start(&repo, &["pull", "--force"]);
        thread::sleep(Duration::from_micros(700 * round));
        let saved = format!("canary-saved-{round}");
        repo.edit("SAVED", &saved);
        let status = pull.wait().unwrap().code();
        assert!(matches!(status, Some(0 | 4)), "{status:?}");
        assert!(witness.values().contains(&saved), "round {round}: what was saved is gone:\n{}", repo.env());
        repo.envsync(["resolve", "--local"]);
        repo.envsync(["push"]).ok();
    }
}

#[test]
fn undo_works_also_for_an_environment_that_the_branch_does_not_name() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    let repo = repo.set_up("KEY=canary-key\n");
    let config = repo.read(".envsync.toml");
    let captured = "[[environment]]\nname = \"topic\"\nbranches = [\"topic/{topic}\"]\nstore = \"local\"\npath = \"topic/{topic}\"\n\n";
    repo.write(".envsync.toml", config.replacen("[[environment]]", &format!("{captured}[[environment]]"), 1));
    repo.envsync(["trust", "--yes"]).ok();
    repo.commit("capture");
    repo.git(["switch", "-qc", "topic/one"]).ok();
    repo.envsync(["push", "--yes"]).ok();
    repo.spawn(["set", "KEY"]).input("canary-topic").run().ok();
    // The hook is off, so the file still holds the environment of a branch that is not checked out.
    repo.person.command("git", &repo.path, ["switch", "-q", "main"]).var("GIT_ENVSYNC", "0").run().ok();
    repo.envsync(["undo"]).ok();
    assert_eq!(repo.value("KEY").as_deref(), Some("canary-key"));
}
