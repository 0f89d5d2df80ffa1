//! Entries of the index.

use super::repository::Repository;
use crate::ports::Failure;
use git2::{Index, Oid};
use std::path::Path;

/// One entry of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) id: Oid,
    /// 0, or 1 base, 2 ours, 3 theirs where it is unmerged.
    pub(super) stage: u8,
}

impl Repository {
    /// The entries of one path, in order of stage.
    pub(super) fn index_entries(&self, path: &str) -> Result<Vec<Entry>, Failure> {
        match self.fresh_index() {
            Ok(index) => Ok((0..=3_u8)
                .filter_map(|stage| {
                    let entry = index.get_path(Path::new(path), i32::from(stage))?;
                    Some(Entry { path: path.to_owned(), id: entry.id, stage })
                })
                .collect()),
            Err(_) => Ok(self.entries_by_git(path)?.into_iter().filter(|entry| entry.path == path).collect()),
        }
    }

    /// The unmerged entries at or below a directory, in order of path and stage.
    pub(super) fn unmerged_entries(&self, directory: &str) -> Result<Vec<Entry>, Failure> {
        let entries = match self.fresh_index() {
            Ok(index) => index.iter().map(|entry| from_libgit2(&entry)).collect(),
            Err(_) => self.entries_by_git(directory)?,
        };
        Ok(entries.into_iter().filter(|entry| entry.stage > 0 && is_below(&entry.path, directory)).collect())
    }

    /// As it is on disk now: libgit2 keeps what it read once.
    fn fresh_index(&self) -> Result<Index, git2::Error> {
        let mut index = self.inner.index()?;
        index.read(false)?;
        Ok(index)
    }

    /// Asks git, as libgit2 does not read a split or a sparse index.
    fn entries_by_git(&self, path: &str) -> Result<Vec<Entry>, Failure> {
        let path = if path.is_empty() { "." } else { path };
        let list = self.git(&["ls-files", "--stage", "-z", "--", path], "cannot read git's index")?;
        Ok(list.split(|byte| *byte == 0).filter_map(parse).collect())
    }
}

/// Whether a path is a directory's or lies below it; every path is below the empty one.
pub(super) fn is_below(path: &str, directory: &str) -> bool {
    let directory = directory.trim_end_matches('/');
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn from_libgit2(entry: &git2::IndexEntry) -> Entry {
    // Bits 12 and 13 of the flags are the stage (gitformat-index).
    let stage = (entry.flags >> 12 & 3) as u8;
    Entry { path: String::from_utf8_lossy(&entry.path).into_owned(), id: entry.id, stage }
}

/// `<mode> SP <object> SP <stage> TAB <path>`
fn parse(record: &[u8]) -> Option<Entry> {
    let (head, path) = std::str::from_utf8(record).ok()?.split_once('\t')?;
    let mut words = head.split(' ').skip(1);
    Some(Entry { id: Oid::from_str(words.next()?).ok()?, stage: words.next()?.parse().ok()?, path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_matched_by_whole_segments() {
        assert!(is_below("a/b", "a") && is_below("a/b", "a/") && is_below("a", "a") && is_below("a", ""));
        assert!(!is_below("ab/c", "a"));
    }

    #[test]
    fn a_line_of_ls_files_is_read_with_its_stage() {
        let record = b"100644 e69de29bb2d1d6434b8b29ae775ad8c2e48c5391 2\ta b/c";
        let entry = parse(record).unwrap();
        assert_eq!((entry.path.as_str(), entry.stage), ("a b/c", 2));
    }
}
