//! Many edits at once: one pass over the spans and one look at the result, where key by key would read the whole file
//! again for each.
//!
//! It also puts lines back: a key that comes in again stands where it stood when the file was seen last, spelled as it
//! was, with the comment behind it.

use super::edit::{concatenated, export, line_break};
use super::quote;
use super::scan::{BYTE_ORDER_MARK, Span, SpanKind};
use super::{Assignment, Document};
use crate::domain::key::Key;
use crate::domain::secret::SecretValue;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

type Values = BTreeMap<Key, SecretValue>;

/// Lines that come in, by the number of lines of the file that stand before them.
type Incoming = BTreeMap<usize, Vec<Zeroizing<Vec<u8>>>>;

/// `before` with `values`, without the keys in `gone`, and with the look of `earlier` for what comes back. None where
/// an edit disturbs another line: open quotes have to be gone about one by one.
pub(super) fn edited(
    before: &Document,
    values: &Values,
    gone: &BTreeSet<Key>,
    earlier: Option<&Document>,
) -> Option<Document> {
    let after = Batch::new(before, values, gone, earlier).document();
    let mut expected = before.values();
    expected.retain(|key, _| !gone.contains(key));
    expected.extend(values.iter().map(|(key, value)| (key.clone(), value.clone())));
    let undisturbed = after.values() == expected
        && unreadable(before) == unreadable(&after)
        && after.marked_local().iter().all(|key| before.marked_local().contains(key));
    undisturbed.then_some(after)
}

fn unreadable(document: &Document) -> Vec<&[u8]> {
    let spans = document.spans.iter().filter(|span| matches!(span.kind, SpanKind::Unreadable(_)));
    spans.map(|span| content(document, span)).collect()
}

/// A span without its line break.
fn content<'a>(document: &'a Document, span: &Span) -> &'a [u8] {
    let bytes = &document.bytes[span.range.clone()];
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// What makes two lines the same line of a file, whatever value it has.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'a> {
    Assigns(&'a str),
    Reads(&'a [u8]),
}

fn identities(document: &Document) -> Vec<Identity<'_>> {
    let lines = document.spans.iter().map(|span| match &span.kind {
        SpanKind::Assignment(assignment) => Identity::Assigns(assignment.key.as_str()),
        _ => Identity::Reads(content(document, span)),
    });
    lines.collect()
}

struct Batch<'a> {
    before: &'a Document,
    values: &'a Values,
    gone: &'a BTreeSet<Key>,
    earlier: Option<&'a Document>,
    last: BTreeMap<&'a Key, usize>,
}

impl<'a> Batch<'a> {
    fn new(before: &'a Document, values: &'a Values, gone: &'a BTreeSet<Key>, earlier: Option<&'a Document>) -> Self {
        Self { before, values, gone, earlier, last: last_places(before) }
    }

    fn document(&self) -> Document {
        let (coming_back, new) = self.incoming();
        let manner = line_break(self.before.as_bytes()).as_str();
        let mut lines: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        let mut mark: &[u8] = b"";
        lines.extend(coming_back.get(&0).into_iter().flatten().cloned());
        for (place, span) in self.before.spans.iter().enumerate() {
            match &span.kind {
                SpanKind::ByteOrderMark => mark = BYTE_ORDER_MARK,
                SpanKind::Assignment(assignment) if self.gone.contains(&assignment.key) => {}
                SpanKind::Assignment(assignment) => lines.push(self.line(place, span, assignment)),
                _ => lines.push(Zeroizing::new(self.before.bytes[span.range.clone()].to_vec())),
            }
            lines.extend(coming_back.get(&(place + 1)).into_iter().flatten().cloned());
        }
        let export = export(self.before);
        for key in new {
            let spelling = self.spelling(key, &self.values[key]);
            lines.push(concatenated(&[format!("{export}{key}=").as_bytes(), &spelling]));
        }
        Document::from_bytes(self.joined(mark, &lines, manner))
    }

    /// Lines with a break between any two, and behind the last where the file had one there.
    fn joined(&self, mark: &[u8], lines: &[Zeroizing<Vec<u8>>], manner: &str) -> Zeroizing<Vec<u8>> {
        let ends = |bytes: &[u8]| matches!(bytes.last(), Some(b'\n' | b'\r'));
        let manner_of_the_end = if self.before.bytes.len() > mark.len() { Some(self.before) } else { self.earlier };
        let ends_line = manner_of_the_end.is_none_or(|document| ends(&document.bytes));
        let mut pieces: Vec<&[u8]> = vec![mark];
        for (place, line) in lines.iter().enumerate() {
            let is_last = place + 1 == lines.len();
            if is_last && !ends_line {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                pieces.push(line.strip_suffix(b"\r").unwrap_or(line));
                continue;
            }
            pieces.push(line);
            if !ends(line) {
                pieces.push(manner.as_bytes());
            }
        }
        concatenated(&pieces)
    }

    /// A line that stays, with the new value where it is the one that counts.
    fn line(&self, place: usize, span: &Span, assignment: &Assignment) -> Zeroizing<Vec<u8>> {
        let bytes = &self.before.bytes;
        match self.values.get(&assignment.key) {
            Some(value) if self.last[&assignment.key] == place && *value != assignment.value => {
                respelled(self.before, span, assignment, &self.spelling(&assignment.key, value))
            }
            _ => Zeroizing::new(bytes[span.range.clone()].to_vec()),
        }
    }

    /// As it was spelled when it had this value last, else the plainest way.
    fn spelling(&self, key: &Key, value: &SecretValue) -> Zeroizing<Vec<u8>> {
        if let Some(earlier) = self.earlier
            && let Some((_, assignment)) = earlier.last(key).filter(|(_, assignment)| assignment.value == *value)
        {
            return Zeroizing::new(earlier.bytes[assignment.spelling.clone()].to_vec());
        }
        let spellings = quote::spellings(value, line_break(self.before.as_bytes()));
        let plainest = spellings.first().expect("every value has a spelling in double quotes");
        Zeroizing::new(plainest.text().as_bytes().to_vec())
    }

    /// The keys the file lacks: those that stood in it earlier, by the place they go to, and the others, for the end.
    fn incoming(&self) -> (Incoming, Vec<&'a Key>) {
        let mut missing: BTreeSet<&Key> = self.values.keys().filter(|key| !self.last.contains_key(key)).collect();
        let mut coming_back = Incoming::new();
        if let Some(earlier) = self.earlier.filter(|_| !missing.is_empty()) {
            let places = places_now(earlier, self.before);
            let (last, local) = (last_places(earlier), earlier.marked_local());
            let first = usize::from(self.before.bytes.starts_with(BYTE_ORDER_MARK));
            let mut behind = first;
            for (place, span) in earlier.spans.iter().enumerate() {
                behind = places[place].map_or(behind, |now| now + 1).max(first);
                let SpanKind::Assignment(assignment) = &span.kind else { continue };
                let key = &assignment.key;
                if last[key] == place && !local.contains(key) && missing.remove(key) {
                    let spelling = self.spelling(key, &self.values[key]);
                    coming_back.entry(behind).or_default().push(respelled(earlier, span, assignment, &spelling));
                }
            }
        }
        (coming_back, self.values.keys().filter(|key| missing.contains(key)).collect())
    }
}

fn last_places(document: &Document) -> BTreeMap<&Key, usize> {
    let assigned = document.spans.iter().enumerate().filter_map(|(place, span)| match &span.kind {
        SpanKind::Assignment(assignment) => Some((&assignment.key, place)),
        _ => None,
    });
    assigned.collect()
}

/// For every line of `earlier`, the place where it stands in `now`; none where it is gone.
fn places_now(earlier: &Document, now: &Document) -> Vec<Option<usize>> {
    let mut places = vec![None; earlier.spans.len()];
    for part in capture_diff_slices(Algorithm::Myers, &identities(earlier), &identities(now)) {
        if let DiffOp::Equal { old_index, new_index, len } = part {
            for step in 0..len {
                places[old_index + step] = Some(new_index + step);
            }
        }
    }
    places
}

fn respelled(document: &Document, span: &Span, assignment: &Assignment, spelling: &[u8]) -> Zeroizing<Vec<u8>> {
    let bytes = &document.bytes;
    concatenated(&[
        &bytes[span.range.start..assignment.spelling.start],
        spelling,
        &bytes[assignment.spelling.end..span.range.end],
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(name: &str) -> Key {
        Key::new(name).expect("a key")
    }

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| (key(name), SecretValue::from(*value))).collect()
    }

    fn update(before: &str, change: &[(&str, &str)], gone: &[&str], earlier: &str) -> String {
        let earlier = Document::parse(earlier.as_bytes());
        let mut document = Document::parse(before.as_bytes());
        document.update(&values(change), &gone.iter().map(|name| key(name)).collect(), Some(&earlier));
        String::from_utf8(document.as_bytes().to_vec()).expect("text")
    }

    #[test]
    fn a_key_comes_back_behind_the_line_it_stood_behind_with_its_comment_and_quotes() {
        let earlier = "# a\nA=\"x\" # first\n\n# b\nB=y\n";
        assert_eq!(update("# a\n\n# b\nC=z\n", &[("A", "x"), ("B", "y")], &["C"], earlier), earlier);
        assert_eq!(update("# a\n# new\n# b\n", &[("A", "other")], &[], earlier), "# a\nA=other # first\n# new\n# b\n");
    }

    #[test]
    fn the_end_of_the_file_keeps_its_manner() {
        assert_eq!(update("A=1\nB=2", &[("C", "3")], &["B"], ""), "A=1\nC=3");
        assert_eq!(update("A=1\r\n", &[("C", "3")], &[], ""), "A=1\r\nC=3\r\n");
        assert_eq!(update("\u{feff}A=1\n", &[("B", "2")], &["A"], "\u{feff}B=2\nA=1\n"), "\u{feff}B=2\n");
    }

    #[test]
    fn an_open_quote_that_would_swallow_a_line_is_gone_about_one_by_one() {
        let after = update("X='open\nA=1\n", &[("A", "it's"), ("B", "isn't")], &[], "");
        let read = Document::parse(after.as_bytes());
        assert_eq!(read.values(), values(&[("A", "it's"), ("B", "isn't")]));
        assert_eq!(read.unreadable().len(), 1);
    }

    proptest! {
        #[test]
        fn many_edits_at_once_read_as_the_same_edits_one_by_one(
            source in "([A-C]=|# c|'|\"|\n|x|\r\n| ){0,24}",
            earlier in "([A-D]=|# c|'|\"|\n|x| ){0,24}",
            change in prop::collection::btree_map("[A-E]".prop_map(|name| key(&name)), "[x'\"# \n]{0,3}".prop_map(SecretValue::new), 0..4),
            gone in prop::collection::btree_set("[A-C]".prop_map(|name| key(&name)), 0..3),
        ) {
            let gone: BTreeSet<Key> = gone.into_iter().filter(|key| !change.contains_key(key)).collect();
            let before = Document::parse(source.as_bytes());
            let (mut batch, mut single) = (before.clone(), before);
            batch.update(&change, &gone, Some(&Document::parse(earlier.as_bytes())));
            for key in &gone {
                single.remove(key);
            }
            for (key, value) in &change {
                single.set(key, value);
            }
            prop_assert_eq!(batch.values(), single.values());
        }
    }
}
