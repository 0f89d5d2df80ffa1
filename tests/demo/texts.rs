//! Texts that people read every day: what a table counts, what the first set-up says.

use crate::support::Lab;

#[test]
fn a_table_says_what_was_sent_and_what_came_in_and_counts_the_rest_as_open() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\nB=canary-b\n");
    repo.edit("A", "canary-new");
    repo.envsync(["push", "--dry-run"]).ok().says("  1 outgoing  (env file | store) (nothing was written)\n");
    repo.envsync(["status"]).ok().says("  1 outgoing  (env file | store)\n");
    repo.envsync(["push"]).ok().says("  1 sent  (env file | store)\n").never_says("outgoing");
    repo.edit("C", "canary-c");
    repo.envsync(["push"]).ok().says("  1 sent\n");
    repo.edit("B", "canary-other");
    repo.envsync(["restore", "B"]).ok().says("  1 came in  (env file | store)\n");
    repo.envsync(["fetch"]).ok().never_says("came in");
}

#[test]
fn the_first_set_up_says_what_was_made_and_what_to_commit_in_eighty_columns() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    repo.write(".env", "A=canary-a\n");
    let run = repo.envsync(["init"]).ok();
    let run = run
        .says("hooks installed: post-checkout, post-merge, post-rewrite, pre-push\n")
        .says("commit it:\n  git add .envsync.toml .envsync .gitattributes .gitignore && git commit\n");
    for line in run.stderr.lines().chain(run.stdout.lines()).filter(|line| !line.contains("/identity")) {
        assert!(line.chars().count() <= 80, "too long: {line}");
    }
    repo.git(["add", ".envsync.toml", ".envsync", ".gitattributes", ".gitignore"]).ok();
    repo.commit("set up envsync");
    assert_eq!(repo.git(["status", "--short"]).ok().stdout, "");
}

#[test]
fn a_value_that_is_typed_as_an_argument_is_refused_and_not_repeated() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    for typed in [&["set", "B=canary-typed"][..], &["set", "B", "canary-typed"], &["set", "b c=canary-typed"]] {
        let run = repo.envsync(typed).ends(2);
        run.says("can be seen by others").says("`git envsync set ").never_says("canary-typed");
    }
    repo.envsync(["unset", "A=canary-a"]).ends(2).never_says("canary-a");
    assert_eq!(repo.env(), "A=canary-a\n");
}

#[test]
fn outside_a_repository_one_line_says_so_and_one_what_to_do() {
    let lab = Lab::new();
    let person = lab.person("ada");
    let run = person.command(crate::support::PROGRAM, lab.path(), ["status"]).run().ends(7);
    assert!(run.stderr.ends_with("is in no git repository\nhint: run it in a work tree, or `git init` first\n"));
    assert_eq!(run.stderr.lines().count(), 2);
}

#[test]
fn without_an_identity_the_hint_names_the_command_that_makes_one() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    let stranger = lab.person("bob").clone_of(&repo.path, "clone");
    stranger.envsync(["trust", "--yes"]).ok();
    stranger.envsync(["status"]).ends(5).says("hint: `git envsync key generate` makes one");
    stranger.envsync(["key", "generate"]).ok().says("made your identity: ");
    stranger.envsync(["status"]).ends(5).says("git envsync recipient add");
    stranger.envsync(["recipient", "add", "age1nonsense"]).ends(2).says("is not a public key");
}
