//! Flags, settings and outputs, as the manual has them.

use crate::support::{Lab, Repo};
use std::fs;
use std::process::Stdio;

fn repo(lab: &Lab) -> Repo {
    lab.person("ada").init("repo").set_up("KEY=canary-one\n")
}

#[test]
fn colours_follow_the_flag_then_variables_then_git_then_the_file() {
    let lab = Lab::new();
    let repo = repo(&lab);
    let colours = |arguments: &[&str], variables: &[(&str, &str)]| {
        let command = repo.person.command("git", &repo.path, arguments);
        let command = variables.iter().fold(command, |command, (name, value)| command.var(name, value));
        command.run().ok().stdout.contains('\u{1b}')
    };
    let in_git = ["-c", "envsync.color=always", "envsync", "status"];
    assert!(!colours(&["envsync", "status"], &[]));
    assert!(colours(&["-c", "color.ui=always", "envsync", "status"], &[]));
    assert!(!colours(&["-c", "color.ui=always", "-c", "envsync.color=never", "envsync", "status"], &[]));
    assert!(colours(&in_git, &[]));
    assert!(!colours(&in_git, &[("NO_COLOR", "1")]));
    assert!(colours(&in_git, &[("NO_COLOR", "1"), ("GIT_ENVSYNC_COLOR", "always")]));
    assert!(!colours(&["envsync", "status", "--color", "never"], &[("GIT_ENVSYNC_COLOR", "always")]));
    let settings = repo.person.home().join(".config/git-envsync/config.toml");
    fs::write(settings, "color = \"always\"\n").expect("the settings can be written");
    assert!(colours(&["envsync", "status"], &[]));
    assert!(!colours(&["-c", "envsync.color=never", "envsync", "status"], &[]));
}

#[test]
fn an_env_file_is_named_from_the_directory_it_is_typed_in() {
    let lab = Lab::new();
    let repo = repo(&lab);
    repo.write("apps/web/README", "text\n");
    let below = Repo { path: repo.path.join("apps/web"), ..repo.clone() };
    for path in [".env", "../../.env", "./../.././.env"] {
        below.envsync(["status", "--file", path]).ok();
    }
    below.envsync(["status", "--file", "../.env"]).ends(7).says("apps/.env is no env file");
}

#[test]
fn a_duration_without_a_unit_is_explained() {
    let lab = Lab::new();
    repo(&lab).envsync(["status", "--timeout", "5"]).ends(2).says("write a whole number").never_says("expected write");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_no_success() {
    let lab = Lab::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let mut command = repo(&lab).spawn(["list"]).into_command();
    let output = command.stdin(Stdio::null()).stdout(full).output().expect("it runs");
    assert_eq!(output.status.code(), Some(9));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

#[test]
fn what_is_typed_where_a_value_may_be_is_not_repeated() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    for arguments in [
        ["set", "KEY", "-----BEGIN canary-key"],
        ["recipient", "add", "-canary-key"],
        ["key", "generate", "canary-key"],
    ] {
        repo.envsync(arguments).ends(2).says("standard input").never_says("canary-key");
    }
}

#[test]
fn which_has_the_same_members_where_nothing_is_selected() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    let members = |repo: &Repo| -> Vec<String> {
        let document = repo.envsync(["which", "--json"]).ok().json();
        document.as_object().map(|members| members.keys().cloned().collect()).unwrap_or_default()
    };
    let selected = members(&repo);
    repo.git(["switch", "-q", "--detach"]).ok();
    let detached = members(&repo);
    assert!(selected.iter().filter(|name| *name != "selected_by").all(|name| detached.contains(name)), "{detached:?}");
}

#[test]
fn a_misspelt_name_behind_allow_protected_is_an_error() {
    let lab = Lab::new();
    let repo = repo(&lab);
    for arguments in
        [&["push", "--allow-protected", "developmnt"][..], &["unset", "KEY", "--allow-protected", "developmnt"]]
    {
        repo.envsync(arguments).ends(7).says("no environment developmnt").says("did you mean development?");
    }
}
