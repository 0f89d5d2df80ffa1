//! What Amazon's two stores share: where to ask, who asks, over what connection, and what an error means.
//!
//! Nothing is looked up before the first question: credentials and certificates cost time that a quiet command does not
//! spend.

mod answer;
mod arn;
mod connection;
mod error;
mod profile;
mod proxy;
mod sign_in;
mod trust;
mod words;

pub use arn::Arn;
pub use connection::authority;
pub use error::Errors;

use super::net::{Net, Unanswered};
use crate::ports::StoreError;
use aws_config::SdkConfig;
use sign_in::{Refusal, Tried};
use std::cell::OnceCell;
use std::fmt;

/// The settings of one of Amazon's stores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// The name the config gives the store.
    pub name: String,
    /// The region of the config; it comes before `AWS_REGION`.
    pub region: Option<String>,
    /// The profile of the user's AWS files.
    pub profile: Option<String>,
    /// The role to assume.
    pub role_arn: Option<String>,
    /// The key to encrypt with; none for the account's own.
    pub kms_key: Option<String>,
    /// A service in the place of Amazon's own. Personal, and checked: https, or on this machine.
    pub endpoint: Option<String>,
    /// A service in the place of the one that gives roles, likewise.
    pub sts_endpoint: Option<String>,
    /// Hosts, with their ports, that are never asked: an env file of the repository names them as endpoints.
    pub barred: Vec<String>,
}

/// One configured way to Amazon: settings, and what was found out when it was first used.
pub struct Aws {
    settings: AwsSettings,
    net: Net,
    config: OnceCell<SdkConfig>,
}

impl Aws {
    /// A way to Amazon. Nothing is looked up yet.
    #[must_use]
    pub fn new(settings: AwsSettings, net: Net) -> Self {
        Self { settings, net, config: OnceCell::new() }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &AwsSettings {
        &self.settings
    }

    /// The network.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The scope of an address as far as it is known before an answer: what was configured.
    #[must_use]
    pub fn configured_scope(&self) -> String {
        let AwsSettings { region, profile, role_arn, endpoint, .. } = &self.settings;
        let parts = [("region", region), ("profile", profile), ("role", role_arn), ("endpoint", endpoint)];
        let named = parts.iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={value}")));
        named.collect::<Vec<_>>().join(" ")
    }

    /// What the vendor's clients are made of: region, credentials, connection. Looked up once; credentials are there
    /// when this answers.
    ///
    /// # Errors
    /// There is no region, nobody is signed in, the role may not be assumed, or there was no time to find out.
    pub async fn sdk_config(&self) -> Result<&SdkConfig, StoreError> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let tried = Tried::default();
        let work = sign_in::sign_in(self.settings.clone(), self.net.log(), tried.clone());
        let errors = Errors::new(self, "read");
        match self.net.call_apart(work).await {
            Ok(Ok(config)) => Ok(self.config.get_or_init(|| config)),
            Ok(Err(Refusal { kind, retry, detail, hint })) => {
                Err(StoreError { retry, hint, ..errors.of(kind, detail) })
            }
            Err(unanswered) => {
                let error = errors.unanswered(unanswered);
                let tried = tried.to_string();
                if unanswered == Unanswered::Broken || tried.is_empty() {
                    return Err(error);
                }
                let detail = format!("{} while signing in (tried: {tried})", error.detail);
                Err(StoreError { detail, ..error })
            }
        }
    }

    /// The region, as far as it is known.
    fn region(&self) -> Option<String> {
        let found = self.config.get().and_then(SdkConfig::region).map(ToString::to_string);
        found.or_else(|| self.settings.region.clone())
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Aws").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl fmt::Display for Aws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.settings.name)
    }
}
