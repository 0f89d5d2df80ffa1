//! The lossless env file document.
//!
//! Owns how an env file is read and written: `scan` turns bytes into spans that tile them, `quote` picks a
//! spelling for a value, `edit` replaces spans, `loaders` model how other programs read a spelling. A document
//! that nobody edits is byte-identical to its source, and an edit touches only its own bytes. Values are literal: no
//! expansion, no command substitution.
//!
//! Must not know where the bytes come from, what an environment is, or who else holds the values.

mod batch;
mod edit;
mod example;
mod loaders;
mod quote;
mod scan;

pub use example::{Example, from_example, parse_example};
pub use loaders::Loader;
pub use quote::{Spelling, all_three_agree, spelling_report};
pub use scan::UnreadableReason;

use super::key::Key;
use super::secret::{SecretBytes, SecretValue};
use scan::{Assignment, Span, SpanKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use zeroize::Zeroizing;

/// The text of an env file, with its comments, order, line breaks and the lines nobody can read.
///
/// Two documents are equal where their bytes are.
#[derive(Clone, Default)]
pub struct Document {
    bytes: Zeroizing<Vec<u8>>,
    spans: Vec<Span>,
}

impl Document {
    /// Reads `source`. Never fails: a line that is no assignment, comment or blank is kept and listed by
    /// [`Document::unreadable`]. Takes time linear in the length.
    #[must_use]
    pub fn parse(source: &[u8]) -> Self {
        Self::from_bytes(Zeroizing::new(source.to_vec()))
    }

    /// The bytes of the file.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A copy of the bytes of the file.
    #[must_use]
    pub fn to_secret_bytes(&self) -> SecretBytes {
        SecretBytes::new(self.bytes.to_vec())
    }

    /// All variables; the last one of duplicates counts.
    #[must_use]
    pub fn values(&self) -> BTreeMap<Key, SecretValue> {
        self.assignments().map(|(_, assignment)| (assignment.key.clone(), assignment.value.clone())).collect()
    }

    /// The value of one variable.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<SecretValue> {
        self.last(key).map(|(_, assignment)| assignment.value.clone())
    }

    /// The keys in the order of their first appearances.
    #[must_use]
    pub fn keys_in_order(&self) -> Vec<Key> {
        let mut seen = BTreeSet::new();
        self.assignments().map(|(_, assignment)| &assignment.key).filter(|key| seen.insert(*key)).cloned().collect()
    }

    /// Whether the file assigns anything: one that does not has no base.
    #[must_use]
    pub fn has_assignments(&self) -> bool {
        self.assignments().next().is_some()
    }

    /// The lines that cannot be read, in order. They stay as they are.
    #[must_use]
    pub fn unreadable(&self) -> Vec<UnreadableLine> {
        let mut lines = Vec::new();
        for span in &self.spans {
            if let SpanKind::Unreadable(reason) = span.kind {
                lines.push(UnreadableLine { line: span.line, reason });
            }
        }
        lines
    }

    /// The keys with the comment `# envsync: local` at the end of one of their lines.
    #[must_use]
    pub fn marked_local(&self) -> BTreeSet<Key> {
        self.assignments()
            .filter(|(_, assignment)| self.comment(assignment).is_some_and(|comment| marks_local(&comment)))
            .map(|(_, assignment)| assignment.key.clone())
            .collect()
    }

    /// Puts the comment `# envsync: local` behind the last line of `key`, where none is, and says whether it did. Behind a
    /// comment that is there already it would be part of that: such a line stays as it is.
    pub fn mark_local(&mut self, key: &Key) -> bool {
        if self.marked_local().contains(key) {
            return false;
        }
        let Some((_, assignment)) = self.last(key).filter(|(_, assignment)| self.comment(assignment).is_none()) else {
            return false;
        };
        let end = assignment.spelling.end;
        let mut bytes = Zeroizing::new(self.bytes.to_vec());
        bytes.splice(end..end, b" # envsync: local".iter().copied());
        let marked = Self::parse(&bytes);
        let holds = marked.values() == self.values() && marked.marked_local().contains(key);
        if holds {
            *self = marked;
        }
        holds
    }

    /// Gives `key` the value, and says whether that changed any byte.
    ///
    /// An equal value changes nothing, whatever its spelling. An existing key is edited where it stands last and
    /// keeps its `export`, the space around `=` and the comment behind it. A new key goes to the end, in the file's
    /// manner. Every other variable keeps its value and every unreadable line stays one: where a line above with an
    /// open quote would swallow the assignment in every spelling, it goes to the top of the file instead.
    pub fn set(&mut self, key: &Key, value: &SecretValue) -> bool {
        if self.last(key).is_some_and(|(_, assignment)| assignment.value == *value) {
            return false;
        }
        *self = edit::set(self, key, value);
        true
    }

    /// Removes every line that assigns `key`, with the comment at its end, and says whether there was one. Comment
    /// lines above stay.
    ///
    /// Where the quotes of a removed line were what kept an open quote above from swallowing other lines, a comment
    /// with such quotes takes its place.
    pub fn remove(&mut self, key: &Key) -> bool {
        if self.last(key).is_none() {
            return false;
        }
        *self = edit::remove(self, key);
        true
    }

    /// Gives every key of `values` its value and removes the keys in `gone`, as [`Document::set`] and
    /// [`Document::remove`] would, in time linear in the length.
    ///
    /// A key that `earlier` has comes back as it stood there: behind the same line, with the same comment, and spelled
    /// the same where the value is the same.
    pub fn update(&mut self, values: &BTreeMap<Key, SecretValue>, gone: &BTreeSet<Key>, earlier: Option<&Self>) {
        if let Some(edited) = batch::edited(self, values, gone, earlier) {
            *self = edited;
            return;
        }
        for key in gone {
            self.remove(key);
        }
        for (key, value) in values {
            self.set(key, value);
        }
    }

    /// The line, counted from 1, of the assignment of `key` that counts.
    #[must_use]
    pub fn line_of(&self, key: &Key) -> Option<usize> {
        self.last(key).map(|(span, _)| span.line)
    }

    fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        let spans = scan::scan(&bytes);
        Self { bytes, spans }
    }

    fn assignments(&self) -> impl DoubleEndedIterator<Item = (&Span, &Assignment)> {
        self.spans.iter().filter_map(|span| match &span.kind {
            SpanKind::Assignment(assignment) => Some((span, assignment)),
            _ => None,
        })
    }

    fn last(&self, key: &Key) -> Option<(&Span, &Assignment)> {
        self.assignments().rfind(|(_, assignment)| assignment.key == *key)
    }

    /// What follows the `#` behind an assignment. A comment is no secret by intent, but may hold one by accident.
    fn comment(&self, assignment: &Assignment) -> Option<Zeroizing<String>> {
        let tail = str::from_utf8(&self.bytes[assignment.tail.clone()]).ok()?;
        tail.trim_start().strip_prefix('#').map(|comment| Zeroizing::new(comment.to_owned()))
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Document {}

impl fmt::Debug for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Document [{} bytes, {} keys]", self.bytes.len(), self.keys_in_order().len())
    }
}

/// A line that is no assignment, comment or blank: its number and why, never its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadableLine {
    /// Counted from 1.
    pub line: usize,
    /// Why it cannot be read.
    pub reason: UnreadableReason,
}

impl fmt::Display for UnreadableLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.reason)
    }
}

/// Whether the text of a comment is `envsync: local`, perhaps with words behind it.
///
/// Generous with spaces: a mark that is overlooked would send the value.
fn marks_local(comment: &str) -> bool {
    let words = comment.trim_start_matches('#').trim_start();
    let Some(rest) = words.strip_prefix("envsync").and_then(|rest| rest.trim_start().strip_prefix(':')) else {
        return false;
    };
    rest.trim_start().strip_prefix("local").is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
