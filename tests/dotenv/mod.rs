//! Env files as other programs read and write them.

mod dotenvy;
mod files;
mod loaders;
mod matrix;

use envsync::domain::dotenv::Document;
use envsync::domain::key::Key;
use envsync::domain::secret::SecretValue;
use std::collections::BTreeMap;

fn key(name: &str) -> Key {
    Key::new(name).expect("a key")
}

/// What we read, as plain text. Test values only.
fn read(source: &[u8]) -> BTreeMap<String, String> {
    let values = Document::parse(source).values();
    values.into_iter().map(|(key, value)| (key.to_string(), value.expose().to_owned())).collect()
}

fn text(document: &Document) -> &str {
    str::from_utf8(document.as_bytes()).expect("UTF-8")
}

/// Values with everything in them that a loader could stumble over, alone and in pairs and threes.
fn awkward_values() -> Vec<SecretValue> {
    const PIECES: [&str; 28] = [
        "", "canary", " ", "\t", "'", "\"", "`", "\\", "\\n", "\\t", "\\\\", "\\'", "\\\"", "\\0", "\\q", "$", "$$",
        "$HOME", "${HOME}", "$(id)", "#", " #", "\n", "\r", "é", "\u{a0}", "\u{2028}", "=;&|",
    ];
    let mut values = Vec::new();
    for first in PIECES {
        for second in PIECES {
            for third in ["", "canary", "'", "\"", "\\", "\n", " ", "$HOME"] {
                values.push(SecretValue::new(format!("{first}{second}{third}")));
            }
        }
    }
    values
}
