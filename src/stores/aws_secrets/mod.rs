//! AWS Secrets Manager: a payload is a secret, its version the one that has the stage `AWSCURRENT`.
//!
//! A write is a compare-and-swap: the value is put under a stage of its own, which nobody reads, and then `AWSCURRENT`
//! moves to it *from* the version that the write replaces; Amazon refuses where it is somewhere else by now
//! (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>). Where the user
//! may not move stages, the value is put as usual and the stages tell afterwards what it replaced.
//!
//! A try that lost leaves a version without a stage, which Amazon prunes after a day at the earliest; until then the
//! history has it too.

mod client;
mod error;
mod names;
mod stages;
mod write;

pub use names::AwsSecretsNames;

use super::aws::{Arn, Aws};
use super::payload::{
    ByName, Capabilities, Currency, Deleted, Deletion, EmptyPayloads, History, Labels, Listed, Lookup, Pace, Payload,
    PayloadStore, Precondition, Probe, Put, Rate, ResourceId, Schedule, VersionInfo, WriteId, Written,
};
use crate::domain::environment::{Location, StoreKind, Timestamp};
use crate::domain::snapshot::{PayloadName, Stamp, VersionId};
use crate::ports::{StoreError, StoreErrorKind, WriteGuarantee};
use async_trait::async_trait;
use aws_sdk_secretsmanager::types::SecretVersionsListEntry;
use client::{Answer, BATCH, Batch, Made, Requests, StageMove, Value};
use error::{BAD_PARAMETER, BAD_STATE, Call, NOT_FOUND, Refusal};
use stages::{CURRENT, PREVIOUS, abandoned, age, created, has, is_try, staged};
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::slice;

/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
const MOST_BYTES: usize = 65_536;
const WRITES: Rate = Rate { per_second: 50, burst: 50 };
/// Ends the request token of a write that is put without a move: the token itself may stand for the try under a stage.
const AGAIN: &str = "-again";

/// Secrets of one account and region.
#[derive(Debug)]
pub struct AwsSecrets {
    requests: Requests,
    capabilities: Capabilities,
    facts: RefCell<BTreeMap<PayloadName, Facts>>,
    batches: Cell<Permission>,
    moves: Cell<Permission>,
}

/// Whether the user may do something, as far as it was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Permission {
    #[default]
    Assumed,
    Denied,
}

/// What lists and descriptions say of a secret, beside its versions.
#[derive(Debug, Clone, Default)]
struct Facts {
    /// Why only somebody else may write it.
    kept: Option<String>,
    /// Stages of tries that never ended.
    abandoned: Vec<StageMove>,
    /// Whether the user may see the description.
    description: Permission,
}

/// What a description says of the versions of a secret.
#[derive(Debug)]
struct Seen {
    arn: String,
    current: Option<VersionId>,
    previous: Option<VersionId>,
    schedule: Schedule,
}

impl AwsSecrets {
    /// The secrets that `aws` leads to. Nothing is asked yet.
    #[must_use]
    pub fn new(aws: Rc<Aws>) -> Self {
        let capabilities = Capabilities {
            in_tree: false,
            writes: WriteGuarantee::Conditional,
            deletes: WriteGuarantee::Detected,
            probe: Probe::InList,
            empty: EmptyPayloads::Refused,
            max_bytes: Some(MOST_BYTES),
            batch: BATCH,
            // Reads: 10,000 a second, more than one command asks for.
            pace: Pace { reads: None, writes: Some(WRITES) },
            deletion: Deletion::Window,
            history: History::Kept,
        };
        Self {
            requests: Requests::new(aws),
            capabilities,
            facts: RefCell::default(),
            batches: Cell::new(Permission::Assumed),
            moves: Cell::new(Permission::Assumed),
        }
    }

    fn error(&self, kind: StoreErrorKind, operation: &'static str, name: &PayloadName, detail: String) -> StoreError {
        Call { operation, action: "", name: Some(name) }.error(self.requests.aws(), kind, detail)
    }

    fn moved(&self, name: &PayloadName) -> StoreError {
        let detail = format!("{} was changed by somebody else", name.0);
        self.error(StoreErrorKind::Moved, "write", name, detail)
    }

    fn pending(&self, operation: &'static str, name: &PayloadName) -> StoreError {
        let detail = format!("{} is scheduled for deletion", name.0);
        self.error(StoreErrorKind::PendingDeletion, operation, name, detail)
    }

    fn note(&self, name: &PayloadName, facts: Facts) {
        self.facts.borrow_mut().insert(name.clone(), facts);
    }

    /// Asks for the description of one secret.
    async fn look(&self, operation: &'static str, name: &PayloadName) -> Answer<Seen> {
        let mut answers = self.looks(operation, slice::from_ref(name)).await?;
        answers.pop().expect("one question has one answer")
    }

    /// Asks for the description of each secret, and keeps what matters to later writes.
    async fn looks(&self, operation: &'static str, names: &[PayloadName]) -> Result<Vec<Answer<Seen>>, StoreError> {
        let answers = self.requests.describe(operation, names).await?;
        let seen = |(name, answer): (&PayloadName, Answer<_>)| {
            let answer: aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput =
                answer.inspect_err(|refusal: &Refusal| {
                    if refusal.is_denied() {
                        self.note(name, Facts { description: Permission::Denied, ..Facts::default() });
                    }
                })?;
            let arn = answer.arn.unwrap_or_default();
            let stages = answer.version_ids_to_stages.unwrap_or_default();
            let kept = kept(&name.0, &arn, answer.rotation_enabled, answer.owning_service, answer.primary_region);
            self.note(name, Facts { kept, abandoned: abandoned(&stages), ..Facts::default() });
            Ok(Seen {
                current: staged(&stages, CURRENT),
                previous: staged(&stages, PREVIOUS),
                schedule: if answer.deleted_date.is_some() { Schedule::Deletion } else { Schedule::Kept },
                arn,
            })
        };
        Ok(names.iter().zip(answers).map(seen).collect())
    }

    /// The answers of a batch, for the names that were asked.
    fn unpack(&self, names: &[PayloadName], batch: Batch, found: &mut ByName<Payload>) {
        let asked = |name: Option<&String>, arn: Option<&String>| {
            names.iter().find(|asked| Some(&asked.0) == name || Some(&asked.0) == arn)
        };
        for entry in batch.values {
            let Some(name) = asked(entry.name.as_ref(), entry.arn.as_ref()) else { continue };
            let value =
                self.requests.value(name, entry.arn, entry.version_id, entry.secret_string, entry.secret_binary);
            found.insert(name.clone(), lookup(value.map_err(Refusal::from)));
        }
        for error in batch.errors {
            let Some(name) = asked(error.secret_id.as_ref(), None) else { continue };
            let call = Call { operation: "read", action: "GetSecretValue", name: Some(name) };
            let refusal = call.code(self.requests.aws(), error.error_code.as_deref().unwrap_or_default());
            found.insert(name.clone(), lookup(Err(refusal)));
        }
    }

    /// Reads in batches what can be read so, and answers what has to be asked one by one: the secrets of a batch that was
    /// refused as a whole, because batches are not permitted or one name spoils it.
    async fn get_in_batches(
        &self,
        names: &[PayloadName],
        found: &mut ByName<Payload>,
    ) -> Result<Vec<PayloadName>, StoreError> {
        if names.len() == 1 || self.batches.get() == Permission::Denied {
            return Ok(names.to_vec());
        }
        let batches: Vec<&[PayloadName]> = names.chunks(BATCH).collect();
        let answers = self.requests.get_batches(&batches).await?;
        for (names, answer) in batches.into_iter().zip(answers) {
            match answer {
                Ok(batch) => self.unpack(names, batch, found),
                Err(Refusal { error, .. }) => match error.kind {
                    StoreErrorKind::Denied => self.batches.set(Permission::Denied),
                    StoreErrorKind::Unstorable | StoreErrorKind::Moved | StoreErrorKind::Undecryptable => {}
                    _ => found.extend(names.iter().map(|name| {
                        let error = StoreError { payload: Some(name.clone()), ..error.clone() };
                        (name.clone(), Lookup::Unreadable(error))
                    })),
                },
            }
        }
        Ok(names.iter().filter(|name| !found.contains_key(name)).cloned().collect())
    }
}

impl fmt::Display for AwsSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.requests.aws(), formatter)
    }
}

#[async_trait(?Send)]
impl PayloadStore for AwsSecrets {
    fn kind(&self) -> StoreKind {
        StoreKind::AwsSecretsManager
    }

    fn scope(&self) -> String {
        self.requests.aws().configured_scope()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn least_guarantee(&self) -> WriteGuarantee {
        // Without the permission to move stages.
        WriteGuarantee::Detected
    }

    async fn list(&self, under: &Location) -> Result<Vec<Listed>, StoreError> {
        let prefix = names::prefix(under).map_err(|refusal| {
            let call = Call { operation: "list", action: "ListSecrets", name: None };
            call.error(self.requests.aws(), StoreErrorKind::Unstorable, refusal.to_string())
        })?;
        let mut listed = Vec::new();
        for entry in self.requests.list(&prefix).await? {
            let (arn, Some(name)) = (entry.arn.unwrap_or_default(), entry.name) else { continue };
            if names::child(under, &name).is_none() {
                continue;
            }
            let stages = entry.secret_versions_to_stages.unwrap_or_default();
            let kept = kept(&name, &arn, entry.rotation_enabled, entry.owning_service, entry.primary_region);
            let name = PayloadName(name);
            let schedule = if entry.deleted_date.is_some() { Schedule::Deletion } else { Schedule::Kept };
            self.note(&name, Facts { kept, abandoned: abandoned(&stages), ..Facts::default() });
            let tag = |tag: aws_sdk_secretsmanager::types::Tag| Some((tag.key?, tag.value.unwrap_or_default()));
            listed.push(Listed {
                name,
                stamp: staged(&stages, CURRENT).map(|version| stamp(&arn, &version)),
                labels: entry.tags.unwrap_or_default().into_iter().filter_map(tag).collect(),
                scope: Arn::parse(&arn).map(|arn| arn.scope()),
                schedule,
            });
        }
        Ok(listed)
    }

    async fn stamps(&self, names: &[PayloadName]) -> Result<ByName<Stamp>, StoreError> {
        let stamp_of = |answer| match answer {
            Ok(Seen { schedule: Schedule::Deletion, .. }) => Lookup::Deleted { recoverable: true },
            Ok(Seen { arn, current: Some(version), .. }) => Lookup::Found(stamp(&arn, &version)),
            Ok(Seen { current: None, .. }) => Lookup::Absent,
            Err(Refusal { code, .. }) if code == NOT_FOUND => Lookup::Absent,
            Err(Refusal { error, .. }) => Lookup::Unreadable(error),
        };
        let answers = self.looks("read", names).await?;
        Ok(names.iter().cloned().zip(answers.into_iter().map(stamp_of)).collect())
    }

    async fn get_many(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError> {
        let mut found = ByName::new();
        let single = self.get_in_batches(names, &mut found).await?;
        let answers = self.requests.get(&single, CURRENT).await?;
        for (name, answer) in single.into_iter().zip(answers) {
            let value = answer.and_then(|answer| {
                let (text, binary) = (answer.secret_string, answer.secret_binary);
                Ok(self.requests.value(&name, answer.arn, answer.version_id, text, binary)?)
            });
            found.insert(name, lookup(value));
        }
        Ok(found)
    }

    async fn get_version(&self, name: &PayloadName, version: &VersionId) -> Result<Payload, StoreError> {
        match self.requests.get_version(name, version).await {
            Ok(answer) => {
                let (text, binary) = (answer.secret_string, answer.secret_binary);
                Ok(payload(self.requests.value(name, answer.arn, answer.version_id, text, binary)?))
            }
            Err(Refusal { code, .. }) if matches!(code.as_str(), NOT_FOUND | BAD_PARAMETER) => {
                let detail = format!("{} has no version {}", name.0, version.0);
                Err(self.error(StoreErrorKind::Unsupported, "read", name, detail))
            }
            Err(Refusal { code, .. }) if code == BAD_STATE => Err(self.pending("read", name)),
            Err(Refusal { error, .. }) => Err(error),
        }
    }

    async fn put(&self, put: Put<'_>) -> Result<Written, StoreError> {
        match &put.when {
            Precondition::Absent => self.create(&put).await,
            Precondition::Unchanged(expected) => self.swap(&put, Some(expected)).await,
        }
    }

    async fn delete(&self, name: &PayloadName, expected: &VersionId) -> Result<Deleted, StoreError> {
        let before = self.look("delete", name).await?;
        self.writable(name).await?;
        if before.current.as_ref() != Some(expected) {
            return Err(self.moved(name));
        }
        // Else it is the same deletion, whose answer was lost.
        if before.schedule == Schedule::Kept
            && let Err(refusal) = self.requests.delete(name).await
        {
            return Err(self.explain("delete", name, refusal).await);
        }
        Ok(Deleted { overwrote: self.look("delete", name).await?.current })
    }

    async fn restore(&self, name: &PayloadName) -> Result<(), StoreError> {
        match self.requests.restore(name).await {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.code == BAD_STATE => match self.look("restore", name).await {
                // Somebody else has restored it.
                Ok(Seen { schedule: Schedule::Kept, .. }) => Ok(()),
                _ => Err(refusal.error),
            },
            Err(refusal) => Err(refusal.error),
        }
    }

    async fn history(&self, name: &PayloadName, limit: usize) -> Result<Vec<VersionInfo>, StoreError> {
        let mut versions = self.requests.versions(name).await?;
        versions.retain(|version| !is_try(version));
        // Of two that were made in the same second the later one stands last.
        versions.reverse();
        versions.sort_by_key(|version| (age(version), Reverse(created(version))));
        let info = |version: SecretVersionsListEntry| {
            Some(VersionInfo {
                created: created(&version).map(Timestamp),
                currency: if has(&version, CURRENT) { Currency::Current } else { Currency::Former },
                version: VersionId(version.version_id?),
            })
        };
        Ok(versions.into_iter().filter_map(info).take(limit).collect())
    }
}

fn stamp(arn: &str, version: &VersionId) -> Stamp {
    // The ARN ends with letters that are new for each secret, so one that was deleted and made again is another.
    Stamp(format!("{arn} {}", version.0))
}

fn resource(arn: String) -> ResourceId {
    let scope = Arn::parse(&arn).map(|arn| arn.scope()).unwrap_or_default();
    ResourceId { scope, name: arn }
}

fn written(made: Made, guarantee: WriteGuarantee, overwrote: Option<VersionId>) -> Written {
    let stamp = stamp(&made.arn, &made.version);
    Written { version: made.version, stamp, guarantee, overwrote, resource: resource(made.arn) }
}

fn payload(value: Value) -> Payload {
    let Value { arn, version, bytes } = value;
    let write = WriteId::recognise(version.0.strip_suffix(AGAIN).unwrap_or(&version.0));
    Payload {
        value: bytes,
        stamp: stamp(&arn, &version),
        version,
        labels: Labels::new(),
        write,
        resource: resource(arn),
    }
}

fn lookup(answer: Answer<Value>) -> Lookup<Payload> {
    match answer {
        Ok(value) => Lookup::Found(payload(value)),
        Err(Refusal { code, .. }) if code == NOT_FOUND => Lookup::Absent,
        // The one state in which a secret cannot be read:
        // <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>.
        Err(Refusal { code, .. }) if code == BAD_STATE => Lookup::Deleted { recoverable: true },
        Err(Refusal { error, .. }) => Lookup::Unreadable(error),
    }
}

/// Why only somebody else may write a secret.
fn kept(
    name: &str,
    arn: &str,
    rotation: Option<bool>,
    service: Option<String>,
    primary_region: Option<String>,
) -> Option<String> {
    let region = Arn::parse(arn).map(|arn| arn.region).unwrap_or_default();
    match (service, primary_region) {
        (Some(service), _) if !service.is_empty() => Some(format!("{name} belongs to {service}: change it there")),
        _ if rotation == Some(true) => Some(format!("{name} is rotated by AWS Secrets Manager: change it there")),
        (_, Some(primary)) if !primary.is_empty() && primary != region => {
            Some(format!("{name} is a replica: change it in {primary}"))
        }
        _ => None,
    }
}
