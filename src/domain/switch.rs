//! Changing the environment an env file holds: what is parked of the old one, what the file gets of the new one.

use super::environment::{EnvironmentName, Timestamp};
use super::key::Key;
use super::merge::{self, KeyState, Sides};
use super::overlay::Effective;
use super::plan::CodeKeys;
use super::record::{Parked, ParkedChange, Values};
use super::secret::SecretValue;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a key that is missing from the env file was deleted by somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It was.
    Deleted,
    /// It cannot be told: lines that cannot be read, no file, a file without any assignment.
    Doubtful,
}

/// The unpushed changes of the environment that leaves the file; none where there are none.
#[must_use]
pub fn park(
    environment: &EnvironmentName,
    local: &Values,
    base: &Values,
    missing: Missing,
    now: Timestamp,
) -> Option<Parked> {
    let keys: BTreeSet<&Key> = local.keys().chain(base.keys()).collect();
    let changes: BTreeMap<Key, ParkedChange> = keys
        .into_iter()
        .filter(|key| local.get(key) != base.get(key))
        .filter(|key| local.contains_key(key) || missing == Missing::Deleted)
        .map(|key| (key.clone(), ParkedChange { base: base.get(key).cloned(), local: local.get(key).cloned() }))
        .collect();
    (!changes.is_empty()).then(|| Parked { environment: environment.clone(), changes, since: now })
}

/// What an env file gets when an environment comes into it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filled {
    /// The values the file gets.
    pub values: Values,
    /// The bases to record.
    pub base: Values,
    /// Keys that stay out because they make programs load code.
    pub held_back: Vec<Key>,
}

/// The environment's values with its parked changes merged back by their own bases. Where one conflicts the file gets the
/// parked value and keeps its old base: the conflict stays listed.
#[must_use]
pub fn fill(remote: &Effective, parked: Option<&Parked>, file: &Values, code_keys: &CodeKeys) -> Filled {
    let mut filled = Filled::default();
    let none = BTreeMap::new();
    let changes = parked.map_or(&none, |parked| &parked.changes);
    let keys: BTreeSet<&Key> = remote.entries.keys().chain(changes.keys()).collect();
    for key in keys {
        let theirs = remote.get(key);
        let (value, base) = match changes.get(key) {
            None => (theirs, theirs),
            Some(change) if remote.is_unknown_to(key, change.base.as_ref()) => {
                (change.local.as_ref(), change.base.as_ref())
            }
            Some(change) => merge_back(change, theirs),
        };
        let parked_value = changes.get(key).and_then(|change| change.local.as_ref());
        if value != parked_value && holds_back(key, value, file, code_keys) {
            filled.held_back.push(key.clone());
            continue;
        }
        insert(&mut filled.values, key, value);
        insert(&mut filled.base, key, base);
    }
    filled
}

fn merge_back<'a>(
    change: &'a ParkedChange,
    remote: Option<&'a SecretValue>,
) -> (Option<&'a SecretValue>, Option<&'a SecretValue>) {
    let (base, local) = (change.base.as_ref(), change.local.as_ref());
    match merge::compare(Sides { base, local, remote }) {
        state if state.is_remote() => (remote, remote),
        KeyState::Converged => (local, remote),
        _ => (local, base),
    }
}

fn holds_back(key: &Key, value: Option<&SecretValue>, file: &Values, code_keys: &CodeKeys) -> bool {
    match code_keys {
        CodeKeys::Accepted => false,
        CodeKeys::HeldBack(accepted) => {
            key.loads_code() && value.is_some() && file.get(key) != value && accepted.get(key) != value
        }
    }
}

fn insert(values: &mut Values, key: &Key, value: Option<&SecretValue>) {
    if let Some(value) = value {
        values.insert(key.clone(), value.clone());
    }
}

/// Adds changes to those already parked for the same environment; the newer ones win, with the older bases.
#[must_use]
pub fn merge_parked(older: Option<&Parked>, newer: Parked) -> Parked {
    let Some(older) = older else { return newer };
    let mut merged = newer;
    for (key, change) in &older.changes {
        merged
            .changes
            .entry(key.clone())
            .and_modify(|newer| newer.base.clone_from(&change.base))
            .or_insert_with(|| change.clone());
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::overlay::EffectiveEntry;
    use proptest::prelude::*;

    fn key(name: &str) -> Key {
        Key::new(name).expect("a key")
    }

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(k, v)| (key(k), SecretValue::from(*v))).collect()
    }

    fn effective(pairs: &[(&str, &str)]) -> Effective {
        let entries = pairs
            .iter()
            .map(|(k, v)| (key(k), EffectiveEntry { value: SecretValue::from(*v), inherited_from: None }))
            .collect();
        Effective { entries, unknown: BTreeMap::new(), held: true }
    }

    fn parked(local: &Values, base: &Values) -> Option<Parked> {
        park(&EnvironmentName::new("e"), local, base, Missing::Deleted, Timestamp(1))
    }

    #[test]
    fn unpushed_changes_are_parked_with_their_bases() {
        let parked = parked(&values(&[("A", "new"), ("C", "c")]), &values(&[("A", "old"), ("B", "b"), ("C", "c")]))
            .expect("changes");
        assert_eq!(parked.changes.len(), 2);
        assert_eq!(parked.changes[&key("A")].base, Some("old".into()));
        assert_eq!(parked.changes[&key("A")].local, Some("new".into()));
        assert_eq!(parked.changes[&key("B")].local, None);
    }

    #[test]
    fn no_deletion_is_parked_while_the_file_has_lines_that_cannot_be_read() {
        let e = EnvironmentName::new("e");
        let parked = park(&e, &values(&[]), &values(&[("A", "a")]), Missing::Doubtful, Timestamp(1));
        assert_eq!(parked, None);
    }

    #[test]
    fn where_a_parked_change_conflicts_the_file_gets_the_parked_value_and_the_conflict_stays_listed() {
        let parked = parked(&values(&[("A", "mine")]), &values(&[("A", "old")]));
        let filled = fill(&effective(&[("A", "theirs")]), parked.as_ref(), &values(&[]), &CodeKeys::Accepted);
        assert_eq!(filled.values, values(&[("A", "mine")]));
        assert_eq!(filled.base, values(&[("A", "old")]));
    }

    #[test]
    fn a_hook_leaves_new_keys_that_load_code_out() {
        let remote = effective(&[("NODE_OPTIONS", "--require x"), ("A", "a")]);
        let filled = fill(&remote, None, &values(&[]), &CodeKeys::HeldBack(values(&[])));
        assert_eq!(filled.values, values(&[("A", "a")]));
        assert_eq!(filled.base, values(&[("A", "a")]), "it stays an addition of the store");
        assert_eq!(filled.held_back, [key("NODE_OPTIONS")]);
        let accepted = CodeKeys::HeldBack(values(&[("NODE_OPTIONS", "--require x")]));
        assert!(fill(&remote, None, &values(&[]), &accepted).held_back.is_empty());
    }

    fn some_values() -> impl Strategy<Value = Values> {
        prop::collection::btree_map("[A-E]".prop_map(|name| key(&name)), "[xyz]".prop_map(SecretValue::new), 0..5)
    }

    proptest! {
        #[test]
        fn leaving_and_coming_back_to_an_unchanged_store_restores_the_file_and_its_changes(
            local in some_values(), base in some_values()
        ) {
            let pairs: Vec<(&str, &str)> = base.iter().map(|(k, v)| (k.as_str(), v.expose())).collect();
            let filled = fill(&effective(&pairs), parked(&local, &base).as_ref(), &values(&[]), &CodeKeys::Accepted);
            prop_assert_eq!(filled.values, local);
            prop_assert_eq!(filled.base, base);
        }

        #[test]
        fn no_parked_value_is_ever_dropped(local in some_values(), base in some_values(), remote in some_values()) {
            let pairs: Vec<(&str, &str)> = remote.iter().map(|(k, v)| (k.as_str(), v.expose())).collect();
            let parked = parked(&local, &base);
            let filled = fill(&effective(&pairs), parked.as_ref(), &values(&[]), &CodeKeys::Accepted);
            for (key, change) in parked.into_iter().flat_map(|parked| parked.changes) {
                if let Some(value) = change.local {
                    prop_assert_eq!(filled.values.get(&key), Some(&value));
                }
            }
        }
    }
}
