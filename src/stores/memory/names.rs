//! Names in the service: paths, as in most secret managers.

use crate::domain::environment::Location;
use crate::domain::key::Key;
use crate::domain::snapshot::PayloadName;
use crate::stores::layout::{Decoded, NameCodec, NameRefusal};
use crate::stores::payload::Listed;

/// The names of the service: `location` and `location/KEY`.
#[derive(Debug)]
pub struct MemoryNames;

impl MemoryNames {
    /// The part of a name below a location, where it is directly below it.
    pub(super) fn child<'a>(location: &Location, name: &'a PayloadName) -> Option<&'a str> {
        let below = match location.as_str() {
            "" => name.0.as_str(),
            location => name.0.strip_prefix(location)?.strip_prefix('/')?,
        };
        (!below.is_empty() && !below.contains('/')).then_some(below)
    }
}

impl NameCodec for MemoryNames {
    fn location_name(&self, location: &Location) -> Result<PayloadName, NameRefusal> {
        match location.as_str() {
            "" => Err(NameRefusal("this layout needs a path".to_owned())),
            location => Ok(PayloadName(location.to_owned())),
        }
    }

    fn key_name(&self, location: &Location, key: &Key) -> Result<PayloadName, NameRefusal> {
        Ok(PayloadName(location.join(key.as_str()).as_str().to_owned()))
    }

    fn decode(&self, location: &Location, listed: &Listed) -> Decoded {
        match Self::child(location, &listed.name) {
            None => Decoded::Elsewhere,
            Some(name) => Key::new(name).map_or_else(|refused| Decoded::Foreign(refused.0), Decoded::Key),
        }
    }
}
