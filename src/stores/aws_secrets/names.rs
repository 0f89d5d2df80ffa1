//! How Secrets Manager spells locations and keys: `acme/production` and `acme/production/KEY`.
//!
//! Letters and length: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>.

use crate::domain::environment::Location;
use crate::domain::key::Key;
use crate::domain::snapshot::PayloadName;
use crate::stores::aws::Arn;
use crate::stores::layout::{Decoded, NameCodec, NameRefusal};
use crate::stores::payload::Listed;

/// The longest name, in characters.
const LONGEST: usize = 512;
const PUNCTUATION: &str = "/_+=.@-";

/// The names of Secrets Manager.
#[derive(Debug, Clone, Copy, Default)]
pub struct AwsSecretsNames;

impl NameCodec for AwsSecretsNames {
    fn location_name(&self, location: &Location) -> Result<PayloadName, NameRefusal> {
        match location.as_str() {
            "" => Err(NameRefusal("this layout needs a path".to_owned())),
            arn if is_arn(arn) => whole(arn),
            name => legal(name),
        }
    }

    fn key_name(&self, location: &Location, key: &Key) -> Result<PayloadName, NameRefusal> {
        refuse_arn(location)?;
        legal(location.join(key.as_str()).as_str())
    }

    fn decode(&self, location: &Location, listed: &Listed) -> Decoded {
        match child(location, &listed.name.0) {
            None => Decoded::Elsewhere,
            Some(name) => Key::new(name).map_or_else(|refused| Decoded::Foreign(refused.0), Decoded::Key),
        }
    }
}

/// Whether a path or payload name is an ARN.
#[must_use]
pub(super) fn is_arn(name: &str) -> bool {
    name.starts_with("arn:")
}

/// What the names of a location's children begin with.
///
/// # Errors
/// The location is no legal name, or an ARN, which has no children.
pub(super) fn prefix(location: &Location) -> Result<String, NameRefusal> {
    refuse_arn(location)?;
    match location.as_str() {
        "" => Ok(String::new()),
        name => legal(name).map(|name| format!("{}/", name.0)),
    }
}

/// The part of a name below a location, where it is directly below it.
pub(super) fn child<'a>(location: &Location, name: &'a str) -> Option<&'a str> {
    let below = match location.as_str() {
        "" => name,
        location => name.strip_prefix(location)?.strip_prefix('/')?,
    };
    (!below.is_empty() && !below.contains('/')).then_some(below)
}

fn refuse_arn(location: &Location) -> Result<(), NameRefusal> {
    if is_arn(location.as_str()) {
        return Err(NameRefusal(format!("{location} is one secret: the keys layout needs a name that keys go below")));
    }
    Ok(())
}

fn legal(name: &str) -> Result<PayloadName, NameRefusal> {
    let may_have = |letter: char| letter.is_ascii_alphanumeric() || PUNCTUATION.contains(letter);
    if let Some(letter) = name.chars().find(|letter| !may_have(*letter)) {
        return Err(NameRefusal(format!("{name} has {letter:?}: secrets are named by A-Z a-z 0-9 and {PUNCTUATION}")));
    }
    if name.len() > LONGEST {
        return Err(NameRefusal(format!("{name} has {} characters, {LONGEST} is the most", name.len())));
    }
    Ok(PayloadName(name.to_owned()))
}

/// A whole ARN, with the six random letters at its end. Without them Amazon would search, and could find another secret:
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen>.
fn whole(arn: &str) -> Result<PayloadName, NameRefusal> {
    let refusal = || NameRefusal(format!("{arn} is not the whole ARN of a secret: it ends with six random letters"));
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "secretsmanager").ok_or_else(refusal)?;
    let name = parsed.resource.strip_prefix("secret:").ok_or_else(refusal)?;
    let (name, letters) = name.rsplit_once('-').ok_or_else(refusal)?;
    let random = letters.len() == 6 && letters.bytes().all(|letter| letter.is_ascii_alphanumeric());
    if name.is_empty() || !random {
        return Err(refusal());
    }
    legal(name)?;
    Ok(PayloadName(arn.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::payload::{Labels, Schedule};

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:acme/production-AbCdEf";

    fn key_name(location: &str, key: &str) -> Result<String, NameRefusal> {
        AwsSecretsNames.key_name(&Location::new(location), &Key::new(key).unwrap()).map(|name| name.0)
    }

    fn location_name(location: &str) -> Result<String, NameRefusal> {
        AwsSecretsNames.location_name(&Location::new(location)).map(|name| name.0)
    }

    fn decode(location: &str, name: &str) -> Decoded {
        let (name, schedule) = (PayloadName(name.to_owned()), Schedule::Kept);
        let listed = Listed { name, stamp: None, labels: Labels::new(), scope: None, schedule };
        AwsSecretsNames.decode(&Location::new(location), &listed)
    }

    #[test]
    fn names_decode_to_what_was_encoded() {
        for location in ["acme/production", "", "A_b+c=d.e@f-g", "acme/production-AbCdEf"] {
            for key in ["API_KEY", "lower.case", "kebab-case", "1"] {
                let name = key_name(location, key).unwrap();
                assert_eq!(decode(location, &name), Decoded::Key(Key::new(key).unwrap()), "{name}");
            }
        }
        assert_eq!(key_name("acme/production", "A").unwrap(), "acme/production/A");
        assert_eq!(key_name("", "A").unwrap(), "A");
        assert_eq!(location_name("acme/production").unwrap(), "acme/production");
    }

    #[test]
    fn only_direct_children_belong_to_a_location() {
        assert_eq!(decode("acme", "acme/a+b"), Decoded::Foreign("a+b".to_owned()));
        for (location, name) in [("acme", "acme"), ("acme", "acme/web/A"), ("acme", "acme2/A"), ("", "acme/A")] {
            assert_eq!(decode(location, name), Decoded::Elsewhere, "{location} {name}");
        }
    }

    #[test]
    fn names_that_the_store_refuses_are_refused_before() {
        let long = "a".repeat(LONGEST + 1);
        for name in ["", "a b", "a:b", "ä", "a#b", "!a", long.as_str()] {
            assert!(location_name(name).is_err(), "{name}");
        }
        assert!(location_name(&long[1..]).is_ok());
        assert!(key_name(&long[2..], "A").is_err());
        assert!(key_name(&long[3..], "A").is_ok());
        assert!(prefix(&Location::new("a b")).is_err());
        assert_eq!(prefix(&Location::new("acme")).unwrap(), "acme/");
        assert_eq!(prefix(&Location::new("")).unwrap(), "");
    }

    #[test]
    fn an_arn_names_one_secret_and_only_when_whole() {
        assert_eq!(location_name(ARN).unwrap(), ARN);
        for part in [&ARN[..ARN.len() - 7], &ARN[..ARN.len() - 1], "arn:aws:secretsmanager", "arn:aws:ssm:r:a:x-AbCdEf"]
        {
            assert!(location_name(part).is_err(), "{part}");
        }
        assert!(location_name(&format!("{ARN}/web")).is_err());
        assert!(key_name(ARN, "A").is_err());
        assert!(prefix(&Location::new(ARN)).is_err());
    }
}
