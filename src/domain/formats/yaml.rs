//! YAML: one flat mapping. Scalars are taken as they are written, so that no program's idea of a number comes in between.

use super::Format;
use super::reading::{Entry, NotRead, line};
use crate::domain::secret::SecretValue;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use std::borrow::Cow;

/// The words that mean nothing, as YAML's core schema has them (<https://yaml.org/spec/1.2.2/#1032-tag-resolution>).
const NULLS: [&str; 4] = ["null", "Null", "NULL", "~"];

pub(super) fn read(text: &str) -> Result<Vec<Entry>, NotRead> {
    let mut events = Parser::new_from_str(text).map(|event| event.map_err(|error| place(&error)));
    let mut next = move || events.next().transpose().map(Option::unzip);
    let mut entries = Vec::new();
    loop {
        match next()?.0 {
            Some(Event::StreamStart | Event::DocumentStart(_) | Event::Nothing) => {}
            Some(Event::MappingStart(..)) => break,
            None | Some(Event::StreamEnd) => return Ok(entries),
            Some(Event::SequenceStart(..)) => return Err(NotRead::NoList("a sequence")),
            Some(Event::Scalar(text, ..)) if text.is_empty() || NULLS.contains(&text.as_ref()) => {}
            Some(Event::Scalar(..)) => return Err(NotRead::NoList("a text")),
            Some(_) => {}
        }
    }
    loop {
        let (name, at) = match next()? {
            (Some(Event::Scalar(name, ..)), at) => (name.into_owned(), line_of(at)),
            (Some(Event::MappingEnd), _) => break,
            (_, at) => return Err(line(Format::Yaml, line_of(at))),
        };
        let value = match next()? {
            (Some(Event::Scalar(text, style, _, tag)), _) => scalar(text, style, tag.as_deref()).map_err(|()| at),
            (Some(Event::SequenceStart(..) | Event::MappingStart(..)), _) => {
                skip(&mut next)?;
                Ok(None)
            }
            (Some(Event::Alias(_)), _) => Ok(None),
            (_, at) => Err(line_of(at)),
        };
        entries.push((name, value.map_err(|at| line(Format::Yaml, at))?));
    }
    loop {
        match next()? {
            (None | Some(Event::StreamEnd), _) => return Ok(entries),
            (Some(Event::DocumentEnd | Event::Nothing), _) => {}
            _ => return Err(NotRead::NoList("more than one document")),
        }
    }
}

/// To the end of what is nested.
fn skip<'a>(next: &mut impl FnMut() -> Result<(Option<Event<'a>>, Option<Span>), NotRead>) -> Result<(), NotRead> {
    let mut depth = 1;
    while depth > 0 {
        match next()?.0 {
            Some(Event::SequenceStart(..) | Event::MappingStart(..)) => depth += 1,
            Some(Event::SequenceEnd | Event::MappingEnd) => depth -= 1,
            Some(_) => {}
            None => return Ok(()),
        }
    }
    Ok(())
}

/// A plain null is `null`, as in JSON. Nothing at all could mean that, or an empty text: it is refused, and so are tags, which
/// may change the value.
fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Result<Option<SecretValue>, ()> {
    if let Some(tag) = tag {
        let is_string = format!("{}{}", tag.handle, tag.suffix) == "tag:yaml.org,2002:str";
        return if is_string { Ok(Some(SecretValue::new(text))) } else { Ok(None) };
    }
    match style {
        ScalarStyle::Plain if text.is_empty() => Err(()),
        ScalarStyle::Plain if NULLS.contains(&text.as_ref()) => Ok(Some(SecretValue::new("null"))),
        _ => Ok(Some(SecretValue::new(text))),
    }
}

fn line_of(at: Option<Span>) -> usize {
    at.map_or(1, |span| span.start.line().max(1))
}

/// Only the place.
fn place(error: &ScanError) -> NotRead {
    line(Format::Yaml, error.marker().line().max(1))
}
