//! The gate before a push, and `verify`.

use super::common::{NOTHING, Team, change, commit_of, pre_push};
use crate::support::{Repo, Run};

/// `git push`, as the user types it.
fn push(repo: &Repo) -> Run {
    repo.git(["push", "-q", "origin", "HEAD"])
}

fn example(repo: &Repo, text: &str) {
    repo.write(".env.example", text);
    repo.commit("example");
}

fn hooks(repo: &Repo, settings: &str) {
    let config = repo.read(".envsync.toml");
    repo.write(".envsync.toml", format!("{config}\n[hooks]\n{settings}\n"));
    repo.envsync(["trust", "--yes"]).ok();
    repo.commit("hooks");
}

fn kinds(repo: &Repo, arguments: &[&str]) -> Vec<String> {
    let mut all = vec!["verify", "--json"];
    all.extend(arguments);
    let run = repo.envsync(all);
    let document = run.json();
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(run.status, i32::from(!findings.is_empty()));
    findings
        .iter()
        .map(|finding| format!("{}:{}", finding["kind"].as_str().unwrap(), finding["key"].as_str().unwrap_or("-")))
        .collect()
}

#[test]
fn keys_of_the_example_file_are_required_and_the_message_names_them_and_what_to_type() {
    let team = Team::new("A=canary-a\n");
    example(&team.ada, "A=\nB=\nC=example\n");
    let told = push(&team.ada).ends(1).says("B, C").says("git envsync set").says("git push --no-verify");
    told.never_says("canary");
    assert_eq!(kinds(&team.ada, &[]), ["missing_key:B", "missing_key:C"]);
    team.ada.git(["push", "-q", "--no-verify", "origin", "HEAD"]).ok();
}

#[test]
fn keys_marked_optional_or_local_may_be_missing() {
    let team = Team::new("A=canary-a\n");
    let config = team.ada.read(".envsync.toml");
    team.ada.write(
        ".envsync.toml",
        config.replace("version = 1\n", "version = 1\n[[file]]\npath = \".env\"\nlocal = [\"LOCAL_*\"]\n"),
    );
    team.ada.envsync(["trust", "--yes"]).ok();
    example(&team.ada, "A=\nB= # optional\n# optional\nC=\nLOCAL_X=\n");
    push(&team.ada).ok();
    assert_eq!(kinds(&team.ada, &[]), [""; 0]);
}

#[test]
fn the_example_file_counts_as_it_stands_in_the_pushed_commit() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    ada.write(".env.example", "A=\nB=\n");
    push(ada).ok();
    ada.commit("needs B");
    ada.write(".env.example", "A=\n");
    push(ada).ends(1).says("B");
}

#[test]
fn the_environment_is_the_one_of_the_branch_being_pushed() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    let staging = "[[environment]]\nname = \"staging\"\nbranches = [\"staging\"]\nstore = \"local\"\npath = \"staging\"\n\n[[environment]]\nname = \"development\"";
    ada.write(".envsync.toml", ada.read(".envsync.toml").replace("[[environment]]\nname = \"development\"", staging));
    ada.envsync(["trust", "--yes"]).ok();
    example(ada, "A=\n");
    push(ada).ok();
    ada.git(["branch", "staging"]).ok();
    ada.git(["push", "-q", "origin", "staging"]).ends(1).says("staging lacks").says("A");
    assert_eq!(kinds(ada, &["-e", "staging"]), ["missing_key:A"]);
    assert_eq!(kinds(ada, &["-e", "staging", "-e", "development"]), ["missing_key:A"]);
}

#[test]
fn the_in_tree_store_is_read_from_the_pushed_commit() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    example(ada, "A=\nB=\n");
    ada.edit("B", "canary-b");
    ada.envsync(["push"]).ok();
    let told = push(ada).ends(1);
    told.says("lacks what the code needs: B").says("only the work tree's store file of development has B: commit it");
    ada.commit("store");
    push(ada).ok();
}

#[test]
fn other_commits_than_head_are_not_compared_with_the_work_tree() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    ada.write("README", "more\n");
    ada.commit("more");
    ada.edit("B", "canary-b");
    ada.envsync(["push"]).ok();
    ada.git(["push", "-q", "origin", "HEAD~1:refs/heads/other"]).ok().never_says("envsync:");
    push(ada).ends(1).says("commit it");
}

#[test]
fn a_commit_without_a_config_is_checked_for_leaks_only() {
    let team = Team::new("A=canary-a-long-value\n");
    let ada = &team.ada;
    ada.git(["switch", "-q", "--orphan", "pages"]).ok();
    ada.write("index.html", "text\n");
    ada.write(".env.example", "MISSING=\n");
    ada.git(["add", "-f", "index.html", ".env.example"]).ok();
    ada.git(["commit", "-qm", "pages"]).ok();
    ada.git(["switch", "-q", "main"]).ok();
    ada.git(["push", "-q", "origin", "pages"]).ok();
    ada.git(["switch", "-q", "pages"]).ok();
    ada.write("index.html", "canary-a-long-value\n");
    ada.git(["commit", "-qam", "leak"]).ok();
    ada.git(["switch", "-q", "main"]).ok();
    ada.git(["push", "-q", "origin", "pages"]).ends(1).says("index.html:1");
}

#[test]
fn deletes_tags_notes_and_an_empty_list_need_no_check() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    example(ada, "MISSING=\n");
    let head = commit_of(ada, "HEAD");
    pre_push(ada, &format!("refs/heads/main {head} refs/heads/main {NOTHING}")).ends(1);
    for line in [
        format!("(delete) {NOTHING} refs/heads/main {head}"),
        format!("refs/tags/v1 {head} refs/tags/v1 {NOTHING}"),
        format!("refs/notes/commits {head} refs/notes/commits {NOTHING}"),
    ] {
        let run = pre_push(ada, &line).ok();
        assert_eq!(run.stderr, "", "{line}");
    }
    ada.spawn(["hook", "pre-push", "origin", "url"]).input("").run().ok();
}

#[test]
fn a_tracked_env_file_blocks_the_commit_that_has_it_and_no_other() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    ada.git(["add", "-f", ".env"]).ok();
    push(ada).ok();
    ada.git(["commit", "-qm", "track it"]).ok();
    push(ada).ends(1).says("git rm --cached .env").never_says("canary");
    assert!(kinds(ada, &[]).contains(&"tracked_env_file:-".to_owned()));
    ada.git(["push", "-q", "origin", "HEAD~1:refs/heads/before"]).ok();
}

#[test]
fn what_does_not_block_warns() {
    let team = Team::new("A=canary-a\n");
    team.ada.edit("A", "canary-edited");
    team.ada.git(["commit", "-q", "--allow-empty", "-m", "empty"]).ok();
    push(&team.ada).ok().says("not pushed to development: A").says("git envsync push").never_says("--no-verify");
    assert_eq!(kinds(&team.ada, &[]), ["unpushed:A"]);
}

#[test]
fn warn_lets_the_push_through_and_off_says_nothing() {
    let team = Team::new("A=canary-a\n");
    hooks(&team.ada, "pre_push = \"warn\"");
    example(&team.ada, "MISSING=\n");
    push(&team.ada).ok().says("MISSING").never_says("--no-verify");
    let team = Team::new("A=canary-a\n");
    hooks(&team.ada, "pre_push = \"off\"");
    example(&team.ada, "MISSING=\n");
    push(&team.ada).ok().never_says("MISSING");
}

#[test]
fn one_branch_whose_config_says_off_does_not_open_the_gate_for_another() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    ada.git(["switch", "-qc", "lax"]).ok();
    hooks(ada, "pre_push = \"off\"");
    ada.git(["switch", "-q", "main"]).ok();
    example(ada, "MISSING=\n");
    let (main, lax) = (commit_of(ada, "main"), commit_of(ada, "lax"));
    let line = |name: &str, id: &str| format!("refs/heads/{name} {id} refs/heads/{name} {NOTHING}");
    for lines in [[line("main", &main), line("lax", &lax)], [line("lax", &lax), line("main", &main)]] {
        pre_push(ada, &lines.join("\n")).ends(1).says("MISSING").says("--no-verify");
    }
    pre_push(ada, &line("lax", &lax)).ok();
}

#[test]
fn on_error_decides_what_a_store_that_cannot_be_asked_does_and_it_is_said_in_both() {
    for (on_error, status) in [("allow", 0), ("block", 1)] {
        let team = Team::new("A=canary-a\n");
        let ada = &team.ada;
        hooks(ada, &format!("on_error = \"{on_error}\""));
        ada.write(".envsync/development.env.age", "no age file");
        ada.commit("damaged");
        push(ada).ends(status).says("not all was checked").never_says("panicked");
    }
}

#[test]
fn a_config_nobody_accepted_is_one_line_and_lets_the_push_through() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    ada.write(".envsync.toml", ada.read(".envsync.toml") + "\n[hooks]\nmax_age = \"1m\"\n");
    example(ada, "MISSING=\n");
    let told = push(ada).ok().says("git envsync trust");
    assert_eq!(told.stderr.lines().count(), 1, "{}", told.stderr);
}

#[test]
fn a_new_clone_that_pushes_its_work_passes() {
    let team = Team::new("A=canary-a\n");
    let bob = team.colleague("bob");
    change(&bob, "A", "canary-bob");
    push(&bob).ok();
    assert_eq!(kinds(&bob, &[]), [""; 0]);
}
