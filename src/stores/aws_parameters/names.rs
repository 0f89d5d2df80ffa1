//! How Parameter Store spells names: `/acme/production/KEY` for a key, `/acme/production` for a whole location.
//!
//! Pure. What the service would refuse is refused here, before anything is written. The rules:
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>, member `Name`.

use crate::domain::environment::Location;
use crate::domain::key::Key;
use crate::domain::snapshot::PayloadName;
use crate::stores::layout::{Decoded, NameCodec, NameRefusal};
use crate::stores::payload::Listed;

/// The most levels of a hierarchy, the last one included.
const MOST_LEVELS: usize = 15;

/// The most characters of a name. The service counts 1,011 with what stands before the name in its ARN
/// (`arn:aws-us-gov:ssm:ap-southeast-1:123456789012:parameter`), which has up to 64 in any partition and region.
const MOST_CHARACTERS: usize = 1_011 - 64;

/// What the first level may not begin with, in capitals or not: Amazon keeps it for itself.
const RESERVED: [&str; 2] = ["aws", "ssm"];

/// The names of Parameter Store.
#[derive(Debug)]
pub struct AwsParametersNames;

impl AwsParametersNames {
    /// The path whose direct children belong to a location.
    pub(super) fn path(location: &Location) -> String {
        format!("/{}", location.as_str())
    }
}

impl NameCodec for AwsParametersNames {
    fn location_name(&self, location: &Location) -> Result<PayloadName, NameRefusal> {
        match location.as_str() {
            "" => Err(NameRefusal("this layout needs a path".to_owned())),
            _ => checked(Self::path(location)),
        }
    }

    fn key_name(&self, location: &Location, key: &Key) -> Result<PayloadName, NameRefusal> {
        checked(Self::path(&location.join(key.as_str())))
    }

    fn decode(&self, location: &Location, listed: &Listed) -> Decoded {
        match child(location, &listed.name) {
            None => Decoded::Elsewhere,
            Some(name) => Key::new(name).map_or_else(|refused| Decoded::Foreign(refused.0), Decoded::Key),
        }
    }
}

/// The part of a name below a location, where it is directly below it.
fn child<'a>(location: &Location, name: &'a PayloadName) -> Option<&'a str> {
    let rooted = name.0.strip_prefix('/')?;
    let below = match location.as_str() {
        "" => rooted,
        location => rooted.strip_prefix(location)?.strip_prefix('/')?,
    };
    (!below.is_empty() && !below.contains('/')).then_some(below)
}

fn checked(name: String) -> Result<PayloadName, NameRefusal> {
    match refusal(&name) {
        None => Ok(PayloadName(name)),
        Some(why) => Err(NameRefusal(format!("{name:?} cannot be the name of a parameter: {why}"))),
    }
}

fn refusal(name: &str) -> Option<String> {
    let levels: Vec<&str> = name.split('/').skip(1).collect();
    let first = levels.first().map(|level| level.to_ascii_lowercase()).unwrap_or_default();
    if levels.iter().any(|level| level.is_empty()) {
        Some("it has an empty level".to_owned())
    } else if !name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-/".contains(letter)) {
        Some("Parameter Store takes letters, digits and _.-/ only".to_owned())
    } else if levels.len() > MOST_LEVELS {
        Some(format!("it has {} levels, Parameter Store takes {MOST_LEVELS}", levels.len()))
    } else if name.len() > MOST_CHARACTERS {
        Some(format!("it has {} characters, {MOST_CHARACTERS} fit with the ARN before it", name.len()))
    } else {
        let reserved = RESERVED.iter().find(|reserved| first.starts_with(**reserved))?;
        Some(format!("Amazon keeps names that begin with {reserved} for itself"))
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
        let (name, schedule) = (PayloadName(name.to_owned()), Schedule::Kept);
        let listed = Listed { name, stamp: None, labels: Labels::new(), scope: None, schedule };
        AwsParametersNames.decode(&Location::new(location), &listed)
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        for location in ["", "acme", "acme/production", "acme/production/web"] {
            for name in ["KEY", "lower.case", "kebab-case", "_", "1ST"] {
                let encoded = AwsParametersNames.key_name(&Location::new(location), &key(name)).expect("a name");
                assert_eq!(decoded(location, &encoded.0), Decoded::Key(key(name)), "{location} {name}");
            }
        }
        let whole = AwsParametersNames.location_name(&Location::new("acme/production")).expect("a name");
        assert_eq!(whole.0, "/acme/production");
        assert_eq!(AwsParametersNames.key_name(&Location::new(""), &key("KEY")).expect("a name").0, "/KEY");
    }

    #[test]
    fn only_direct_children_belong_to_a_location() {
        assert_eq!(decoded("acme", "/acme/web/KEY"), Decoded::Elsewhere);
        assert_eq!(decoded("acme", "/acme"), Decoded::Elsewhere);
        assert_eq!(decoded("acme", "/acmeKEY"), Decoded::Elsewhere);
        assert_eq!(decoded("acme", "/acme/not a key"), Decoded::Foreign("not a key".to_owned()));
        // Another parameter than /KEY, although both stand at the root.
        assert_eq!(decoded("", "KEY"), Decoded::Elsewhere);
    }

    #[test]
    fn what_the_service_would_refuse_is_refused_before_anything_is_written() {
        let deep = "a/".repeat(14);
        assert!(AwsParametersNames.key_name(&Location::new(deep.trim_end_matches('/')), &key("K")).is_ok());
        let long = "x".repeat(MOST_CHARACTERS - 3);
        assert!(AwsParametersNames.key_name(&Location::new(long.clone()), &key("K")).is_ok());
        let (deeper, longer) = (format!("{deep}a"), format!("{long}x"));
        for location in
            ["/acme", "acme//x", "acme/", "a b", "acmé", "aws/x", "AWSome", "ssm", "Ssm-x", &deeper, &longer]
        {
            assert!(AwsParametersNames.key_name(&Location::new(location), &key("K")).is_err(), "{location}");
        }
        assert!(AwsParametersNames.key_name(&Location::new(""), &key("AWS_REGION")).is_err());
        assert!(AwsParametersNames.key_name(&Location::new("acme"), &key("AWS_REGION")).is_ok());
        assert!(AwsParametersNames.location_name(&Location::new("")).is_err());
    }
}
