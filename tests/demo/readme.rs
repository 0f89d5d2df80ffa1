//! The README tells the truth: its transcripts are the program's, its set-up runs, its config is valid.

use crate::support::{Lab, PROGRAM, Person, Repo};
use std::collections::BTreeSet;
use std::fs;

/// A fenced block.
struct Block {
    info: String,
    text: String,
}

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

fn blocks(info: &str) -> Vec<Block> {
    let text = readme();
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (inside, line.strip_prefix("```")) {
            (false, Some(info)) => found.push(Block { info: info.to_owned(), text: String::new() }),
            (true, None) => found.last_mut().unwrap().text += &format!("{line}\n"),
            (true, Some(_)) | (false, None) => {}
        }
        inside ^= line.starts_with("```");
    }
    found.retain(|block| block.info.split(' ').next() == Some(info));
    assert!(!found.is_empty(), "the README has no block of {info}");
    found
}

/// Without what differs from run to run: fingerprints and public keys.
fn without_chance(text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for place in 1..words.len() {
        if matches!(words[place - 1].as_str(), "char" | "chars") {
            let rest = words[place].get(8..).expect("a fingerprint has eight characters").to_owned();
            words[place] = format!("········{rest}");
        }
        if words[place].starts_with("age1") {
            words[place] = "age1…".to_owned();
        }
    }
    words.join(" ")
}

#[test]
fn the_transcripts_are_parts_of_what_the_demo_prints() {
    let lab = Lab::new();
    let printed = lab.person("reader").command(PROGRAM, lab.path(), ["demo"]).run().ok().stdout;
    let printed = without_chance(&printed);
    for block in blocks("console") {
        let claimed = without_chance(&block.text);
        assert!(printed.contains(&claimed), "the demo does not print\n{claimed}\nbut\n{printed}");
    }
}

#[test]
fn the_set_up_of_the_readme_runs_word_by_word_in_empty_homes() {
    let lab = Lab::new();
    let origin = lab.bare("origin.git");
    let (you, ada) = (lab.person("you"), lab.person("ada"));
    let yours = you.clone_of(&origin, "yours");
    yours.write("README", "text\n");
    yours.write(".env", "API_KEY=canary-first\n");
    yours.git(["add", "README"]).ok();
    yours.git(["commit", "-qm", "first"]).ok();
    let mut hers: Option<Repo> = None;
    for block in blocks("sh") {
        match block.info.as_str() {
            "sh you" => {
                let run = type_in(&yours, &block.text, hers.as_ref().map(|repo| public_key(&repo.person, repo)));
                if block.text.contains("printenv") {
                    assert!(run.contains("a new value"), "{run}");
                }
            }
            "sh ada" => {
                let hers = hers.get_or_insert_with(|| {
                    yours.commit("a new value");
                    yours.git(["push", "-q", "-u", "origin", "main"]).ok();
                    ada.clone_of(&origin, "hers")
                });
                type_in(hers, &block.text, None);
            }
            other => panic!("who types this? {other}"),
        }
    }
    let hers = hers.expect("the README sets up a team");
    assert_eq!(hers.value("API_KEY").as_deref(), Some("a new value"));
    hers.edit("API_KEY", "canary-hers");
    hers.envsync(["push"]).ok();
}

fn type_in(repo: &Repo, script: &str, key: Option<String>) -> String {
    let run = repo.person.command("sh", &repo.path, ["-e", "-c", script]);
    let run = run.var("KEY", key.unwrap_or_default()).run().ok();
    run.stdout + &run.stderr
}

fn public_key(person: &Person, repo: &Repo) -> String {
    person.command(PROGRAM, &repo.path, ["key", "show"]).run().ok().stdout.trim().to_owned()
}

#[test]
fn the_config_of_the_readme_is_valid() {
    for block in blocks("toml") {
        envsync::config::file::parse(&block.text).expect("a valid config");
    }
}

#[test]
fn the_readme_names_all_commands_that_are_built_and_no_other() {
    let lab = Lab::new();
    let help = lab.person("reader").command(PROGRAM, lab.path(), ["-h"]).run().ok().stdout;
    let listed = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let built: BTreeSet<&str> =
        listed.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    let text = readme();
    let table = text.split_once("## Commands").unwrap().1.split_once("\n\n`git").unwrap().0;
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let named: BTreeSet<&str> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split('`').map(str::trim))
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(built, named);
    for typed in text.match_indices("`git envsync ").map(|(place, found)| &text[place + found.len()..]) {
        let word = typed.split(|character: char| !character.is_ascii_lowercase()).next().unwrap();
        assert!(word.is_empty() || built.contains(word), "`git envsync {word}` is not built");
    }
}
