//! AWS Systems Manager Parameter Store: encrypted parameters in a hierarchy of paths.
//!
//! It has no conditional write but the creation. A write is answered with the number of its version, so a write that
//! ran over another one is noticed, and what it ran over is still in the history. A deletion takes the history along:
//! what was written between the last look and a deletion is lost unnoticed, which the capabilities say.

mod client;
mod error;
mod names;

pub use names::AwsParametersNames;

use super::aws::{Arn, Aws};
use super::payload::{
    ByName, Capabilities, Currency, Deleted, Deletion, EmptyPayloads, History, Labels, Listed, Lookup, Pace, Payload,
    PayloadStore, Precondition, Probe, Put, Rate, ResourceId, Schedule, VersionInfo, Written,
};
use crate::domain::environment::{Location, StoreKind, Timestamp};
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{PayloadName, Stamp, VersionId};
use crate::ports::{StoreError, StoreErrorKind, WriteGuarantee};
use async_trait::async_trait;
use aws_sdk_ssm::types::{Parameter, ParameterTier, ParameterType};
use aws_smithy_types::DateTime;
use client::{Asked, BATCH, Client, DESCRIBED, Values, Wanted};
use error::Doing;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use zeroize::Zeroizing;

/// The most bytes of a parameter in the standard tier, which costs nothing, and in the advanced tier:
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html>.
const STANDARD_BYTES: usize = 4_096;
const ADVANCED_BYTES: usize = 8_192;

/// What the service takes for long: <https://docs.aws.amazon.com/general/latest/gr/ssm.html>, "throughput".
const READS: Rate = Rate { per_second: 40, burst: 40 };
const WRITES: Rate = Rate { per_second: 3, burst: 3 };

const CAPABILITIES: Capabilities = Capabilities {
    in_tree: false,
    writes: WriteGuarantee::Detected,
    deletes: WriteGuarantee::Blind,
    probe: Probe::InList,
    empty: EmptyPayloads::Refused,
    max_bytes: Some(ADVANCED_BYTES),
    batch: BATCH,
    pace: Pace { reads: Some(READS), writes: Some(WRITES) },
    deletion: Deletion::Immediate,
    history: History::Kept,
};

/// The tag of what envsync creates.
const MANAGED: (&str, &str) = ("managed-by", "git-envsync");

/// What the account's own key is called where a parameter names it.
const OWN_KEY: &str = "alias/aws/ssm";

/// Parameter Store in one account and region.
#[derive(Debug)]
pub struct AwsParameters {
    client: Client,
    seen: RefCell<Seen>,
}

/// What answers of this process have told.
#[derive(Debug, Default)]
struct Seen {
    /// Account and region.
    scope: Option<String>,
    /// The types of parameters that were read.
    kinds: BTreeMap<PayloadName, ParameterType>,
    /// The settings of those that were described.
    settings: BTreeMap<PayloadName, Settings>,
}

/// What a parameter keeps when its value changes.
#[derive(Debug, Clone)]
struct Settings {
    kind: Option<ParameterType>,
    key: Option<String>,
    tier: Option<ParameterTier>,
}

impl AwsParameters {
    /// A client. Nothing is looked up or asked yet.
    #[must_use]
    pub fn new(aws: Rc<Aws>) -> Self {
        Self { client: Client::new(aws), seen: RefCell::default() }
    }

    /// What really answered. A parameter without an ARN is taken to be where the others are.
    fn resource(&self, name: &PayloadName, arn: Option<&str>) -> ResourceId {
        let scope = arn.and_then(Arn::parse).map(|arn| arn.scope());
        let mut seen = self.seen.borrow_mut();
        if scope.is_some() {
            seen.scope.clone_from(&scope);
        }
        let scope = scope.or_else(|| seen.scope.clone()).unwrap_or_else(|| self.scope());
        ResourceId { scope, name: arn.unwrap_or(&name.0).to_owned() }
    }

    /// Remembers what a parameter tells by the way.
    fn note(&self, name: &PayloadName, parameter: &Parameter) {
        self.resource(name, parameter.arn());
        if let Some(kind) = parameter.r#type() {
            self.seen.borrow_mut().kinds.insert(name.clone(), kind.clone());
        }
    }

    fn payload(&self, name: &PayloadName, mut parameter: Parameter) -> Result<Payload, StoreError> {
        self.note(name, &parameter);
        let Some(value) = parameter.value.take() else {
            let errors = self.client.errors(Doing::Read);
            return Err(errors.about(name).of(StoreErrorKind::Nonsense, "an answer without a value"));
        };
        Ok(Payload {
            value: SecretBytes::new(value.into_bytes()),
            version: version_of(&parameter),
            stamp: stamp_of(name, &parameter),
            labels: Labels::new(),
            write: None,
            resource: self.resource(name, parameter.arn()),
        })
    }

    fn listed(&self, parameter: &Parameter) -> Option<Listed> {
        let name = PayloadName(parameter.name()?.to_owned());
        self.note(&name, parameter);
        Some(Listed {
            stamp: Some(stamp_of(&name, parameter)),
            scope: parameter.arn().and_then(Arn::parse).map(|arn| arn.scope()),
            name,
            labels: Labels::new(),
            schedule: Schedule::Kept,
        })
    }

    /// One outcome per name, made of what was found.
    async fn looked_up<T>(
        &self,
        names: &[PayloadName],
        values: Values,
        found: impl Fn(&PayloadName, Parameter) -> Result<T, StoreError>,
    ) -> Result<ByName<T>, StoreError> {
        let outcome = |(name, asked): (PayloadName, Asked)| {
            let lookup = match asked {
                Asked::Found(parameter) => found(&name, parameter).map_or_else(Lookup::Unreadable, Lookup::Found),
                Asked::Absent => Lookup::Absent,
                Asked::Failed(error) => Lookup::Unreadable(error),
            };
            (name, lookup)
        };
        Ok(self.client.by_name(names, values).await?.into_iter().map(outcome).collect())
    }

    /// What the parameter keeps when its value changes; none where that may not be asked. Others that were read are
    /// asked for by the way: they may be written next.
    async fn settings(&self, name: &PayloadName) -> Result<Option<Settings>, StoreError> {
        if let Some(known) = self.seen.borrow().settings.get(name) {
            return Ok(Some(known.clone()));
        }
        let names: Vec<String> = {
            let seen = self.seen.borrow();
            let others = seen.kinds.keys().filter(|other| *other != name && !seen.settings.contains_key(*other));
            [name].into_iter().chain(others).take(DESCRIBED).map(|name| name.0.clone()).collect()
        };
        let described = match self.client.describe(names).await {
            Ok(described) => described,
            Err(error) if error.kind == StoreErrorKind::Denied => return self.settings_in_history(name).await,
            Err(error) => return Err(error),
        };
        let mut seen = self.seen.borrow_mut();
        for one in described {
            if let Some(name) = one.name {
                seen.settings.insert(PayloadName(name), Settings { kind: one.r#type, key: one.key_id, tier: one.tier });
            }
        }
        Ok(seen.settings.get(name).cloned())
    }

    /// The same, from the last version: a policy may permit that and no descriptions, which cannot be limited to names.
    async fn settings_in_history(&self, name: &PayloadName) -> Result<Option<Settings>, StoreError> {
        let versions = match self.client.history(name).await {
            Ok(versions) => versions,
            Err(error) if error.kind == StoreErrorKind::Denied => return Ok(None),
            Err(error) => return Err(error),
        };
        let last = versions.into_iter().max_by_key(|version| version.version);
        let kept = last.map(|last| Settings { kind: last.r#type, key: last.key_id, tier: last.tier });
        if let Some(kept) = &kept {
            self.seen.borrow_mut().settings.insert(name.clone(), kept.clone());
        }
        Ok(kept)
    }

    /// The request that a write makes.
    async fn wanted(&self, put: &Put<'_>) -> Result<Wanted, StoreError> {
        let name = put.name;
        let refuse = |kind, detail: &str| Err(self.client.errors(Doing::Write).about(name).of(kind, detail));
        let Ok(value) = str::from_utf8(put.value.expose()) else {
            return refuse(StoreErrorKind::Unstorable, "Parameter Store takes text only");
        };
        if value.len() > ADVANCED_BYTES {
            return refuse(StoreErrorKind::TooLarge, "Parameter Store takes 8,192 bytes");
        }
        if let Some(why) = self.refuses(put.value.expose()) {
            return refuse(StoreErrorKind::Unstorable, why);
        }
        let mut wanted = Wanted {
            name: name.0.clone(),
            value: Zeroizing::new(value.to_owned()),
            create: None,
            kind: Some(ParameterType::SecureString),
            key: self.client.aws().settings().kms_key.clone(),
            tier: tier_for(value.len()),
        };
        if put.when == Precondition::Absent {
            let mut tags = put.labels.clone();
            tags.insert(MANAGED.0.to_owned(), MANAGED.1.to_owned());
            wanted.create = Some(tags);
            return Ok(wanted);
        }
        match self.settings(name).await? {
            Some(kept) => {
                // Left out, the service would encrypt with the account's own key, which others may not use.
                wanted.key = wanted.key.or(kept.key.filter(|key| key != OWN_KEY));
                wanted.kind = kept.kind;
                if kept.tier == Some(ParameterTier::Advanced) {
                    wanted.tier = ParameterTier::Advanced;
                }
            }
            None => {
                // Left out, the type stays as it is.
                wanted.kind = self.seen.borrow().kinds.get(name).cloned();
                // Never a downgrade, which the service would refuse: an advanced parameter stays one.
                wanted.tier = ParameterTier::IntelligentTiering;
            }
        }
        if wanted.kind.as_ref().is_some_and(|kind| *kind != ParameterType::SecureString) {
            wanted.key = None;
        }
        Ok(wanted)
    }

    /// What a write made and what it ran over: the answer tells the number of its version alone, so both are looked
    /// at. Where that may not be asked, the numbers have to do.
    async fn made(&self, put: &Put<'_>, number: u64) -> Written {
        let name = put.name;
        let before = number.checked_sub(1).filter(|before| *before > 0);
        let numbers: Vec<u64> = [Some(number), before].into_iter().flatten().collect();
        let mut answers = self.client.versions(name, &numbers, Values::Dropped).await.unwrap_or_default().into_iter();
        let mut next = || match answers.next() {
            Some(Asked::Found(parameter)) => Some(parameter),
            _ => None,
        };
        let (ours, theirs) = (next(), next());
        let expected = put.when.version();
        let overwrote = before.map(|before| match (theirs.as_ref().map(version_of), expected) {
            (Some(found), Some(expected)) if same(&found, expected) => expected.clone(),
            (Some(found), _) => found,
            (None, Some(expected)) if number_of(expected) == Some(before) => expected.clone(),
            (None, _) => version_id(before, None),
        });
        let overwrote = overwrote.filter(|_| expected.is_some());
        match ours {
            Some(ours) => Written {
                version: version_of(&ours),
                stamp: stamp_of(name, &ours),
                guarantee: WriteGuarantee::Detected,
                overwrote,
                resource: self.resource(name, ours.arn()),
            },
            None => Written {
                version: version_id(number, None),
                // No list has it: the parameter is read again.
                stamp: Stamp(format!("written as {number}")),
                guarantee: WriteGuarantee::Detected,
                overwrote,
                resource: self.resource(name, None),
            },
        }
    }
}

impl fmt::Display for AwsParameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.client.aws(), formatter)
    }
}

#[async_trait(?Send)]
impl PayloadStore for AwsParameters {
    fn kind(&self) -> StoreKind {
        StoreKind::AwsParameterStore
    }

    fn scope(&self) -> String {
        self.client.aws().configured_scope()
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn refuses(&self, content: &[u8]) -> Option<&'static str> {
        let nests = str::from_utf8(content).is_ok_and(nests);
        nests.then_some("Parameter Store takes no value with {{ }} in it: that is how it refers to parameters")
    }

    async fn list(&self, under: &Location) -> Result<Vec<Listed>, StoreError> {
        let found = self.client.by_path(AwsParametersNames::path(under), Values::Dropped).await?;
        Ok(found.iter().filter_map(|parameter| self.listed(parameter)).collect())
    }

    async fn stamps(&self, names: &[PayloadName]) -> Result<ByName<Stamp>, StoreError> {
        let stamp = |name: &PayloadName, parameter: Parameter| {
            self.note(name, &parameter);
            Ok(stamp_of(name, &parameter))
        };
        self.looked_up(names, Values::Dropped, stamp).await
    }

    async fn get_many(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError> {
        self.looked_up(names, Values::Decrypted, |name, parameter| self.payload(name, parameter)).await
    }

    async fn read_all(&self, under: &Location) -> Result<Option<Vec<(Listed, Lookup<Payload>)>>, StoreError> {
        let found = match self.client.by_path(AwsParametersNames::path(under), Values::Decrypted).await {
            Ok(found) => found,
            // One parameter that may not be decrypted fails its whole page: names first, then one outcome per name.
            Err(error) if matches!(error.kind, StoreErrorKind::Denied | StoreErrorKind::Undecryptable) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let outcome = |parameter: Parameter| {
            let listed = self.listed(&parameter)?;
            let lookup = self.payload(&listed.name, parameter).map_or_else(Lookup::Unreadable, Lookup::Found);
            Some((listed, lookup))
        };
        Ok(Some(found.into_iter().filter_map(outcome).collect()))
    }

    async fn get_version(&self, name: &PayloadName, version: &VersionId) -> Result<Payload, StoreError> {
        let errors = self.client.errors(Doing::Read).about(name);
        let missing = || errors.of(StoreErrorKind::Unsupported, format!("{} has no version {}", name.0, version.0));
        let number = number_of(version).ok_or_else(missing)?;
        match self.client.versions(name, &[number], Values::Decrypted).await?.pop() {
            // The same number of another incarnation is another version.
            Some(Asked::Found(parameter)) if same(&version_of(&parameter), version) => self.payload(name, parameter),
            Some(Asked::Failed(error)) => Err(error),
            Some(Asked::Found(_) | Asked::Absent) | None => Err(missing()),
        }
    }

    async fn put(&self, put: Put<'_>) -> Result<Written, StoreError> {
        let wanted = self.wanted(&put).await?;
        let tier = wanted.tier.clone();
        let number = self.client.put(put.name, wanted).await?;
        if tier == ParameterTier::Advanced
            && let Some(settings) = self.seen.borrow_mut().settings.get_mut(put.name)
        {
            settings.tier = Some(tier);
        }
        Ok(self.made(&put, number).await)
    }

    async fn delete(&self, name: &PayloadName, expected: &VersionId) -> Result<Deleted, StoreError> {
        let now = self.looked_up(std::slice::from_ref(name), Values::Dropped, |_, one| Ok(version_of(&one))).await?;
        let errors = self.client.errors(Doing::Write).about(name);
        match now.get(name) {
            Some(Lookup::Found(version)) if same(version, expected) => {}
            Some(Lookup::Unreadable(error)) => return Err(error.clone()),
            _ => {
                let detail = format!("{} was changed by somebody else", name.0);
                return Err(errors.of(StoreErrorKind::Moved, detail));
            }
        }
        self.client.delete(name).await?;
        let mut seen = self.seen.borrow_mut();
        seen.kinds.remove(name);
        seen.settings.remove(name);
        Ok(Deleted { overwrote: None })
    }

    async fn restore(&self, name: &PayloadName) -> Result<(), StoreError> {
        let errors = self.client.errors(Doing::Write).about(name);
        Err(errors.of(StoreErrorKind::Unsupported, "what Parameter Store deletes is gone at once"))
    }

    async fn history(&self, name: &PayloadName, limit: usize) -> Result<Vec<VersionInfo>, StoreError> {
        let mut versions = self.client.history(name).await?;
        versions.sort_by_key(|version| std::cmp::Reverse(version.version()));
        let info = |(age, version): (usize, &aws_sdk_ssm::types::ParameterHistory)| VersionInfo {
            version: version_id(u64::try_from(version.version()).unwrap_or_default(), version.last_modified_date()),
            created: version.last_modified_date().and_then(|date| u64::try_from(date.secs()).ok()).map(Timestamp),
            currency: if age == 0 { Currency::Current } else { Currency::Former },
        };
        Ok(versions.iter().take(limit).enumerate().map(info).collect())
    }
}

/// The tier that a value of this size needs.
fn tier_for(bytes: usize) -> ParameterTier {
    if bytes > STANDARD_BYTES { ParameterTier::Advanced } else { ParameterTier::Standard }
}

/// Whether the service would take the value for a reference to a parameter, which it refuses:
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>, member `Value`.
fn nests(value: &str) -> bool {
    value.split_once("{{").is_some_and(|(_, after)| after.contains("}}"))
}

/// `3@1700000000123`: the number and when it was made, because numbers begin again when a parameter is deleted and
/// created anew. `3@` where the answer of a write told the number alone: no version that was read is equal to it.
fn version_id(number: u64, made: Option<&DateTime>) -> VersionId {
    let made = made.and_then(|made| made.to_millis().ok()).map_or_else(String::new, |made| made.to_string());
    VersionId(format!("{number}@{made}"))
}

fn version_of(parameter: &Parameter) -> VersionId {
    version_id(u64::try_from(parameter.version()).unwrap_or_default(), parameter.last_modified_date())
}

fn number_of(version: &VersionId) -> Option<u64> {
    version.0.split_once('@')?.0.parse().ok()
}

/// Whether two ids are of one version, as far as both tell.
fn same(one: &VersionId, other: &VersionId) -> bool {
    let parts =
        |version: &'_ VersionId| version.0.split_once('@').map(|(number, made)| (number.to_owned(), made.to_owned()));
    match (parts(one), parts(other)) {
        (Some((one, made)), Some((other, made_then))) => {
            one == other && (made == made_then || made.is_empty() || made_then.is_empty())
        }
        _ => false,
    }
}

/// What no other incarnation of the parameter, and no other account's, shares.
fn stamp_of(name: &PayloadName, parameter: &Parameter) -> Stamp {
    Stamp(format!("{}#{}", parameter.arn().unwrap_or(&name.0), version_of(parameter).0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number_and_when_it_was_made() {
        let read = version_id(3, Some(&DateTime::from_millis(1_700_000_000_123)));
        assert_eq!(read.0, "3@1700000000123");
        assert_eq!(number_of(&read), Some(3));
        assert_eq!(number_of(&VersionId("somebody else's".to_owned())), None);
        let written = version_id(3, None);
        assert!(read != written && same(&read, &written));
        assert!(!same(&read, &version_id(3, Some(&DateTime::from_millis(1_700_000_000_124)))));
        assert!(!same(&read, &version_id(4, None)));
    }

    #[test]
    fn the_tier_is_the_cheapest_that_holds_the_value() {
        assert_eq!(tier_for(4_096), ParameterTier::Standard);
        assert_eq!(tier_for(4_097), ParameterTier::Advanced);
    }

    #[test]
    fn only_double_brackets_that_are_closed_refer_to_a_parameter() {
        assert!(nests("{{x}}") && nests("a {{ssm:canary}} b"));
        assert!(!nests("{{") && !nests("}} {{") && !nests("{x} {y}"));
    }
}
