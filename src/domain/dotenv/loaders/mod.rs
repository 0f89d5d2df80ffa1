//! How eleven other loaders read a value: small models, made from `tests/dotenv-matrix.json` and the loaders' own
//! sources, so that a spelling can be chosen without running any of them.
//!
//! A model is cautious: it answers only where the loader reads the text by itself, whatever the environment and
//! the lines below. It must not know how envsync reads or writes.

mod bash;
mod go;
mod node;
mod python;
mod rust;

use std::fmt;
use zeroize::Zeroizing;

/// A program or library that reads env files; the versions are those of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loader {
    /// Node's dotenv.
    NodeDotenv,
    /// python-dotenv with `interpolate=False`.
    PythonDotenv,
    /// The dotenv package of compose-go, which `docker compose` uses.
    Compose,
    /// python-dotenv as it is by default: it replaces `${NAME}` in every kind of quotes.
    PythonDotenvInterpolating,
    /// dotenvx.
    Dotenvx,
    /// dotenvy, for Rust.
    Dotenvy,
    /// dotenvor, for Rust.
    Dotenvor,
    /// dotenvs, for Rust.
    Dotenvs,
    /// dotenv-parser, for Rust.
    DotenvParser,
    /// joho/godotenv.
    Godotenv,
    /// `set -a; . FILE` in bash.
    Bash,
}

impl Loader {
    /// The three that decide what envsync reads and writes.
    pub const MAIN: [Self; 3] = [Self::NodeDotenv, Self::PythonDotenv, Self::Compose];

    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::NodeDotenv,
        Self::PythonDotenv,
        Self::Compose,
        Self::PythonDotenvInterpolating,
        Self::Dotenvx,
        Self::Dotenvy,
        Self::Dotenvor,
        Self::Dotenvs,
        Self::DotenvParser,
        Self::Godotenv,
        Self::Bash,
    ];

    /// The name by which the matrix lists it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NodeDotenv => "npm-dotenv",
            Self::PythonDotenv => "python-dotenv-noexpand",
            Self::Compose => "compose",
            Self::PythonDotenvInterpolating => "python-dotenv",
            Self::Dotenvx => "dotenvx",
            Self::Dotenvy => "dotenvy",
            Self::Dotenvor => "dotenvor",
            Self::Dotenvs => "dotenvs",
            Self::DotenvParser => "dotenv-parser",
            Self::Godotenv => "godotenv",
            Self::Bash => "bash",
        }
    }

    /// The value this loader reads where `written` follows the `=`: the spelling and the line break behind it. None
    /// where it fails, where it would expand something, or where the lines below have a say.
    #[must_use]
    pub fn reads(self, written: &str) -> Option<Zeroizing<String>> {
        match self {
            Self::NodeDotenv => node::dotenv(written),
            Self::PythonDotenv => python::literal(written),
            Self::Compose => go::compose(written),
            Self::PythonDotenvInterpolating => python::interpolating(written),
            Self::Dotenvx => node::dotenvx(written),
            Self::Dotenvy => rust::dotenvy(written),
            Self::Dotenvor => rust::dotenvor(written),
            Self::Dotenvs => rust::dotenvs(written),
            Self::DotenvParser => rust::dotenv_parser(written),
            Self::Godotenv => go::godotenv(written),
            Self::Bash => bash::bash(written),
        }
    }
}

impl fmt::Display for Loader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn empty(capacity: usize) -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(capacity))
}

/// `text` with CRLF and CR as LF, as many loaders begin.
fn with_lf(text: &str) -> Zeroizing<String> {
    let mut normal = empty(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\r' {
            characters.next_if_eq(&'\n');
            normal.push('\n');
        } else {
            normal.push(character);
        }
    }
    normal
}

/// `str::replace`, by something no longer, without copies that nobody wipes.
fn replaced(text: &str, from: &str, to: &str) -> Zeroizing<String> {
    let mut result = empty(text.len());
    for (index, piece) in text.split(from).enumerate() {
        if index > 0 {
            result.push_str(to);
        }
        result.push_str(piece);
    }
    result
}

/// The first line, without its line break; only LF counts as one.
fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or(text)
}

/// Whether nothing but white space and a comment follows on the line.
fn ends_line(rest: &str) -> bool {
    let rest = first_line(rest).trim_start();
    rest.is_empty() || rest.starts_with('#')
}

/// What stands between an opening quote and the first one of its kind that no odd number of backslashes precedes;
/// and what follows. `text` begins with the quote.
fn quoted(text: &str, quote: char) -> Option<(&str, &str)> {
    let inside = text.strip_prefix(quote)?;
    let mut escaped = false;
    for (at, character) in inside.char_indices() {
        if character == quote && !escaped {
            return Some((&inside[..at], &inside[at + 1..]));
        }
        escaped = character == '\\' && !escaped;
    }
    None
}

/// Like [`quoted`], for a quote that no backslash escapes.
fn literally_quoted(text: &str, quote: char) -> Option<(&str, &str)> {
    text.strip_prefix(quote)?.split_once(quote)
}
