//! A switch between branches of the same environment is not felt.

use crate::support::{Lab, PROGRAM, Repo, is_missing};
use std::fs;
use std::os::unix::fs::MetadataExt;

fn set_up(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    repo.git(["branch", "topic"]).ok();
    repo
}

fn stamp(repo: &Repo) -> (u64, i64, i64) {
    let metadata = fs::metadata(repo.path.join(".env")).unwrap();
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

#[test]
fn the_file_is_not_touched_and_nothing_is_said() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    repo.edit("A", "canary-edited");
    let before = stamp(&repo);
    for branch in ["topic", "main", "topic"] {
        let told = repo.switch(branch);
        assert_eq!(told.stderr, "");
        assert_eq!(stamp(&repo), before);
    }
    repo.envsync(["hook", "post-merge", "0"]).ok();
    assert_eq!(stamp(&repo), before);
}

#[test]
fn nothing_is_written_to_the_state_either() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    repo.switch("topic");
    let files = || -> Vec<_> {
        let listed = repo.person.command("find", &repo.path, [".git/envsync", "-printf", "%p %i %T@\\n"]).run().ok();
        let mut lines: Vec<String> = listed.stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let before = files();
    repo.switch("main");
    assert_eq!(files(), before);
}

/// Counted by strace.
#[test]
#[cfg(target_os = "linux")]
fn there_is_no_socket_no_thread_and_no_second_process() {
    if is_missing("strace", "counting what a quiet hook starts") {
        return;
    }
    let lab = Lab::new();
    let repo = set_up(&lab);
    repo.switch("topic");
    let strace = |arguments: &[&str]| {
        let log = lab.path().join("trace");
        let traced = "trace=socket,connect,clone,clone3,fork,vfork,execve";
        let mut all = vec!["-f", "-qq", "-e", traced, "-o", log.to_str().unwrap(), PROGRAM];
        all.extend(arguments);
        let run = repo.person.command("strace", &repo.path, all).run().ok();
        (run, fs::read_to_string(log).unwrap())
    };
    let (run, calls) = strace(&["hook", "post-checkout", "a", "b", "1"]);
    assert_eq!(run.stderr, "");
    let calls: Vec<&str> = calls.lines().filter(|line| !line.contains("+++")).collect();
    assert_eq!(calls.len(), 1, "more than the start of the program: {calls:#?}");
    assert!(calls[0].contains("execve("));
}
