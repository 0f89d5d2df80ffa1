//! Env files as people write them: there and back again byte for byte.

use crate::support::{Lab, Repo};
use std::fs;

const FILES: [(&str, &str); 7] = [
    (
        "comments, blank lines and quotes",
        "# My service\n\n# --- database ---\nDB_URL=\"postgres://u:canary-p@h/db?x=1#frag\"   # the main one\n\nexport TOKEN='canary t'\nEMPTY=\n  INDENTED = spaced # why\n#OLD=gone\n\n# the end\n",
    ),
    ("Windows line ends", "# top\r\nA=canary-a\r\nB=\"canary b\"\r\n\r\nC='c' # note\r\n"),
    ("a byte order mark", "\u{feff}A=canary-a\nB=canary-b\n"),
    ("no final line end", "A=canary-a\n# between\nB=\"canary b\""),
    ("a key of several lines", "KEY=\"-----BEGIN KEY-----\ncanaryAAAA+/=\nBBBB\n-----END KEY-----\"\nAFTER=canary-1\n"),
    (
        "JSON and hashes",
        "JSON='{\"a\": \"canary #1\", \"b\": [1, 2]}'\nHASH='$2b$12$canaryabcdefghijklmnop'\nBARE=a#b$c\n",
    ),
    ("exported", "export A=canary-a\nexport B=\"canary b\" # x\nexport C=canary-c\n"),
];

fn repository(lab: &Lab, text: &str) -> Repo {
    let repo = lab.person("ada").init("repo");
    repo.git(["branch", "staging"]).ok();
    let repo = repo.set_up(text);
    repo.git(["switch", "-q", "staging"]).ok();
    repo.git(["merge", "-q", "main"]).ok();
    repo
}

#[test]
fn a_switch_there_and_back_leaves_the_file_byte_for_byte_the_same_where_both_have_the_same_keys() {
    for (what, text) in FILES {
        let lab = Lab::new();
        let repo = repository(&lab, text);
        repo.envsync(["push", "--yes"]).ok();
        assert_eq!(repo.env(), text, "{what}: init and push");
        for key in repo.values().into_keys() {
            repo.spawn(["set", &key]).input(format!("canary other {key}")).run().ok();
        }
        let edited = repo.env();
        repo.envsync(["push"]).ok();
        repo.commit("staging");
        repo.switch("main");
        assert_eq!(repo.env(), text, "{what}: there and back");
        repo.switch("staging");
        assert_eq!(repo.env(), edited, "{what}: and there again");
    }
}

#[test]
fn a_switch_there_and_back_leaves_the_file_byte_for_byte_the_same_where_the_other_lacks_keys() {
    for (what, text) in FILES {
        let lab = Lab::new();
        let repo = repository(&lab, text);
        repo.write(".env", "ONLY_HERE=canary-here\n");
        repo.envsync(["push", "--yes"]).ok();
        repo.commit("staging");
        let staging = repo.env();
        repo.switch("main");
        // The file begins anew with the keys of the environment: from here on it is switched.
        fs::write(repo.path.join(".env"), text).unwrap();
        repo.switch("staging");
        assert!(repo.env().contains("ONLY_HERE=canary-here"), "{what}: {staging}");
        repo.switch("main");
        assert_eq!(repo.env(), text, "{what}: there and back");
    }
}

#[test]
fn a_key_that_comes_back_stands_where_it_was_also_when_the_file_was_edited_meanwhile() {
    let lab = Lab::new();
    let repo = repository(&lab, "# one\nA=canary-a # first\n# two\nB='canary b'\nC=canary-c\n");
    repo.write(".env", "C=canary-staging-c\n");
    repo.envsync(["push", "--yes"]).ok();
    repo.commit("staging");
    repo.switch("main");
    repo.write(".env", "# one\nA=canary-a # first\n# two\nB='canary b'\nC=canary-c\n");
    repo.switch("staging");
    assert_eq!(repo.env(), "# one\n# two\nC=canary-staging-c\n");
    repo.write(".env", "# one\n# and a half\n# two\nD=canary-d\nC=canary-staging-c\n");
    repo.switch("main");
    assert_eq!(repo.env(), "# one\nA=canary-a # first\n# and a half\n# two\nB='canary b'\nC=canary-c\n");
    repo.switch("staging");
    assert_eq!(repo.env(), "# one\n# and a half\n# two\nD=canary-d\nC=canary-staging-c\n");
}

#[test]
fn only_the_bytes_of_changed_keys_change() {
    for (what, text) in FILES {
        let lab = Lab::new();
        let repo = repository(&lab, text);
        repo.envsync(["push", "--yes"]).ok();
        let key = repo.values().into_keys().next().unwrap();
        repo.spawn(["set", &key]).input("canary-changed").run().ok();
        repo.envsync(["push"]).ok();
        repo.commit("staging");
        let changed = repo.env();
        repo.switch("main");
        assert_eq!(repo.env(), text, "{what}");
        repo.switch("staging");
        assert_eq!(repo.env(), changed, "{what}");
        assert_eq!(repo.value(&key).as_deref(), Some("canary-changed"));
    }
}
