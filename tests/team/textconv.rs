//! What `git diff` and `git log -p` show of store files.

use super::common::{Team, change};
use std::fs;

const FILE: &str = ".envsync/development.env.age";

#[test]
fn diff_and_log_show_keys_with_masked_values() {
    let team = Team::new("A=canary-a\nB=canary-b\n");
    let ada = &team.ada;
    change(ada, "A", "canary-newer");
    for arguments in [&["diff", "HEAD~1"][..], &["log", "-p"], &["show"]] {
        let shown = ada.git(arguments).ok().never_says("canary");
        assert!(shown.stdout.contains("-A=8 characters, "), "{}", shown.stdout);
        assert!(shown.stdout.contains("+A=12 characters, "), "{}", shown.stdout);
    }
}

#[test]
fn nothing_is_cached_in_plain_text() {
    let team = Team::new("A=canary-a\n");
    team.ada.git(["log", "-p"]).ok();
    assert_eq!(team.ada.git(["config", "diff.envsync.cachetextconv"]).ok().stdout, "false\n");
    assert_eq!(team.ada.git(["for-each-ref", "refs/notes"]).ok().stdout, "");
}

#[test]
fn it_never_fails_whatever_the_file_or_the_identity() {
    let team = Team::new("A=canary-a\n");
    let ada = &team.ada;
    change(ada, "A", "canary-newer");
    let identity = ada.person.home().join(".config/git-envsync/identity");
    let key = fs::read(&identity).unwrap();
    for state in [None, Some(&b"nonsense"[..])] {
        match state {
            None => fs::remove_file(&identity).unwrap(),
            Some(text) => fs::write(&identity, text).unwrap(),
        }
        ada.git(["log", "-p"]).ok().never_says("canary").never_says("panicked");
    }
    fs::write(&identity, key).unwrap();
    ada.write(".envsync.toml", "broken = [");
    ada.git(["log", "-p"]).ok().never_says("canary");
    for content in [&b""[..], b"no age file", b"age-encryption.org/v1\ncut short"] {
        ada.write(FILE, content);
        ada.git(["diff"]).ok().never_says("canary");
        ada.envsync(["textconv", FILE]).ok();
    }
    ada.envsync(["textconv", "no/such/file"]).ok();
    ada.envsync(["textconv", ".git"]).ok();
}

#[test]
fn somebody_who_cannot_read_sees_that_it_changed() {
    let team = Team::new("A=canary-a\n");
    change(&team.ada, "A", "canary-newer");
    team.ada.git(["push", "-q"]).ok();
    let cid = team.stranger("cid");
    let shown = cid.git(["log", "-p", "-1"]).ok().never_says("canary");
    assert!(shown.stdout.contains("+# envsync: "), "{}", shown.stdout);
}

#[test]
fn without_acceptance_it_still_shows_what_the_user_can_read() {
    let team = Team::new("A=canary-a\n");
    team.ada.envsync(["trust", "--revoke"]).ok();
    team.ada.git(["log", "-p"]).ok().says("+A=8 characters").never_says("canary");
}
