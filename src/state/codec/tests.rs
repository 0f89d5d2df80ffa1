//! Every record comes back as it was, whatever it holds.

use super::*;
use crate::domain::environment::{Address, EnvironmentName, Location, StoreKind, Timestamp};
use crate::domain::key::Key;
use crate::domain::record::{
    BegunWrite, Look, Parked, ParkedChange, Record, UndoChange, UndoEnvironment, UndoId, Values,
};
use crate::domain::secret::{SecretBytes, SecretValue};
use crate::domain::snapshot::{PayloadMark, PayloadName, Presence, RemoteState, Stamp, UnknownReason, VersionId};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use std::fmt::Debug;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,12}", any::<String>(), Just("\0\"\\\r\n\u{2028}é😀 canary-\u{7f}".to_owned())]
}

fn secret() -> impl Strategy<Value = SecretValue> {
    text().prop_map(SecretValue::new)
}

fn key() -> impl Strategy<Value = Key> {
    "[A-Za-z0-9_.-]{1,8}".prop_map(|name| Key::new(name).expect("the pattern of a key"))
}

fn values() -> impl Strategy<Value = Values> {
    btree_map(key(), secret(), 0..4)
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp)
}

fn environment() -> impl Strategy<Value = EnvironmentName> {
    text().prop_map(EnvironmentName::new)
}

fn address() -> impl Strategy<Value = Address> {
    let kind = prop_oneof![Just(StoreKind::Age), Just(StoreKind::AwsParameterStore), Just(StoreKind::Memory)];
    (kind, text(), text()).prop_map(|(kind, scope, location)| Address {
        kind,
        scope,
        location: Location::new(location),
    })
}

fn parked() -> impl Strategy<Value = Parked> {
    let change = (of(secret()), of(secret())).prop_map(|(base, local)| ParkedChange { base, local });
    (environment(), btree_map(key(), change, 0..4), timestamp()).prop_map(|(environment, changes, since)| Parked {
        environment,
        changes,
        since,
    })
}

fn record() -> impl Strategy<Value = Record> {
    (environment(), address(), of(address()), text(), values(), timestamp(), of(text())).prop_map(
        |(environment, address, configured, entry_digest, base, agreed_at, in_tree_version)| Record {
            environment,
            configured: configured.unwrap_or_else(|| address.clone()),
            address,
            entry_digest,
            base,
            agreed_at,
            in_tree_version,
        },
    )
}

fn state() -> impl Strategy<Value = FileState> {
    let look =
        (address(), vec(any::<u8>(), 0..9)).prop_map(|(address, text)| Look { address, text: SecretBytes::new(text) });
    (of(record()), btree_map(address(), parked(), 0..3), btree_map(address(), values(), 0..2), vec(look, 0..3))
        .prop_map(|(record, parked, accepted_code, looks)| FileState { record, parked, accepted_code, looks })
}

fn journal() -> impl Strategy<Value = JournalEntry> {
    (of(text()), text(), values(), values(), state(), of(any::<u64>().prop_map(UndoId))).prop_map(
        |(before, after, values_before, values_after, next, undo)| JournalEntry {
            before,
            after,
            values_before,
            values_after,
            next,
            undo,
        },
    )
}

fn undo() -> impl Strategy<Value = UndoEntry> {
    let change = (of(secret()), of(secret())).prop_map(|(before, after)| UndoChange { before, after });
    let part =
        (environment(), of(address()), btree_map(key(), change, 0..4)).prop_map(|(environment, address, changes)| {
            UndoEnvironment { environment, address, marked_local: changes.keys().take(1).cloned().collect(), changes }
        });
    (timestamp(), text(), vec(part, 0..3)).prop_map(|(at, command, environments)| UndoEntry {
        at,
        command,
        environments,
    })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let mark = (text(), text(), of(vec(any::<u8>(), 0..20))).prop_map(|(version, stamp, body)| PayloadMark {
        version: VersionId(version),
        stamp: Stamp(stamp),
        body: body.map(SecretBytes::new),
    });
    let reason = prop_oneof![Just(UnknownReason::Denied), Just(UnknownReason::PendingDeletion)];
    let presence = prop_oneof![Just(Presence::Held), Just(Presence::Absent)];
    (
        (address(), of(address())),
        presence,
        values(),
        btree_map(text(), reason, 0..3),
        btree_map(text().prop_map(PayloadName), mark, 0..3),
        timestamp(),
    )
        .prop_map(|((address, configured), presence, entries, unknown, payloads, read_at)| Snapshot {
            configured: configured.unwrap_or_else(|| address.clone()),
            state: RemoteState { address, presence, entries, unknown, payloads, read_at },
        })
}

fn begun() -> impl Strategy<Value = BegunWrites> {
    let bytes = || of(vec(any::<u8>(), 0..9).prop_map(SecretBytes::new));
    let write = (of(key()), text(), of(text()), text(), bytes()).prop_map(|(key, payload, replaces, write, value)| {
        BegunWrite { key, payload: PayloadName(payload), replaces: replaces.map(VersionId), write, value }
    });
    (address(), vec(write, 0..3)).prop_map(|(configured, writes)| BegunWrites { configured, writes })
}

fn comes_back<T: Kept + PartialEq + Debug>(record: &T) {
    assert_eq!(T::decode(&record.encode()).as_ref(), Ok(record));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_state_comes_back(state in state()) { comes_back(&state); }

    #[test]
    fn every_journal_entry_comes_back(entry in journal()) { comes_back(&entry); }

    #[test]
    fn every_undo_entry_comes_back(entry in undo()) { comes_back(&entry); }

    #[test]
    fn every_snapshot_comes_back(snapshot in snapshot()) { comes_back(&snapshot); }

    #[test]
    fn every_list_of_begun_writes_comes_back(begun in begun()) { comes_back(&begun); }

    #[test]
    fn a_part_of_a_record_is_no_record(state in state(), cut in any::<prop::sample::Index>()) {
        let bytes = state.encode();
        prop_assert!(FileState::decode(&bytes[..cut.index(bytes.len())]).is_err());
    }
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let bytes = br#"{"format":3,"kind":"state","body":["anything"],"more":1}"#;
    assert_eq!(FileState::decode(bytes), Err(DecodeError::Newer(3)));
}

#[test]
fn a_record_of_another_kind_is_refused() {
    let bytes = FileState::default().encode();
    assert_eq!(UndoEntry::decode(&bytes), Err(DecodeError::OtherKind("undo")));
}

#[test]
fn an_unknown_field_is_refused_since_it_would_be_lost_at_the_next_write() {
    let known = String::from_utf8_lossy(&FileState::default().encode()).into_owned();
    let later = known.replacen(r#""body":{"#, r#""body":{"later":1,"#, 1);
    assert!(FileState::decode(known.as_bytes()).is_ok() && later != known);
    assert!(matches!(FileState::decode(later.as_bytes()), Err(DecodeError::Malformed { .. })));
}

#[test]
fn no_error_repeats_what_was_read() {
    for bytes in [
        &br#"{"format":"canary-1"}"#[..],
        br#"{"format":1,"kind":"canary-2","body":{}}"#,
        br#"{"format":1,"kind":"state","body":"canary-3"}"#,
        br#"{"format":1,"kind":"state","body":{"record":{"environment":"e","address":"canary-4"}}}"#,
    ] {
        let error = FileState::decode(bytes).expect_err("no record");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn the_format_is_the_one_that_other_versions_read() {
    let mut state = FileState::default();
    let address = Address { kind: StoreKind::Age, scope: ".envsync".to_owned(), location: Location::new("dev") };
    let change = ParkedChange { base: None, local: Some(SecretValue::new("canary-1")) };
    let changes = [(Key::new("A").expect("a key"), change)].into();
    state.parked.insert(address, Parked { environment: EnvironmentName::new("dev"), changes, since: Timestamp(5) });
    let text = concat!(
        r#"{"format":2,"kind":"state","body":{"record":null,"parked":[{"address":{"kind":"age","scope":".envsync","#,
        r#""location":"dev"},"environment":"dev","changes":{"A":{"base":null,"local":"63616e6172792d31"}},"since":5}]"#
    );
    let written = String::from_utf8_lossy(&state.encode()).into_owned();
    assert!(written.starts_with(text), "{written}");
}

#[test]
fn a_record_of_before_addresses_were_told_apart_is_configured_as_it_answered() {
    let text = concat!(
        r#"{"format":1,"kind":"state","body":{"record":{"environment":"dev","address":{"kind":"age","scope":".envsync","#,
        r#""location":"dev"},"entry_digest":"d","base":{},"agreed_at":1,"in_tree_version":null},"parked":[],"#,
        r#""accepted_code":[]}}"#
    );
    let record = FileState::decode(text.as_bytes()).expect("an older record").record.expect("a record");
    assert_eq!(record.configured, record.address);
}
