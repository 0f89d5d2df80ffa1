//! Taking back what was done to an env file.

use super::key::Key;
use super::record::{UndoChange, Values};
use super::secret::SecretValue;
use std::collections::BTreeMap;

/// What taking changes back would do to the values as they are now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TakeBack {
    /// The values to restore; none removes the key.
    pub restore: BTreeMap<Key, Option<SecretValue>>,
    /// Keys that were edited since: they are left alone.
    pub edited_since: Vec<Key>,
}

/// Decides what to restore. Bases are never restored: what comes back is an unpushed change.
#[must_use]
pub fn take_back(changes: &BTreeMap<Key, UndoChange>, now: &Values) -> TakeBack {
    let mut plan = TakeBack::default();
    for (key, change) in changes {
        let current = now.get(key);
        if current == change.before.as_ref() {
            continue;
        }
        if current == change.after.as_ref() {
            plan.restore.insert(key.clone(), change.before.clone());
        } else {
            plan.edited_since.push(key.clone());
        }
    }
    plan
}

/// The changes from one set of values to another, as an undo entry keeps them.
#[must_use]
pub fn changes(before: &Values, after: &Values) -> BTreeMap<Key, UndoChange> {
    before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(key) != after.get(key))
        .map(|key| (key.clone(), UndoChange { before: before.get(key).cloned(), after: after.get(key).cloned() }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(k, v)| (Key::new(*k).expect("a key"), SecretValue::from(*v))).collect()
    }

    #[test]
    fn what_was_done_is_taken_back() {
        let (before, after) = (values(&[("A", "1"), ("B", "2")]), values(&[("A", "9"), ("C", "3")]));
        let plan = take_back(&changes(&before, &after), &after);
        assert!(plan.edited_since.is_empty());
        let mut now = after;
        for (key, value) in plan.restore {
            match value {
                Some(value) => now.insert(key, value),
                None => now.remove(&key),
            };
        }
        assert_eq!(now, before);
    }

    #[test]
    fn a_key_edited_since_is_left_alone() {
        let plan = take_back(&changes(&values(&[("A", "1")]), &values(&[("A", "2")])), &values(&[("A", "3")]));
        assert!(plan.restore.is_empty());
        assert_eq!(plan.edited_since.len(), 1);
    }
}
