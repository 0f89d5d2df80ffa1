//! Env files as a command meets them.

use super::*;
use crate::ports::block_on;
use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::rc::Rc;
use tempfile::TempDir;

struct Tree {
    root: TempDir,
    files: WorkTreeFiles,
    excluded: Rc<RefCell<Vec<String>>>,
}

fn tree() -> Tree {
    let root = tempfile::tempdir().unwrap();
    let git_dir = root.path().join(".git");
    fs::create_dir(&git_dir).unwrap();
    tree_with(root, git_dir)
}

fn tree_with(root: TempDir, git_dir: PathBuf) -> Tree {
    let excluded = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&excluded);
    let files = WorkTreeFiles::new(root.path().to_owned(), git_dir, move |pattern| {
        noted.borrow_mut().push(pattern.to_owned());
        Ok(())
    });
    Tree { root, files, excluded }
}

impl Tree {
    fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    fn replace(&self, file: &str, expected: Option<&str>, text: &str) -> Result<(), Failure> {
        let expected = expected.map(SecretBytes::from);
        block_on(self.files.replace(&EnvFilePath::new(file), expected.as_ref(), &SecretBytes::from(text)))
    }

    fn read(&self, file: &str) -> Result<Option<SecretBytes>, Failure> {
        block_on(self.files.read(&EnvFilePath::new(file)))
    }

    fn leftovers(&self) -> Vec<PathBuf> {
        let in_directory = |directory: PathBuf| fs::read_dir(directory).into_iter().flatten().flatten();
        [self.path(""), self.files.git_dir.join("envsync-tmp"), self.path("apps")]
            .into_iter()
            .flat_map(in_directory)
            .map(|entry| entry.path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(".envsync-tmp-"))
            .collect()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_new_file_is_0600_and_reads_back() {
    let tree = tree();
    assert_eq!(tree.read(".env").unwrap(), None);
    tree.replace(".env", None, "A=canary-1\n").unwrap();
    assert_eq!(tree.read(".env").unwrap(), Some(SecretBytes::from("A=canary-1\n")));
    assert_eq!(mode(&tree.path(".env")), 0o600);
    assert_eq!(mode(&tree.path(".git/envsync-tmp")), 0o700);
    assert!(tree.leftovers().is_empty());
    assert!(tree.excluded.borrow().is_empty(), "nothing lay in the work tree");
}

#[test]
fn an_existing_file_keeps_its_mode_with_the_groups_bits_and_its_owner() {
    let tree = tree();
    for bits in [0o640, 0o664, 0o600, 0o400] {
        fs::write(tree.path(".env"), "old").unwrap();
        fs::set_permissions(tree.path(".env"), fs::Permissions::from_mode(bits)).unwrap();
        let owner = fs::metadata(tree.path(".env")).unwrap();
        tree.replace(".env", Some("old"), "new").unwrap();
        assert_eq!(mode(&tree.path(".env")), bits);
        let now = fs::metadata(tree.path(".env")).unwrap();
        assert_eq!((now.uid(), now.gid()), (owner.uid(), owner.gid()));
        fs::remove_file(tree.path(".env")).unwrap();
    }
}

#[test]
fn a_file_that_was_changed_meanwhile_is_left_as_it_is() {
    let tree = tree();
    fs::write(tree.path(".env"), "theirs").unwrap();
    for expected in [Some("mine"), Some("theirs\n"), Some(""), None] {
        let failure = tree.replace(".env", expected, "new").unwrap_err();
        assert_eq!(failure.kind, FailureKind::LostRace);
        assert_eq!(fs::read(tree.path(".env")).unwrap(), b"theirs");
    }
    fs::remove_file(tree.path(".env")).unwrap();
    assert_eq!(tree.replace(".env", Some("theirs"), "new").unwrap_err().kind, FailureKind::LostRace);
    assert!(!tree.path(".env").exists());
    assert!(tree.leftovers().is_empty());
}

#[test]
fn a_link_inside_the_work_tree_stays_and_its_target_is_replaced() {
    let tree = tree();
    fs::create_dir(tree.path("apps")).unwrap();
    symlink("apps/.env", tree.path(".env")).unwrap();
    tree.replace(".env", None, "one").unwrap();
    tree.replace(".env", Some("one"), "two").unwrap();
    assert!(fs::symlink_metadata(tree.path(".env")).unwrap().is_symlink());
    assert_eq!(fs::read(tree.path("apps/.env")).unwrap(), b"two");
}

#[test]
fn a_link_that_leaves_the_work_tree_is_neither_read_nor_written() {
    let tree = tree();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("secret");
    fs::write(&target, "canary-1").unwrap();
    symlink(&target, tree.path(".env")).unwrap();
    symlink(outside.path(), tree.path("apps")).unwrap();
    for file in [".env", "apps/secret"] {
        assert_eq!(tree.read(file).unwrap_err().kind, FailureKind::Refused);
        assert_eq!(tree.replace(file, Some("canary-1"), "new").unwrap_err().kind, FailureKind::Refused);
        assert_eq!(tree.files.read_text(file).unwrap_err().kind, FailureKind::Refused);
    }
    assert_eq!(fs::read(&target).unwrap(), b"canary-1");
}

#[test]
fn a_directory_in_the_place_of_the_file_is_refused() {
    let tree = tree();
    fs::create_dir(tree.path(".env")).unwrap();
    assert_eq!(tree.read(".env").unwrap_err().kind, FailureKind::Refused);
    assert_eq!(tree.replace(".env", None, "new").unwrap_err().kind, FailureKind::Refused);
}

#[test]
fn a_directory_that_is_missing_or_a_file_is_named_and_not_made() {
    let tree = tree();
    let failure = tree.replace("apps/.env", None, "new").unwrap_err();
    assert_eq!(failure.what, "there is no directory `apps` to put `apps/.env` into");
    assert!(!tree.path("apps").exists());
    fs::write(tree.path("apps"), "a file").unwrap();
    assert_eq!(tree.replace("apps/.env", None, "new").unwrap_err().kind, FailureKind::Refused);
    assert_eq!(fs::read(tree.path("apps")).unwrap(), b"a file");
}

/// Stands for a directory that cannot be written: these tests may run as root, whom modes do not stop.
#[test]
fn where_no_temporary_file_can_be_made_the_env_file_stays_as_it_was() {
    let tree = tree();
    fs::write(tree.path(".env"), "old").unwrap();
    fs::write(tree.path(".git/envsync-tmp"), "a file where the directory belongs").unwrap();
    let failure = tree.replace(".env", Some("old"), "canary-1").unwrap_err();
    assert!(failure.what.starts_with("`.env` is as it was: "), "{}", failure.what);
    assert_eq!(fs::read(tree.path(".env")).unwrap(), b"old");
    assert!(!format!("{failure:?}").contains("canary"));
}

/// procfs takes no new files from anybody, root included.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_takes_no_files_is_a_failure_that_says_so() {
    let git_dir = tempfile::tempdir().unwrap();
    let files = WorkTreeFiles::new(PathBuf::from("/proc/self/"), git_dir.path().to_owned(), |_| Ok(()));
    let result = block_on(files.replace(&EnvFilePath::new("net/.env"), None, &SecretBytes::from("canary-1")));
    let failure = result.unwrap_err();
    assert!(failure.what.starts_with("`net/.env` is as it was: "), "{}", failure.what);
}

/// `/dev/shm` is a file system of its own on Linux; elsewhere, or in a sandbox without it, nothing can be shown.
#[cfg(target_os = "linux")]
#[test]
fn on_another_file_system_the_temporary_file_lies_beside_and_is_excluded_first() {
    let git_dir = tempfile::tempdir().unwrap();
    let root = tempfile::tempdir_in("/dev/shm").expect("a memory file system at /dev/shm");
    assert_ne!(fs::metadata(git_dir.path()).unwrap().dev(), fs::metadata(root.path()).unwrap().dev());
    let tree = tree_with(root, git_dir.path().to_owned());
    tree.replace(".env", None, "one").unwrap();
    tree.replace(".env", Some("one"), "two").unwrap();
    assert_eq!(fs::read(tree.path(".env")).unwrap(), b"two");
    assert_eq!(tree.excluded.borrow()[0], ".envsync-tmp-*");
    assert!(tree.leftovers().is_empty());
}

#[test]
fn sweeping_removes_this_env_files_leftovers_everywhere_and_no_others() {
    let tree = tree();
    fs::create_dir(tree.path("apps")).unwrap();
    symlink("apps/.env", tree.path(".env")).unwrap();
    let scratch = tree.path(".git/envsync-tmp");
    fs::create_dir(&scratch).unwrap();
    let (own, other) = (EnvFilePath::new(".env"), EnvFilePath::new("web/.env"));
    let temporary = |directory: &Path, file: &EnvFilePath| {
        let found = tempfile::Builder::new().prefix(&replacing::prefix(file)).tempfile_in(directory).unwrap();
        found.keep().unwrap().1
    };
    temporary(&scratch, &own);
    temporary(&tree.path("apps"), &own);
    let stays = temporary(&scratch, &other);
    block_on(tree.files.sweep(&own));
    assert_eq!(tree.leftovers(), [stays]);
}

#[test]
fn text_is_read_by_its_path_and_must_be_utf_8() {
    let tree = tree();
    assert_eq!(tree.files.read_text(".envsync.toml").unwrap(), None);
    fs::write(tree.path(".envsync.toml"), "version = 1\n").unwrap();
    assert_eq!(tree.files.read_text(".envsync.toml").unwrap().as_deref(), Some("version = 1\n"));
    fs::write(tree.path(".envsync.toml"), b"\xff").unwrap();
    assert_eq!(tree.files.read_text(".envsync.toml").unwrap_err().kind, FailureKind::Config);
}
