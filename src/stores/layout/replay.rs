//! What the versions of a payload come to when no writer had run over another. Pure.
//!
//! Where a store does not refuse a write on a stale version, its versions are a series in which some replace others
//! unseen. What a writer meant is the difference to the version it started from, and that is not told: it is taken to
//! be the one it differs least from. A part that was changed after that version is not changed again: the first writer
//! was told "done". Everybody who looks at the same versions comes to the same state, so that those who mend a race
//! agree, in whatever order they come.
//!
//! It is a reading, not knowledge. It is mistaken where somebody sets a part to exactly what it was a moment before, or
//! starts from a change that is then put back as the later one of two; both only while others race.

use crate::domain::environment::Timestamp;
use std::collections::BTreeMap;

/// How long a command has at most, in seconds: who started from a version did so before the next one was made.
const LONGEST_COMMAND: u64 = 120;

/// What one writer can change and another leave.
pub(super) type Parts<V> = BTreeMap<String, V>;

/// One version, with what is known of it.
#[derive(Debug)]
pub(super) struct Version<'a, V> {
    pub(super) parts: &'a Parts<V>,
    pub(super) created: Option<Timestamp>,
    /// The place of the version it started from, where that is known: our own writes.
    pub(super) from: Option<usize>,
}

/// The state after all `versions` (oldest first), by somebody who started from the one at `start`.
pub(super) fn replayed<V: Clone + PartialEq>(versions: &[Version<'_, V>], start: usize) -> Parts<V> {
    let mut state = versions[start].parts.clone();
    let mut changed_at: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, version) in versions.iter().enumerate().skip(start + 1) {
        let from = version.from.unwrap_or_else(|| likely_start(versions, start, at));
        let old = versions[from].parts;
        for (name, value) in changes(old, version.parts) {
            let since = changed_at.get(name).copied().unwrap_or(start);
            // A start before ours has heard of what is the same there.
            let heard = since <= from || (since == start && versions[start].parts.get(name) == old.get(name));
            if state.get(name) == value || !heard {
                continue;
            }
            match value {
                Some(value) => drop(state.insert(name.to_owned(), value.clone())),
                None => drop(state.remove(name)),
            }
            changed_at.insert(name, at);
        }
    }
    state
}

/// The parts that differ, as they are in the newer one.
pub(super) fn changes<'a, V: PartialEq>(
    older: &'a Parts<V>,
    newer: &'a Parts<V>,
) -> impl Iterator<Item = (&'a str, Option<&'a V>)> {
    let gone = older.keys().filter(|name| !newer.contains_key(*name)).map(|name| (name.as_str(), None));
    let other = newer.iter().filter(|(name, value)| older.get(*name) != Some(*value));
    gone.chain(other.map(|(name, value)| (name.as_str(), Some(value))))
}

/// The version that the one `at` loses least of, and of these the one it differs least from. What was there and is as it
/// was before that is lost, not changed: its writer has not heard of it. Of several: where everybody started who raced,
/// else the newest. One from before `start` has to be better than those since.
fn likely_start<V: PartialEq>(versions: &[Version<'_, V>], start: usize, at: usize) -> usize {
    let before = at - 1;
    let possible = |place: usize| {
        let (Some(replaced), Some(made)) = (versions[place + 1].created, versions[at].created) else { return true };
        place == before || replaced.0.saturating_add(LONGEST_COMMAND) >= made.0
    };
    let mut first_seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut cost = |place: usize| {
        let (mut losses, mut differences) = (0, 0);
        for (name, value) in changes(versions[place].parts, versions[at].parts) {
            differences += 1;
            let first = first_seen
                .entry(name)
                .or_insert_with(|| versions.iter().position(|version| version.parts.get(name) == value).unwrap_or(at));
            if versions[place].parts.contains_key(name) && *first < place {
                losses += 1;
            }
        }
        (losses, differences)
    };
    let mut best = (cost(before), before);
    if best.0.1 == 0 {
        return before;
    }
    for place in (0..before).rev().filter(|place| possible(*place)) {
        let cost = cost(place);
        // Nobody writes what he started from: that is something put back.
        if cost.1 > 0 && (cost < best.0 || (cost == best.0 && place == start)) {
            best = (cost, place);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `A1 B2` has two parts.
    fn parts(text: &str) -> Parts<String> {
        text.split_whitespace().map(|part| (part[..1].to_owned(), part[1..].to_owned())).collect()
    }

    /// What a series of versions comes to for somebody who started from the one at `start`.
    fn replay_from(start: usize, series: &[&str]) -> String {
        replay_timed(start, &series.iter().map(|text| (*text, 0)).collect::<Vec<_>>())
    }

    fn replay_timed(start: usize, series: &[(&str, u64)]) -> String {
        let all: Vec<Parts<String>> = series.iter().map(|(text, _)| parts(text)).collect();
        let mut versions: Vec<Version<'_, String>> = Vec::new();
        for (parts, (_, created)) in all.iter().zip(series) {
            versions.push(Version { parts, created: Some(Timestamp(*created)), from: None });
        }
        replayed(&versions, start).into_iter().map(|(name, value)| name + &value).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn changes_of_different_parts_are_all_there() {
        assert_eq!(replay_from(0, &["", "A1", "B1", "C1"]), "A1 B1 C1");
        assert_eq!(replay_from(0, &["A0 Z0", "A1 Z0", "A0", "A0 Z0 C1"]), "A1 C1");
    }

    #[test]
    fn of_several_who_change_one_part_the_first_stays() {
        assert_eq!(replay_from(0, &["N0", "N1", "N2", "N3"]), "N1");
        assert_eq!(replay_from(0, &["N0", "N1", "N2", "N1", "N3", "N2"]), "N1");
        assert_eq!(replay_from(0, &["N0 A0", "N1 A0", "N2 A1"]), "A1 N1");
    }

    #[test]
    fn a_writer_who_started_earlier_than_we_removes_nothing() {
        // B started from the first one, as A did; ours, D, from the second.
        assert_eq!(replay_from(1, &["", "A1", "B1", "A1 D1"]), "A1 B1 D1");
        assert_eq!(replay_from(1, &["X0", "X1", "X0 B1", "X1 D1"]), "B1 D1 X1");
    }

    #[test]
    fn changes_in_a_row_are_no_race() {
        assert_eq!(replay_from(0, &["A0 B0", "A1 B0", "A1 B1", "A1 B2", "A1"]), "A1");
        // Nobody who wrote ten minutes later can have started from the first one.
        assert_eq!(replay_timed(0, &[("N0", 0), ("N1", 1000), ("N2", 1600)]), "N2");
    }

    #[test]
    fn who_puts_others_together_removes_nothing_he_has_not_heard_of() {
        // The last one started from the third, and brings A back; K came in between.
        assert_eq!(replay_from(0, &["", "A1", "B1", "B1 K1", "A1 B1 K1", "A1 B1 M1"]), "A1 B1 K1 M1");
    }

    #[test]
    fn what_is_put_back_counts() {
        assert_eq!(replay_from(1, &["N1", "N2", "N1"]), "N1");
    }

    #[test]
    fn where_a_write_of_ours_started_is_known() {
        let all = [parts("A0"), parts("A1"), parts("A2")];
        let version = |at: usize, from| Version { parts: &all[at], created: None, from };
        assert_eq!(replayed(&[version(0, None), version(1, None), version(2, Some(1))], 0), parts("A2"));
        assert_eq!(replayed(&[version(0, None), version(1, None), version(2, Some(0))], 0), parts("A1"));
    }
}
