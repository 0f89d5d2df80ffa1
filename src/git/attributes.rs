//! The line in `.gitattributes` that tells git how to show and merge store files.

use super::ignore::escape;
use super::lines::{self, Edit};
use super::repository::Repository;
use crate::ports::{Failure, FailureKind};
use std::fs;
use std::io;

/// What the line says of store files. `-text`, as ciphertext must never have its line ends changed.
const ATTRIBUTES: &str = "-text diff=envsync merge=envsync linguist-generated";

/// The line for the store files below `directory`, which counts from the top of the work tree.
#[must_use]
pub fn line(directory: &str) -> String {
    let directory = directory.trim_matches('/');
    let below = if matches!(directory, "" | ".") { String::new() } else { format!("{}/", escape(directory)) };
    format!("{} {ATTRIBUTES}", pattern_word(&format!("{below}**/*.env.age")))
}

/// Adds the line to the top-level `.gitattributes`, once.
///
/// # Errors
/// A `.gitattributes` that is a link or cannot be written.
pub fn ensure(repository: &Repository, directory: &str) -> Result<Edit, Failure> {
    repository.ensure_top_level_line(".gitattributes", &line(directory))
}

/// Whether the top-level `.gitattributes` has the line.
///
/// # Errors
/// A file that is there but cannot be read.
pub fn has(repository: &Repository, directory: &str) -> Result<bool, Failure> {
    match fs::read(repository.work_tree().join(".gitattributes")) {
        Ok(text) => Ok(lines::has(&text, &line(directory))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::new(FailureKind::Internal, "cannot read .gitattributes").because(error)),
    }
}

/// A pattern as one word: gitattributes(5) wants C-style quotes around one with spaces.
fn pattern_word(pattern: &str) -> String {
    let needs_quotes = pattern.contains([' ', '\t']) || pattern.starts_with(['"', '#', '!', '[']);
    if !needs_quotes {
        return pattern.to_owned();
    }
    format!("\"{}\"", pattern.replace('\\', r"\\").replace('"', "\\\"").replace('\t', r"\t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_matches_store_files_at_any_depth() {
        assert_eq!(line(".envsync"), ".envsync/**/*.env.age -text diff=envsync merge=envsync linguist-generated");
        assert_eq!(line("./"), line("."));
    }

    #[test]
    fn a_directory_with_a_space_is_quoted() {
        assert!(line("my store").starts_with("\"my store/**/*.env.age\" -text"));
    }
}
