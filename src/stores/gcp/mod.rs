//! Google Secret Manager: secrets with numbered versions, in a project, or in one region of it.
//!
//! No write is conditional but the creation of a secret. A write is answered with the number of its version, so a write
//! that ran over another one is noticed, and what it ran over is still among the versions. A deletion takes the versions
//! along, and etags of secrets do not change with versions (<https://docs.cloud.google.com/secret-manager/docs/etags>):
//! what was written between the last look and a deletion is lost unnoticed, which the capabilities say.

mod client;
mod credentials;
mod error;
mod names;
mod settings;
mod versions;
mod write;

pub use credentials::VARIABLES;
pub use names::GcpNames;
pub use settings::GcpSettings;

use super::layout::{Decoded, NameCodec};
use super::net::Net;
use super::payload::{
    ByName, Capabilities, Currency, Deleted, Deletion, EmptyPayloads, History, Labels, Listed, Lookup, Pace, Payload,
    PayloadStore, Probe, Put, Rate, ResourceId, Schedule, VersionInfo, Written,
};
use crate::domain::environment::{Location, StoreKind, Timestamp};
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{PayloadName, Stamp, VersionId};
use crate::ports::{StoreError, StoreErrorKind, WriteGuarantee};
use async_trait::async_trait;
use client::{Client, LATEST, Question, Told};
use error::{Doing, code};
use google_cloud_gax::error::rpc::Code;
use google_cloud_secretmanager_v1::model::secret_version::State;
use google_cloud_secretmanager_v1::model::{AccessSecretVersionResponse, Secret, SecretVersion};
use google_cloud_wkt::Timestamp as GoogleTime;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use versions::{VersionName, moment, number_of, same, version_id};
use zeroize::Zeroize;

/// The most bytes of a version: <https://docs.cloud.google.com/secret-manager/quotas>.
const MOST_BYTES: usize = 65_536;

/// 90,000 accesses a minute and project: <https://docs.cloud.google.com/secret-manager/quotas>.
const READS: Rate = Rate { per_second: 1_500, burst: 1_500 };

/// Half of the 600 write requests a minute and project, because what is created takes two. The quota is counted by the
/// minute, so that a hundred at once fit.
const WRITES: Rate = Rate { per_second: 5, burst: 100 };

/// How many names are asked for their metadata at once: half of the 600 other reads a minute and project. More are
/// accessed, of which a project may do 150 times as many, and their values are dropped unread.
const METADATA: usize = 300;

const CAPABILITIES: Capabilities = Capabilities {
    in_tree: false,
    writes: WriteGuarantee::Detected,
    deletes: WriteGuarantee::Blind,
    probe: Probe::PerName,
    empty: EmptyPayloads::Refused,
    max_bytes: Some(MOST_BYTES),
    batch: 1,
    pace: Pace { reads: Some(READS), writes: Some(WRITES) },
    deletion: Deletion::Immediate,
    history: History::Kept,
};

/// The label of what envsync creates.
const MANAGED: (&str, &str) = ("managed-by", "git-envsync");

/// Secret Manager in one project.
#[derive(Debug)]
pub struct GcpSecrets {
    client: Client,
    /// When the secrets that were seen last were created: a name that was deleted and made anew counts from 1 again.
    made: RefCell<BTreeMap<PayloadName, String>>,
}

impl GcpSecrets {
    /// A client. Nothing is looked up or asked yet.
    #[must_use]
    pub fn new(settings: GcpSettings, net: Net) -> Self {
        Self { client: Client::new(settings, net), made: RefCell::default() }
    }

    fn made(&self, name: &PayloadName) -> String {
        self.made.borrow().get(name).cloned().unwrap_or_default()
    }

    /// Notes when a secret was created; where that may not be asked, that it is not known.
    fn note(&self, name: &PayloadName, secret: Option<&Secret>) {
        match secret.and_then(|secret| secret.create_time.as_ref()) {
            Some(time) => drop(self.made.borrow_mut().insert(name.clone(), moment(time))),
            None => drop(self.made.borrow_mut().remove(name)),
        }
    }

    /// What these names are asked for. One name is asked for when it was created, too: others a list has just told.
    fn questions(&self, names: &[PayloadName], ask: impl Fn(PayloadName) -> Question) -> Vec<Question> {
        let alone = names.len() == 1;
        let made = self.made.borrow();
        let about = |name: &PayloadName| {
            let unknown = alone || !made.contains_key(name);
            [Some(ask(name.clone())), unknown.then(|| Question::Secret(name.clone()))].into_iter().flatten()
        };
        names.iter().flat_map(about).collect()
    }

    /// Asks, notes what is told of secrets, and answers the rest: one outcome per name.
    async fn asked(
        &self,
        names: &[PayloadName],
        ask: impl Fn(PayloadName) -> Question,
    ) -> Result<Vec<(PayloadName, Result<Told, StoreError>)>, StoreError> {
        let questions = self.questions(names, ask);
        let about: Vec<PayloadName> = questions.iter().map(|question| question.name().clone()).collect();
        let told = self.client.ask_all(questions).await?;
        let mut outcomes: Vec<(PayloadName, Result<Told, StoreError>)> = Vec::new();
        for (name, told) in about.into_iter().zip(told) {
            match told {
                Told::Secret(Ok(secret)) => self.note(&name, Some(&secret)),
                // Reading values is permitted without it, and then it stays unknown.
                Told::Secret(Err(error)) if matches!(code(&error), Some(Code::PermissionDenied | Code::NotFound)) => {
                    self.note(&name, None);
                }
                Told::Secret(Err(error)) => {
                    let error = self.client.errors(Doing::Read).about(&name).sdk(&error);
                    if let Some((_, outcome)) = outcomes.last_mut() {
                        *outcome = Err(error);
                    }
                }
                told => outcomes.push((name, Ok(told))),
            }
        }
        Ok(outcomes)
    }

    fn payload(&self, name: &PayloadName, answer: AccessSecretVersionResponse) -> Result<Payload, StoreError> {
        let errors = self.client.errors(Doing::Read).about(name);
        let nonsense = |what: &str| errors.of(StoreErrorKind::Nonsense, what);
        let version = VersionName::parse(&answer.name).ok_or_else(|| nonsense("an answer without a version"))?;
        // Never printed: its Debug shows the value.
        let payload = answer.payload.ok_or_else(|| nonsense("an answer without a value"))?;
        let value = SecretBytes::new(payload.data.to_vec());
        if let Ok(mut received) = payload.data.try_into_mut() {
            received.zeroize();
        }
        if payload.data_crc32c.is_some_and(|told| told != i64::from(crc32c::crc32c(value.expose()))) {
            return Err(errors.checksum());
        }
        let made = self.made(name);
        Ok(Payload {
            value,
            version: version.version(&made),
            stamp: version.stamp(&made),
            labels: Labels::new(),
            write: None,
            resource: ResourceId { scope: version.scope, name: version.full },
        })
    }

    /// What the metadata of a version says of a read of it.
    fn state(&self, name: &PayloadName, version: &SecretVersion) -> Result<Lookup<VersionName>, StoreError> {
        let errors = self.client.errors(Doing::Read).about(name);
        let parsed = VersionName::parse(&version.name);
        let parsed = parsed.ok_or_else(|| errors.of(StoreErrorKind::Nonsense, "an answer without a version"))?;
        match version.state {
            State::Enabled => Ok(Lookup::Found(parsed)),
            // Its value is gone for good.
            State::Destroyed => Ok(Lookup::Absent),
            State::Disabled => Err(errors.disabled(name, parsed.number)),
            _ => Err(errors.of(StoreErrorKind::Nonsense, "a version in a state that is not known here")),
        }
    }

    /// The metadata of the newest versions.
    async fn newest(&self, names: &[PayloadName]) -> Result<ByName<VersionName>, StoreError> {
        let ask = |name| Question::Version(name, LATEST.to_owned());
        let mut outcomes = ByName::new();
        for (name, told) in self.asked(names, ask).await? {
            let errors = self.client.errors(Doing::Read).about(&name);
            let lookup = match told {
                Ok(Told::Version(Ok(version))) => self.state(&name, &version),
                Ok(Told::Version(Err(error))) if code(&error) == Some(Code::NotFound) => Ok(Lookup::Absent),
                Ok(Told::Version(Err(error))) => Err(errors.sdk(&error)),
                Ok(_) => Err(errors.of(StoreErrorKind::Nonsense, "another answer than was asked for")),
                Err(error) => Err(error),
            };
            outcomes.insert(name, lookup.unwrap_or_else(Lookup::Unreadable));
        }
        Ok(outcomes)
    }

    /// The values of the newest versions.
    async fn values(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError> {
        let ask = |name| Question::Access(name, LATEST.to_owned());
        let mut outcomes = ByName::new();
        let mut closed = Vec::new();
        for (name, told) in self.asked(names, ask).await? {
            let errors = self.client.errors(Doing::Read).about(&name);
            let lookup = match told {
                Ok(Told::Access(Ok(answer))) => {
                    self.payload(&name, answer).map_or_else(Lookup::Unreadable, Lookup::Found)
                }
                // No such secret, or one without versions: nothing to read in both.
                Ok(Told::Access(Err(error))) if code(&error) == Some(Code::NotFound) => Lookup::Absent,
                Ok(Told::Access(Err(error))) => {
                    if code(&error) == Some(Code::FailedPrecondition) {
                        closed.push(name.clone());
                    }
                    Lookup::Unreadable(errors.sdk(&error))
                }
                Ok(_) => Lookup::Unreadable(errors.of(StoreErrorKind::Nonsense, "another answer than was asked for")),
                Err(error) => Lookup::Unreadable(error),
            };
            outcomes.insert(name, lookup);
        }
        // Disabled, destroyed and encrypted with a key that is gone have one code: the metadata tells which.
        let questions = closed.iter().map(|name| Question::Version(name.clone(), LATEST.to_owned())).collect();
        for (name, told) in closed.iter().zip(self.client.ask_all(questions).await?) {
            let Told::Version(Ok(version)) = told else { continue };
            let lookup = match self.state(name, &version) {
                Ok(Lookup::Found(_)) => Lookup::Unreadable(self.client.errors(Doing::Read).about(name).undecryptable()),
                Ok(_) => Lookup::Absent,
                Err(error) => Lookup::Unreadable(error),
            };
            outcomes.insert(name.clone(), lookup);
        }
        Ok(outcomes)
    }

    fn moved(&self, name: &PayloadName) -> StoreError {
        let detail = format!("{} was changed by somebody else", name.0);
        self.client.errors(Doing::Write).about(name).of(StoreErrorKind::Moved, detail)
    }
}

impl fmt::Display for GcpSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.client.settings(), formatter)
    }
}

#[async_trait(?Send)]
impl PayloadStore for GcpSecrets {
    fn kind(&self) -> StoreKind {
        StoreKind::GcpSecretManager
    }

    fn scope(&self) -> String {
        self.client.settings().scope()
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    async fn list(&self, under: &Location) -> Result<Vec<Listed>, StoreError> {
        let prefix = GcpNames::prefix(under);
        let found = self.client.list(&prefix).await?;
        let listed = |secret: Secret| {
            let name = PayloadName(secret.name.rsplit('/').next()?.to_owned());
            // The service looks for the text anywhere in the name.
            if !GcpNames::is_child(under, &name) {
                return None;
            }
            self.note(&name, Some(&secret));
            let labels = secret.labels.into_iter().collect();
            Some(Listed { name, stamp: None, labels, scope: None, schedule: Schedule::Kept })
        };
        Ok(found.into_iter().filter_map(listed).collect())
    }

    async fn read_all(&self, under: &Location) -> Result<Option<Vec<(Listed, Lookup<Payload>)>>, StoreError> {
        let listed = self.list(under).await?;
        let is_key = |listed: &&Listed| matches!(GcpNames.decode(under, listed), Decoded::Key(_));
        let names: Vec<PayloadName> = listed.iter().filter(is_key).map(|listed| listed.name.clone()).collect();
        let mut values = self.get_many(&names).await?;
        let with_value = |listed: Listed| {
            let value = values.remove(&listed.name).unwrap_or(Lookup::Absent);
            (listed, value)
        };
        Ok(Some(listed.into_iter().map(with_value).collect()))
    }

    async fn stamps(&self, names: &[PayloadName]) -> Result<ByName<Stamp>, StoreError> {
        if names.len() > METADATA {
            return Ok(convert(together(self.values(names).await?)?, |_, payload| payload.stamp));
        }
        let newest = self.newest(names).await?;
        // Who may read values may not always read metadata.
        let denied: Vec<PayloadName> =
            newest.iter().filter(|(_, one)| is_denied(one)).map(|(name, _)| name.clone()).collect();
        let mut stamps = convert(newest, |name, version| version.stamp(&self.made(name)));
        stamps.extend(convert(self.values(&denied).await?, |_, payload| payload.stamp));
        together(stamps)
    }

    async fn get_many(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError> {
        together(self.values(names).await?)
    }

    async fn get_version(&self, name: &PayloadName, version: &VersionId) -> Result<Payload, StoreError> {
        let errors = self.client.errors(Doing::Read).about(name);
        let missing = || errors.of(StoreErrorKind::Unsupported, format!("{} has no version {}", name.0, version.0));
        let number = number_of(version).ok_or_else(missing)?;
        let ask = |name| Question::Access(name, number.to_string());
        let told = self.asked(std::slice::from_ref(name), ask).await?.pop();
        let payload = match told {
            Some((_, Ok(Told::Access(Ok(answer))))) => self.payload(name, answer)?,
            Some((_, Ok(Told::Access(Err(error))))) if code(&error) == Some(Code::NotFound) => return Err(missing()),
            Some((_, Ok(Told::Access(Err(error))))) if code(&error) == Some(Code::FailedPrecondition) => {
                return Err(errors.disabled(name, number));
            }
            Some((_, Ok(Told::Access(Err(error))))) => return Err(errors.sdk(&error)),
            Some((_, Err(error))) => return Err(error),
            Some((_, Ok(_))) | None => return Err(missing()),
        };
        // The same number of another incarnation is another version.
        if same(&payload.version, version) { Ok(payload) } else { Err(missing()) }
    }

    async fn put(&self, put: Put<'_>) -> Result<Written, StoreError> {
        self.write(&put).await
    }

    async fn delete(&self, name: &PayloadName, expected: &VersionId) -> Result<Deleted, StoreError> {
        self.remove(name, expected).await
    }

    async fn restore(&self, name: &PayloadName) -> Result<(), StoreError> {
        let errors = self.client.errors(Doing::Write).about(name);
        Err(errors.of(StoreErrorKind::Unsupported, "what Secret Manager deletes is gone at once"))
    }

    async fn history(&self, name: &PayloadName, limit: usize) -> Result<Vec<VersionInfo>, StoreError> {
        let errors = self.client.errors(Doing::Read).about(name);
        if let Some(Told::Secret(answer)) = self.client.ask_all(vec![Question::Secret(name.clone())]).await?.pop() {
            self.note(name, answer.as_deref().ok());
        }
        let versions = match self.client.versions(name).await? {
            Ok(versions) => versions,
            Err(error) if code(&error) == Some(Code::NotFound) => Vec::new(),
            Err(error) => return Err(errors.sdk(&error)),
        };
        let numbered = |version: SecretVersion| Some((VersionName::parse(&version.name)?.number, version.create_time));
        let mut versions: Vec<(u64, Option<GoogleTime>)> = versions.into_iter().filter_map(numbered).collect();
        versions.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let made = self.made(name);
        let info = |(age, (number, time)): (usize, (u64, Option<GoogleTime>))| VersionInfo {
            version: version_id(number, &made),
            created: time.and_then(|time| u64::try_from(time.seconds()).ok()).map(Timestamp),
            currency: if age == 0 { Currency::Current } else { Currency::Former },
        };
        Ok(versions.into_iter().take(limit).enumerate().map(info).collect())
    }
}

/// One outcome per name, of another kind.
fn convert<T, U>(outcomes: ByName<T>, found: impl Fn(&PayloadName, T) -> U) -> ByName<U> {
    let convert = |(name, lookup)| {
        let lookup = match lookup {
            Lookup::Found(one) => Lookup::Found(found(&name, one)),
            Lookup::Absent => Lookup::Absent,
            Lookup::Deleted { recoverable } => Lookup::Deleted { recoverable },
            Lookup::Unreadable(error) => Lookup::Unreadable(error),
        };
        (name, lookup)
    };
    outcomes.into_iter().map(convert).collect()
}

fn is_denied<T>(lookup: &Lookup<T>) -> bool {
    matches!(lookup, Lookup::Unreadable(error) if error.kind == StoreErrorKind::Denied)
}

/// The outcomes, unless none of them is about its name: then the service is not there, or not for us.
fn together<T>(outcomes: ByName<T>) -> Result<ByName<T>, StoreError> {
    let general = |lookup: &Lookup<T>| match lookup {
        Lookup::Unreadable(error) => match error.kind {
            StoreErrorKind::SignedOut
            | StoreErrorKind::Unreachable
            | StoreErrorKind::Throttled
            | StoreErrorKind::Io => Some(error.clone()),
            _ => None,
        },
        _ => None,
    };
    let failed: Option<Vec<StoreError>> = outcomes.values().map(general).collect();
    match failed.and_then(|failed| failed.into_iter().next()) {
        Some(error) => Err(StoreError { payload: None, ..error }),
        None => Ok(outcomes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_fails_everywhere_is_one_failure() {
        let settings = GcpSettings::default();
        let error = |kind| error::Errors::new(&settings, Doing::Read).of(kind, "x");
        let outcomes = |kinds: &[StoreErrorKind]| -> ByName<()> {
            let named =
                |(at, kind): (usize, &StoreErrorKind)| (PayloadName(at.to_string()), Lookup::Unreadable(error(*kind)));
            kinds.iter().enumerate().map(named).collect()
        };
        assert!(together(outcomes(&[StoreErrorKind::Unreachable, StoreErrorKind::Throttled])).is_err());
        assert!(together(outcomes(&[StoreErrorKind::Unreachable, StoreErrorKind::Denied])).is_ok());
        assert!(together(outcomes(&[])).is_ok_and(|none| none.is_empty()));
    }
}
