//! Layouts: how the variables of an environment lie in payloads. Written once for all vendors.
//!
//! `single` drives the layouts with one payload, whose content [`json`] and [`dotenv`] describe as pure functions;
//! [`keys`] has one payload per key. `mending` brings back what writes ran over, by what `replay` makes of the versions.
//! A layout knows payloads and their names; it does not know which vendor keeps them.

pub mod dotenv;
pub mod json;
pub mod keys;
mod mending;
mod moments;
mod place;
mod replay;
mod single;

pub use place::Place;
pub use single::{BodyFormat, Content, Damage, Parts, SinglePayload};

use super::payload::{Labels, Listed};
use crate::domain::config::Layout;
use crate::domain::environment::Location;
use crate::domain::key::Key;
use crate::domain::secret::SecretValue;
use crate::domain::snapshot::{PayloadName, UnknownReason};
use crate::ports::{EnvironmentStore, StoreErrorKind};
use std::fmt::Debug;

/// The environment at `place` in the given layout.
#[must_use]
pub fn environment(layout: Layout, place: Place) -> Box<dyn EnvironmentStore> {
    match layout {
        Layout::Json => Box::new(SinglePayload::new(place, Box::new(json::Json))),
        Layout::Dotenv => Box::new(SinglePayload::new(place, Box::new(dotenv::Dotenv))),
        Layout::Keys => Box::new(keys::PayloadPerKey::new(place)),
    }
}

/// How a vendor spells locations and keys as payload names. What it encodes, it decodes to the same.
pub trait NameCodec: Debug {
    /// The payload that holds a whole location.
    ///
    /// # Errors
    /// A location the vendor cannot name.
    fn location_name(&self, location: &Location) -> Result<PayloadName, NameRefusal>;

    /// The payload that holds one key of a location.
    ///
    /// # Errors
    /// A key the vendor cannot name.
    fn key_name(&self, location: &Location, key: &Key) -> Result<PayloadName, NameRefusal>;

    /// The labels a key's payload is created with.
    fn key_labels(&self, _key: &Key) -> Labels {
        Labels::new()
    }

    /// What a listed payload is to a location.
    fn decode(&self, location: &Location, listed: &Listed) -> Decoded;
}

/// What a listed payload is to a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// The value of one of its keys.
    Key(Key),
    /// Directly below it, under a name that is no env key.
    Foreign(String),
    /// Not directly below it.
    Elsewhere,
}

/// Why a name cannot be used, in one line that names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameRefusal(pub String);

/// The value of a variable, where the text of a payload is one.
fn readable(text: &str) -> Result<SecretValue, UnknownReason> {
    // No process can have it in its environment: execve(2) ends strings at a NUL.
    if text.contains('\0') { Err(UnknownReason::Foreign) } else { Ok(SecretValue::new(text)) }
}

/// Why a payload that answered with an error of this kind is unknown; none where the error is not about the payload.
fn unknown_reason(kind: StoreErrorKind) -> Option<UnknownReason> {
    match kind {
        StoreErrorKind::Denied => Some(UnknownReason::Denied),
        StoreErrorKind::Disabled => Some(UnknownReason::Disabled),
        StoreErrorKind::PendingDeletion => Some(UnknownReason::PendingDeletion),
        StoreErrorKind::Undecryptable | StoreErrorKind::Corrupt => Some(UnknownReason::Undecryptable),
        _ => None,
    }
}
