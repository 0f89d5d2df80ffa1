//! Bytes to spans: what each line of an env file is.
//!
//! The spans tile the source: each begins where the one before ends. What a line is depends only on the bytes from
//! its start on, so text put in front of it cannot change it, and neither can anything before an edit except a line
//! whose quote is still open.

use crate::domain::key::Key;
use crate::domain::secret::SecretValue;
use std::fmt;
use std::ops::Range;

/// The bytes EF BB BF, which some editors put in front of a UTF-8 file.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A stretch of the source: a line with its line break, several lines where a quoted value spans them, or the byte
/// order mark.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    /// The number of its first line, counted from 1.
    pub(super) line: usize,
    pub(super) kind: SpanKind,
}

/// What a span is.
#[derive(Debug, Clone)]
pub(super) enum SpanKind {
    ByteOrderMark,
    Blank,
    Comment,
    Assignment(Assignment),
    Unreadable(UnreadableReason),
}

/// `export KEY = 'value' # comment`, taken apart. The ranges are of the source.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) key: Key,
    pub(super) value: SecretValue,
    /// The value as it is written, with its quotes.
    pub(super) spelling: Range<usize>,
    /// From the end of the spelling to the line break: space and a comment.
    pub(super) tail: Range<usize>,
}

/// Why a line cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadableReason {
    /// There is no `=` behind a name.
    NoAssignment,
    /// What stands before the `=` is no env key.
    NotAKey,
    /// A quote is opened and never closed.
    UnterminatedQuote,
    /// Something other than a comment follows the closing quote.
    TextAfterQuote,
    /// The bytes are not UTF-8.
    NotUtf8,
}

impl fmt::Display for UnreadableReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoAssignment => "no '=' behind a name",
            Self::NotAKey => "no name for a variable before the '='",
            Self::UnterminatedQuote => "a quote that is never closed",
            Self::TextAfterQuote => "text behind the closing quote",
            Self::NotUtf8 => "not UTF-8",
        })
    }
}

/// Takes `source` apart, in linear time: a search for a closing quote ends, at the latest, where the next line opens
/// one of its kind.
pub(super) fn scan(source: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut start = 0;
    if source.starts_with(BYTE_ORDER_MARK) {
        start = BYTE_ORDER_MARK.len();
        spans.push(Span { range: 0..start, line: 1, kind: SpanKind::ByteOrderMark });
    }
    let mut line = 1;
    while start < source.len() {
        let (kind, end) = statement(source, start);
        spans.push(Span { range: start..end, line, kind });
        line += line_breaks(&source[start..end]);
        start = end;
    }
    spans
}

/// Where the line that begins at `start` ends, without and with its line break: LF, CRLF, or a CR of its own, which
/// Node's dotenv and python-dotenv take for a line break too.
pub(super) fn line_end(source: &[u8], start: usize) -> (usize, usize) {
    match source[start..].iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        None => (source.len(), source.len()),
        Some(length) => {
            let end = start + length;
            (end, if source[end..].starts_with(b"\r\n") { end + 2 } else { end + 1 })
        }
    }
}

fn line_breaks(source: &[u8]) -> usize {
    let (mut count, mut start) = (0, 0);
    loop {
        let (end, next) = line_end(source, start);
        if end == next {
            return count;
        }
        (count, start) = (count + 1, next);
    }
}

/// What begins at `start`, and where it ends. A line that cannot be read ends at its first line break: the lines
/// below are read on their own.
fn statement(source: &[u8], start: usize) -> (SpanKind, usize) {
    let (end, next) = line_end(source, start);
    let line = &source[start..end];
    let Ok(text) = str::from_utf8(line) else {
        let comment = line.trim_ascii_start().starts_with(b"#");
        return (if comment { SpanKind::Comment } else { SpanKind::Unreadable(UnreadableReason::NotUtf8) }, next);
    };
    match text.trim_start().chars().next() {
        None => (SpanKind::Blank, next),
        Some('#') => (SpanKind::Comment, next),
        Some(_) => match assignment(source, start, text) {
            Ok((assignment, end)) => (SpanKind::Assignment(assignment), end),
            Err(reason) => (SpanKind::Unreadable(reason), next),
        },
    }
}

/// Reads an assignment whose first line is `text` and begins at `start`; also says where it ends, its line break
/// included.
fn assignment(source: &[u8], start: usize, text: &str) -> Result<(Assignment, usize), UnreadableReason> {
    let (key, behind) = key_and_rest(text)?;
    let value = behind.trim_start();
    let at = start + text.len() - value.len();
    match value.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(source, key, at, quote),
        Some('#') if value.len() < behind.len() => {
            let empty = start + text.len() - behind.len();
            Ok(bare(source, key, empty, ""))
        }
        _ => Ok(bare(source, key, at, before_comment(value))),
    }
}

/// The key of a line, and what follows its `=`.
fn key_and_rest(text: &str) -> Result<(Key, &str), UnreadableReason> {
    let text = text.trim_start();
    let name = without_export(text);
    let length = name.bytes().take_while(|byte| Key::allows(*byte)).count();
    let (name, rest) = name.split_at(length);
    match rest.trim_start().strip_prefix('=') {
        Some(behind) => Ok((Key::new(name).map_err(|_| UnreadableReason::NotAKey)?, behind)),
        None if text.contains('=') => Err(UnreadableReason::NotAKey),
        None => Err(UnreadableReason::NoAssignment),
    }
}

/// `text` behind an `export` that is not itself the key.
fn without_export(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("export") else { return text };
    let name = rest.trim_start();
    if name.len() < rest.len() && name.bytes().next().is_some_and(Key::allows) { name } else { text }
}

/// The part of an unquoted value before its comment, trimmed: `#` begins one only behind white space.
fn before_comment(value: &str) -> &str {
    let mut previous = None;
    for (at, character) in value.char_indices() {
        if character == '#' && previous.is_some_and(char::is_whitespace) {
            return value[..at].trim_end();
        }
        previous = Some(character);
    }
    value.trim_end()
}

fn bare(source: &[u8], key: Key, at: usize, value: &str) -> (Assignment, usize) {
    let spelling = at..at + value.len();
    let (end, next) = line_end(source, at);
    (Assignment { key, value: SecretValue::from(value), tail: spelling.end..end, spelling }, next)
}

fn quoted(source: &[u8], key: Key, at: usize, quote: char) -> Result<(Assignment, usize), UnreadableReason> {
    let inside = at + 1;
    let close = inside + closing(&source[inside..], quote).ok_or(UnreadableReason::UnterminatedQuote)?;
    let spelling = at..close + 1;
    let (end, next) = line_end(source, spelling.end);
    let tail = spelling.end..end;
    let text = |range: Range<usize>| str::from_utf8(&source[range]).map_err(|_| UnreadableReason::NotUtf8);
    let behind = text(tail.clone())?.trim_start();
    if !behind.is_empty() && !behind.starts_with('#') {
        return Err(UnreadableReason::TextAfterQuote);
    }
    let value = unquote(text(inside..close)?, quote);
    Ok((Assignment { key, value, spelling, tail }, next))
}

/// Where the closing quote stands in `source`, which begins behind the opening one. Only double quotes know escapes.
fn closing(source: &[u8], quote: char) -> Option<usize> {
    let mut escaped = false;
    source.iter().position(|byte| {
        let closes = *byte == quote as u8 && !escaped;
        escaped = *byte == b'\\' && quote == '"' && !escaped;
        closes
    })
}

/// The value between two quotes. Line breaks become LF; in double quotes six escapes are known, a backslash before
/// anything else stays.
fn unquote(text: &str, quote: char) -> SecretValue {
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                value.push('\n');
            }
            '\\' if quote == '"' => {
                let known = characters.peek().and_then(|next| escaped(*next));
                if known.is_some() {
                    characters.next();
                }
                value.push(known.unwrap_or('\\'));
            }
            _ => value.push(character),
        }
    }
    SecretValue::new(value)
}

/// What a backslash and `character` mean in double quotes, where that is not themselves.
pub(super) fn escaped(character: char) -> Option<char> {
    match character {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '"' | '\\' | '$' => Some(character),
        _ => None,
    }
}
