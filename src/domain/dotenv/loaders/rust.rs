//! Four loaders for Rust: dotenvy, dotenvor, dotenvs, dotenv-parser.

use super::{empty, ends_line, first_line, literally_quoted, quoted, secret, with_lf};
use zeroize::Zeroizing;

/// dotenvy reads a value as a shell does, quote by quote, and refuses what it does not know (`parse.rs`).
pub(super) fn dotenvy(written: &str) -> Option<Zeroizing<String>> {
    #[derive(PartialEq)]
    enum Quotes {
        None,
        Single,
        Double,
    }
    // Without a line break behind it, white space at the end is an error.
    let text = written.strip_suffix('\n')?.trim();
    // Its splitter of lines takes a backslash in single quotes for an escape, its parser does not.
    if text.starts_with('\'') && quoted(text, '\'').is_none() {
        return None;
    }
    let mut value = empty(text.len());
    let mut quotes = Quotes::None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (&quotes, character) {
            (Quotes::None, '\'') => quotes = Quotes::Single,
            (Quotes::Single, '\'') | (Quotes::Double, '"') => quotes = Quotes::None,
            (Quotes::None, '"') => quotes = Quotes::Double,
            (Quotes::Single, _) => value.push(character),
            (_, '$') => return None,
            (_, '\\') => value.push(match characters.next()? {
                'n' => '\n',
                known @ ('\\' | '\'' | '"' | '$' | ' ') => known,
                _ => return None,
            }),
            (Quotes::None, ' ' | '\t') => {
                return characters.as_str().trim_start().starts_with('#').then_some(value);
            }
            _ => value.push(character),
        }
    }
    (quotes == Quotes::None).then_some(value)
}

/// dotenvor, without expansion (`parser.rs`).
pub(super) fn dotenvor(written: &str) -> Option<Zeroizing<String>> {
    let text = with_lf(written);
    let text = text.trim_start();
    match text.chars().next() {
        Some(quote @ ('\'' | '"' | '`')) => {
            let (inside, rest) = quoted(text, quote)?;
            ends_line(rest).then(|| if quote == '"' { dotenvor_unescaped(inside) } else { secret(inside) })
        }
        _ => Some(secret(first_line(text).split('#').next().unwrap_or_default().trim_end())),
    }
}

fn dotenvor_unescaped(text: &str) -> Zeroizing<String> {
    let mut value = empty(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, characters.clone().next()) {
            ('\\', Some(next)) => {
                characters.next();
                match next {
                    'n' => value.push('\n'),
                    'r' => value.push('\r'),
                    't' => value.push('\t'),
                    '\\' | '"' => value.push(next),
                    _ => value.extend(['\\', next]),
                }
            }
            _ => value.push(character),
        }
    }
    value
}

/// dotenvs stops at what it does not know, such as a `\q` or a `$` (`parse.rs`).
pub(super) fn dotenvs(written: &str) -> Option<Zeroizing<String>> {
    let text = written.trim_start_matches([' ', '\t']);
    match text.chars().next() {
        Some(quote @ ('\'' | '"' | '`')) => {
            let (inside, rest) = literally_quoted(text, quote)?;
            let rest = rest.trim_start();
            let value = if quote == '"' { dotenvs_unescaped(inside, "\n", Some('\r'))? } else { secret(inside) };
            (rest.is_empty() || rest.starts_with('#')).then_some(value)
        }
        _ => {
            let line = text.split(['\n', '\r', '#']).next().unwrap_or_default();
            dotenvs_unescaped(line.trim(), "\\n", None)
        }
    }
}

fn dotenvs_unescaped(text: &str, line_feed: &str, carriage_return: Option<char>) -> Option<Zeroizing<String>> {
    let mut value = empty(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '$' => return None,
            '\\' => match characters.next()? {
                'n' => value.push_str(line_feed),
                'r' => value.push(carriage_return?),
                known @ ('\\' | '$') => value.push(known),
                _ => return None,
            },
            _ => value.push(character),
        }
    }
    Some(value)
}

/// dotenv-parser knows no escapes, no line breaks in quotes and no empty or spaced bare values (`dotenv.pest`).
pub(super) fn dotenv_parser(written: &str) -> Option<Zeroizing<String>> {
    let line = written.split(['\n', '\r']).next().unwrap_or(written).trim_matches([' ', '\t']);
    let end = |rest: &str| {
        let rest = rest.trim_start_matches([' ', '\t']);
        rest.is_empty() || rest.starts_with('#')
    };
    let (value, rest, in_quotes) = match line.chars().next()? {
        quote @ ('\'' | '"') => literally_quoted(line, quote).map(|(value, rest)| (value, rest, true))?,
        _ => {
            let (value, rest) = line.split_at(line.find([' ', '\t', '#']).unwrap_or(line.len()));
            (value, rest, false)
        }
    };
    (end(rest) && (in_quotes || !value.is_empty())).then(|| secret(value))
}
