//! `git envsync demo`: it runs, tells what it claims, stays inside its directory, and can be played with.

use crate::support::{Lab, PROGRAM, Person, Run, Spawn};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn demo(person: &Person, at: &Path, directory: Option<&str>) -> Spawn {
    person.command(PROGRAM, at, ["demo"].into_iter().chain(directory))
}

/// All paths below a directory.
fn tree(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(tree(&path));
        }
        found.insert(path);
    }
    found
}

fn play(person: &Person, directory: &Path, who: &str, command: &[&str]) -> Run {
    let script = directory.join("play");
    let arguments = [script.to_str().unwrap(), who].into_iter().chain(command.iter().copied());
    person.command("sh", Path::new("/"), arguments).run()
}

#[test]
fn the_demo_shows_commands_outputs_and_env_files_in_eighty_columns() {
    let lab = Lab::new();
    let person = lab.person("reader");
    let run = demo(&person, lab.path(), None).run().ok();
    assert_eq!(run.stderr, "");
    for claimed in [
        "you$ git envsync init\n",
        "envsync: .env holds staging: 2 keys; 1 unpushed change of development parked\n",
        "ada$ git envsync trust --yes\n",
        "you$ git envsync recipient add",
        "1 key of development changed on both sides: API_KEY",
        "you$ git envsync resolve API_KEY --remote\n",
        "API_KEY=canary-ada\nNEW_FLAG=canary-draft\nCACHE_URL=redis://cache.example\n",
        "git envsync demo DIR",
    ] {
        assert!(run.stdout.contains(claimed), "{claimed:?} is missing in\n{}", run.stdout);
    }
    for line in run.stdout.lines() {
        assert!(line.chars().count() <= 80, "too long: {line}");
    }
    assert!(!run.stdout.contains('\u{1b}'), "colours are for terminals");
    assert!(run.stdout.lines().count() < 160, "it is to be read in a minute");
}

#[test]
fn the_demo_touches_nothing_outside_its_directory_and_removes_that() {
    let lab = Lab::new();
    let person = lab.person("reader");
    let temporary = lab.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let before = (tree(person.home()), fs::read(person.home().join(".gitconfig")).unwrap());
    demo(&person, lab.path(), None).var("TMPDIR", &temporary).run().ok();
    assert_eq!(before, (tree(person.home()), fs::read(person.home().join(".gitconfig")).unwrap()));
    assert_eq!(tree(&temporary), BTreeSet::new());
}

#[test]
fn the_demo_does_not_care_for_the_user_s_settings_or_variables() {
    let lab = Lab::new();
    let person = lab.person("reader");
    fs::write(person.home().join(".gitconfig"), "[core]\n\thooksPath = /nowhere\n[commit]\n\tgpgSign = true\n")
        .unwrap();
    let repo = person.command("git", lab.path(), ["init", "-q", "other"]).run().ok();
    drop(repo);
    let other = lab.path().join("other");
    let before = tree(&other);
    let run = demo(&person, &other, None)
        .var("GIT_DIR", other.join(".git"))
        .var("GIT_WORK_TREE", &other)
        .var("GIT_INDEX_FILE", other.join("index"))
        .var("GIT_ENVSYNC", "0")
        .var("GIT_ENVSYNC_ENV", "production")
        .var("GIT_ENVSYNC_IDENTITY", "/nowhere")
        .var("API_KEY", "canary-inherited")
        .run()
        .ok();
    run.says("API_KEY=canary-ada").never_says("canary-inherited");
    assert_eq!(before, tree(&other));
}

#[test]
fn a_demo_in_a_directory_is_kept_and_both_people_can_be_played() {
    let lab = Lab::new();
    let person = lab.person("reader");
    let home = tree(person.home());
    demo(&person, lab.path(), Some("try it")).run().ok().says("rm -rf '").says("/play ada");
    let directory = lab.path().join("try it");
    play(&person, &directory, "you", &["git", "envsync", "status"]).ok().says("in step");
    play(&person, &directory, "you", &["git", "status", "--short"]).ok().never_says("env");
    play(&person, &directory, "ada", &["git", "pull", "-q"]).ok();
    play(&person, &directory, "ada", &["git", "envsync", "get", "NEW_FLAG"]).ok().says("canary-draft");
    play(&person, &directory, "ada", &["git", "envsync", "verify"]).ok();
    assert_eq!(home, tree(person.home()));
}

#[test]
fn a_directory_with_something_in_it_is_refused_and_left_alone() {
    let lab = Lab::new();
    let person = lab.person("reader");
    fs::create_dir(lab.path().join("full")).unwrap();
    fs::write(lab.path().join("full/file"), "text").unwrap();
    demo(&person, lab.path(), Some("full")).run().ends(4).says("full is not empty").says("git envsync demo DIR");
    demo(&person, lab.path(), Some("full/file")).run().ends(4).says("full/file is not a directory");
    assert_eq!(tree(&lab.path().join("full")).len(), 1);
}

#[test]
fn without_git_the_demo_says_so_and_makes_nothing() {
    let lab = Lab::new();
    let person = lab.person("reader");
    demo(&person, lab.path(), Some("new"))
        .var("PATH", "/nowhere")
        .run()
        .ends(9)
        .says("the demo needs git")
        .says("PATH");
    assert!(!lab.path().join("new").exists());
}

#[test]
fn the_demo_as_json_has_the_lines_with_their_outputs() {
    let lab = Lab::new();
    let document = lab.person("reader").command(PROGRAM, lab.path(), ["demo", "--json"]).run().ok().json();
    assert_eq!(document["command"], "demo");
    assert_eq!(document["directory"], serde_json::Value::Null);
    let first = &document["steps"][0]["lines"][0];
    assert_eq!(first["by"], "you");
    assert_eq!(first["command"], "cat .env");
    assert!(first["output"].as_str().unwrap().contains("API_KEY=canary-dev"));
}

#[test]
fn colours_mark_who_types_what_where_they_are_wanted() {
    let lab = Lab::new();
    let run = lab.person("reader").command(PROGRAM, lab.path(), ["demo", "--color", "always"]).run().ok();
    run.says("\u{1b}[2myou$ \u{1b}[0m\u{1b}[1mgit envsync init\u{1b}[0m");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_demo_and_removes_its_directory() {
    use std::io::{BufRead, BufReader};
    let lab = Lab::new();
    let person = lab.person("reader");
    let temporary = lab.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let mut command = demo(&person, lab.path(), None).var("TMPDIR", &temporary).into_command();
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    printed.read_line(&mut String::new()).unwrap();
    person.command("kill", lab.path(), ["-INT", &child.id().to_string()]).run().ok();
    std::io::copy(&mut printed, &mut std::io::sink()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(tree(&temporary), BTreeSet::new());
}
