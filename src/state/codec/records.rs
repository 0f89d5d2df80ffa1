//! The shapes of the records in JSON, one for each, and the way there and back.

use super::secrets::{Bytes, Name, Value};
use crate::domain::environment::{Address, EnvironmentName, Timestamp};
use crate::domain::record::{
    BegunWrite, BegunWrites, FileState, JournalEntry, LeftBases, Look, Parked, ParkedChange, Record, UndoChange,
    UndoEntry, UndoEnvironment, UndoId, Values,
};
use crate::domain::secret::SecretValue;
use crate::domain::snapshot::{
    PayloadMark, PayloadName, Presence, RemoteState, Snapshot, Stamp, UnknownReason, VersionId,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

type ValuesShape = BTreeMap<Name, Value>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StateShape {
    record: Option<RecordShape>,
    parked: Vec<ParkedShape>,
    accepted_code: Vec<(Address, ValuesShape)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    looks: Vec<LookShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeftShape {
    bases: Vec<(Address, ValuesShape)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LookShape {
    address: Address,
    text: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordShape {
    environment: EnvironmentName,
    address: Address,
    /// Left out where it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configured: Option<Address>,
    entry_digest: String,
    base: ValuesShape,
    agreed_at: Timestamp,
    in_tree_version: Option<String>,
}

/// A list entry and not a map's value: JSON has only text for keys, and an address has three parts.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParkedShape {
    address: Address,
    environment: EnvironmentName,
    changes: BTreeMap<Name, ParkedChangeShape>,
    since: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParkedChangeShape {
    base: Option<Value>,
    local: Option<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JournalShape {
    before: Option<String>,
    after: String,
    values_before: ValuesShape,
    values_after: ValuesShape,
    next: StateShape,
    undo: Option<UndoId>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UndoShape {
    at: Timestamp,
    command: String,
    environments: Vec<UndoEnvironmentShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UndoEnvironmentShape {
    environment: EnvironmentName,
    address: Option<Address>,
    changes: BTreeMap<Name, UndoChangeShape>,
    marked_local: BTreeSet<Name>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UndoChangeShape {
    before: Option<Value>,
    after: Option<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotShape {
    address: Address,
    /// Left out where it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configured: Option<Address>,
    presence: Presence,
    entries: ValuesShape,
    unknown: BTreeMap<String, UnknownReason>,
    payloads: BTreeMap<PayloadName, PayloadShape>,
    read_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BegunShape {
    configured: Address,
    writes: Vec<BegunWriteShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BegunWriteShape {
    key: Option<Name>,
    payload: PayloadName,
    replaces: Option<VersionId>,
    write: String,
    value: Option<Bytes>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadShape {
    version: VersionId,
    stamp: Stamp,
    body: Option<Bytes>,
}

fn values_shape(values: &Values) -> ValuesShape {
    values.iter().map(|(key, value)| (Name(key.clone()), Value(value.clone()))).collect()
}

fn values(shape: ValuesShape) -> Values {
    shape.into_iter().map(|(Name(key), Value(value))| (key, value)).collect()
}

fn value_shape(value: Option<&SecretValue>) -> Option<Value> {
    value.cloned().map(Value)
}

fn value(shape: Option<Value>) -> Option<SecretValue> {
    shape.map(|Value(value)| value)
}

impl From<&FileState> for StateShape {
    fn from(state: &FileState) -> Self {
        Self {
            record: state.record.as_ref().map(RecordShape::from),
            parked: state.parked.iter().map(ParkedShape::from).collect(),
            accepted_code: state.accepted_code.iter().map(|(at, keys)| (at.clone(), values_shape(keys))).collect(),
            looks: state.looks.iter().map(LookShape::from).collect(),
        }
    }
}

impl From<StateShape> for FileState {
    fn from(shape: StateShape) -> Self {
        Self {
            record: shape.record.map(Record::from),
            parked: shape.parked.into_iter().map(<(Address, Parked)>::from).collect(),
            accepted_code: shape.accepted_code.into_iter().map(|(at, keys)| (at, values(keys))).collect(),
            looks: shape.looks.into_iter().map(Look::from).collect(),
        }
    }
}

impl From<&LeftBases> for LeftShape {
    fn from(left: &LeftBases) -> Self {
        Self { bases: left.0.iter().map(|(at, base)| (at.clone(), values_shape(base))).collect() }
    }
}

impl From<LeftShape> for LeftBases {
    fn from(shape: LeftShape) -> Self {
        Self(shape.bases.into_iter().map(|(at, base)| (at, values(base))).collect())
    }
}

impl From<&Look> for LookShape {
    fn from(look: &Look) -> Self {
        Self { address: look.address.clone(), text: Bytes(look.text.clone()) }
    }
}

impl From<LookShape> for Look {
    fn from(LookShape { address, text: Bytes(text) }: LookShape) -> Self {
        Self { address, text }
    }
}

impl From<&Record> for RecordShape {
    fn from(record: &Record) -> Self {
        Self {
            environment: record.environment.clone(),
            address: record.address.clone(),
            configured: (record.configured != record.address).then(|| record.configured.clone()),
            entry_digest: record.entry_digest.clone(),
            base: values_shape(&record.base),
            agreed_at: record.agreed_at,
            in_tree_version: record.in_tree_version.clone(),
        }
    }
}

impl From<RecordShape> for Record {
    fn from(shape: RecordShape) -> Self {
        Self {
            environment: shape.environment,
            configured: shape.configured.unwrap_or_else(|| shape.address.clone()),
            address: shape.address,
            entry_digest: shape.entry_digest,
            base: values(shape.base),
            agreed_at: shape.agreed_at,
            in_tree_version: shape.in_tree_version,
        }
    }
}

impl From<(&Address, &Parked)> for ParkedShape {
    fn from((address, parked): (&Address, &Parked)) -> Self {
        let change = |change: &ParkedChange| ParkedChangeShape {
            base: value_shape(change.base.as_ref()),
            local: value_shape(change.local.as_ref()),
        };
        Self {
            address: address.clone(),
            environment: parked.environment.clone(),
            changes: parked.changes.iter().map(|(key, parked)| (Name(key.clone()), change(parked))).collect(),
            since: parked.since,
        }
    }
}

impl From<ParkedShape> for (Address, Parked) {
    fn from(shape: ParkedShape) -> Self {
        let change = |change: ParkedChangeShape| ParkedChange { base: value(change.base), local: value(change.local) };
        let parked = Parked {
            environment: shape.environment,
            changes: shape.changes.into_iter().map(|(Name(key), parked)| (key, change(parked))).collect(),
            since: shape.since,
        };
        (shape.address, parked)
    }
}

impl From<&JournalEntry> for JournalShape {
    fn from(entry: &JournalEntry) -> Self {
        Self {
            before: entry.before.clone(),
            after: entry.after.clone(),
            values_before: values_shape(&entry.values_before),
            values_after: values_shape(&entry.values_after),
            next: StateShape::from(&entry.next),
            undo: entry.undo,
        }
    }
}

impl From<JournalShape> for JournalEntry {
    fn from(shape: JournalShape) -> Self {
        Self {
            before: shape.before,
            after: shape.after,
            values_before: values(shape.values_before),
            values_after: values(shape.values_after),
            next: FileState::from(shape.next),
            undo: shape.undo,
        }
    }
}

impl From<&UndoEntry> for UndoShape {
    fn from(entry: &UndoEntry) -> Self {
        Self {
            at: entry.at,
            command: entry.command.clone(),
            environments: entry.environments.iter().map(UndoEnvironmentShape::from).collect(),
        }
    }
}

impl From<UndoShape> for UndoEntry {
    fn from(shape: UndoShape) -> Self {
        Self {
            at: shape.at,
            command: shape.command,
            environments: shape.environments.into_iter().map(UndoEnvironment::from).collect(),
        }
    }
}

impl From<&UndoEnvironment> for UndoEnvironmentShape {
    fn from(part: &UndoEnvironment) -> Self {
        let change = |change: &UndoChange| UndoChangeShape {
            before: value_shape(change.before.as_ref()),
            after: value_shape(change.after.as_ref()),
        };
        Self {
            environment: part.environment.clone(),
            address: part.address.clone(),
            changes: part.changes.iter().map(|(key, undone)| (Name(key.clone()), change(undone))).collect(),
            marked_local: part.marked_local.iter().cloned().map(Name).collect(),
        }
    }
}

impl From<UndoEnvironmentShape> for UndoEnvironment {
    fn from(shape: UndoEnvironmentShape) -> Self {
        let change = |change: UndoChangeShape| UndoChange { before: value(change.before), after: value(change.after) };
        Self {
            environment: shape.environment,
            address: shape.address,
            changes: shape.changes.into_iter().map(|(Name(key), undone)| (key, change(undone))).collect(),
            marked_local: shape.marked_local.into_iter().map(|Name(key)| key).collect(),
        }
    }
}

impl From<&Snapshot> for SnapshotShape {
    fn from(Snapshot { configured, state }: &Snapshot) -> Self {
        let payload = |mark: &PayloadMark| PayloadShape {
            version: mark.version.clone(),
            stamp: mark.stamp.clone(),
            body: mark.body.clone().map(Bytes),
        };
        Self {
            address: state.address.clone(),
            configured: (*configured != state.address).then(|| configured.clone()),
            presence: state.presence,
            entries: values_shape(&state.entries),
            unknown: state.unknown.clone(),
            payloads: state.payloads.iter().map(|(name, mark)| (name.clone(), payload(mark))).collect(),
            read_at: state.read_at,
        }
    }
}

impl From<SnapshotShape> for Snapshot {
    fn from(shape: SnapshotShape) -> Self {
        let mark = |payload: PayloadShape| PayloadMark {
            version: payload.version,
            stamp: payload.stamp,
            body: payload.body.map(|Bytes(body)| body),
        };
        let configured = shape.configured.unwrap_or_else(|| shape.address.clone());
        let state = RemoteState {
            address: shape.address,
            presence: shape.presence,
            entries: values(shape.entries),
            unknown: shape.unknown,
            payloads: shape.payloads.into_iter().map(|(name, payload)| (name, mark(payload))).collect(),
            read_at: shape.read_at,
        };
        Self { configured, state }
    }
}

impl From<&BegunWrites> for BegunShape {
    fn from(begun: &BegunWrites) -> Self {
        let write = |write: &BegunWrite| BegunWriteShape {
            key: write.key.clone().map(Name),
            payload: write.payload.clone(),
            replaces: write.replaces.clone(),
            write: write.write.clone(),
            value: write.value.clone().map(Bytes),
        };
        Self { configured: begun.configured.clone(), writes: begun.writes.iter().map(write).collect() }
    }
}

impl From<BegunShape> for BegunWrites {
    fn from(shape: BegunShape) -> Self {
        let write = |write: BegunWriteShape| BegunWrite {
            key: write.key.map(|Name(key)| key),
            payload: write.payload,
            replaces: write.replaces,
            write: write.write,
            value: write.value.map(|Bytes(value)| value),
        };
        Self { configured: shape.configured, writes: shape.writes.into_iter().map(write).collect() }
    }
}
