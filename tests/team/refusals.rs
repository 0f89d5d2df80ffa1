//! What is refused before anything is written, and repositories that cannot be opened.

use crate::support::{Lab, Repo, is_missing};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

fn set_up(lab: &Lab) -> Repo {
    lab.person("ada").init("repo").set_up("A=canary-a\n")
}

#[test]
fn a_link_that_leaves_the_work_tree_is_refused_with_4() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    let outside = lab.path().join("outside");
    fs::write(&outside, "A=canary-outside\n").unwrap();
    fs::remove_file(repo.path.join(".env")).unwrap();
    symlink("../outside", repo.path.join(".env")).unwrap();
    for command in ["pull", "push", "sync"] {
        repo.envsync([command]).ends(4).says("leaves the work tree").never_says("canary");
    }
    assert_eq!(fs::read(outside).unwrap(), b"A=canary-outside\n");
}

#[test]
fn a_link_that_stays_inside_is_followed_and_stays_a_link() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    repo.write(".git/info/exclude", "/real.env\n");
    fs::rename(repo.path.join(".env"), repo.path.join("real.env")).unwrap();
    symlink("real.env", repo.path.join(".env")).unwrap();
    repo.spawn(["set", "A"]).input("canary-set").run().ok();
    assert!(repo.path.join(".env").symlink_metadata().unwrap().is_symlink());
    assert!(repo.read("real.env").contains("canary-set"));
}

#[test]
fn a_store_directory_that_leaves_the_work_tree_is_refused_with_4() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    let outside = lab.path().join("outside");
    fs::rename(repo.path.join(".envsync"), &outside).unwrap();
    symlink("../outside", repo.path.join(".envsync")).unwrap();
    repo.edit("A", "canary-edited");
    for command in ["pull", "push", "sync"] {
        repo.envsync([command]).ends(4).says("out of the work tree").says("hint:").never_says("canary");
    }
    repo.git(["switch", "-qc", "topic"]).ok().says("out of the work tree");
}

#[test]
fn a_tracked_file_is_refused_with_4_and_hooks_leave_it_alone() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    repo.git(["add", "-f", ".env"]).ok();
    repo.git(["commit", "-qm", "track it"]).ok();
    repo.edit("A", "canary-edited");
    for command in ["pull", "push", "sync"] {
        repo.envsync([command]).ends(4).says("git tracks .env").says("git rm --cached .env").never_says("canary");
    }
    repo.envsync(["verify", "--json"]).ends(1).says("tracked_env_file");
}

#[test]
fn a_file_git_does_not_ignore_is_refused_with_4() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    repo.write(".gitignore", "");
    repo.edit("A", "canary-edited");
    for command in ["pull", "push", "sync"] {
        repo.envsync([command]).ends(4).says("git does not ignore .env").says(".gitignore").never_says("canary");
    }
    assert_eq!(repo.value("A").as_deref(), Some("canary-edited"));
}

#[test]
fn a_branch_that_tracks_the_file_is_left_alone_by_the_hook() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    repo.git(["switch", "-qc", "tracking"]).ok();
    repo.git(["add", "-f", ".env"]).ok();
    repo.git(["commit", "-qm", "track it"]).ok();
    let told = repo.git(["switch", "-q", "main"]).ok();
    assert!(told.stderr.lines().count() <= 1, "{}", told.stderr);
    // Git took the tracked file away; the hook has filled it again.
    assert_eq!(repo.value("A").as_deref(), Some("canary-a"));
    repo.git(["switch", "-qf", "tracking"]).ok();
}

#[test]
fn a_state_directory_that_cannot_be_written_stops_a_push_before_it_happens() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    // A state directory that is a file cannot be written by anybody, root included.
    let state = repo.path.join(".git/envsync");
    fs::rename(&state, lab.path().join("state")).unwrap();
    fs::write(&state, "").unwrap();
    repo.edit("A", "canary-edited");
    let told = repo.envsync(["push"]);
    assert!(told.status == 9 || told.status == 5, "{} {}", told.status, told.stderr);
    let told = told.says(".git/envsync").never_says("canary").never_says("panicked");
    drop(told);
    assert_eq!(repo.value("A").as_deref(), Some("canary-edited"));
}

fn is_root(repo: &Repo) -> bool {
    fs::metadata(&repo.path).unwrap().uid() == 0
}

/// The program without root's right to write everywhere.
fn as_nobody_special(repo: &Repo, arguments: &[&str]) -> crate::support::Run {
    if !is_root(repo) {
        return repo.envsync(arguments);
    }
    let mut all = vec!["--bounding-set", "-dac_override,-dac_read_search", crate::support::PROGRAM];
    all.extend(arguments);
    repo.person.command("setpriv", &repo.path, all).run()
}

#[test]
fn a_read_only_directory_leaves_file_and_record_as_they_were_and_the_next_pull_converges() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    if is_root(&repo) && is_missing("setpriv", "a directory that root may not write") {
        return;
    }
    let config = repo.read(".envsync.toml");
    repo.write(".envsync.toml", config.replace("version = 1\n", "version = 1\n[[file]]\npath = \"sub/.env\"\n"));
    repo.envsync(["trust", "--yes"]).ok();
    repo.write(".gitignore", ".env\n");
    repo.envsync(["pull"]).ends(4).says("there is no directory `sub`").says("mkdir -p sub");
    repo.write("sub/README", "text\n");
    repo.envsync(["pull"]).ok();
    let (directory, before) = (repo.path.join("sub"), repo.read("sub/.env"));
    repo.write("sub/.env", "");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).unwrap();
    let told = as_nobody_special(&repo, &["pull"]);
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    told.ends(9).says("sub/.env").says("because:").never_says("canary").never_says("panicked");
    assert_eq!(repo.read("sub/.env"), "");
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.read("sub/.env"), before);
    assert_eq!(fs::read_dir(directory).unwrap().count(), 2, "no temporary file is left");
}

#[test]
fn a_new_env_file_is_only_its_owner_s() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    fs::remove_file(repo.path.join(".env")).unwrap();
    repo.envsync(["pull"]).ok();
    assert_eq!(fs::metadata(repo.path.join(".env")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_sha_256_repository_is_said_to_be_one() {
    let lab = Lab::new();
    let person = lab.person("ada");
    let path = lab.path().join("repo");
    person.command("git", lab.path(), ["init", "-q", "--object-format=sha256", path.to_str().unwrap()]).run().ok();
    let repo = Repo { person, path };
    repo.envsync(["init"]).ends(7).says("sha256").says("hint:");
    repo.envsync(["hook", "post-checkout", "a", "b", "1"]).ok().says("sha256");
    assert!(!repo.path.join(".envsync.toml").exists());
}

#[test]
fn a_reftable_repository_is_said_to_be_one() {
    let lab = Lab::new();
    let repo = set_up(&lab);
    // Written by hand: git makes such repositories since 2.45 only.
    let config = repo.read(".git/config").replace("repositoryformatversion = 0", "repositoryformatversion = 1");
    repo.write(".git/config", config + "[extensions]\n\trefStorage = reftable\n");
    repo.envsync(["status"]).ends(7).says("reftable").says("git refs migrate");
    repo.envsync(["hook", "post-checkout", "a", "b", "1"]).ok().says("reftable");
}
