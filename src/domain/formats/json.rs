//! JSON: an object, or what Amazon's command line prints around one.

use super::Format;
use super::reading::{self, Entry, NotRead, line};
use crate::domain::record::Values;
use crate::domain::secret::SecretValue;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The members of an object as they are written, also those that occur twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

pub(super) fn read(text: &str) -> Result<Values, NotRead> {
    let members = members(text)?;
    let has = |name: &str| members.iter().any(|(known, _)| known == name);
    let list = |name: &str| members.iter().any(|(known, value)| known == name && value.get().starts_with('['));
    if has("ARN") && (has("SecretString") || has("SecretBinary")) {
        return secret(&members);
    }
    if list("Parameters") {
        return parameters(text);
    }
    reading::collect(members.into_iter().map(entry).collect::<Result<_, _>>()?)
}

fn members(text: &str) -> Result<Vec<(String, &RawValue)>, NotRead> {
    if text.trim_ascii_start().starts_with('[') {
        return Err(NotRead::NoList("an array"));
    }
    let parsed: Members<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    Ok(parsed.0)
}

/// Only the place: the library's own words may repeat a value.
fn not_json(error: &serde_json::Error) -> NotRead {
    line(Format::Json, error.line().max(1))
}

fn entry((name, value): (String, &RawValue)) -> Result<Entry, NotRead> {
    let text = value.get();
    let value = match text.as_bytes().first() {
        Some(b'"') => Some(SecretValue::new(string(text)?)),
        Some(b'{' | b'[') => None,
        _ => Some(SecretValue::new(text)),
    };
    Ok((name, value))
}

/// A string that parses as part of the document has no line of its own any more.
fn string(text: &str) -> Result<String, NotRead> {
    serde_json::from_str(text).map_err(|_| NotRead::NoList("a string with half a character (a lone surrogate)"))
}

/// The answer of `aws secretsmanager get-secret-value`: the secret is JSON, or an env file, in a string
/// (<https://docs.aws.amazon.com/cli/latest/reference/secretsmanager/get-secret-value.html>).
fn secret(members: &[(String, &RawValue)]) -> Result<Values, NotRead> {
    let text = members.iter().find(|(name, value)| name == "SecretString" && value.get().starts_with('"'));
    let Some((_, text)) = text else {
        return Err(NotRead::Answer("the secret is binary: no SecretString"));
    };
    let text = SecretValue::new(string(text.get())?);
    if text.expose().trim_ascii_start().starts_with('{') {
        let members = self::members(text.expose())?;
        return reading::collect(members.into_iter().map(entry).collect::<Result<_, _>>()?);
    }
    reading::dotenv(text.expose())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    parameters: Vec<Parameter>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    name: String,
    value: String,
    #[serde(rename = "Type")]
    kind: Option<String>,
}

/// How what KMS has encrypted begins in base64: its version and kind of key.
const ENCRYPTED: [&str; 2] = ["AQICA", "AQECA"];

/// The answer of `aws ssm get-parameters-by-path`: the last part of a name is the key
/// (<https://docs.aws.amazon.com/cli/latest/reference/ssm/get-parameters-by-path.html>).
fn parameters(text: &str) -> Result<Values, NotRead> {
    let answer: Parameters = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let entries: Vec<(Option<String>, Entry)> = answer
        .parameters
        .into_iter()
        .map(|one| {
            let key = one.name.rsplit('/').next().unwrap_or_default().to_owned();
            (one.kind, (key, Some(SecretValue::new(one.value))))
        })
        .collect();
    if answer.next_token.is_some() {
        return Err(NotRead::Answer("it is one page of several (NextToken): ask without --max-items"));
    }
    let is_encrypted = |(kind, (_, value)): &(Option<String>, Entry)| {
        let value = value.as_ref().map_or("", SecretValue::expose);
        kind.as_deref() == Some("SecureString") && ENCRYPTED.iter().any(|start| value.starts_with(start))
    };
    if entries.iter().any(is_encrypted) {
        return Err(NotRead::Answer("its values are encrypted: ask with --with-decryption"));
    }
    reading::collect(entries.into_iter().map(|(_, entry)| entry).collect())
}
