//! Writing variables as a text.

use super::Format;
use super::shell;
use crate::domain::dotenv::Document;
use crate::domain::key::Key;
use crate::domain::record::Values;
use crate::domain::secret::SecretBytes;
use std::collections::BTreeSet;
use std::fmt::Write;
use zeroize::Zeroizing;

/// Why variables cannot be written in a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    /// Names that the format, or the program it is for, does not take.
    #[error("{format} cannot name {}", names(.keys))]
    Names {
        /// The format.
        format: Format,
        /// The keys.
        keys: Vec<Key>,
    },
    /// Values that the format has no spelling for.
    #[error("{format} cannot hold the values of {}: {why}", names(.keys))]
    Values {
        /// The format.
        format: Format,
        /// The keys.
        keys: Vec<Key>,
        /// What is in them.
        why: &'static str,
    },
}

fn names(keys: &[Key]) -> String {
    keys.iter().map(Key::as_str).collect::<Vec<_>>().join(", ")
}

/// The longest line that docker reads in a file of variables: `bufio.MaxScanTokenSize` less one, as its reader
/// (<https://github.com/docker/cli/blob/master/pkg/kvfile/kvfile.go>) uses Go's scanner of lines.
const DOCKER_LINE: usize = 64 * 1024 - 1;

/// Writes `values`, sorted by key. `token` is random text of letters and digits, from which the github format makes its end
/// marks.
///
/// # Errors
/// The format cannot hold all of them: [`NotWritten`] names the keys.
pub fn write(format: Format, values: &Values, token: &str) -> Result<SecretBytes, NotWritten> {
    let names: Vec<Key> = values.keys().filter(|key| !takes_name(format, key)).cloned().collect();
    if !names.is_empty() {
        return Err(NotWritten::Names { format, keys: names });
    }
    refuse(format, values, "a NUL character", |_, value| value.contains('\0'))?;
    if format == Format::Docker {
        refuse(format, values, "line breaks", |_, value| value.contains(['\n', '\r']))?;
        let length = |key: &Key, value: &str| key.as_str().len() + 1 + value.len();
        refuse(format, values, "too long for a line", |key, value| length(key, value) > DOCKER_LINE)?;
    }
    if format == Format::Dotenv {
        let mut document = Document::default();
        document.update(values, &BTreeSet::new(), None);
        return Ok(document.to_secret_bytes());
    }
    let mut text = Zeroizing::new(String::new());
    let mark = end_mark(values, token);
    let pairs = values.iter().map(|(key, value)| (key.as_str(), value.expose()));
    if format == Format::Json {
        text.push('{');
    }
    for (place, (key, value)) in pairs.enumerate() {
        // Writing to a string cannot fail.
        let _ = match format {
            // An env file has been written above.
            Format::Dotenv | Format::Yaml => writeln!(text, "{}: {}", yaml_key(key).as_str(), quoted(value).as_str()),
            Format::Json => {
                let comma = if place == 0 { "" } else { "," };
                write!(text, "{comma}\n  {}: {}", quoted(key).as_str(), quoted(value).as_str())
            }
            Format::Toml => writeln!(text, "{} = {}", toml_key(key).as_str(), quoted(value).as_str()),
            Format::Shell => writeln!(text, "export {key}={}", shell::quoted(value).as_str()),
            Format::Docker => writeln!(text, "{key}={value}"),
            Format::Github => writeln!(text, "{key}<<{mark}\n{value}\n{mark}"),
        };
    }
    match format {
        Format::Json if values.is_empty() => text.push_str("}\n"),
        Format::Json => text.push_str("\n}\n"),
        Format::Yaml if values.is_empty() => text.push_str("{}\n"),
        _ => {}
    }
    Ok(SecretBytes::new(text.as_bytes().to_vec()))
}

fn refuse(
    format: Format,
    values: &Values,
    why: &'static str,
    is_wrong: impl Fn(&Key, &str) -> bool,
) -> Result<(), NotWritten> {
    let wrong = values.iter().filter(|(key, value)| is_wrong(key, value.expose()));
    let keys: Vec<Key> = wrong.map(|(key, _)| key.clone()).collect();
    if keys.is_empty() { Ok(()) } else { Err(NotWritten::Values { format, keys, why }) }
}

fn takes_name(format: Format, key: &Key) -> bool {
    match format {
        Format::Shell => shell::is_name(key.as_str()),
        // GitHub leaves its own variables as they are, without a word, and refuses this one of node's
        // (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-environment-variable).
        Format::Github => {
            let name = key.as_str().to_ascii_uppercase();
            name != "NODE_OPTIONS" && !name.starts_with("GITHUB_") && !name.starts_with("RUNNER_")
        }
        _ => true,
    }
}

/// A mark that no value has: a value could end its own block otherwise, and set other variables.
fn end_mark(values: &Values, token: &str) -> String {
    let mut mark = format!("ENVSYNC_{token}");
    while values.values().any(|value| value.expose().contains(&mark)) {
        mark.push('_');
    }
    mark
}

/// A string in double quotes that means the same in JSON, YAML and TOML.
///
/// YAML takes some characters for line breaks or for unprintable ones that JSON takes as they are: those are escaped.
fn quoted(text: &str) -> Zeroizing<String> {
    let mut quoted = Zeroizing::new(String::with_capacity(text.len() + 2));
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if character.is_control()
                || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// A key as it is, where every YAML reads it as a string.
fn yaml_key(key: &str) -> Zeroizing<String> {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_word = WORDS.contains(&key.to_ascii_lowercase().as_str());
    if shell::is_name(key) && !is_word { Zeroizing::new(key.to_owned()) } else { quoted(key) }
}

fn toml_key(key: &str) -> Zeroizing<String> {
    if key.contains('.') { quoted(key) } else { Zeroizing::new(key.to_owned()) }
}
