//! Edits: new bytes for a document in which one key changed and nothing else did.
//!
//! What a line means depends on the bytes behind it only through open quotes: `A='abc` is unreadable until some line
//! below brings the missing quote, which would swallow all between. So every edit is read again before it counts,
//! and a spelling that disturbs anything is passed over for the next one.

use super::Document;
use super::quote::{self, LineBreak, Spelling};
use super::scan::{BYTE_ORDER_MARK, Span, SpanKind, UnreadableReason, line_end};
use crate::domain::key::Key;
use crate::domain::secret::SecretValue;
use zeroize::Zeroizing;

/// Stands where a removed line kept an open quote above from being closed further down: the quotes in it close it,
/// and the text behind them leaves it unreadable, as it was.
const GUARD: &str = "# '\"' ends the open quote above";

/// `before` with `value` for `key`.
pub(super) fn set(before: &Document, key: &Key, value: &SecretValue) -> Document {
    let spellings = quote::spellings(value, line_break(before.as_bytes()));
    let edited = match before.last(key) {
        Some((_, assignment)) => {
            let place = || splice_each(before, &spellings, assignment.spelling.clone(), "", "");
            place()
                .find(|after| holds(after, key, value) && disturbance(before, after, key) == Disturbance::None)
                .or_else(|| {
                    place().find(|after| {
                        holds(after, key, value) && disturbance(before, after, key) <= Disturbance::Reasons
                    })
                })
        }
        None => append(before, key, &spellings)
            .find(|after| holds(after, key, value) && disturbance(before, after, key) == Disturbance::None),
    };
    edited.unwrap_or_else(|| prepend(&remove(before, key), key, &spellings))
}

/// `before` without `key`.
pub(super) fn remove(before: &Document, key: &Key) -> Document {
    let plain = without(before, key, "");
    if disturbance(before, &plain, key) <= Disturbance::Reasons {
        return plain;
    }
    let guard = format!("{GUARD}{}", line_break(before.as_bytes()).as_str());
    without(before, key, &guard)
}

/// The line break of most lines; LF where there are as many of each.
pub(super) fn line_break(source: &[u8]) -> LineBreak {
    let lines = source.iter().filter(|byte| **byte == b'\n').count();
    let windows = source.windows(2).filter(|pair| pair == b"\r\n").count();
    if windows * 2 > lines { LineBreak::CrLf } else { LineBreak::Lf }
}

/// What an edit did to all that it was not about.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Disturbance {
    None,
    /// A line is unreadable for another reason: the quote it opens is closed, but text follows.
    Reasons,
    /// A value changed, or a line became readable or unreadable.
    Lines,
}

fn disturbance(before: &Document, after: &Document, key: &Key) -> Disturbance {
    let (lines_before, lines_after) = (unreadable(before), unreadable(after));
    let same_lines = lines_before.iter().map(|(text, _)| text).eq(lines_after.iter().map(|(text, _)| text));
    if !same_lines || !others(before, key).eq(others(after, key)) {
        Disturbance::Lines
    } else if lines_before != lines_after {
        Disturbance::Reasons
    } else {
        Disturbance::None
    }
}

fn others<'a>(document: &'a Document, key: &'a Key) -> impl Iterator<Item = (&'a Key, &'a SecretValue)> {
    document
        .assignments()
        .map(|(_, assignment)| (&assignment.key, &assignment.value))
        .filter(move |(other, _)| *other != key)
}

/// The unreadable lines, without their line breaks, and why they are.
fn unreadable(document: &Document) -> Vec<(&[u8], UnreadableReason)> {
    let text = |span: &Span| &document.bytes[span.range.start..line_end(&document.bytes, span.range.start).0];
    let reason = |span: &Span| match span.kind {
        SpanKind::Unreadable(reason) => Some(reason),
        _ => None,
    };
    document.spans.iter().filter_map(|span| Some((text(span), reason(span)?))).collect()
}

fn holds(document: &Document, key: &Key, value: &SecretValue) -> bool {
    document.last(key).is_some_and(|(_, assignment)| assignment.value == *value)
}

/// The document with each of the spellings, between `before` and `behind`, in the place of `range`.
fn splice_each<'a>(
    document: &'a Document,
    spellings: &'a [Spelling],
    range: std::ops::Range<usize>,
    before: &'a str,
    behind: &'a str,
) -> impl Iterator<Item = Document> {
    spellings.iter().map(move |spelling| {
        let source = &document.bytes;
        joined(&[
            &source[..range.start],
            before.as_bytes(),
            spelling.text().as_bytes(),
            behind.as_bytes(),
            &source[range.end..],
        ])
    })
}

/// The document with a new last line. A missing final line break stays missing.
fn append<'a>(
    document: &'a Document,
    key: &Key,
    spellings: &'a [Spelling],
) -> impl Iterator<Item = Document> + use<'a> {
    let source = &document.bytes;
    let manner = line_break(source).as_str();
    let content = source.strip_prefix(BYTE_ORDER_MARK).unwrap_or(source);
    let (before, behind) = match content.last() {
        None | Some(b'\n' | b'\r') => ("", manner),
        Some(_) => (manner, ""),
    };
    let before = format!("{before}{}{key}=", export(document));
    spellings.iter().map(move |spelling| {
        joined(&[&document.bytes, before.as_bytes(), spelling.text().as_bytes(), behind.as_bytes()])
    })
}

/// The document with a new first line. Nothing stands above it, so nothing can swallow it, and what follows is read
/// from the same bytes as before.
fn prepend(document: &Document, key: &Key, spellings: &[Spelling]) -> Document {
    let source = &document.bytes;
    let start = if source.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let line = format!("{}{key}=", export(document));
    splice_each(document, spellings, start..start, &line, line_break(source).as_str())
        .next()
        .expect("every value has a spelling in double quotes")
}

/// `export ` where every assignment of the file has it: such a file is meant for a shell.
pub(super) fn export(document: &Document) -> &'static str {
    let exported = |(span, assignment): (&Span, &super::Assignment)| {
        let head = &document.bytes[span.range.start..assignment.spelling.start];
        let head = head.trim_ascii_start();
        head.strip_prefix(b"export").is_some_and(|rest| {
            let name = rest.trim_ascii_start();
            name.len() < rest.len() && name.starts_with(assignment.key.as_str().as_bytes())
        })
    };
    if document.has_assignments() && document.assignments().all(exported) { "export " } else { "" }
}

/// The document with `instead` in the place of every line that assigns `key`. Where the last line goes that had no
/// line break, the one before loses its own: a missing final line break stays missing.
fn without(document: &Document, key: &Key, instead: &str) -> Document {
    let assigns = |span: &Span| matches!(&span.kind, SpanKind::Assignment(assignment) if assignment.key == *key);
    let pieces: Vec<&[u8]> = document
        .spans
        .iter()
        .map(|span| if assigns(span) { instead.as_bytes() } else { &document.bytes[span.range.clone()] })
        .collect();
    let mut bytes = concatenated(&pieces);
    if !ends_line(&document.bytes) && ends_line(&bytes) {
        let length = bytes.len() - if bytes.ends_with(b"\r\n") { 2 } else { 1 };
        bytes.truncate(length);
    }
    Document::from_bytes(bytes)
}

fn ends_line(source: &[u8]) -> bool {
    matches!(source.last(), Some(b'\n' | b'\r'))
}

fn joined(pieces: &[&[u8]]) -> Document {
    Document::from_bytes(concatenated(pieces))
}

/// One allocation, so that no copy of a secret is left behind by a buffer that grew.
pub(super) fn concatenated(pieces: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
    for piece in pieces {
        bytes.extend_from_slice(piece);
    }
    bytes
}
