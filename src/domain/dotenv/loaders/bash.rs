//! bash, which runs the file as a script (bash(1), QUOTING and EXPANSION).

use super::{empty, literally_quoted, secret};
use zeroize::Zeroizing;

/// One word, bare or in one pair of quotes. A CR before the line break is part of the value.
pub(super) fn bash(written: &str) -> Option<Zeroizing<String>> {
    let word = written.strip_suffix('\n').unwrap_or(written);
    if word.contains('\0') || word.ends_with('\r') {
        return None;
    }
    match word.chars().next() {
        Some('\'') => {
            let (inside, rest) = literally_quoted(word, '\'')?;
            rest.is_empty().then(|| secret(inside))
        }
        Some('"') => in_double_quotes(&word[1..]),
        _ => is_plain(word).then(|| secret(word)),
    }
}

fn in_double_quotes(text: &str) -> Option<Zeroizing<String>> {
    let mut value = empty(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, characters.clone().next()) {
            ('"', next) => return next.is_none().then_some(value),
            ('`', _) => return None,
            ('\\', Some(next @ ('$' | '`' | '"' | '\\'))) => {
                characters.next();
                value.push(next);
            }
            ('\\', Some('\n')) => _ = characters.next(),
            // Many characters make an expansion of it; these do not.
            ('$', next) if !matches!(next, Some(' ' | '.' | ',' | '/' | '%' | '"')) => return None,
            _ => value.push(character),
        }
    }
    None
}

/// Whether nothing in the word is special: in an assignment, braces and patterns are not expanded, tildes are.
fn is_plain(word: &str) -> bool {
    let special =
        |character: char| character.is_whitespace() || character.is_control() || "'\"`\\$|&;()<>~".contains(character);
    !word.starts_with('#') && !word.contains(special)
}
