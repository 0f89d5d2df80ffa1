//! `uninstall` leaves hooks and git settings as they were.

use crate::support::{Lab, Repo};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Every file of the git directory that envsync may touch, with its mode and bytes.
fn settings(repo: &Repo) -> BTreeMap<String, (u32, Vec<u8>)> {
    let git = repo.path.join(".git");
    let mut files = vec![git.join("config")];
    files.extend(fs::read_dir(git.join("hooks")).unwrap().map(|entry| entry.unwrap().path()));
    files
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, (fs::metadata(&path).unwrap().permissions().mode(), fs::read(path).unwrap()))
        })
        .collect()
}

fn with_a_hook(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo");
    repo.write(".git/hooks/post-checkout", "#!/bin/sh\necho mine\n");
    fs::set_permissions(repo.path.join(".git/hooks/post-checkout"), fs::Permissions::from_mode(0o755)).unwrap();
    repo
}

#[test]
fn uninstall_restores_hooks_and_settings_to_the_byte() {
    let lab = Lab::new();
    let repo = with_a_hook(&lab);
    let before = settings(&repo);
    let repo = repo.set_up("A=canary-a\n");
    assert_ne!(settings(&repo), before);
    repo.envsync(["uninstall"]).ok();
    assert_eq!(settings(&repo), before);
    assert_eq!(repo.env(), "A=canary-a\n");
    assert!(repo.read(".gitattributes").contains("envsync"));
    repo.git(["switch", "-qc", "topic"]).ok().says("mine").never_says("envsync:");
    repo.git(["log", "-p"]).ok();
}

#[test]
fn uninstall_and_install_again_work_and_twice_is_as_once() {
    let lab = Lab::new();
    let repo = with_a_hook(&lab);
    let before = settings(&repo);
    let repo = repo.set_up("A=canary-a\n");
    let installed = settings(&repo);
    repo.envsync(["install"]).ok();
    assert_eq!(settings(&repo), installed);
    repo.envsync(["uninstall"]).ok();
    repo.envsync(["uninstall"]).ok();
    assert_eq!(settings(&repo), before);
    repo.envsync(["install"]).ok();
    assert_eq!(settings(&repo), installed);
}

#[test]
fn purge_takes_state_and_trust_away() {
    let lab = Lab::new();
    let repo = lab.person("ada").init("repo").set_up("A=canary-a\n");
    assert!(repo.path.join(".git/envsync").exists());
    repo.envsync(["uninstall", "--purge"]).ok();
    assert!(!repo.path.join(".git/envsync").exists());
    assert_eq!(repo.env(), "A=canary-a\n");
    assert!(repo.person.home().join(".config/git-envsync/identity").exists());
    repo.envsync(["status"]).ends(7).says("git envsync trust");
}

/// A change of `development` is parked.
fn parked(lab: &Lab) -> Repo {
    let repo = lab.person("ada").init("repo");
    repo.git(["branch", "staging"]).ok();
    let repo = repo.set_up("A=canary-a\n");
    repo.envsync(["push", "-e", "staging", "--yes"]).ok();
    repo.commit("start staging");
    repo.envsync(["pull"]).ok();
    repo.edit("A", "canary-parked");
    repo.envsync(["use", "staging"]).ok();
    repo
}

fn is_refused(repo: &Repo) {
    let hooks = settings(repo);
    repo.envsync(["uninstall", "--purge"]).ends(4).says("development").never_says("canary");
    assert!(repo.path.join(".git/envsync").exists());
    assert_eq!(settings(repo), hooks);
}

#[test]
fn purge_ends_with_4_while_something_is_parked() {
    let lab = Lab::new();
    let repo = parked(&lab);
    is_refused(&repo);
    repo.envsync(["use", "-"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-parked"));
    repo.envsync(["uninstall", "--purge"]).ok();
}

#[test]
fn purge_sees_what_is_parked_whatever_config_the_branch_has() {
    let lab = Lab::new();
    let repo = parked(&lab);
    fs::remove_file(repo.path.join(".envsync.toml")).unwrap();
    is_refused(&repo);
    repo.write(".envsync.toml", "broken = [");
    is_refused(&repo);
}

#[test]
fn purge_sees_what_is_parked_in_other_work_trees_and_in_removed_ones() {
    let lab = Lab::new();
    let repo = parked(&lab);
    let other = Repo { person: repo.person.clone(), path: lab.path().join("other") };
    repo.envsync(["use", "-"]).ok();
    repo.envsync(["restore", "A"]).ok();
    repo.git(["worktree", "add", "-q", "../other", "-b", "other"]).ok();
    other.edit("A", "canary-other");
    other.envsync(["use", "staging"]).ok();
    is_refused(&repo);
    repo.git(["worktree", "remove", "--force", "../other"]).ok();
    is_refused(&repo);
    repo.envsync(["undo", "--worktree", "other"]).ok();
    assert_eq!(repo.value("A").as_deref(), Some("canary-other"));
    repo.envsync(["uninstall", "--purge"]).ok();
}
