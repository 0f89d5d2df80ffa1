//! The dotenv package of compose-go (`dotenv/parser.go`, `template/template.go`) and joho/godotenv (`parser.go`).

use super::{empty, first_line, replaced, secret};
use zeroize::Zeroizing;

/// Only LF ends a line; a CR before it is trimmed from a bare value and kept inside quotes.
pub(super) fn compose(written: &str) -> Option<Zeroizing<String>> {
    let text = written.trim_start_matches(is_space);
    match text.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let (inside, rest) = compose_quoted(&text[1..], quote)?;
            let rest = rest.trim_start();
            let value = if quote == '"' { compose_expanded(&compose_unescaped(&inside)?)? } else { inside };
            (rest.is_empty() || rest.starts_with('#')).then_some(value)
        }
        _ => {
            let line = first_line(text);
            let line = line.split_once(" #").map_or(line, |(value, _)| value);
            compose_expanded(line.trim_end())
        }
    }
}

/// The inside of quotes, in which only the escape of the quote itself is undone.
fn compose_quoted(text: &str, quote: char) -> Option<(Zeroizing<String>, &str)> {
    let mut value = empty(text.len());
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if character == quote && !escaped {
            return Some((value, &text[at + 1..]));
        }
        if character == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if escaped && character != quote {
            value.push('\\');
        }
        escaped = false;
        value.push(character);
    }
    None
}

/// Escapes of double quotes; `\$` becomes the `$$` that the expansion reads as `$`. Octal ones are not modelled.
fn compose_unescaped(text: &str) -> Option<Zeroizing<String>> {
    let mut value = empty(text.len() + text.matches("\\$").count());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = if character == '\\' { characters.peek().copied() } else { None };
        let known = match next {
            Some('0') => return None,
            Some('a') => "\x07",
            Some('b') => "\x08",
            Some('f') => "\x0c",
            Some('n') => "\n",
            Some('r') => "\r",
            Some('t') => "\t",
            Some('v') => "\x0b",
            Some('"') => "\"",
            Some('\\') => "\\",
            Some('$') => "$$",
            _ => {
                value.push(character);
                continue;
            }
        };
        value.push_str(known);
        characters.next();
    }
    Some(value)
}

/// None where a variable would be expanded; `$$` is a `$`, and so is one that no name follows. Names are matched
/// without case, so the long s (U+017F) and the Kelvin sign (U+212A) begin one too.
fn compose_expanded(text: &str) -> Option<Zeroizing<String>> {
    let mut value = empty(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        value.push(character);
        if character == '$' {
            match characters.peek() {
                Some('$') => _ = characters.next(),
                Some(next) if next.is_ascii_alphabetic() || matches!(next, '_' | '{' | '\u{17f}' | '\u{212a}') => {
                    return None;
                }
                _ => {}
            }
        }
    }
    Some(value)
}

/// CRLF is LF everywhere. A quote behind any backslash closes nothing.
pub(super) fn godotenv(written: &str) -> Option<Zeroizing<String>> {
    let text = replaced(written, "\r\n", "\n");
    let text = text.trim_start_matches(is_space);
    match text.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let inside = &text[1..];
            let (close, _) = inside.match_indices(quote).find(|(at, _)| !inside[..*at].ends_with('\\'))?;
            let rest = inside[close + 1..].trim_start();
            // Quotes at the ends of the value itself are taken for the enclosing ones.
            let value = inside[..close].trim_matches(quote);
            let value = if quote == '"' { godotenv_expanded(&godotenv_unescaped(value))? } else { secret(value) };
            (rest.is_empty() || rest.starts_with('#')).then_some(value)
        }
        _ => {
            let line = text.split(['\n', '\r']).next().unwrap_or(text);
            let comment = line.rmatch_indices('#').find(|(at, _)| line[..*at].ends_with(is_space));
            godotenv_expanded(comment.map_or(line, |(at, _)| &line[..at]).trim_matches(is_space))
        }
    }
}

/// `\n` and `\r` first, then every other backslash goes, except before `$`.
fn godotenv_unescaped(text: &str) -> Zeroizing<String> {
    let mut value = empty(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, characters.clone().next()) {
            ('\\', Some(next)) if next != '$' => {
                characters.next();
                value.push(match next {
                    'n' => '\n',
                    'r' => '\r',
                    other => other,
                });
            }
            _ => value.push(character),
        }
    }
    value
}

/// None where a variable could be expanded or a backslash before `$` be lost.
fn godotenv_expanded(text: &str) -> Option<Zeroizing<String>> {
    let names = |next: char| next.is_ascii_uppercase() || next.is_ascii_digit() || matches!(next, '_' | '{' | '(');
    let mut before = None;
    let mut value = empty(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '$' {
            if before == Some('\\') {
                value.pop();
            } else if characters.peek().is_some_and(|next| names(*next)) {
                return None;
            }
        }
        value.push(character);
        before = Some(character);
    }
    Some(value)
}

/// `isSpace` of both: white space on a line.
fn is_space(character: char) -> bool {
    matches!(character, '\t' | '\x0b' | '\x0c' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}
