//! Opening a repository where git would, and saying plainly why one cannot be opened.

use crate::ports::{Failure, FailureKind};
use git2::{ErrorCode, RepositoryOpenFlags};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Extensions that libgit2 1.9 opens (`builtin_extensions` in its `repository.c`), beside `objectformat`, whose
/// value decides.
const SUPPORTED: [&str; 4] = ["noop", "worktreeconfig", "preciousobjects", "relativeworktrees"];

/// Opens the repository that `start` lies in, with its work tree.
pub(super) fn open(start: &Path) -> Result<(git2::Repository, PathBuf), Failure> {
    let places = Places::from_environment(start);
    let inner = places.open(start).map_err(|error| explain(error, start, &places))?;
    let work_tree = places.work_tree_of(&inner, start).ok_or_else(|| {
        Failure::new(FailureKind::Config, "this repository has no work tree").hint("run it in a work tree of it")
    })?;
    if inner.workdir() != Some(work_tree.as_path()) {
        inner.set_workdir(&work_tree, false).map_err(|error| {
            Failure::new(FailureKind::Config, format!("cannot use {} as work tree", work_tree.display())).because(error)
        })?;
    }
    Ok((inner, work_tree))
}

/// What the environment says about places. Relative paths count from `start`, as after `git -C`.
struct Places {
    git_dir: Option<PathBuf>,
    work_tree: Option<PathBuf>,
    work_tree_is_relative: bool,
    ceilings: Vec<PathBuf>,
}

impl Places {
    fn from_environment(start: &Path) -> Self {
        let path = |name| variable(name).map(|value| start.join(value));
        Self {
            git_dir: path("GIT_DIR"),
            work_tree: path("GIT_WORK_TREE"),
            work_tree_is_relative: variable("GIT_WORK_TREE").is_some_and(|value| Path::new(&value).is_relative()),
            ceilings: variable("GIT_CEILING_DIRECTORIES")
                .map(|list| env::split_paths(&list).collect())
                .unwrap_or_default(),
        }
    }

    fn open(&self, start: &Path) -> Result<git2::Repository, git2::Error> {
        // FROM_ENV makes libgit2 honour GIT_INDEX_FILE, GIT_CONFIG_GLOBAL and their like. A path beats its reading
        // of GIT_DIR, and a list of ceilings that of GIT_CEILING_DIRECTORIES, so both are given here.
        let exactly = |git_dir: &Path, more: RepositoryOpenFlags| {
            let here = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT;
            git2::Repository::open_ext(git_dir, RepositoryOpenFlags::FROM_ENV | here | more, &self.ceilings)
        };
        match &self.git_dir {
            _ if self.work_tree_is_relative => {
                // libgit2 takes it relative to the git directory (`load_workdir` in its `repository.c`); opened as
                // if bare, it does not look.
                exactly(&self.find(start)?, RepositoryOpenFlags::BARE)
            }
            Some(git_dir) => exactly(git_dir, RepositoryOpenFlags::empty()),
            None => git2::Repository::open_ext(start, RepositoryOpenFlags::FROM_ENV, &self.ceilings),
        }
    }

    /// The git directory, of a repository that need not open.
    fn find(&self, start: &Path) -> Result<PathBuf, git2::Error> {
        match &self.git_dir {
            Some(git_dir) => Ok(git_dir.clone()),
            None => git2::Repository::discover_path(start, &self.ceilings),
        }
    }

    /// Git takes the current directory for the work tree where `GIT_DIR` alone is set (`setup_explicit_git_dir` in
    /// git's `setup.c`). Hooks run at the top, so that is the same; in a directory below the real top git's
    /// reading would put the env file into the wrong place, so there the real top counts.
    fn work_tree_of(&self, inner: &git2::Repository, start: &Path) -> Option<PathBuf> {
        if let Some(work_tree) = &self.work_tree {
            return Some(work_tree.clone());
        }
        let own = inner.workdir().map(Path::to_owned);
        if self.git_dir.is_none() || inner.is_bare() || has_configured_work_tree(inner) {
            return own;
        }
        let inside_own = own.as_ref().is_some_and(|own| is_inside(start, own));
        if inside_own { own } else { Some(start.to_owned()) }
    }
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn has_configured_work_tree(inner: &git2::Repository) -> bool {
    inner.config().is_ok_and(|config| config.get_entry("core.worktree").is_ok())
}

fn is_inside(path: &Path, directory: &Path) -> bool {
    matches!((path.canonicalize(), directory.canonicalize()), (Ok(path), Ok(directory)) if path.starts_with(&directory))
}

fn explain(error: git2::Error, start: &Path, places: &Places) -> Failure {
    let found = places.find(start).ok();
    let failure = match error.code() {
        ErrorCode::Owner => {
            let top = found.as_deref().map_or(start, top_of);
            Failure::new(FailureKind::Config, format!("the repository at {} belongs to somebody else", top.display()))
                .hint(format!("git config --global --add safe.directory {}", super::quote::for_display(top)))
        }
        ErrorCode::NotFound => {
            // The library's reason says the same in other words.
            return Failure::new(FailureKind::Config, format!("{} is in no git repository", start.display()))
                .hint("run it in a work tree, or `git init` first");
        }
        _ => match found.as_deref().and_then(unsupported_format) {
            Some(format) => format.into_failure(),
            None => Failure::new(FailureKind::Config, "the git repository cannot be opened").hint("git fsck"),
        },
    };
    failure.because(error)
}

/// The path that git asks to be called safe: the work tree's where there is one.
fn top_of(git_dir: &Path) -> &Path {
    if git_dir.file_name().is_some_and(|name| name == ".git") { git_dir.parent().unwrap_or(git_dir) } else { git_dir }
}

/// A repository format that libgit2 does not know.
struct UnsupportedFormat {
    extension: String,
    value: String,
}

impl UnsupportedFormat {
    fn into_failure(self) -> Failure {
        let Self { extension, value } = self;
        let (what, hint) = match (extension.as_str(), value.as_str()) {
            ("refstorage", value) => (
                format!(
                    "this repository keeps its references in a format envsync cannot read (extensions.refStorage = {value})"
                ),
                "git refs migrate --ref-format=files",
            ),
            ("objectformat", value) => (
                format!(
                    "this repository names objects in a way envsync cannot read (extensions.objectFormat = {value})"
                ),
                "envsync needs a SHA-1 repository, git's default",
            ),
            ("partialclone", remote) => (
                format!(
                    "this partial clone is marked in an old way envsync cannot read (extensions.partialClone = {remote})"
                ),
                "git config remote.origin.promisor true && git config --unset extensions.partialClone",
            ),
            (other, _) => (
                format!("this repository uses a format extension envsync does not know (extensions.{other})"),
                "a newer envsync may know it",
            ),
        };
        Failure::new(FailureKind::Config, what).hint(hint)
    }
}

/// Reads the extensions from the config file itself, as the repository does not open.
fn unsupported_format(git_dir: &Path) -> Option<UnsupportedFormat> {
    let common = match std::fs::read_to_string(git_dir.join("commondir")) {
        Ok(relative) => git_dir.join(relative.trim_end()),
        Err(_) => git_dir.to_owned(),
    };
    let config = git2::Config::open(&common.join("config")).ok()?;
    let mut entries = config.entries(Some("^extensions\\.")).ok()?;
    while let Some(Ok(entry)) = entries.next() {
        let Ok(name) = entry.name() else { continue };
        let extension = name.strip_prefix("extensions.").unwrap_or(name).to_owned();
        let value = if entry.has_value() { entry.value().unwrap_or_default() } else { "true" }.to_owned();
        let known = SUPPORTED.contains(&extension.as_str()) || (extension == "objectformat" && value == "sha1");
        if !known {
            return Some(UnsupportedFormat { extension, value });
        }
    }
    None
}
