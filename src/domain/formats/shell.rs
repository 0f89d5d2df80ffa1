//! POSIX shell: assignments whose values are spelled out. What a shell would compute is refused.

use super::Format;
use super::reading::{Entry, NotRead, line};
use crate::domain::secret::SecretValue;
use zeroize::Zeroizing;

/// A value in single quotes, the only ones in which nothing has a meaning
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02>).
pub(super) fn quoted(value: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("'{}'", value.replace('\'', "'\\''")))
}

/// Whether a shell takes it for the name of a variable.
pub(super) fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads `NAME=word` and `export NAME=word`, one a line, where the word is plain or quoted text.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, NotRead> {
    let mut entries = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(entries);
        }
        if rest.starts_with('#') {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
            continue;
        }
        let wrong = || line(Format::Shell, text[..text.len() - rest.len()].matches('\n').count() + 1);
        let statement = match rest.strip_prefix("export") {
            Some(behind) if behind.starts_with([' ', '\t']) => behind.trim_start_matches([' ', '\t']),
            _ => rest,
        };
        let (name, behind) = statement.split_once('=').ok_or_else(wrong)?;
        if name.is_empty() || !is_name(name) {
            return Err(wrong());
        }
        let (value, behind) = word(behind).ok_or_else(wrong)?;
        entries.push((name.to_owned(), Some(value)));
        let after = behind.trim_start_matches([' ', '\t', '\r']);
        let ends =
            after.is_empty() || after.starts_with('\n') || (after.len() < behind.len() && after.starts_with('#'));
        if !ends {
            return Err(wrong());
        }
        rest = after;
    }
}

/// The value of a word, and what follows it; none where a shell would compute something.
fn word(text: &str) -> Option<(SecretValue, &str)> {
    let mut value = Zeroizing::new(String::new());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match first {
            ' ' | '\t' | '\r' | '\n' => break,
            '\'' => {
                let end = rest[1..].find('\'')?;
                value.push_str(&rest[1..=end]);
                rest = &rest[end + 2..];
            }
            '"' => rest = in_double_quotes(&rest[1..], &mut value)?,
            '\\' => {
                let next = rest[1..].chars().next()?;
                if next != '\n' {
                    value.push(next);
                }
                rest = &rest[1 + next.len_utf8()..];
            }
            '$' | '`' | '|' | '&' | ';' | '<' | '>' | '(' | ')' => return None,
            '~' if value.is_empty() => return None,
            plain => {
                value.push(plain);
                rest = &rest[plain.len_utf8()..];
            }
        }
    }
    Some((SecretValue::new(value.as_str()), rest))
}

/// What follows the closing quote.
fn in_double_quotes<'a>(text: &'a str, value: &mut String) -> Option<&'a str> {
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some(&text[place + 1..]),
            '$' | '`' => return None,
            '\\' => match characters.next()?.1 {
                '\n' => {}
                escaped @ ('$' | '`' | '"' | '\\') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            plain => value.push(plain),
        }
    }
    None
}
