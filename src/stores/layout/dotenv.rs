//! The dotenv layout: one payload, the text of an env file.
//!
//! Pure. Comments and order stay; a line that cannot be read stays too and is listed as unknown, by its number.

use super::single::{BodyFormat, Content, Damage, Parts};
use crate::domain::dotenv::Document;
use crate::domain::key::Key;
use crate::domain::secret::{SecretBytes, SecretValue};
use crate::domain::snapshot::UnknownReason;
use crate::ports::RemoteChange;
use std::collections::{BTreeMap, BTreeSet};

/// The dotenv layout.
#[derive(Debug)]
pub struct Dotenv;

impl BodyFormat for Dotenv {
    fn empty(&self) -> &'static [u8] {
        b""
    }

    fn read(&self, body: &[u8]) -> Result<Content, Damage> {
        let document = Document::parse(body);
        let unknown =
            document.unreadable().iter().map(|line| (format!("line {}", line.line), UnknownReason::Foreign)).collect();
        Ok(Content { entries: document.values(), unknown })
    }

    fn edit(&self, body: &[u8], changes: &[RemoteChange]) -> Result<SecretBytes, Damage> {
        let mut document = Document::parse(body);
        let (mut values, mut gone) = (BTreeMap::new(), BTreeSet::new());
        for RemoteChange { key, value } in changes {
            match value {
                Some(value) => drop(values.insert(key.clone(), value.clone())),
                None => drop(gone.insert(key.clone())),
            }
        }
        // All at once: key by key, thousands would take minutes.
        document.update(&values, &gone, None);
        Ok(document.to_secret_bytes())
    }

    /// Its variables, and the lines between them under a name no key has: a line break first.
    fn parts(&self, body: &[u8]) -> Result<Parts, Damage> {
        let document = Document::parse(body);
        let values = document.values();
        let mut rest = Document::parse(body);
        rest.update(&BTreeMap::new(), &values.keys().cloned().collect(), None);
        let mut parts: Parts = values.into_iter().map(|(key, value)| (key.as_str().to_owned(), value)).collect();
        for line in lines(rest.as_bytes()) {
            parts.insert(format!("\n{line}"), SecretValue::new(line));
        }
        Ok(parts)
    }

    /// Lines are only added: what one writer took out and another has not heard of may stay.
    fn overlay(&self, body: &[u8], parts: &BTreeMap<String, Option<SecretValue>>) -> Result<SecretBytes, Damage> {
        let mut document = Document::parse(body);
        let there = self.parts(body)?;
        let (mut values, mut gone, mut added) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        for (name, part) in parts {
            match (Key::new(name.as_str()), part) {
                (Ok(key), Some(value)) => drop(values.insert(key, value.clone())),
                (Ok(key), None) => drop(gone.insert(key)),
                (Err(_), Some(line)) if !there.contains_key(name) => added.push(line),
                (Err(_), _) => {}
            }
        }
        document.update(&values, &gone, None);
        let mut bytes = document.to_secret_bytes().expose().to_vec();
        for line in added {
            if bytes.last().is_some_and(|byte| *byte != b'\n') {
                bytes.push(b'\n');
            }
            bytes.extend_from_slice(line.expose().as_bytes());
            bytes.push(b'\n');
        }
        Ok(SecretBytes::new(bytes))
    }
}

/// Lines with something in them. What is no text is left out: it cannot be told from damage.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
    lines.map(|line| line.trim_end_matches('\r')).filter(|line| !line.trim().is_empty())
}
