//! JSON documents and tables: the same facts, to the letter, and no value in either.

use super::scenes::{Pair, three_environments};
use crate::support::Lab;
use serde_json::Value;

fn members(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[track_caller]
fn has_members(value: &Value, expected: &[&str]) {
    let found = members(value);
    for member in expected {
        assert!(found.contains(member), "{member} is missing of {found:?}");
    }
}

/// `A` came in, `B` is to go out, `C` conflicts, `D` is withheld.
fn all_states() -> Pair {
    let pair = Pair::new("A=canary-a\nB=canary-b\nC=canary-c\nD=canary-d\n");
    pair.remotely(|theirs| {
        theirs.edit("A", "canary-a-longer");
        theirs.edit("C", "canary-c2");
    });
    pair.mine.edit("B", "canary-b2");
    pair.mine.edit("C", "canary-mine");
    pair.mine.drop_key("D");
    pair
}

#[test]
fn status_diff_pull_push_and_sync_have_the_same_document() {
    let pair = all_states();
    for command in ["status", "diff", "pull", "push", "sync"] {
        let run = pair.mine.envsync([command, "--json"]).never_says("canary");
        let document = run.json();
        has_members(&document, &["schema_version", "command", "branch", "dry_run", "offline", "targets"]);
        assert_eq!(document["schema_version"], 1);
        assert_eq!(document["command"], command);
        assert_eq!(document["branch"], "main");
        let target = &document["targets"][0];
        has_members(
            target,
            &["file", "environment", "held", "store", "location", "snapshot_age_seconds", "changes", "summary"],
        );
        assert_eq!(target["file"], ".env");
        assert_eq!(target["held"], "development");
        assert_eq!(target["location"], "development");
        assert!(target["snapshot_age_seconds"].is_u64());
        assert_eq!(members(&target["summary"]), ["conflicts", "incoming", "outgoing", "parked", "withheld"]);
        assert_eq!(target["summary"]["conflicts"], 1);
    }
}

#[test]
fn a_change_names_both_sides_masked() {
    let pair = all_states();
    let document = pair.mine.envsync(["diff", "--json"]).ok().json();
    let changes = document["targets"][0]["changes"].as_array().expect("changes").clone();
    let of = |key: &str| changes.iter().find(|change| change["key"] == key).expect("listed").clone();
    let incoming = of("A");
    assert_eq!(incoming["state"], "remote_modified");
    assert_eq!(incoming["action"], "update_local");
    assert_eq!(incoming["outcome"], "planned");
    assert_eq!(incoming["local"]["length"], 8);
    assert_eq!(incoming["remote"]["length"], 15);
    assert_eq!(members(&incoming["local"]), ["fingerprint", "length"]);
    assert_eq!(incoming["local"]["fingerprint"].as_str().expect("text").len(), 8);
    assert_eq!(of("C")["state"], "conflict");
    assert_eq!(of("C")["conflict_kind"], "both_modified");
    assert_eq!(of("C")["action"], "none");
    assert_eq!(of("D")["action"], "withheld");
    assert_eq!(of("D")["local"], Value::Null);
    let shown = pair.mine.envsync(["diff", "--json", "--show-values"]).ok().json();
    assert_eq!(shown["targets"][0]["changes"][0]["remote"]["value"], "canary-a-longer");
}

#[test]
fn two_named_sides_are_members_as_they_were_typed() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let run = repo.envsync(["diff", "base", "env:staging", "--json"]).ok().never_says("canary");
    let change = &run.json()["targets"][0]["changes"][0];
    assert_eq!(change["key"], "NAME");
    has_members(change, &["base", "env:staging"]);
    assert!(change.get("local").is_none() && change.get("remote").is_none());
    repo.envsync(["diff", "local", "branch:top", "--exit-code"]).ends(1);
    repo.envsync(["diff", "local", "base", "--exit-code"]).ok();
    repo.envsync(["diff", "here", "there"]).ends(2).says("env:NAME");
    repo.envsync(["diff", "local", "env:nowhere"]).ends(7);
}

#[test]
fn which_and_list_have_their_members() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let which = repo.envsync(["which", "live", "--json"]).ok().json();
    has_members(&which, &["branch", "environment", "rule", "store", "kind", "location", "protected", "files"]);
    assert_eq!(which["branch"], "live");
    assert_eq!(which["environment"], "production");
    assert_eq!(which["rule"], "live");
    assert_eq!(which["store"], "local");
    assert_eq!(which["kind"], "age");
    assert_eq!(which["location"], "production");
    assert_eq!(which["protected"], true);
    let listed = repo.envsync(["list", "--json"]).ok().never_says("canary").json();
    has_members(&listed["keys"][0], &["key", "length", "fingerprint", "origin"]);
    assert_eq!(listed["keys"][0]["key"], "NAME");
}

#[test]
fn a_failure_is_a_document_on_standard_output() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let run = repo.envsync(["push", "-e", "nowhere", "--json"]).ends(7);
    let document = run.json();
    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["command"], "push");
    has_members(&document["error"], &["kind", "message", "hint", "status"]);
    assert_eq!(document["error"]["kind"], "no_environment");
    assert_eq!(document["error"]["status"], 7);
}

#[test]
fn a_conflict_s_document_has_the_plan_and_the_error() {
    let pair = all_states();
    let document = pair.mine.envsync(["pull", "--json"]).ends(3).json();
    assert_eq!(document["error"]["kind"], "conflict");
    assert_eq!(document["error"]["status"], 3);
    assert_eq!(document["targets"][0]["changes"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_table_shows_the_same_facts() {
    let pair = all_states();
    let text = pair.mine.envsync(["diff"]).ok().never_says("canary").stdout;
    for line in ["~ <- A", "~ -> B", "!    C", "-    D", "1 incoming, 1 outgoing, 1 conflict, 1 withheld"] {
        assert!(text.contains(line), "{line:?} is missing:\n{text}");
    }
}

#[test]
fn data_goes_to_standard_output_and_everything_else_to_standard_error() {
    let pair = all_states();
    let run = pair.mine.envsync(["pull"]).ends(3);
    assert!(run.stderr.contains("error:") && run.stderr.contains("hint:") && !run.stdout.contains("error:"));
    let run = pair.mine.envsync(["pull", "-q", "--prefer", "local"]).ok();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "-q");
}

#[test]
fn show_values_prints_multi_line_values_as_a_diff_of_lines() {
    let pair = Pair::new("A=\"canary-one\ncanary-two\"\n");
    pair.mine.write(".env", "A=\"canary-one\ncanary-three\"\n");
    let text = pair.mine.envsync(["diff", "--show-values"]).ok().stdout;
    assert!(
        text.contains("  canary-one") && text.contains("- canary-three") && text.contains("+ canary-two"),
        "{text}"
    );
}
