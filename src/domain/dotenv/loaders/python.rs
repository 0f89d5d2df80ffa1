//! python-dotenv (`dotenv/parser.py`, `dotenv/variables.py`).

use super::{empty, ends_line, first_line, quoted, secret, with_lf};
use zeroize::Zeroizing;

/// With interpolation off. A file is opened in text mode, so every line break is LF.
pub(super) fn literal(written: &str) -> Option<Zeroizing<String>> {
    let text = with_lf(written);
    let text = text.trim_start_matches(|character| character != '\n' && is_space(character));
    match text.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let (inside, rest) = quoted(text, quote)?;
            ends_line(rest).then(|| unescaped(inside, quote))
        }
        _ => Some(secret(unquoted(first_line(text)))),
    }
}

/// With interpolation, which looks for `${NAME}` once quotes and escapes are gone.
pub(super) fn interpolating(written: &str) -> Option<Zeroizing<String>> {
    literal(written).filter(|value| value.split_once("${").is_none_or(|(_, rest)| !rest.contains('}')))
}

/// `re.sub(r"\s+#.*", "", part).rstrip()`
fn unquoted(line: &str) -> &str {
    let comment = line.match_indices('#').find(|(at, _)| line[..*at].ends_with(is_space));
    comment.map_or(line, |(at, _)| &line[..at]).trim_end_matches(is_space)
}

fn unescaped(text: &str, quote: char) -> Zeroizing<String> {
    let mut value = empty(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let known = if character == '\\' { characters.peek().and_then(|next| escape(*next, quote)) } else { None };
        if known.is_some() {
            characters.next();
        }
        value.push(known.unwrap_or(character));
    }
    value
}

fn escape(character: char, quote: char) -> Option<char> {
    match character {
        '\\' | '\'' => Some(character),
        _ if quote == '\'' => None,
        '"' => Some('"'),
        'a' => Some('\x07'),
        'b' => Some('\x08'),
        'f' => Some('\x0c'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\x0b'),
        _ => None,
    }
}

/// `\s` of Python: the four separators U+001C to U+001F are white space there.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}
