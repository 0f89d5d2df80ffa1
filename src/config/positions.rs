//! TOML tables whose every error has a line and a column.
//!
//! A [`Section`] knows which keys its table may have, so a mistyped one is an error with a did-you-mean. Shared by the
//! config and the personal settings file.

use crate::domain::config::nearest;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// What is wrong in a TOML file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// From 1 on.
    pub line: usize,
    /// From 1 on, in characters.
    pub column: usize,
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl ConfigError {
    /// Adds what to write instead.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ConfigError {}

/// A place in a source text.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    source: &'a str,
    offset: usize,
}

impl<'a> At<'a> {
    pub(super) fn begin(source: &'a str) -> Self {
        Self { source, offset: 0 }
    }

    pub(super) fn here(self, span: &Range<usize>) -> Self {
        Self { offset: span.start, ..self }
    }

    pub(super) fn error(self, message: impl Into<String>) -> ConfigError {
        // A span may end in the middle of a character where the parser was surprised by one.
        let before: &[u8] = &self.source.as_bytes()[..self.offset.min(self.source.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let is_first_byte = |byte: &&u8| **byte & 0xc0 != 0x80;
        let column = before[line_start..].iter().filter(is_first_byte).count() + 1;
        ConfigError { line, column, message: message.into(), hint: None }
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Located<'a, T> {
    pub(super) value: T,
    pub(super) at: At<'a>,
}

/// A table of a TOML file, of which all keys are known.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// How it is called in messages: `[[environment]]`.
    name: String,
    at: At<'a>,
    entries: BTreeMap<&'a str, (At<'a>, &'a DeValue<'a>)>,
}

/// Reads a document.
pub(super) fn document(source: &str) -> Result<toml::Spanned<DeTable<'_>>, ConfigError> {
    DeTable::parse(source).map_err(|error| {
        let at = At::begin(source).here(&error.span().unwrap_or(0..0));
        at.error(format!("not valid TOML: {}", error.message()))
    })
}

impl<'a> Section<'a> {
    /// A table whose keys may be any, as `[stores]` has them.
    pub(super) fn open(at: At<'a>, name: impl Into<String>, table: &'a DeTable<'a>) -> Self {
        let entries =
            table.iter().map(|(key, value)| (key.get_ref().as_ref(), (at.here(&key.span()), value.get_ref())));
        Self { name: name.into(), at, entries: entries.collect() }
    }

    /// A table that may have these keys only.
    pub(super) fn new(
        at: At<'a>,
        name: impl Into<String>,
        table: &'a DeTable<'a>,
        known: &[&str],
    ) -> Result<Self, ConfigError> {
        let section = Self::open(at, name, table);
        section.allow(known)?;
        Ok(section)
    }

    /// Refuses the first key that is none of `known`.
    pub(super) fn allow(&self, known: &[&str]) -> Result<(), ConfigError> {
        let unknown = self.entries.iter().filter(|(key, _)| !known.contains(key));
        let Some((key, (at, _))) = unknown.min_by_key(|(_, (at, _))| at.offset) else { return Ok(()) };
        let error = at.error(format!("unknown key {key:?} in {}", self.name));
        Err(match nearest(key, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean {near:?}?")),
            None => error.hint(format!("{} has {}", self.name, known.join(", "))),
        })
    }

    /// Its own place.
    pub(super) fn at(&self) -> At<'a> {
        self.at
    }

    /// Its keys, with their places.
    pub(super) fn keys(&self) -> impl Iterator<Item = Located<'a, &'a str>> {
        self.entries.iter().map(|(key, (at, _))| Located { value: *key, at: *at })
    }

    /// The place of a key; the table's own where the key is left out.
    pub(super) fn place(&self, key: &str) -> At<'a> {
        self.entries.get(key).map_or(self.at, |(at, _)| *at)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<Located<'a, &'a str>>, ConfigError> {
        self.read(key, "a text in quotes", DeValue::as_str)
    }

    pub(super) fn required(&self, key: &str) -> Result<Located<'a, &'a str>, ConfigError> {
        self.text(key)?.ok_or_else(|| self.at.error(format!("{} lacks {key:?}", self.name)))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        Ok(self.read(key, "true or false", |value| value.as_bool())?.map(|located| located.value))
    }

    pub(super) fn integer(&self, key: &str) -> Result<Option<Located<'a, &'a str>>, ConfigError> {
        self.read(key, "a whole number", |value| value.as_integer().map(|integer| integer.as_str()))
    }

    /// A text, or a number or truth value as it is spelled.
    pub(super) fn plain(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let spelled = |value: &DeValue<'_>| match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(integer) => Some(integer.to_string()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            _ => None,
        };
        Ok(self.read(key, "a text in quotes", spelled)?.map(|located| located.value))
    }

    /// An array of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<Located<'a, &'a str>>>, ConfigError> {
        let Some(array) = self.read(key, "a list of texts: [\"…\"]", |value| value.as_array())? else {
            return Ok(None);
        };
        let text = |item: &'a toml::Spanned<DeValue<'a>>| {
            let at = self.at.here(&item.span());
            let value = item
                .get_ref()
                .as_str()
                .ok_or_else(|| at.error(format!("{key:?} is a list of texts, and this is {}", kind(item.get_ref()))))?;
            Ok(Located { value, at })
        };
        array.value.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// `[key]`.
    pub(super) fn table(&self, key: &str) -> Result<Option<Located<'a, &'a DeTable<'a>>>, ConfigError> {
        self.read(key, &format!("a table: [{key}]"), DeValue::as_table)
    }

    /// `[[key]]`.
    pub(super) fn tables(&self, key: &str) -> Result<Vec<Located<'a, &'a DeTable<'a>>>, ConfigError> {
        let expected = format!("written with two brackets: [[{key}]]");
        let Some(array) = self.read(key, &expected, |value| value.as_array())? else { return Ok(Vec::new()) };
        let table = |item: &'a toml::Spanned<DeValue<'a>>| {
            let at = self.at.here(&item.span());
            let value = item.get_ref().as_table().ok_or_else(|| at.error(format!("{key:?} is {expected}")))?;
            Ok(Located { value, at })
        };
        array.value.iter().map(table).collect()
    }

    /// One of an enum's spellings.
    pub(super) fn choice<T: Copy>(&self, key: &str, spellings: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        pick(key, &text, spellings).map(Some)
    }

    /// A duration.
    pub(super) fn duration(&self, key: &str) -> Result<Option<std::time::Duration>, ConfigError> {
        // `0` needs no quotes.
        if let Some((_, value)) = self.entries.get(key)
            && value.as_integer().is_some_and(|integer| integer.as_str() == "0")
        {
            return Ok(Some(std::time::Duration::ZERO));
        }
        let expected = super::duration::EXPECTED;
        let Some(text) = self.read(key, "a duration", DeValue::as_str).map_err(|error| error.hint(expected))? else {
            return Ok(None);
        };
        let wrong = || text.at.error(format!("{key:?} is a duration, and this is none")).hint(expected);
        super::duration::parse(text.value).ok_or_else(wrong).map(Some)
    }

    fn read<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Result<Option<Located<'a, T>>, ConfigError> {
        let Some((at, value)) = self.entries.get(key) else { return Ok(None) };
        let wrong = || at.error(format!("{key:?} is {}, and should be {expected}", kind(value)));
        Ok(Some(Located { value: read(value).ok_or_else(wrong)?, at: *at }))
    }
}

/// One of `spellings`, which are those of `key`.
pub(super) fn pick<T: Copy>(key: &str, text: &Located<'_, &str>, spellings: &[(&str, T)]) -> Result<T, ConfigError> {
    let names: Vec<&str> = spellings.iter().map(|(name, _)| *name).collect();
    let found = spellings.iter().find(|(name, _)| *name == text.value).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let error = text.at.error(format!("{key:?} cannot be {:?}", text.value));
        error.hint(match nearest(text.value, names.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("possible are {}", names.join(", ")),
        })
    })
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
