//! Versions: their names, their ids, and which of them are the same. Pure.

use crate::domain::snapshot::{Stamp, VersionId};
use google_cloud_wkt::Timestamp as GoogleTime;

/// The name of a version, in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionName {
    /// `projects/P/secrets/S/versions/N` as the service answered it.
    pub(super) full: String,
    pub(super) scope: String,
    pub(super) number: u64,
}

impl VersionName {
    pub(super) fn parse(full: &str) -> Option<Self> {
        let (scope, version) = match full.split('/').collect::<Vec<_>>()[..] {
            ["projects", project, "secrets", _, "versions", version] => (project.to_owned(), version),
            ["projects", project, "locations", location, "secrets", _, "versions", version] => {
                (format!("{project}/{location}"), version)
            }
            _ => return None,
        };
        Some(Self { full: full.to_owned(), scope, number: version.parse().ok().filter(|number| *number > 0)? })
    }

    /// What no other version of the name, and no other project's, shares.
    pub(super) fn stamp(&self, made: &str) -> Stamp {
        Stamp(format!("{}@{made}", self.full))
    }

    pub(super) fn version(&self, made: &str) -> VersionId {
        version_id(self.number, made)
    }
}

/// Microseconds, as text.
pub(super) fn moment(time: &GoogleTime) -> String {
    (i128::from(time.seconds()) * 1_000_000 + i128::from(time.nanos() / 1_000)).to_string()
}

/// `3@1700000000123456`: the number, and when the secret was created, because numbers begin again when a secret is
/// deleted and created anew. `3@` for who may read values and no metadata.
pub(super) fn version_id(number: u64, made: &str) -> VersionId {
    VersionId(format!("{number}@{made}"))
}

pub(super) fn number_of(version: &VersionId) -> Option<u64> {
    version.0.split('@').next()?.parse().ok()
}

/// Whether two ids are of one version, as far as both tell.
pub(super) fn same(one: &VersionId, other: &VersionId) -> bool {
    let made = |version: &VersionId| version.0.split_once('@').map(|(_, made)| made.to_owned()).unwrap_or_default();
    let (made_one, made_other) = (made(one), made(other));
    number_of(one).is_some()
        && number_of(one) == number_of(other)
        && (made_one == made_other || made_one.is_empty() || made_other.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_name_tells_project_region_and_number() {
        let parsed = VersionName::parse("projects/123/secrets/acme--production/versions/7").expect("a version");
        assert_eq!((parsed.scope.as_str(), parsed.number), ("123", 7));
        let regional =
            VersionName::parse("projects/123/locations/europe-west3/secrets/x/versions/1").expect("a version");
        assert_eq!(regional.scope, "123/europe-west3");
        for strange in
            ["", "projects/1/secrets/x", "projects/1/secrets/x/versions/latest", "projects/1/secrets/x/versions/0"]
        {
            assert_eq!(VersionName::parse(strange), None, "{strange}");
        }
    }

    #[test]
    fn a_version_is_a_number_and_when_the_secret_was_made() {
        let read = version_id(3, "1700000000123456");
        assert_eq!(number_of(&read), Some(3));
        assert_eq!(number_of(&VersionId("3".to_owned())), Some(3));
        assert_eq!(number_of(&VersionId("somebody else's".to_owned())), None);
        assert!(same(&read, &version_id(3, "")) && same(&VersionId("3".to_owned()), &read));
        assert!(!same(&read, &version_id(3, "1700000000123457")));
        assert!(!same(&read, &version_id(4, "1700000000123456")));
    }
}
