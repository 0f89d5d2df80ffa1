//! The json layout: one payload, a JSON object with a member per variable.
//!
//! Pure. String members are variables; a number, boolean or null is shown as its JSON text. Members that are neither,
//! or whose name is no env key, belong to somebody else: they stay as they are written, to the byte, and are listed
//! as unknown.

use super::readable;
use super::single::{BodyFormat, Content, Damage, Parts};
use crate::domain::key::Key;
use crate::domain::secret::{SecretBytes, SecretValue};
use crate::domain::snapshot::UnknownReason;
use crate::ports::RemoteChange;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The json layout.
#[derive(Debug)]
pub struct Json;

impl BodyFormat for Json {
    fn empty(&self) -> &'static [u8] {
        b"{}"
    }

    fn read(&self, body: &[u8]) -> Result<Content, Damage> {
        let mut content = Content::default();
        for (name, member) in members(body)? {
            match (Key::new(name.as_str()), shown(member)) {
                (Ok(key), Ok(value)) => drop(content.entries.insert(key, value)),
                (Err(_), _) => drop(content.unknown.insert(name, UnknownReason::Foreign)),
                (_, Err(reason)) => drop(content.unknown.insert(name, reason)),
            }
        }
        Ok(content)
    }

    fn edit(&self, body: &[u8], changes: &[RemoteChange]) -> Result<SecretBytes, Damage> {
        let mut texts: BTreeMap<String, Zeroizing<String>> =
            members(body)?.into_iter().map(|(name, member)| (name, Zeroizing::new(member.get().to_owned()))).collect();
        for change in changes {
            let name = change.key.as_str();
            match &change.value {
                Some(value) => {
                    let kind = texts.get(name).map_or(Kind::Text, |text| Kind::of(text));
                    texts.insert(name.to_owned(), spelled(value, kind));
                }
                None => drop(texts.remove(name)),
            }
        }
        Ok(object(&texts))
    }

    fn parts(&self, body: &[u8]) -> Result<Parts, Damage> {
        Ok(members(body)?.into_iter().map(|(name, member)| (name, SecretValue::new(plain(member).as_str()))).collect())
    }

    fn overlay(&self, body: &[u8], parts: &BTreeMap<String, Option<SecretValue>>) -> Result<SecretBytes, Damage> {
        let mut texts: BTreeMap<String, Zeroizing<String>> =
            members(body)?.into_iter().map(|(name, member)| (name, Zeroizing::new(member.get().to_owned()))).collect();
        for (name, part) in parts {
            match part {
                Some(text) => drop(texts.insert(name.clone(), Zeroizing::new(text.expose().to_owned()))),
                None => drop(texts.remove(name)),
            }
        }
        Ok(object(&texts))
    }
}

/// A member in one spelling: writers escape the same text in different ways.
fn plain(member: &RawValue) -> Zeroizing<String> {
    let text = member.get();
    match serde_json::from_str::<String>(text).map(Zeroizing::new) {
        Ok(value) => Zeroizing::new(serde_json::to_string(value.as_str()).expect("a string is always JSON")),
        // No text, or one that is no Unicode: as it is written.
        Err(_) => Zeroizing::new(text.to_owned()),
    }
}

/// The members of the object, each as it is written. Of duplicates the last counts, as in most readers of JSON.
fn members(body: &[u8]) -> Result<BTreeMap<String, &RawValue>, Damage> {
    if body.trim_ascii().is_empty() {
        return Ok(BTreeMap::new());
    }
    // The parser's own message may quote content: only the position is passed on.
    serde_json::from_slice(body)
        .map_err(|error| Damage(format!("not a JSON object (line {}, column {})", error.line(), error.column())))
}

/// What a member is shown as.
fn shown(member: &RawValue) -> Result<SecretValue, UnknownReason> {
    let text = member.get();
    match Kind::of(text) {
        Kind::Text => {
            let value: String = serde_json::from_str(text).map_err(|_| UnknownReason::Foreign)?;
            readable(&Zeroizing::new(value))
        }
        Kind::Number | Kind::Boolean | Kind::Null => Ok(SecretValue::new(text)),
        Kind::Nested => Err(UnknownReason::Foreign),
    }
}

/// The types of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Boolean,
    Null,
    Nested,
}

impl Kind {
    /// The type of a JSON text that is known to be well formed: its first character tells (RFC 8259, section 3).
    fn of(json: &str) -> Self {
        match json.as_bytes().first() {
            Some(b'"') => Self::Text,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            Some(b'{' | b'[') => Self::Nested,
            _ => Self::Number,
        }
    }
}

/// The JSON text of a value: of the type the member had where the value has that type, else a string.
fn spelled(value: &SecretValue, had: Kind) -> Zeroizing<String> {
    let text = value.expose();
    let keeps_type = had != Kind::Text
        && serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| raw.get() == text && Kind::of(text) == had);
    if keeps_type {
        return Zeroizing::new(text.to_owned());
    }
    Zeroizing::new(serde_json::to_string(text).expect("a string is always JSON"))
}

/// The object, sorted by name.
fn object(texts: &BTreeMap<String, Zeroizing<String>>) -> SecretBytes {
    // Enough room at once: a buffer that grows leaves copies behind that nobody wipes.
    let room = texts.iter().map(|(name, text)| 6 * name.len() + text.len() + 4).sum::<usize>() + 2;
    let mut body = Vec::with_capacity(room);
    body.push(b'{');
    for (name, text) in texts {
        if body.len() > 1 {
            body.push(b',');
        }
        body.extend(serde_json::to_vec(name).expect("a string is always JSON"));
        body.push(b':');
        body.extend(text.as_bytes());
    }
    body.push(b'}');
    SecretBytes::new(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(body: &str, changes: &[(&str, Option<&str>)]) -> String {
        let changes: Vec<RemoteChange> = changes
            .iter()
            .map(|(key, value)| RemoteChange {
                key: Key::new(*key).expect("a key"),
                value: value.map(SecretValue::from),
            })
            .collect();
        let body = Json.edit(body.as_bytes(), &changes).expect("an object");
        String::from_utf8(body.expose().to_vec()).expect("text")
    }

    #[test]
    fn members_are_sorted_and_strings() {
        assert_eq!(edited("{}", &[("B", Some("2")), ("A", Some("a\n\"é"))]), r#"{"A":"a\n\"é","B":"2"}"#);
    }

    #[test]
    fn a_member_keeps_its_type_where_the_new_text_has_it() {
        let body = r#"{"B":true,"N":1.10,"Z":null}"#;
        assert_eq!(
            edited(body, &[("N", Some("2e3")), ("B", Some("false")), ("Z", Some("null"))]),
            r#"{"B":false,"N":2e3,"Z":null}"#
        );
        assert_eq!(
            edited(body, &[("N", Some("0x1")), ("B", Some("1")), ("Z", Some("true"))]),
            r#"{"B":"1","N":"0x1","Z":"true"}"#
        );
        assert_eq!(edited(body, &[("N", Some(" 2"))]), r#"{"B":true,"N":" 2","Z":null}"#);
        assert_eq!(edited("{}", &[("N", Some("2"))]), r#"{"N":"2"}"#);
    }

    #[test]
    fn what_belongs_to_somebody_else_stays_as_it_is_written() {
        let body = r#"{"a b": 1, "N": 123456789012345678901234567890.10, "O": {"x": [1.50, "\u00e9"]}}"#;
        let next = edited(body, &[("A", Some("1"))]);
        assert_eq!(next, r#"{"A":"1","N":123456789012345678901234567890.10,"O":{"x": [1.50, "\u00e9"]},"a b":1}"#);
    }

    #[test]
    fn nested_members_and_foreign_names_are_unknown() {
        let content = Json.read(br#"{"A":"1","N":7,"O":{},"L":[],"a b":"x","Z":"\u0000"}"#).expect("an object");
        let shown: Vec<_> = content.entries.iter().map(|(key, value)| (key.as_str(), value.expose())).collect();
        assert_eq!(shown, [("A", "1"), ("N", "7")]);
        assert_eq!(content.unknown.into_keys().collect::<Vec<_>>(), ["L", "O", "Z", "a b"]);
    }

    #[test]
    fn damage_is_told_by_position_and_never_quoted() {
        for body in ["[\"canary-list\"]", "\"canary-text\"", "{\"A\":canary-bare}", "{\"A\":\"canary-cut"] {
            let Damage(text) = Json.read(body.as_bytes()).expect_err("not an object");
            assert!(text.contains("line 1") && !text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn a_blank_body_is_an_object_without_members() {
        assert!(Json.read(b" \n").expect("an object").entries.is_empty());
    }
}
