//! How the age store spells names: `<location>.env.age` below its directory.
//!
//! Pure. A location that some file system git runs on could not hold, or that would leave the directory, is refused.

use crate::domain::environment::Location;
use crate::domain::key::Key;
use crate::domain::snapshot::PayloadName;
use crate::stores::layout::{Decoded, NameCodec, NameRefusal};
use crate::stores::payload::Listed;

/// The name of the recipients file, below the directory.
pub const RECIPIENTS: &str = "recipients";

const SUFFIX: &str = ".env.age";

/// The file that holds a location, relative to the store's directory.
///
/// # Errors
/// A location that is no path below the directory.
pub fn file_of(location: &Location) -> Result<String, NameRefusal> {
    let text = location.as_str();
    match text.split('/').find_map(refusal) {
        None => Ok(format!("{text}{SUFFIX}")),
        Some(why) => Err(NameRefusal(format!("{text:?} cannot be the path of an age file: {why}"))),
    }
}

/// The location a file of the directory holds; none where it is no store file.
#[must_use]
pub fn location_of(file: &str) -> Option<Location> {
    let location = Location::new(file.strip_suffix(SUFFIX)?);
    file_of(&location).is_ok().then_some(location)
}

fn refusal(segment: &str) -> Option<&'static str> {
    if segment.is_empty() || segment == "." || segment == ".." {
        Some("it has an empty, '.' or '..' segment")
    } else if segment.eq_ignore_ascii_case(".git") {
        Some("git keeps .git for itself")
    } else if segment.contains(|character: char| character.is_control() || "\\:*?\"<>|".contains(character)) {
        Some("it has a character that not every file system can hold")
    } else {
        None
    }
}

/// The names of the age store: a payload is named as its location.
#[derive(Debug)]
pub(super) struct AgeNames;

impl NameCodec for AgeNames {
    fn location_name(&self, location: &Location) -> Result<PayloadName, NameRefusal> {
        file_of(location).map(|_| PayloadName(location.as_str().to_owned()))
    }

    fn key_name(&self, _location: &Location, _key: &Key) -> Result<PayloadName, NameRefusal> {
        Err(NameRefusal("an age store has the dotenv layout always".to_owned()))
    }

    fn decode(&self, _location: &Location, _listed: &Listed) -> Decoded {
        Decoded::Elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_decodes_to_the_location_it_was_made_of() {
        for text in ["production", "acme/production/web", "a.env.age", ".hidden"] {
            let location = Location::new(text);
            assert_eq!(location_of(&file_of(&location).expect("a name")), Some(location));
        }
        assert_eq!(location_of("recipients"), None);
    }

    #[test]
    fn a_location_cannot_leave_the_directory() {
        for text in ["", "../up", "a//b", "a/./b", "/etc", "a/", ".git/hooks", "a/.GIT", "c:x", "a\\b", "a\nb"] {
            assert!(file_of(&Location::new(text)).is_err(), "{text:?}");
        }
    }
}
