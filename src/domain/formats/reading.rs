//! Reading variables from a text.

use super::{BYTE_ORDER_MARK, Format, json, lines, shell, toml, yaml};
use crate::domain::dotenv::Document;
use crate::domain::key::Key;
use crate::domain::record::Values;
use crate::domain::secret::SecretValue;

/// Why a text cannot be read. Names and positions, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// It is no UTF-8.
    #[error("it is not UTF-8 text")]
    Encoding,
    /// Lines, counted from 1, that the format does not have.
    #[error("as {format} it cannot be read: line {}", numbers(.lines))]
    Lines {
        /// The format.
        format: Format,
        /// Their numbers.
        lines: Vec<usize>,
    },
    /// It is a document, but no flat list of variables.
    #[error("it is no list of variables: {0} stands at its top")]
    NoList(&'static str),
    /// Members that are no text, number or truth value.
    #[error("these are no plain values: {}", .0.join(", "))]
    NotPlain(Vec<String>),
    /// Names that no variable can have.
    #[error("these are no names for variables: {}; letters, digits, '_', '.' and '-' are", .0.join(", "))]
    Names(Vec<String>),
    /// Names that occur twice: which one counts?
    #[error("it has twice: {}", .0.join(", "))]
    Twice(Vec<String>),
    /// Values with a NUL character.
    #[error("the values of {} have a NUL character, which no variable can hold", .0.join(", "))]
    Nul(Vec<String>),
    /// The answer of another program, without what is needed of it.
    #[error("{0}")]
    Answer(&'static str),
}

fn numbers(lines: &[usize]) -> String {
    lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A name and what stands there; none for what is no plain value.
pub(super) type Entry = (String, Option<SecretValue>);

/// Reads a text. Numbers, truth values and nulls are taken as they are written.
///
/// In an env file the last of duplicates counts, as for every loader; other formats are refused where a name occurs twice.
/// JSON may also be what `aws secretsmanager get-secret-value` and `aws ssm get-parameters-by-path` print.
///
/// # Errors
/// [`NotRead`]: a text that is read only in part is not read.
pub fn read(format: Format, text: &[u8]) -> Result<Values, NotRead> {
    let text = str::from_utf8(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)).map_err(|_| NotRead::Encoding)?;
    let entries = match format {
        Format::Dotenv => return dotenv(text),
        Format::Json => return json::read(text),
        Format::Yaml => yaml::read(text)?,
        Format::Toml => toml::read(text)?,
        Format::Shell => shell::read(text)?,
        Format::Docker => lines::docker(text)?,
        Format::Github => lines::github(text)?,
    };
    collect(entries)
}

pub(super) fn dotenv(text: &str) -> Result<Values, NotRead> {
    let document = Document::parse(text.as_bytes());
    let lines: Vec<usize> = document.unreadable().iter().map(|line| line.line).collect();
    if !lines.is_empty() {
        return Err(NotRead::Lines { format: Format::Dotenv, lines });
    }
    without_nul(document.values())
}

/// All entries or none.
pub(super) fn collect(entries: Vec<Entry>) -> Result<Values, NotRead> {
    let mut values = Values::new();
    let (mut not_plain, mut names, mut twice) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in entries {
        match (Key::new(name.as_str()), value) {
            (_, None) => not_plain.push(shown(&name)),
            (Err(_), _) => names.push(shown(&name)),
            (Ok(key), Some(_)) if values.contains_key(&key) => twice.push(name),
            (Ok(key), Some(value)) => {
                values.insert(key, value);
            }
        }
    }
    if !not_plain.is_empty() {
        return Err(NotRead::NotPlain(not_plain));
    }
    if !names.is_empty() {
        return Err(NotRead::Names(names));
    }
    if !twice.is_empty() {
        return Err(NotRead::Twice(twice));
    }
    without_nul(values)
}

fn without_nul(values: Values) -> Result<Values, NotRead> {
    let with_nul = values.iter().filter(|(_, value)| value.expose().contains('\0'));
    let keys: Vec<String> = with_nul.map(|(key, _)| key.to_string()).collect();
    if keys.is_empty() { Ok(values) } else { Err(NotRead::Nul(keys)) }
}

/// A name as it can be told: a long one may be a value in the wrong place.
fn shown(name: &str) -> String {
    const LONGEST: usize = 40;
    match name.char_indices().nth(LONGEST) {
        None if Key::new(name).is_ok() => name.to_owned(),
        None => format!("{name:?}"),
        Some(_) => format!("one of {} characters", name.chars().count()),
    }
}

/// A refused line.
pub(super) fn line(format: Format, line: usize) -> NotRead {
    NotRead::Lines { format, lines: vec![line] }
}
