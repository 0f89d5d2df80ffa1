//! How Secret Manager spells names: `acme--production--KEY` for a key, `acme--production` for a whole location.
//!
//! Pure. A name has no hierarchy, so `--` stands between segments: what has `--` within, or a hyphen at an edge, could
//! be read back as something else and is refused. The rules for names:
//! <https://docs.cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create>, `secretId`.

use crate::domain::environment::Location;
use crate::domain::key::Key;
use crate::domain::snapshot::PayloadName;
use crate::stores::layout::{Decoded, NameCodec, NameRefusal};
use crate::stores::payload::Listed;

/// The most characters of a name.
const MOST_CHARACTERS: usize = 255;

const BETWEEN: &str = "--";

/// The names of Secret Manager.
#[derive(Debug)]
pub struct GcpNames;

impl GcpNames {
    /// What the names of all that is below a location begin with.
    pub(super) fn prefix(location: &Location) -> String {
        match location.as_str() {
            "" => String::new(),
            location => format!("{}{BETWEEN}", location.replace('/', BETWEEN)),
        }
    }

    /// Whether a name is directly below a location.
    pub(super) fn is_child(location: &Location, name: &PayloadName) -> bool {
        let below = name.0.strip_prefix(&Self::prefix(location));
        below.is_some_and(|below| !below.is_empty() && !below.contains(BETWEEN))
    }
}

impl NameCodec for GcpNames {
    fn location_name(&self, location: &Location) -> Result<PayloadName, NameRefusal> {
        match location.as_str() {
            "" => Err(NameRefusal("this layout needs a path".to_owned())),
            location => encoded(location.split('/')),
        }
    }

    fn key_name(&self, location: &Location, key: &Key) -> Result<PayloadName, NameRefusal> {
        let above = Some(location.as_str()).filter(|location| !location.is_empty());
        encoded(above.into_iter().flat_map(|location| location.split('/')).chain([key.as_str()]))
    }

    fn decode(&self, location: &Location, listed: &Listed) -> Decoded {
        if !Self::is_child(location, &listed.name) {
            return Decoded::Elsewhere;
        }
        let below = &listed.name.0[Self::prefix(location).len()..];
        // What could not be encoded is nobody's key here, though it may be an env key.
        if refusal(below).is_some() {
            return Decoded::Foreign(below.to_owned());
        }
        Key::new(below).map_or_else(|refused| Decoded::Foreign(refused.0), Decoded::Key)
    }
}

fn encoded<'a>(segments: impl Iterator<Item = &'a str>) -> Result<PayloadName, NameRefusal> {
    let segments: Vec<&str> = segments.collect();
    let name = segments.join(BETWEEN);
    let refuse = |why: &str| Err(NameRefusal(format!("{name:?} cannot be the name of a secret: {why}")));
    for segment in segments {
        if let Some(why) = refusal(segment) {
            return refuse(&format!("{segment:?} {why}"));
        }
    }
    if name.len() > MOST_CHARACTERS {
        return refuse(&format!("it has {} characters, Secret Manager takes {MOST_CHARACTERS}", name.len()));
    }
    Ok(PayloadName(name))
}

/// Why a segment cannot be part of a name.
fn refusal(segment: &str) -> Option<&'static str> {
    if segment.is_empty() {
        Some("is empty")
    } else if !segment.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter)) {
        Some("has other characters than letters, digits, _ and -")
    } else if segment.contains(BETWEEN) || segment.starts_with('-') || segment.ends_with('-') {
        Some("has two hyphens in a row or one at an edge; two hyphens stand between segments")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::payload::{Labels, Schedule};

    fn key(name: &str) -> Key {
        Key::new(name).expect("an env key")
    }

    fn decoded(location: &str, name: &str) -> Decoded {
        let listed = Listed {
            name: PayloadName(name.to_owned()),
            stamp: None,
            labels: Labels::new(),
            scope: None,
            schedule: Schedule::Kept,
        };
        GcpNames.decode(&Location::new(location), &listed)
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        for location in ["", "acme", "acme/production", "acme/pre-view/web_1"] {
            for name in ["KEY", "lower", "kebab-case", "_", "1ST", "A-_-B"] {
                let encoded = GcpNames.key_name(&Location::new(location), &key(name)).expect("a name");
                assert_eq!(decoded(location, &encoded.0), Decoded::Key(key(name)), "{location} {name}");
            }
        }
        let whole = GcpNames.location_name(&Location::new("acme/production")).expect("a name");
        assert_eq!(whole.0, "acme--production");
        assert_eq!(GcpNames.key_name(&Location::new("acme"), &key("KEY")).expect("a name").0, "acme--KEY");
        assert_eq!(GcpNames.key_name(&Location::new(""), &key("KEY")).expect("a name").0, "KEY");
    }

    #[test]
    fn only_direct_children_belong_to_a_location() {
        assert_eq!(decoded("acme", "acme--web--KEY"), Decoded::Elsewhere);
        assert_eq!(decoded("acme", "acme"), Decoded::Elsewhere);
        assert_eq!(decoded("acme", "acme--"), Decoded::Elsewhere);
        assert_eq!(decoded("acme", "acmeKEY"), Decoded::Elsewhere);
        assert_eq!(decoded("acme", "ACME--KEY"), Decoded::Elsewhere);
        assert_eq!(decoded("", "acme--KEY"), Decoded::Elsewhere);
        assert_eq!(decoded("acme", "acme---KEY"), Decoded::Foreign("-KEY".to_owned()));
        assert_eq!(decoded("acme", "acme--KEY-"), Decoded::Foreign("KEY-".to_owned()));
    }

    #[test]
    fn what_could_be_read_as_something_else_is_refused() {
        for location in ["/acme", "acme//x", "acme/", "a b", "acmé", "a.b", "a--b", "-a", "a-", "x/-/y", "a/b--"] {
            assert!(GcpNames.key_name(&Location::new(location), &key("K")).is_err(), "{location}");
            assert!(GcpNames.location_name(&Location::new(location)).is_err(), "{location}");
        }
        for name in ["a.b", ".", "-A", "A-", "A--B", "-", "--"] {
            let refused = GcpNames.key_name(&Location::new("acme"), &key(name)).expect_err(name);
            assert!(refused.0.contains(name), "{refused}");
        }
        assert!(GcpNames.location_name(&Location::new("")).is_err());
    }

    #[test]
    fn a_name_may_be_as_long_as_the_service_takes() {
        let long = "x".repeat(MOST_CHARACTERS - 3);
        assert!(GcpNames.key_name(&Location::new(long.clone()), &key("K")).is_ok());
        assert!(GcpNames.key_name(&Location::new(format!("{long}x")), &key("K")).is_err());
    }
}
