//! Where things lie below the state directory. Names only: nothing here touches the disk.
//!
//! ```text
//! snapshots/<digest of the configured address>.age
//! worktrees/<work tree>/used
//! worktrees/<work tree>/<env file>/{path,state.age,left.age,journal.age,undo/<n>.age,lock}
//! worktrees/<work tree>/<env file>/writes-<digest of the configured address>.age
//! log
//! ```

use crate::domain::environment::{Address, EnvFilePath};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The characters of an env file's path that its directory's name repeats, for people who look.
const READABLE: usize = 40;

/// The state directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    pub(super) fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    pub(super) fn snapshot(&self, configured: &Address) -> PathBuf {
        self.snapshots().join(format!("{}.age", digest(configured)))
    }

    pub(super) fn worktrees(&self) -> PathBuf {
        self.root.join("worktrees")
    }

    pub(super) fn worktree(&self, name: &str) -> PathBuf {
        self.worktrees().join(name)
    }

    pub(super) fn place(&self, worktree: &str, file: &EnvFilePath) -> Place {
        Place(self.worktree(worktree).join(slug(file)))
    }
}

/// The directory of one env file in one work tree.
#[derive(Debug, Clone)]
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn at(directory: PathBuf) -> Self {
        Self(directory)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.0
    }

    /// The env file's path in plain text: the directory's name does not tell it.
    pub(super) fn path(&self) -> PathBuf {
        self.0.join("path")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.0.join("state.age")
    }

    pub(super) fn left(&self) -> PathBuf {
        self.0.join("left.age")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.0.join("journal.age")
    }

    pub(super) fn writes(&self, configured: &Address) -> PathBuf {
        self.0.join(format!("writes-{}.age", &digest(configured)[..32]))
    }

    pub(super) fn undo(&self) -> PathBuf {
        self.0.join("undo")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }
}

fn digest(address: &Address) -> String {
    // Separated by NUL, which none of the three contains: `a:b` + `c` is not `a` + `b:c`.
    let text = format!("{}\0{}\0{}", address.kind, address.scope, address.location);
    hex(&Sha256::digest(text))
}

/// A directory name for an env file: readable, and one of its own on every file system, also where `A` is `a`.
fn slug(file: &EnvFilePath) -> String {
    let readable = file.as_str().to_lowercase();
    let words: Vec<&str> =
        readable.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut slug = words.join("-");
    slug.truncate(READABLE);
    format!("{slug}-{}", hex(&Sha256::digest(file.as_str())[..6]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all that is written");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::environment::{Location, StoreKind};

    #[test]
    fn env_files_get_readable_directories_of_their_own() {
        let name = |path: &str| slug(&EnvFilePath::new(path));
        assert!(name(".env").starts_with("env-"), "{}", name(".env"));
        assert!(name("apps/web/.env").starts_with("apps-web-env-"));
        assert_ne!(name("a/b/.env"), name("a-b/.env"));
        assert_ne!(name("A/.env").to_lowercase(), name("a/.env").to_lowercase());
        assert!(name(&"é/x".repeat(500)).len() < 64);
    }

    #[test]
    fn addresses_that_read_alike_have_snapshots_of_their_own() {
        let layout = Layout::new(PathBuf::from("/s"));
        let address = |scope: &str, location: &str| Address {
            kind: StoreKind::Memory,
            scope: scope.to_owned(),
            location: Location::new(location),
        };
        assert_eq!(address("a:b", "c").to_string(), address("a", "b:c").to_string());
        assert_ne!(layout.snapshot(&address("a:b", "c")), layout.snapshot(&address("a", "b:c")));
    }
}
