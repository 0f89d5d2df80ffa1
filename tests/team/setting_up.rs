//! `init` in a repository that has no config, and identities.

use crate::support::{Lab, Repo, is_missing};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_plain_repository_gets_one_catch_all_environment_with_the_existing_file_as_first_content() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    repo.write(".env", "# mine\nA=canary-a\n");
    repo.envsync(["init"]).ok().never_says("canary").says("git add .envsync.toml");
    assert_eq!(repo.env(), "# mine\nA=canary-a\n");
    for branch in ["main", "feature/x"] {
        let which = repo.envsync(["which", branch, "--json"]).ok().json();
        assert_eq!(which["environment"], "development");
        assert_eq!(which["kind"], "age");
    }
    assert!(repo.read(".gitignore").lines().any(|line| line.contains(".env")));
    assert!(repo.read(".envsync/recipients").contains("ada"));
    repo.envsync(["status", "--exit-code"]).ok();
    repo.commit("set up");
    assert!(!repo.git(["ls-files"]).ok().stdout.lines().any(|path| path == ".env"));
}

#[test]
fn branches_called_staging_and_production_and_all_releases_get_their_own_empty_until_a_first_push() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    for branch in ["staging", "production", "release/1", "release/2"] {
        repo.git(["branch", branch]).ok();
    }
    let repo = repo.set_up("A=canary-a\n");
    for (branch, environment) in [
        ("main", "development"),
        ("staging", "staging"),
        ("production", "production"),
        ("release/1", "release"),
        ("release/9", "release"),
        ("topic", "development"),
    ] {
        let which = repo.envsync(["which", branch, "--json"]).ok().json();
        assert_eq!(which["environment"], environment, "{branch}");
        assert_eq!(which["protected"], environment == "production", "{branch}");
    }
    let files: Vec<_> =
        fs::read_dir(repo.path.join(".envsync")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!files.iter().any(|name| name == "staging.env.age" || name == "production.env.age"), "{files:?}");
    repo.envsync(["list", "-e", "staging"]).ends(7).says("staging is not in its store yet");
    repo.envsync(["push", "-e", "production", "--yes"]).ends(4).says("--allow-protected production");
}

#[test]
fn init_works_before_the_first_commit_and_without_a_file() {
    let lab = Lab::new();
    let person = lab.person("ada");
    let path = lab.path().join("repo");
    person.command("git", lab.path(), ["init", "-q", path.to_str().unwrap()]).run().ok();
    let repo = Repo { person, path };
    repo.envsync(["init"]).ok();
    repo.commit("first");
    repo.spawn(["set", "A"]).input("canary-a\n").run().ok();
    repo.envsync(["push", "--yes"]).ok();
    assert_eq!(repo.envsync(["get", "A"]).ok().stdout, "canary-a\n");
}

#[test]
fn init_again_changes_nothing() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    repo.envsync(["init"]).ok();
    assert_eq!(repo.git(["status", "--porcelain"]).ok().stdout, "");
    assert_eq!(repo.env(), "A=canary-a\n");
}

#[test]
fn init_refuses_a_tracked_env_file_before_it_writes_anything() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    repo.write(".env", "A=canary-a\n");
    repo.commit("tracked");
    repo.envsync(["init"]).ends(4).says("git rm --cached .env").never_says("canary");
    assert!(!repo.path.join(".envsync.toml").exists());
    assert!(!repo.person.home().join(".config/git-envsync/identity").exists());
}

#[test]
fn the_identity_is_private_and_never_replaced() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    let path = repo.person.home().join(".config/git-envsync/identity");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&path).unwrap();
    let other = repo.person.init("other");
    other.envsync(["init"]).ok();
    other.envsync(["key", "generate"]).ends(4);
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// An ssh-ed25519 key in `name` of the person's home; none where none can be made.
fn ssh_key(repo: &Repo, name: &str) -> Option<String> {
    if is_missing("ssh-keygen", "ssh keys as identities") {
        return None;
    }
    let path = repo.person.home().join(name);
    let path = path.to_str().unwrap();
    repo.person
        .command("ssh-keygen", &repo.path, ["-q", "-t", "ed25519", "-N", "", "-C", "ada@host", "-f", path])
        .run()
        .ok();
    Some(path.to_owned())
}

#[test]
fn an_ssh_key_named_by_the_variable_is_the_identity() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    let Some(key) = ssh_key(&repo, "id_ed25519") else { return };
    repo.write(".env", "A=canary-a\n");
    repo.spawn(["init"]).var("GIT_ENVSYNC_IDENTITY", &key).run().ok();
    assert!(!repo.person.home().join(".config/git-envsync/identity").exists());
    assert!(repo.read(".envsync/recipients").contains("ssh-ed25519 "));
    let got = repo.spawn(["get", "A"]).var("GIT_ENVSYNC_IDENTITY", &key).run().ok();
    assert_eq!(got.stdout, "canary-a\n");
    let text = fs::read_to_string(&key).unwrap();
    let got = repo.spawn(["get", "A"]).var("GIT_ENVSYNC_IDENTITY", text).run().ok();
    assert_eq!(got.stdout, "canary-a\n");
    repo.envsync(["get", "A"]).ends(5).says("envsync.identity");
}

#[test]
fn an_ssh_key_named_by_git_config_is_the_identity_also_in_hooks() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo");
    let Some(key) = ssh_key(&repo, "id_ed25519") else { return };
    repo.git(["config", "--global", "envsync.identity", "~/id_ed25519"]).ok();
    let repo = repo.set_up("A=canary-a\n");
    repo.envsync(["key", "show"]).ok().says("ssh-ed25519 ");
    fs::remove_file(repo.path.join(".env")).unwrap();
    repo.git(["switch", "-qc", "topic"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-a"));
    drop(key);
}

#[test]
fn a_colleague_with_an_ssh_key_is_added_by_the_public_half() {
    let team = super::common::Team::new("A=canary-a\n");
    let bob = team.lab.person("bob").clone_of(&team.origin, "bob");
    let Some(key) = ssh_key(&bob, "id_ed25519") else { return };
    bob.git(["config", "--global", "envsync.identity", &key]).ok();
    let public = fs::read_to_string(format!("{key}.pub")).unwrap();
    team.ada.envsync(["recipient", "add", public.trim(), "--name", "bob"]).ok();
    super::common::publish(&team.ada, "add bob");
    bob.git(["pull", "-q"]).ok();
    bob.envsync(["trust", "--yes"]).ok();
    bob.envsync(["init"]).ok();
    assert_eq!(bob.value("A").as_deref(), Some("canary-a"));
}
