//! Where a path of the work tree really leads, with all links followed, and whether that may be touched.
//!
//! A repository can bring links of any kind, so a path that the config names can point at `~/.ssh/config`, or at
//! `.git/config`, which git obeys. Links are followed by hand, not by the system: the last one may dangle.

use crate::ports::{Failure, FailureKind};
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// As many as Linux follows (`MAXSYMLINKS`, path_resolution(7)).
const MOST_LINKS: usize = 40;

/// The real path of `relative` below `work_tree`: no link is left in it. Whether it exists is another question.
pub(super) fn locate(work_tree: &Path, git_dir: &Path, relative: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(relative);
    if relative.is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(refused(relative, "is no path inside the work tree"));
    }
    let top = work_tree.canonicalize().map_err(|error| not_found(work_tree, error))?;
    let real = match follow(&top, path) {
        Ok(real) => real,
        Err(error) if error.kind() == ErrorKind::TooManyLinks => {
            return Err(refused(relative, "is a link that leads back to itself"));
        }
        Err(error) => return Err(not_found(&top.join(path), error)),
    };
    match real.strip_prefix(&top) {
        Err(_) => Err(refused(relative, "leaves the work tree through a link")),
        Ok(below) if below.as_os_str().is_empty() => Err(refused(relative, "is the work tree itself")),
        Ok(below) if is_inside_git(below) || git_dir.canonicalize().is_ok_and(|git| real.starts_with(git)) => {
            Err(refused(relative, "leads into git's own directory"))
        }
        Ok(_) => Ok(real),
    }
}

fn follow(top: &Path, relative: &Path) -> io::Result<PathBuf> {
    let mut real = top.to_owned();
    let mut ahead: Vec<Step> = steps(relative);
    let mut links = 0;
    while let Some(step) = ahead.pop() {
        let name = match step {
            Step::Up => {
                real.pop();
                continue;
            }
            Step::Start(start) => {
                real.push(start);
                continue;
            }
            Step::Down(name) => name,
        };
        let next = real.join(name);
        match fs::symlink_metadata(&next) {
            Ok(there) if there.is_symlink() => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(ErrorKind::TooManyLinks.into());
                }
                ahead.extend(steps(&fs::read_link(&next)?));
            }
            Ok(_) => real = next,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => real = next,
            Err(error) => return Err(error),
        }
    }
    Ok(real)
}

enum Step {
    /// The root, or a drive: a path that begins with it replaces all before.
    Start(OsString),
    Up,
    Down(OsString),
}

/// The steps of a path, last first: a stack.
fn steps(path: &Path) -> Vec<Step> {
    let step = |component: Component<'_>| match component {
        Component::CurDir => None,
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
        start => Some(Step::Start(start.as_os_str().to_owned())),
    };
    path.components().rev().filter_map(step).collect()
}

/// Any `.git` on the way, in any spelling that a file system without case takes for it: also a submodule's.
fn is_inside_git(below: &Path) -> bool {
    below.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git"))
}

fn refused(relative: &str, why: &str) -> Failure {
    Failure::new(FailureKind::Refused, format!("`{relative}` {why}"))
        .hint("put a plain file there, or a link to a file inside the work tree")
}

fn not_found(path: &Path, error: io::Error) -> Failure {
    Failure::new(FailureKind::Internal, format!("cannot look at `{}`", path.display())).because(error)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Tree {
        root: tempfile::TempDir,
        top: PathBuf,
    }

    fn tree() -> Tree {
        let root = tempfile::tempdir().unwrap();
        let top = root.path().canonicalize().unwrap().join("tree");
        fs::create_dir_all(top.join(".git")).unwrap();
        fs::create_dir_all(top.join("apps/web")).unwrap();
        fs::create_dir_all(root.path().join("outside")).unwrap();
        Tree { root, top }
    }

    impl Tree {
        fn locate(&self, relative: &str) -> Result<PathBuf, Failure> {
            locate(&self.top, &self.top.join(".git"), relative)
        }

        fn refuses(&self, relative: &str) -> String {
            let failure = self.locate(relative).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Refused, "{relative}");
            failure.what
        }
    }

    #[test]
    fn a_path_without_links_is_itself_whether_it_exists_or_not() {
        let tree = tree();
        assert_eq!(tree.locate(".env").unwrap(), tree.top.join(".env"));
        assert_eq!(tree.locate("apps/new/.env").unwrap(), tree.top.join("apps/new/.env"));
    }

    #[test]
    fn a_link_that_stays_inside_is_followed_also_where_it_dangles_or_goes_round_outside() {
        let tree = tree();
        symlink("apps/web/.env", tree.top.join(".env")).unwrap();
        symlink(tree.top.join("apps/web/.env"), tree.top.join("absolute")).unwrap();
        symlink("../../.env", tree.top.join("apps/web/chain")).unwrap();
        symlink("../tree/apps/web/.env", tree.top.join("round")).unwrap();
        symlink("apps", tree.top.join("packages")).unwrap();
        for link in [".env", "absolute", "apps/web/chain", "round", "packages/web/.env"] {
            assert_eq!(tree.locate(link).unwrap(), tree.top.join("apps/web/.env"), "{link}");
        }
    }

    #[test]
    fn a_link_that_leaves_the_work_tree_is_refused_wherever_it_is_on_the_way() {
        let tree = tree();
        symlink("../outside/secret", tree.top.join(".env")).unwrap();
        symlink(tree.root.path().join("outside"), tree.top.join("parent")).unwrap();
        symlink(".env", tree.top.join("second")).unwrap();
        symlink("../tree-too/.env", tree.top.join("sibling")).unwrap();
        for link in [".env", "parent/.env", "second", "sibling"] {
            assert_eq!(tree.refuses(link), format!("`{link}` leaves the work tree through a link"));
        }
    }

    #[test]
    fn a_link_into_gits_own_directory_is_refused() {
        let tree = tree();
        symlink(".git/config", tree.top.join(".env")).unwrap();
        symlink(".GIT/hooks", tree.top.join("hooks")).unwrap();
        for link in [".env", "hooks/post-checkout", "apps/.git/config"] {
            assert_eq!(tree.refuses(link), format!("`{link}` leads into git's own directory"));
        }
        fs::create_dir_all(tree.top.join("metadata")).unwrap();
        assert!(locate(&tree.top, &tree.top.join("metadata"), "metadata/config").is_err());
    }

    #[test]
    fn links_in_a_circle_are_refused() {
        let tree = tree();
        symlink("two", tree.top.join("one")).unwrap();
        symlink("one", tree.top.join("two")).unwrap();
        assert_eq!(tree.refuses("one"), "`one` is a link that leads back to itself");
    }

    #[test]
    fn a_path_that_is_not_below_the_top_is_refused() {
        let tree = tree();
        for path in ["", "..", "../outside/.env", "/etc/passwd", "apps/../../outside/.env", "."] {
            tree.refuses(path);
        }
    }
}
