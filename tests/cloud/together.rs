//! Twenty processes at once: every key that a push says it wrote is there, and all of them win in the end.

use super::common::{Scene, in_stores};
use crate::support::{PROGRAM, Repo};
use std::process::Stdio;

/// How many push at once.
const WRITERS: usize = 20;

in_stores!(
    [SECRETS_JSON, SECRETS_KEYS, SECRETS_DOTENV, PARAMETERS_JSON, PARAMETERS_KEYS]
    [twenty_processes_push_different_keys_and_all_are_there, of_twenty_who_push_one_key_only_one_says_done]
);

/// Work trees that have pulled, one a writer.
fn writers(scene: &Scene) -> Vec<Repo> {
    scene.write("development", &[("NAME", "canary-name")]);
    scene.repo.envsync(["pull"]).ok();
    (0..WRITERS).map(|number| scene.work_tree(&format!("writer{number}"))).collect()
}

/// The statuses of pushes that run at the same time.
fn push_at_once(writers: &[Repo]) -> Vec<(i32, String)> {
    let arguments = ["push", "--timeout", "120s"];
    let started: Vec<_> = writers
        .iter()
        .map(|writer| {
            let mut command = writer.person.command(PROGRAM, &writer.path, arguments).into_command();
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    started
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
        })
        .collect()
}

fn twenty_processes_push_different_keys_and_all_are_there(scene: &Scene) {
    let writers = writers(scene);
    for (number, writer) in writers.iter().enumerate() {
        writer.edit(&format!("KEY_{number}"), &format!("canary-{number}"));
    }
    let ended = push_at_once(&writers);
    let found = scene.read("development");
    for (number, (status, told)) in ended.iter().enumerate() {
        let is_there = found.get(&format!("KEY_{number}")) == Some(&format!("canary-{number}"));
        assert_eq!(*status == 0, is_there, "writer {number} ended with {status}, its key is there: {is_there}\n{told}");
    }
    assert_eq!(found.len(), WRITERS + 1, "{ended:?}");
    assert_eq!(found["NAME"], "canary-name");
    // What each believes afterwards is what the store has.
    for writer in &writers {
        writer.envsync(["pull"]).ok();
        assert_eq!(writer.values(), found);
    }
}

fn of_twenty_who_push_one_key_only_one_says_done(scene: &Scene) {
    let writers = writers(scene);
    for (number, writer) in writers.iter().enumerate() {
        writer.edit("NAME", &format!("canary-{number}"));
    }
    let ended = push_at_once(&writers);
    let found = scene.read_key("development", "NAME").expect("the key is there");
    let mut done: Vec<usize> = Vec::new();
    for (number, (status, told)) in ended.iter().enumerate() {
        assert!([0, 3].contains(status), "writer {number} ended with {status}\n{told}");
        if *status == 0 {
            done.push(number);
        }
    }
    assert_eq!(done.len(), 1, "{done:?} all said done");
    assert_eq!(found, format!("canary-{}", done[0]));
}
