//! The dotenv layout: one payload, the text of an env file.
//!
//! Pure. Comments and order stay; a line that cannot be read stays too and is listed as unknown, by its number.

use super::single::{BodyFormat, Content, Damage};
use crate::domain::dotenv::Document;
use crate::domain::secret::SecretBytes;
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
}
