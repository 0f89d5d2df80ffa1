//! Several env files: planned together, written together or not at all.

use super::scenes::{configured, environment};
use crate::support::{Lab, Repo};

const FILES: &str = "
[[file]]
path = \".env\"
[[file]]
path = \"apps/web/.env\"
suffix = \"web\"
[[file]]
path = \".env.test\"
suffix = \"tests\"
environment = \"test\"
";

/// `main` has development, `top` has staging; `.env.test` is pinned to test.
fn several(lab: &Lab) -> Repo {
    let config = FILES.to_owned()
        + &environment("staging", "top", "")
        + &environment("test", "none", "")
        + &environment("development", "main", "");
    let repo = configured(lab, &config);
    repo.write(".gitignore", ".env\n.env.test\n");
    repo.commit("ignore");
    repo.git(["branch", "top"]).ok();
    repo.write(".env", "NAME=canary-root\n");
    repo.write("apps/web/.env", "NAME=canary-web\n");
    repo.write(".env.test", "NAME=canary-test\n");
    repo.envsync(["push", "--yes"]).ok();
    repo
}

#[test]
fn each_file_has_its_own_location_and_a_pinned_one_its_own_environment() {
    let lab = Lab::new();
    let repo = several(&lab);
    let which = repo.envsync(["which", "--json"]).ok().json();
    let files: Vec<(String, String)> = which["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| (file["file"].to_string(), file["location"].to_string()))
        .collect();
    let quoted = |one: &str, other: &str| (format!("\"{one}\""), format!("\"{other}\""));
    assert_eq!(
        files,
        [quoted(".env", "development"), quoted("apps/web/.env", "development/web"), quoted(".env.test", "test/tests")]
    );
    let status = repo.envsync(["status", "--json"]).ok().json();
    assert_eq!(status["targets"][2]["held"], "test");
}

#[test]
fn a_switch_leaves_a_pinned_file_alone() {
    let lab = Lab::new();
    let repo = several(&lab);
    for file in [".env", "apps/web/.env"] {
        repo.spawn(["set", "-e", "staging", "--file", file, "NAME"]).input("canary-staging").run().ok();
    }
    repo.switch("top");
    assert_eq!(repo.env(), "NAME=canary-staging\n");
    assert_eq!(repo.read("apps/web/.env"), "NAME=canary-staging\n");
    assert_eq!(repo.read(".env.test"), "NAME=canary-test\n");
}

#[test]
fn one_conflict_stops_all_files() {
    let lab = Lab::new();
    let repo = several(&lab);
    repo.switch("top");
    repo.git(["switch", "-q", "main"]).ok();
    std::fs::remove_dir_all(repo.path.join(".git/envsync")).expect("the state is there");
    repo.write(".env", "NAME=canary-root\nNEW=canary-new\n");
    repo.write("apps/web/.env", "NAME=canary-conflict\n");
    let before = std::fs::read(repo.path.join(".envsync/development.env.age")).expect("a store file");
    repo.envsync(["sync", "--yes"]).ends(3).says("NAME");
    let after = std::fs::read(repo.path.join(".envsync/development.env.age")).expect("a store file");
    assert_eq!(before, after);
    repo.envsync(["sync", "--file", ".env", "--yes"]).ok();
    let after = std::fs::read(repo.path.join(".envsync/development.env.age")).expect("a store file");
    assert_ne!(before, after, "the file that was named has no conflict");
}

#[test]
fn one_refusal_stops_all_files() {
    let lab = Lab::new();
    let repo = several(&lab);
    repo.write(".env", "NAME=canary-new\n");
    repo.write(".gitignore", ".env\n");
    let before = std::fs::read(repo.path.join(".envsync/development.env.age")).expect("a store file");
    repo.envsync(["push"]).ends(4).says(".env.test");
    let after = std::fs::read(repo.path.join(".envsync/development.env.age")).expect("a store file");
    assert_eq!(before, after);
}

#[test]
fn commands_work_from_any_directory_and_file_is_read_from_there() {
    let lab = Lab::new();
    let repo = several(&lab);
    repo.write("apps/web/.env", "NAME=canary-web2\n");
    let below = Repo { person: repo.person.clone(), path: repo.path.join("apps/web") };
    below.envsync(["push", "--file", ".env"]).ends(0);
    repo.envsync(["diff", "--exit-code"]).ok();
    repo.write("apps/web/.env", "NAME=canary-web3\n");
    below.envsync(["push"]).ok();
    repo.envsync(["diff", "--exit-code"]).ok();
    repo.envsync(["push", "-C", "apps", "--env-file", "apps/web/.env"]).ok();
    repo.envsync(["pull", "--file", "nowhere/.env"]).ends(7).says("apps/web/.env");
}

#[test]
fn a_command_about_one_key_asks_which_file() {
    let lab = Lab::new();
    let repo = several(&lab);
    repo.spawn(["set", "NEW"]).input("canary-new").run().ends(2).says("--file");
    repo.spawn(["set", "--file", "apps/web/.env", "NEW"]).input("canary-new").run().ok();
    assert_eq!(repo.read("apps/web/.env"), "NAME=canary-web\nNEW=canary-new\n");
}

#[test]
fn undo_asks_which_file_where_a_number_means_two_entries() {
    let lab = Lab::new();
    let repo = several(&lab);
    for file in [".env", "apps/web/.env"] {
        repo.spawn(["set", "--file", file, "NEW"]).input("canary-new").run().ok();
    }
    let listed = repo.envsync(["undo", "--list", "--json"]).ok().json();
    let ids: Vec<&serde_json::Value> =
        listed["entries"].as_array().expect("entries").iter().map(|entry| &entry["id"]).collect();
    assert_eq!(ids[0], ids[1], "each file counts for itself");
    repo.envsync(["undo", &ids[0].to_string()]).ends(2).says("--file");
    repo.envsync(["undo", "--file", ".env", &ids[0].to_string()]).ok();
    assert_eq!(repo.env(), "NAME=canary-root\n");
    assert_eq!(repo.read("apps/web/.env"), "NAME=canary-web\nNEW=canary-new\n");
}

#[test]
fn a_file_without_a_directory_to_lie_in_stops_all_before_anything_is_written() {
    let lab = Lab::new();
    let repo = several(&lab);
    std::fs::remove_dir_all(repo.path.join("apps")).expect("a directory");
    std::fs::remove_file(repo.path.join(".env")).expect("a file");
    for command in [&["pull"][..], &["sync"], &["pull", "-n"]] {
        repo.envsync(command).ends(4).says("no directory `apps/web`");
        assert!(!repo.path.join(".env").exists(), "{command:?}");
    }
    repo.envsync(["pull", "--file", ".env"]).ok();
    assert_eq!(repo.env(), "NAME=canary-root\n");
    // What writes the store alone needs no place for a file.
    repo.edit("NAME", "canary-root2");
    repo.envsync(["push"]).ok();
}
