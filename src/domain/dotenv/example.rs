//! Example files: which keys the code needs, and what a new env file looks like.

use super::scan::{Assignment, Span, SpanKind, line_end};
use super::{Document, quote};
use crate::domain::key::Key;
use crate::domain::secret::SecretValue;
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// What an example file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Example {
    /// The keys the code cannot do without.
    pub required: BTreeSet<Key>,
    /// The keys marked `# optional`, at the end of their line or in the comment lines directly above.
    pub optional: BTreeSet<Key>,
    /// The values it shows: no secrets, so a leak of one of them is none.
    pub values: BTreeMap<Key, SecretValue>,
}

/// Reads an example file. A key that is marked optional once is optional.
#[must_use]
pub fn parse_example(source: &[u8]) -> Example {
    let document = Document::parse(source);
    let mut example = Example { values: document.values(), ..Example::default() };
    let mut marked_above = false;
    for span in &document.spans {
        match &span.kind {
            SpanKind::Comment => marked_above |= is_mark(&document.bytes[span.range.clone()]),
            SpanKind::Assignment(assignment) => {
                let optional = marked_above || is_mark(&document.bytes[assignment.tail.clone()]);
                let keys = if optional { &mut example.optional } else { &mut example.required };
                keys.insert(assignment.key.clone());
                marked_above = false;
            }
            SpanKind::ByteOrderMark => {}
            SpanKind::Blank | SpanKind::Unreadable(_) => marked_above = false,
        }
    }
    example.required.retain(|key| !example.optional.contains(key));
    example
}

/// Whether a comment is `# optional`, alone or with an explanation behind a punctuation mark: a sentence that begins
/// with the word says something else.
fn is_mark(comment: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(comment) else { return false };
    let Some(text) = text.trim().strip_prefix('#') else { return false };
    let words = text.trim_start_matches('#').trim_start();
    let Some((word, rest)) = words.split_at_checked("optional".len()) else { return false };
    word.eq_ignore_ascii_case("optional")
        && (rest.is_empty() || rest.trim_start().starts_with([':', ';', ',', '.', '(', '-', '–', '—']))
}

/// A new env file with `values`, in the order and with the comments of `example`, in lines that end with LF.
///
/// Keys of the example that `values` lacks lose their line, keys that the example lacks go to the end. A line that
/// cannot be read does not travel: the new file begins clean.
#[must_use]
pub fn from_example(example: &Document, values: &BTreeMap<Key, SecretValue>) -> Document {
    let mut written = BTreeSet::new();
    let mut bytes = Zeroizing::new(Vec::new());
    for span in &example.spans {
        match &span.kind {
            SpanKind::Blank | SpanKind::Comment => {
                let (end, _) = line_end(&example.bytes, span.range.start);
                append(&mut bytes, &[&example.bytes[span.range.start..end], b"\n"]);
            }
            SpanKind::Assignment(assignment) => {
                if let Some(value) = values.get(&assignment.key)
                    && written.insert(&assignment.key)
                {
                    append(&mut bytes, &[&line(example, span, assignment, value), b"\n"]);
                }
            }
            SpanKind::ByteOrderMark | SpanKind::Unreadable(_) => {}
        }
    }
    let mut document = Document::from_bytes(bytes);
    for (key, value) in values.iter().filter(|(key, _)| !written.contains(key)) {
        document.set(key, value);
    }
    document
}

/// The line of an assignment with another value, in the first spelling that stands next to what follows it.
fn line(example: &Document, span: &Span, assignment: &Assignment, value: &SecretValue) -> Zeroizing<Vec<u8>> {
    let head = &example.bytes[span.range.start..assignment.spelling.start];
    let tail = &example.bytes[assignment.tail.clone()];
    quote::spellings(value, quote::LineBreak::Lf)
        .into_iter()
        .map(|spelling| {
            let mut line = Zeroizing::new(Vec::new());
            append(&mut line, &[head, spelling.text().as_bytes(), tail]);
            line
        })
        .find(|line| Document::parse(line).get(&assignment.key).as_ref() == Some(value))
        .expect("double quotes stand next to any comment")
}

/// Appends without leaving a copy of what was there in memory that is given back.
fn append(bytes: &mut Zeroizing<Vec<u8>>, pieces: &[&[u8]]) {
    let more = pieces.iter().map(|piece| piece.len()).sum::<usize>();
    if bytes.capacity() - bytes.len() < more {
        let mut larger = Zeroizing::new(Vec::with_capacity((bytes.len() + more) * 2));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
    for piece in pieces {
        bytes.extend_from_slice(piece);
    }
}
