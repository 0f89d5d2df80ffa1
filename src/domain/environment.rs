//! Where values live: environments, stores, locations, addresses.

use std::fmt;

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// The name of an environment, as the config spells it: `production`.
    EnvironmentName
);
name_type!(
    /// The name of a configured store: the `aws` of `[stores.aws]`.
    StoreName
);
name_type!(
    /// Where one environment of one env file lives in its store: `acme/production/web`. Segments are
    /// separated by `/`; it may be empty.
    Location
);
name_type!(
    /// The path of an env file below the top of the work tree, with `/` between segments: `apps/web/.env`.
    EnvFilePath
);

impl Location {
    /// The location one segment (or several) below this one.
    #[must_use]
    pub fn join(&self, below: &str) -> Self {
        match (self.0.is_empty(), below.is_empty()) {
            (_, true) => self.clone(),
            (true, _) => Self(below.to_owned()),
            _ => Self(format!("{}/{below}", self.0)),
        }
    }
}

/// The kinds of secret managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreKind {
    /// The embedded store: age-encrypted files inside the work tree.
    Age,
    /// AWS Secrets Manager.
    AwsSecretsManager,
    /// AWS Systems Manager Parameter Store.
    AwsParameterStore,
    /// Google Secret Manager.
    GcpSecretManager,
    /// Azure Key Vault.
    AzureKeyVault,
    /// In memory, for tests.
    Memory,
}

impl StoreKind {
    /// The kinds a config may name.
    pub const CONFIGURABLE: [Self; 5] =
        [Self::Age, Self::AwsSecretsManager, Self::AwsParameterStore, Self::GcpSecretManager, Self::AzureKeyVault];

    /// The spelling of the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::AwsSecretsManager => "aws-secrets-manager",
            Self::AwsParameterStore => "aws-parameter-store",
            Self::GcpSecretManager => "gcp-secret-manager",
            Self::AzureKeyVault => "azure-key-vault",
            Self::Memory => "memory",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What really answered: records and snapshots belong to addresses, never to names.
///
/// Two environments of different names at one address are the same; one name at two addresses is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Address {
    /// The kind of store.
    pub kind: StoreKind,
    /// Account and region, project, vault, or directory, as really answered.
    pub scope: String,
    /// The location in it.
    pub location: Location,
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.kind, self.scope, self.location)
    }
}

/// Seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Seconds from `earlier` to this; none where the clock went back.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time in UTC, as RFC 3339 writes it: `2026-03-01T12:00:00Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        // Days since 1 March of the year 0, so that a leap day is the last of its year: the civil calendar repeats every
        // 146 097 days. https://howardhinnant.github.io/date_algorithms.html#civil_from_days
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_leap_days_and_centuries_too() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Timestamp(seconds).rfc3339(), text);
        }
    }
}
