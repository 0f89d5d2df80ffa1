//! Branch names, the patterns that match them, and the paths that are filled from what a pattern captured.
//!
//! Pure text: whether a branch exists, or which one is checked out, is not known here. A branch name comes from
//! anyone who can push, so it is hostile input: matching takes time proportional to pattern times name, and what
//! reaches a path has been made safe.

mod pattern;
mod slug;
mod template;

pub use pattern::BranchPattern;
pub use template::PathTemplate;
pub(in crate::domain) use template::check_literal_path;

use std::collections::BTreeMap;
use std::fmt;

/// The full name of a branch without `refs/heads/`: `feature/login`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// Takes a name as git shows it, without `refs/heads/`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it belongs to a tool that keeps its own work on it: GitButler's workspace (`gitbutler/workspace`)
    /// holds several branches at once, so no environment can be the right one.
    #[must_use]
    pub fn is_tool_workspace(&self) -> bool {
        self.0.starts_with("gitbutler/")
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What the `{name}`s of a pattern stood for in a branch name, as they were, not yet made safe.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Captures(BTreeMap<String, String>);

impl Captures {
    /// What `{name}` stood for.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// A pattern, a path or a name that is not spelled as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpellingError {
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl SpellingError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Whether `name` can name a capture: `[a-z][a-z0-9_]*`.
fn is_capture_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
}
