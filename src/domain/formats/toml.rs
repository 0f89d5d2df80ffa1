//! TOML: strings, numbers, truth values and times at the top level; all but strings as they are written.

use super::Format;
use super::reading::{Entry, NotRead, line};
use crate::domain::secret::SecretValue;
use toml::de::{DeTable, DeValue};

pub(super) fn read(text: &str) -> Result<Vec<Entry>, NotRead> {
    // The library's own words repeat the line they are about.
    let table = DeTable::parse(text).map_err(|error| line(Format::Toml, line_at(text, error.span())))?;
    let entry = |(name, value): (&toml::Spanned<toml::de::DeString<'_>>, &toml::Spanned<DeValue<'_>>)| {
        let read = match value.get_ref() {
            DeValue::String(string) => Some(SecretValue::new(string.as_ref())),
            DeValue::Array(_) | DeValue::Table(_) => None,
            _ => text.get(value.span()).map(SecretValue::new),
        };
        (name.get_ref().to_string(), read)
    };
    Ok(table.get_ref().iter().map(entry).collect())
}

fn line_at(text: &str, span: Option<std::ops::Range<usize>>) -> usize {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    before.matches('\n').count() + 1
}
