//! Node's dotenv (`lib/main.js`: one regular expression for a line) and dotenvx, which is built on it.

use super::{first_line, replaced, secret, with_lf};
use zeroize::Zeroizing;

/// Tries, in this order: quotes that close at the end of a line, any text up to a `#`. Double quotes then know `\n`
/// and `\r` and nothing else.
pub(super) fn dotenv(written: &str) -> Option<Zeroizing<String>> {
    let text = with_lf(written);
    let text = trim_start(&text);
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"' | '`'));
    let value = match quote {
        None => unquoted(text)?,
        Some(quote) => match closed(text, quote) {
            Some(value) => value,
            // The lines below may close a quote that its own line does not.
            None if text.matches(quote).count() < 2 => return None,
            None => {
                let line = unquoted(text)?;
                let inside = line.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
                inside.unwrap_or(line)
            }
        },
    };
    Some(if quote == Some('"') { unescaped(value) } else { secret(value) })
}

/// Undoes `\'` in single quotes; elsewhere expands variables and commands, and `\t` in double quotes.
pub(super) fn dotenvx(written: &str) -> Option<Zeroizing<String>> {
    let value = dotenv(written)?;
    let changed = match written.chars().next() {
        Some('\'') => value.contains("\\'"),
        Some('"') => value.contains('$') || value.contains("\\t"),
        _ => value.contains('$'),
    };
    (!changed).then_some(value)
}

/// `'(?:\\'|[^'])*'\s*(?:#.*)?$`: as far as escaped quotes lead, else not so far.
fn closed(text: &str, quote: char) -> Option<&str> {
    let inside = &text[1..];
    let mut closings = Vec::new();
    for (at, _) in inside.match_indices(quote) {
        closings.push(at);
        if !inside[..at].ends_with('\\') {
            break;
        }
    }
    let ends = |at: &usize| {
        let rest = &inside[at + 1..];
        let line = trim_start(first_line(rest));
        line.is_empty() || line.starts_with('#')
    };
    closings.into_iter().rev().find(ends).map(|at| &inside[..at])
}

/// `[^#\r\n]+`, trimmed. The regular expression that strips quotes does so behind U+2028 and U+2029 too, which
/// are line breaks in JavaScript.
fn unquoted(text: &str) -> Option<&str> {
    let line = text.split(['\n', '#']).next().unwrap_or(text);
    let stripped = line.split(['\u{2028}', '\u{2029}']).skip(1).any(|rest| rest.starts_with(['\'', '"', '`']));
    (!stripped).then(|| trim_start(line).trim_end_matches(is_space))
}

fn unescaped(text: &str) -> Zeroizing<String> {
    // Two passes, as there: the first may bring together what the second replaces.
    replaced(&replaced(text, "\\n", "\n"), "\\r", "\r")
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

/// `\s` of JavaScript (ECMA-262, WhiteSpace and LineTerminator): U+FEFF is, U+0085 is not.
fn is_space(character: char) -> bool {
    character == '\u{feff}' || character != '\u{85}' && character.is_whitespace()
}
