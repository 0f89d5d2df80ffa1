//! An environment over the ones it extends.

use super::environment::EnvironmentName;
use super::key::Key;
use super::record::Values;
use super::secret::SecretValue;
use super::snapshot::{Presence, RemoteState, UnknownReason};
use std::collections::BTreeMap;

/// What an environment offers in the end: its own keys, and those it lacks from the ones below.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effective {
    /// Readable keys.
    pub entries: BTreeMap<Key, EffectiveEntry>,
    /// What is there and could not be read, by name.
    pub unknown: BTreeMap<String, UnknownReason>,
    /// Whether any of the environments is held by its store.
    pub held: bool,
}

/// One key of an [`Effective`].
#[derive(Debug, Clone, PartialEq)]
pub struct EffectiveEntry {
    /// Its value.
    pub value: SecretValue,
    /// The environment below it comes from; none for a key of the environment itself.
    pub inherited_from: Option<EnvironmentName>,
}

impl Effective {
    /// Lays `upper` over the environments below, nearest first. A key that cannot be read in one environment is unknown,
    /// whatever lies below: it may be an override. One that is scheduled for deletion is on its way out: what lies below
    /// is there too, see [`Effective::is_unknown_to`].
    #[must_use]
    pub fn of(upper: &RemoteState, below: &[(EnvironmentName, &RemoteState)]) -> Self {
        let mut effective = Self::default();
        effective.lay_under(upper, None);
        for (name, state) in below {
            effective.lay_under(state, Some(name));
        }
        effective
    }

    fn lay_under(&mut self, state: &RemoteState, inherited_from: Option<&EnvironmentName>) {
        self.held |= state.presence == Presence::Held;
        for (key, value) in &state.entries {
            if self.unknown.get(key.as_str()).is_none_or(|reason| *reason == UnknownReason::PendingDeletion) {
                self.entries.entry(key.clone()).or_insert_with(|| EffectiveEntry {
                    value: value.clone(),
                    inherited_from: inherited_from.cloned(),
                });
            }
        }
        for (name, reason) in &state.unknown {
            let overridden = Key::new(name.as_str()).is_ok_and(|key| self.entries.contains_key(&key));
            if !overridden || inherited_from.is_none() {
                let known = self.unknown.entry(name.clone()).or_insert(*reason);
                if *known == UnknownReason::PendingDeletion {
                    *known = *reason;
                }
            }
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&SecretValue> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// The values of all keys.
    #[must_use]
    pub fn values(&self) -> Values {
        self.entries.iter().map(|(key, entry)| (key.clone(), entry.value.clone())).collect()
    }

    /// Whether `key` is there but could not be read.
    #[must_use]
    pub fn is_unknown(&self, key: &Key) -> bool {
        self.unknown.contains_key(key.as_str())
    }

    /// Whether `key` is there but could not be read, for somebody who agreed on `base` last. A key that is scheduled for
    /// deletion is not, where nothing was agreed, or what the environments below offer: it has left already.
    #[must_use]
    pub fn is_unknown_to(&self, key: &Key, base: Option<&SecretValue>) -> bool {
        match self.unknown.get(key.as_str()) {
            Some(UnknownReason::PendingDeletion) => base.is_some() && base != self.get(key),
            reason => reason.is_some(),
        }
    }

    /// The environment below that `key` comes from.
    #[must_use]
    pub fn origin(&self, key: &Key) -> Option<&EnvironmentName> {
        self.entries.get(key).and_then(|entry| entry.inherited_from.as_ref())
    }

    /// Whether it has any key, readable or not.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.entries.is_empty() || !self.unknown.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::environment::{Address, Location, StoreKind, Timestamp};

    fn state(entries: &[(&str, &str)], unknown: &[&str]) -> RemoteState {
        let address = Address { kind: StoreKind::Memory, scope: String::new(), location: Location::new("x") };
        let mut state = RemoteState::absent(address, Timestamp(1));
        state.presence = Presence::Held;
        state.entries = entries.iter().map(|(k, v)| (Key::new(*k).expect("a key"), SecretValue::from(*v))).collect();
        state.unknown = unknown.iter().map(|name| ((*name).to_owned(), UnknownReason::Denied)).collect();
        state
    }

    #[test]
    fn keys_the_environment_lacks_are_read_from_the_one_below() {
        let below = state(&[("A", "below"), ("B", "below")], &[]);
        let name = EnvironmentName::new("development");
        let effective = Effective::of(&state(&[("A", "own")], &[]), &[(name.clone(), &below)]);
        let key = |name: &str| Key::new(name).expect("a key");
        assert_eq!(effective.get(&key("A")), Some(&SecretValue::from("own")));
        assert_eq!(effective.origin(&key("A")), None);
        assert_eq!(effective.get(&key("B")), Some(&SecretValue::from("below")));
        assert_eq!(effective.origin(&key("B")), Some(&name));
    }

    #[test]
    fn an_unreadable_override_hides_the_value_below() {
        let below = state(&[("A", "below")], &[]);
        let effective = Effective::of(&state(&[], &["A"]), &[(EnvironmentName::new("development"), &below)]);
        assert!(effective.is_unknown(&Key::new("A").expect("a key")));
        assert_eq!(effective.get(&Key::new("A").expect("a key")), None);
    }

    #[test]
    fn an_override_on_its_way_out_hides_the_value_below_only_from_those_who_agreed_on_it() {
        let mut upper = state(&[], &["A"]);
        upper.unknown.insert("A".to_owned(), UnknownReason::PendingDeletion);
        let below = state(&[("A", "below")], &[]);
        let effective = Effective::of(&upper, &[(EnvironmentName::new("development"), &below)]);
        let key = Key::new("A").expect("a key");
        assert_eq!(effective.get(&key), Some(&SecretValue::from("below")));
        assert!(!effective.is_unknown_to(&key, None));
        assert!(!effective.is_unknown_to(&key, Some(&SecretValue::from("below"))));
        assert!(effective.is_unknown_to(&key, Some(&SecretValue::from("override"))));
        let effective = Effective::of(&upper, &[(EnvironmentName::new("development"), &state(&[], &["A"]))]);
        assert!(effective.is_unknown_to(&key, None), "what lies below cannot be read either");
    }

    #[test]
    fn an_unreadable_key_below_does_not_hide_an_override() {
        let below = state(&[], &["A"]);
        let effective = Effective::of(&state(&[("A", "own")], &[]), &[(EnvironmentName::new("development"), &below)]);
        assert!(!effective.is_unknown(&Key::new("A").expect("a key")));
        assert_eq!(effective.get(&Key::new("A").expect("a key")), Some(&SecretValue::from("own")));
    }
}
