//! `list`, `get`, `set`, `unset` and `run`: on the file where it holds the environment, else on the store.

use super::scenes::{get, set, three_environments};
use crate::support::Lab;

#[test]
fn on_a_held_environment_set_writes_the_file_and_push_sends_it() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.spawn(["set", "NAME"]).input("canary-set\n").run().ok().says("git envsync push").never_says("canary");
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-set"));
    assert_eq!(get(&repo, "development", "NAME").as_deref(), Some("canary-set"));
    repo.switch("top");
    assert_eq!(get(&repo, "development", "NAME").as_deref(), Some("canary-development"), "not pushed");
    repo.switch("main");
    repo.envsync(["push"]).ok();
    repo.switch("top");
    assert_eq!(get(&repo, "development", "NAME").as_deref(), Some("canary-set"));
}

#[test]
fn on_another_environment_set_and_unset_write_the_store_and_not_the_file() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let env = repo.env();
    repo.spawn(["set", "-e", "staging", "NEW"]).input("canary-new").run().ok().never_says("canary");
    assert_eq!(get(&repo, "staging", "NEW").as_deref(), Some("canary-new"));
    repo.envsync(["unset", "-e", "staging", "NAME"]).ok().never_says("canary");
    assert_eq!(get(&repo, "staging", "NAME"), None);
    assert_eq!(repo.env(), env);
    repo.envsync(["unset", "-e", "staging", "NAME"]).ends(1);
    repo.spawn(["set", "-e", "staging", "-n", "DRY"]).input("canary-dry").run().ok();
    assert_eq!(get(&repo, "staging", "DRY"), None);
}

#[test]
fn one_line_break_at_the_end_of_the_input_is_not_part_of_the_value() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    for (input, value) in [("x\n", "x"), ("x\r\n", "x"), ("x\n\n", "x\n"), ("", ""), ("a\nb\n", "a\nb"), (" x ", " x ")]
    {
        repo.spawn(["set", "V"]).input(input).run().ok();
        assert_eq!(repo.value("V").as_deref(), Some(value), "{input:?} in the file");
        repo.spawn(["set", "-e", "staging", "V"]).input(input).run().ok();
        let printed = repo.envsync(["get", "-e", "staging", "V"]).ok().stdout;
        assert_eq!(printed, format!("{value}\n"), "{input:?} in the store");
    }
    repo.spawn(["set", "V"]).input("a\0b").run().ends(4).says("NUL");
    repo.spawn(["set", "not a key"]).input("x").run().ends(2);
}

#[test]
fn unset_removes_every_line_of_the_key() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.write(".env", "# above\nNAME=canary-1\nSHARED=canary-same\nNAME=canary-2 # behind\n");
    repo.envsync(["unset", "NAME"]).ok().says("push --prune");
    assert_eq!(repo.env(), "# above\nSHARED=canary-same\n");
    repo.envsync(["unset", "NAME"]).ends(1).says("NAME");
}

#[test]
fn get_prints_the_value_and_list_masks_it() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    assert_eq!(repo.envsync(["get", "NAME"]).ok().stdout, "canary-development\n");
    assert_eq!(repo.envsync(["get", "NAME", "--json"]).ok().json()["value"], "canary-development");
    repo.envsync(["get", "NOWHERE"]).ends(1).says("NOWHERE");
    repo.envsync(["list"]).ok().says("NAME").never_says("canary");
    repo.envsync(["list", "--show-values"]).ok().says("canary-development");
    repo.envsync(["list", "-e", "staging"]).ok().says("staging").never_says("canary");
}

#[test]
fn an_environment_that_its_store_does_not_hold_is_said_and_not_empty() {
    let lab = Lab::new();
    let repo = super::scenes::configured(&lab, &super::scenes::environment("fresh", "**", ""));
    repo.envsync(["run", "--", "true"]).ends(7).says("not in its store yet");
    repo.envsync(["list"]).ends(7);
}

#[test]
fn run_gives_the_command_the_variables_and_writes_no_plaintext() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let shell = ["run", "--", "sh", "-c", "printf %s \"$NAME\""];
    assert_eq!(repo.envsync(shell).ok().stdout, "canary-development");
    repo.edit("NAME", "canary-edited");
    assert_eq!(repo.envsync(shell).ok().stdout, "canary-edited", "the file, where it holds the environment");
    let env = repo.env();
    let other = ["run", "-e", "staging", "--", "sh", "-c", "printf %s \"$NAME\""];
    assert_eq!(repo.envsync(other).ok().stdout, "canary-staging");
    assert_eq!(repo.env(), env);
}

#[test]
fn in_run_envsync_s_values_win_over_inherited_ones_unless_existing_are_kept() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let shown = |flags: &[&str]| {
        let arguments = [&["run"], flags, &["--", "sh", "-c", "printf %s \"$NAME\""]].concat();
        repo.spawn(arguments).var("NAME", "canary-inherited").run().ok().stdout
    };
    assert_eq!(shown(&[]), "canary-development");
    assert_eq!(shown(&["--keep-existing"]), "canary-inherited");
}

#[test]
fn run_ends_as_its_command_does() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.envsync(["run", "--", "sh", "-c", "exit 42"]).ends(42);
    repo.envsync(["run", "--", "sh", "-c", "kill -TERM $$"]).ends(128 + 15);
    repo.envsync(["run", "--", "no-such-command-anywhere"]).ends(127).says("no-such-command-anywhere");
    repo.write("plain", "text");
    repo.envsync(["run", "--", "./plain"]).ends(126);
    repo.envsync(["run"]).ends(2);
}

#[test]
fn run_takes_the_command_s_own_flags_and_input() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let run = repo.spawn(["run", "--", "cat", "-"]).input("through").run().ok();
    assert_eq!(run.stdout, "through");
    assert_eq!(repo.envsync(["run", "echo", "--json", "-e", "x"]).ok().stdout, "--json -e x\n");
}

#[test]
fn keys_that_load_code_stay_out_of_run_when_they_come_from_a_store() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    set(&repo, "staging", "NODE_OPTIONS", "--canary");
    let shell = ["-e", "staging", "run", "--", "sh", "-c", "printf %s \"$NODE_OPTIONS\""];
    assert_eq!(repo.envsync(shell).ok().says("NODE_OPTIONS").stdout, "");
    let yes = ["-e", "staging", "--yes", "run", "--", "sh", "-c", "printf %s \"$NODE_OPTIONS\""];
    assert_eq!(repo.envsync(yes).ok().stdout, "--canary");
}
