//! How records become bytes and come back: JSON with a format number, before it is encrypted.
//!
//! It knows nothing of files and of encryption. The domain's types carry secrets and therefore cannot be serialized;
//! the shapes that can are private to this folder. Buffers are wiped, and no error repeats what was read.

mod records;
mod secrets;
mod wiped;

use crate::domain::record::{BegunWrites, FileState, JournalEntry, LeftBases, UndoEntry};
use crate::domain::snapshot::Snapshot;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wiped::WipedBuffer;
use zeroize::Zeroizing;

/// The format this version writes. Any change of a shape, also a new field, takes the next number: a version that
/// does not know a field would drop it when it writes the record again.
const FORMAT: u32 = 2;

/// What can be kept: each of the domain's records, and its shape.
pub(super) trait Kept: Sized {
    /// The word that says in the file what it is.
    const KIND: &'static str;

    /// To bytes.
    fn encode(&self) -> Zeroizing<Vec<u8>>;

    /// From bytes.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

macro_rules! kept {
    ($record:ty, $shape:ty, $kind:literal) => {
        impl Kept for $record {
            const KIND: &'static str = $kind;

            fn encode(&self) -> Zeroizing<Vec<u8>> {
                encode(Self::KIND, &<$shape>::from(self))
            }

            fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                decode::<$shape>(Self::KIND, bytes).map(Self::from)
            }
        }
    };
}

kept!(FileState, records::StateShape, "state");
kept!(LeftBases, records::LeftShape, "left");
kept!(JournalEntry, records::JournalShape, "journal");
kept!(UndoEntry, records::UndoShape, "undo");
kept!(Snapshot, records::SnapshotShape, "snapshot");
kept!(BegunWrites, records::BegunShape, "writes");

/// Why bytes are no record. Positions only: the bytes are secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    /// Written by a version to come.
    #[error("it has format {0}, and this version reads formats up to {FORMAT}")]
    Newer(u32),
    /// Another kind of record.
    #[error("it is not a {0}")]
    OtherKind(&'static str),
    /// Not the JSON that was written.
    #[error("it makes no sense at line {line}, column {column}")]
    Malformed { line: usize, column: usize },
}

#[derive(Deserialize)]
struct Header<'a> {
    format: u32,
    #[serde(default)]
    kind: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Envelope<'a, T> {
    format: u32,
    kind: &'a str,
    body: T,
}

fn encode<T: Serialize>(kind: &str, body: &T) -> Zeroizing<Vec<u8>> {
    let mut buffer = WipedBuffer::default();
    serde_json::to_writer(&mut buffer, &Envelope { format: FORMAT, kind, body })
        .expect("memory takes all that is written, and every map has text for keys");
    buffer.into_inner()
}

fn decode<T: DeserializeOwned>(kind: &'static str, bytes: &[u8]) -> Result<T, DecodeError> {
    let header: Header<'_> = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    if header.format > FORMAT {
        return Err(DecodeError::Newer(header.format));
    }
    if header.kind != kind {
        return Err(DecodeError::OtherKind(kind));
    }
    let envelope: Envelope<'_, T> = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    Ok(envelope.body)
}

/// Only the position: serde's own message repeats the value it stumbled over.
fn malformed(error: &serde_json::Error) -> DecodeError {
    DecodeError::Malformed { line: error.line(), column: error.column() }
}

#[cfg(test)]
mod tests;
