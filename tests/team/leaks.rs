//! Values of the environments in commits that go out.

use super::common::{NOTHING, Team, change, commit_of, pre_push};
use crate::support::Run;

const VALUE: &str = "canary-leaking-value";

fn team() -> Team {
    let team = Team::new(&format!("A={VALUE}\nSHORT=canary7\nEIGHT=canary-8\n"));
    assert_eq!(("canary7".len(), "canary-8".len()), (7, 8));
    team
}

fn commits(team: &Team, path: &str, text: &str) {
    team.ada.write(path, text);
    team.ada.commit("work");
}

#[track_caller]
fn stopped(run: Run, place: &str) {
    run.ends(1).says(place).says("take it out of the commit").says("git push --no-verify").never_says(VALUE);
}

#[test]
fn a_value_in_a_new_branch_is_found_with_its_place() {
    let team = team();
    team.ada.git(["switch", "-qc", "topic"]).ok();
    commits(&team, "src/config.js", &format!("// one\nconst url = '{VALUE}';\n"));
    stopped(team.ada.git(["push", "-q", "origin", "topic"]), "src/config.js:2");
    let verify = team.ada.envsync(["verify", "--json"]).ends(1).json();
    assert_eq!(verify["findings"][0]["kind"], "leak");
    assert_eq!(verify["findings"][0]["key"], "A");
    assert_eq!(verify["findings"][0]["line"], 2);
    assert_eq!(verify["findings"][0]["commit"], commit_of(&team.ada, "HEAD"));
}

#[test]
fn a_value_that_a_later_commit_took_out_again_is_found_too() {
    let team = team();
    commits(&team, "notes", VALUE);
    commits(&team, "notes", "nothing\n");
    stopped(team.ada.git(["push", "-q", "origin", "main"]), "notes:1");
}

#[test]
fn a_force_push_is_searched() {
    let team = team();
    commits(&team, "notes", "one\n");
    team.ada.git(["push", "-q", "origin", "main"]).ok();
    team.ada.git(["reset", "-q", "--hard", "HEAD~1"]).ok();
    commits(&team, "notes", VALUE);
    stopped(team.ada.git(["push", "-qf", "origin", "main"]), "notes:1");
}

#[test]
fn a_commit_pushed_by_another_name_than_head_is_searched() {
    let team = team();
    commits(&team, "notes", VALUE);
    commits(&team, "notes", "nothing\n");
    stopped(team.ada.git(["push", "-q", "origin", "HEAD~1:refs/heads/x"]), "notes:1");
    team.ada.git(["push", "-q", "origin", "HEAD~2:refs/heads/x"]).ok();
}

#[test]
fn what_the_remote_has_already_is_not_searched_again() {
    let team = team();
    commits(&team, "notes", VALUE);
    team.ada.git(["push", "-q", "--no-verify", "origin", "main"]).ok();
    commits(&team, "other", "nothing\n");
    team.ada.git(["push", "-q", "origin", "main"]).ok();
}

#[test]
fn a_value_of_the_example_file_is_no_leak() {
    let team = team();
    team.ada.write("notes", VALUE);
    commits(&team, ".env.example", &format!("A={VALUE}\n"));
    team.ada.git(["push", "-q", "origin", "main"]).ok();
}

#[test]
fn eight_characters_are_a_leak_and_seven_are_none() {
    let team = team();
    commits(&team, "notes", "canary7\n");
    team.ada.git(["push", "-q", "origin", "main"]).ok();
    commits(&team, "notes", "canary-8\n");
    stopped(team.ada.git(["push", "-q", "origin", "main"]), "notes:1");
}

#[test]
fn store_files_are_not_searched_and_a_normal_day_passes() {
    let team = team();
    change(&team.ada, "A", "canary-another-value");
    team.ada.git(["push", "-q", "origin", "main"]).ok();
}

#[test]
fn a_review_reference_without_a_branch_is_searched() {
    let team = team();
    commits(&team, "notes", VALUE);
    let head = commit_of(&team.ada, "HEAD");
    stopped(pre_push(&team.ada, &format!("HEAD {head} refs/for/main {NOTHING}")), "notes:1");
}

#[test]
fn a_binary_file_is_searched_too() {
    let team = team();
    team.ada.write("data.bin", [b"\0\x01", VALUE.as_bytes(), b"\xff"].concat());
    team.ada.commit("binary");
    stopped(team.ada.git(["push", "-q", "origin", "main"]), "data.bin:1");
}

#[test]
fn a_value_put_in_clear_among_the_store_files_is_found() {
    for place in [".envsync/notes", ".envsync/plain.env.age"] {
        let team = team();
        commits(&team, place, &format!("A={VALUE}\n"));
        stopped(team.ada.git(["push", "-q", "origin", "main"]), &format!("{place}:1"));
    }
}

#[test]
fn a_branch_whose_config_was_not_accepted_is_searched_by_the_word_of_the_one_that_was() {
    let team = team();
    team.ada.git(["switch", "-qc", "topic"]).ok();
    let config = team.ada.read(".envsync.toml") + "\n[hooks]\npre_push = \"off\"\n";
    team.ada.write(".envsync.toml", config);
    commits(&team, "src/config.js", &format!("const url = '{VALUE}';\n"));
    team.ada.switch("main");
    stopped(team.ada.git(["push", "-q", "origin", "topic"]), "src/config.js:1");
}
