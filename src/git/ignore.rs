//! What git tracks and ignores, and adding to the latter.

use super::lines::{self, Edit};
use super::repository::{Repository, internal};
use crate::ports::{Failure, FailureKind};
use std::path::Path;

impl Repository {
    /// Whether git tracks a file, also one that is unmerged. `path` counts from the top, with `/` between segments.
    ///
    /// # Errors
    /// An index that cannot be read.
    pub fn is_tracked(&self, path: &str) -> Result<bool, Failure> {
        Ok(!self.index_entries(path)?.is_empty())
    }

    /// Whether git's ignore rules match a path (of all sources: `.gitignore`, `info/exclude`, `core.excludesFile`).
    /// It says nothing of tracking: git follows a tracked file whatever the rules say.
    ///
    /// # Errors
    /// Rules that cannot be read.
    pub fn is_ignored(&self, path: &str) -> Result<bool, Failure> {
        self.inner.is_path_ignored(Path::new(path)).map_err(internal(format!("cannot tell whether git ignores {path}")))
    }

    /// Adds a pattern to `info/exclude`, once: ignored in all work trees of this clone and nowhere else.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn exclude(&self, pattern: &str) -> Result<Edit, Failure> {
        lines::ensure(&self.common_dir().join("info/exclude"), pattern)
            .map_err(|error| Failure::new(FailureKind::Internal, "cannot add to git's info/exclude").because(error))
    }

    /// Adds the line that ignores exactly this path to the top-level `.gitignore`, once.
    ///
    /// # Errors
    /// A `.gitignore` that is a link (git does not follow it) or cannot be written.
    pub fn add_gitignore_line(&self, path: &str) -> Result<Edit, Failure> {
        self.ensure_top_level_line(".gitignore", &format!("/{}", escape(path)))
    }

    /// Adds a line to one of git's files at the top of the work tree. Git itself ignores these where they are
    /// links (since 2.32), and a link may lead anywhere.
    pub(super) fn ensure_top_level_line(&self, name: &str, line: &str) -> Result<Edit, Failure> {
        let file = self.work_tree().join(name);
        if file.is_symlink() {
            return Err(Failure::new(FailureKind::Refused, format!("{name} is a symbolic link, which git ignores"))
                .hint(format!("replace it by a file that has the line: {line}")));
        }
        lines::ensure(&file, line)
            .map_err(|error| Failure::new(FailureKind::Internal, format!("cannot add to {name}")).because(error))
    }
}

/// A path as a pattern that matches only itself.
pub(super) fn escape(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for character in path.chars() {
        if matches!(character, '*' | '?' | '[' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    if escaped.ends_with(' ') {
        escaped.insert(escaped.len() - 1, '\\');
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_glob_characters_matches_only_itself() {
        assert_eq!(escape("a[1]/*.env"), r"a\[1]/\*.env");
        assert_eq!(escape("trailing "), r"trailing\ ");
    }
}
