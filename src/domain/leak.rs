//! Looking for secret values in text that is about to be published.

use super::environment::EnvironmentName;
use super::key::Key;
use super::secret::SecretValue;
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// A value shorter than this many characters is no leak: it would be found everywhere.
pub const SHORTEST: usize = 8;

/// Finds the values of environments in lines of text.
#[derive(Debug)]
pub struct LeakFinder {
    automaton: Option<AhoCorasick>,
    owners: Vec<(EnvironmentName, Key)>,
}

impl LeakFinder {
    /// Looks for `values`, except those that stand in the example file (`public`).
    ///
    /// A value of several lines is looked for line by line; lines that frame a PEM block are no secret.
    #[must_use]
    pub fn new(values: &[(EnvironmentName, Key, SecretValue)], public: &BTreeSet<String>) -> Self {
        let mut owners = Vec::new();
        let mut needles: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        for (environment, key, value) in values {
            if public.contains(value.expose()) {
                continue;
            }
            for line in value.expose().lines().map(str::trim) {
                if line.chars().count() >= SHORTEST && !line.starts_with("-----") && !public.contains(line) {
                    needles.push(Zeroizing::new(line.as_bytes().to_vec()));
                    owners.push((environment.clone(), key.clone()));
                }
            }
        }
        let automaton = (!needles.is_empty())
            .then(|| {
                let patterns = needles.iter().map(|needle| needle.as_slice());
                AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns).ok()
            })
            .flatten();
        Self { automaton, owners }
    }

    /// Whether there is anything to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.automaton.is_none()
    }

    /// The keys whose values stand in `text`, with the position of each.
    #[must_use]
    pub fn find(&self, text: &[u8]) -> BTreeMap<(EnvironmentName, Key), usize> {
        let mut found = BTreeMap::new();
        for hit in self.automaton.iter().flat_map(|automaton| automaton.find_overlapping_iter(text)) {
            found.entry(self.owners[hit.pattern().as_usize()].clone()).or_insert(hit.start());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finder(pairs: &[(&str, &str)], public: &[&str]) -> LeakFinder {
        let values: Vec<_> = pairs
            .iter()
            .map(|(k, v)| (EnvironmentName::new("e"), Key::new(*k).expect("a key"), SecretValue::from(*v)))
            .collect();
        LeakFinder::new(&values, &public.iter().map(|v| (*v).to_owned()).collect())
    }

    fn found(finder: &LeakFinder, text: &str) -> Vec<String> {
        finder.find(text.as_bytes()).into_keys().map(|(_, key)| key.to_string()).collect()
    }

    #[test]
    fn a_value_of_eight_characters_is_a_leak_and_one_of_seven_is_none() {
        let finder = finder(&[("LONG", "canary-8"), ("SHORT", "canary7")], &[]);
        assert_eq!(found(&finder, "x = 'canary-8'; y = canary7"), ["LONG"]);
    }

    #[test]
    fn a_value_that_stands_in_the_example_file_is_no_leak() {
        assert!(finder(&[("URL", "http://localhost")], &["http://localhost"]).is_empty());
    }

    #[test]
    fn a_line_of_a_pem_block_is_a_leak_and_its_frame_is_none() {
        let pem = "-----BEGIN KEY-----\ncanaryBase64Line\n-----END KEY-----";
        let finder = finder(&[("KEY", pem)], &[]);
        assert_eq!(found(&finder, "  canaryBase64Line"), ["KEY"]);
        assert!(found(&finder, "-----BEGIN KEY-----").is_empty());
    }

    #[test]
    fn values_inside_other_values_are_found_too() {
        let finder = finder(&[("PASSWORD", "canary-password"), ("URL", "db://canary-password@host")], &[]);
        assert_eq!(found(&finder, "db://canary-password@host"), ["PASSWORD", "URL"]);
    }
}
