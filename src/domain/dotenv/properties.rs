//! What holds for every document, key and value.

use super::scan::{SpanKind, line_end};
use super::{Document, UnreadableLine, from_example, spelling_report};
use crate::domain::key::Key;
use crate::domain::secret::SecretValue;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Text made of what env files are made of, so that quotes meet quotes and breaks meet breaks.
fn text(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(pieces), 0..most).prop_map(|pieces| pieces.concat())
}

fn source() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "A=",
        "B=",
        "C='",
        "D=\"",
        "export ",
        "E = ",
        "=",
        "'",
        "\"",
        "`",
        "\\",
        "\\n",
        "$",
        "${A}",
        "#",
        " # c",
        " ",
        "\t",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "x",
        "word",
        "é",
        "\u{feff}",
        "\u{a0}",
        "\u{2028}",
        "\0",
        "A=1\n",
        "B='two'\n",
        "# comment\n",
        "C=3 # envsync: local\n",
        "bad line\n",
        "F='open\n",
        "G=\"open\n",
        "H=\"say \\\"x\\\"\"\n",
    ];
    prop_oneof![
        6 => text(PIECES, 24).prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..64),
        1 => (text(PIECES, 8), any::<u8>(), text(PIECES, 8))
            .prop_map(|(head, byte, tail)| [head.as_bytes(), &[byte], tail.as_bytes()].concat()),
    ]
}

/// A file that can be read to its last line.
fn readable() -> impl Strategy<Value = Vec<u8>> {
    const LINES: &[&str] = &[
        "",
        "# it's a comment",
        "A=1",
        "A = 'two' # c",
        "B=",
        "export B=\"x\\ny\"",
        "C='1\n2'",
        "C=x#y # envsync: local",
        "F= # c",
        "  G=\"$A\"#c",
    ];
    let line = (proptest::sample::select(LINES), proptest::sample::select(&["\n", "\n", "\r\n"][..]));
    (any::<bool>(), proptest::collection::vec(line, 1..9), any::<bool>()).prop_map(|(mark, lines, complete)| {
        let mut text = if mark { "\u{feff}".to_owned() } else { String::new() };
        let last = lines.len() - 1;
        for (index, (line, line_break)) in lines.into_iter().enumerate() {
            text.push_str(line);
            text.push_str(if index < last || complete { line_break } else { "" });
        }
        text.into_bytes()
    })
}

fn value() -> impl Strategy<Value = SecretValue> {
    const PIECES: &[&str] = &[
        "canary-",
        "'",
        "\"",
        "`",
        "\\",
        "\\n",
        "\\'",
        "$",
        "$HOME",
        "${A}",
        "#",
        " #",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\r",
        "x",
        "é",
        "\u{feff}",
        "\u{a0}",
        "\u{2028}",
        "\u{1c}",
        "\0",
        "=",
        "{\"a\": 1}",
        "A=1",
    ];
    prop_oneof![4 => text(PIECES, 8), 1 => any::<String>()].prop_map(SecretValue::new)
}

fn key() -> impl Strategy<Value = Key> {
    proptest::sample::select(&["A", "B", "C", "F", "NEW", "export", "a.b-c"][..])
        .prop_map(|name| Key::new(name).expect("a key"))
}

fn others(document: &Document, key: &Key) -> Vec<(Key, SecretValue)> {
    let assignments = document.assignments().map(|(_, assignment)| assignment);
    assignments.filter(|other| other.key != *key).map(|other| (other.key.clone(), other.value.clone())).collect()
}

/// The unreadable lines themselves, without line breaks.
fn unreadable(document: &Document) -> Vec<Vec<u8>> {
    let unreadable = document.spans.iter().filter(|span| matches!(span.kind, SpanKind::Unreadable(_)));
    unreadable
        .map(|span| document.bytes[span.range.start..line_end(&document.bytes, span.range.start).0].to_vec())
        .collect()
}

fn reasons(document: &Document) -> Vec<super::UnreadableReason> {
    document.unreadable().iter().map(|line| line.reason).collect()
}

/// Whether `after` is `before` with one stretch replaced by another.
fn only_inserted(before: &[u8], after: &[u8]) -> bool {
    let head = before.iter().zip(after).take_while(|(left, right)| left == right).count();
    before.len() <= after.len() && after.ends_with(&before[head..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn spans_tile_any_source(source in source()) {
        let document = Document::parse(&source);
        let mut end = 0;
        for span in &document.spans {
            prop_assert_eq!(span.range.start, end);
            prop_assert!(span.range.end > span.range.start);
            if let SpanKind::Assignment(assignment) = &span.kind {
                prop_assert!(span.range.start < assignment.spelling.start);
                prop_assert_eq!(assignment.spelling.end, assignment.tail.start);
                prop_assert!(assignment.tail.end <= span.range.end);
            }
            end = span.range.end;
        }
        prop_assert_eq!(end, source.len());
        prop_assert_eq!(document.as_bytes(), source);
    }

    #[test]
    fn an_equal_value_changes_no_byte(source in source()) {
        let mut document = Document::parse(&source);
        for (key, value) in document.values() {
            prop_assert!(!document.set(&key, &value));
        }
        prop_assert_eq!(document.as_bytes(), source);
    }

    #[test]
    fn what_is_set_is_read_and_nothing_else_changes(source in source(), key in key(), value in value()) {
        let before = Document::parse(&source);
        let mut after = before.clone();
        let changed = after.set(&key, &value);
        prop_assert_eq!(changed, before.get(&key).as_ref() != Some(&value));
        let again = Document::parse(after.as_bytes());
        prop_assert_eq!(again.get(&key), Some(value));
        prop_assert_eq!(others(&again, &key), others(&before, &key));
        prop_assert_eq!(unreadable(&again), unreadable(&before));
        if before.get(&key).is_none() {
            prop_assert_eq!(reasons(&again), reasons(&before));
            prop_assert!(only_inserted(before.as_bytes(), again.as_bytes()));
        }
    }

    #[test]
    fn setting_an_existing_key_in_a_readable_file_replaces_its_spelling_only(source in readable(), value in value()) {
        let before = Document::parse(&source);
        prop_assert_eq!(before.unreadable(), Vec::<UnreadableLine>::new());
        for key in before.keys_in_order() {
            let (_, assignment) = before.last(&key).expect("the document has it");
            let mut after = before.clone();
            if after.set(&key, &value) {
                prop_assert!(after.as_bytes().starts_with(&source[..assignment.spelling.start]));
                prop_assert!(after.as_bytes().ends_with(&source[assignment.spelling.end..]));
            }
        }
    }

    #[test]
    fn what_is_removed_is_gone_and_nothing_else_changes(source in source(), key in key()) {
        let before = Document::parse(&source);
        let mut after = before.clone();
        prop_assert_eq!(after.remove(&key), before.get(&key).is_some());
        let again = Document::parse(after.as_bytes());
        prop_assert_eq!(again.get(&key), None);
        prop_assert_eq!(others(&again, &key), others(&before, &key));
        prop_assert_eq!(unreadable(&again), unreadable(&before));
        if before.unreadable().is_empty() {
            let kept = before.spans.iter().filter(
                |span| !matches!(&span.kind, SpanKind::Assignment(assignment) if assignment.key == key)
            );
            let kept: Vec<u8> = kept.flat_map(|span| source[span.range.clone()].iter().copied()).collect();
            prop_assert!(kept.starts_with(again.as_bytes()));
            prop_assert!(kept.len() - again.as_bytes().len() <= 2, "at most the line break before a missing one");
        }
    }

    #[test]
    fn setting_and_removing_a_new_key_restores_the_file(source in source(), value in value()) {
        let before = Document::parse(&source);
        let key = Key::new("NEW").expect("a key");
        prop_assume!(before.get(&key).is_none());
        let mut after = before.clone();
        after.set(&key, &value);
        after.remove(&key);
        prop_assert_eq!(after.values(), before.values());
        prop_assert_eq!(unreadable(&after), unreadable(&before));
        if before.unreadable().is_empty() {
            prop_assert_eq!(after, before);
        }
    }

    #[test]
    fn a_missing_final_line_break_stays_missing(source in readable(), key in key(), value in value()) {
        prop_assume!(!source.is_empty() && source != "\u{feff}".as_bytes());
        let ends = |bytes: &[u8]| bytes.ends_with(b"\n");
        let mut document = Document::parse(&source);
        document.set(&key, &value);
        prop_assert_eq!(ends(document.as_bytes()), ends(&source));
    }

    #[test]
    fn a_new_file_holds_exactly_its_values(
        example in source(), values in proptest::collection::btree_map(key(), value(), 0..5)
    ) {
        let document = from_example(&Document::parse(&example), &values);
        let again = Document::parse(document.as_bytes());
        prop_assert_eq!(again.values(), values);
        prop_assert_eq!(again.unreadable(), Vec::<UnreadableLine>::new());
    }

    #[test]
    fn a_file_written_key_by_key_holds_all_keys(
        values in proptest::collection::btree_map(key(), value(), 0..7), windows in any::<bool>()
    ) {
        let mut document = Document::parse(if windows { b"# c\r\n" } else { b"" });
        for (key, value) in &values {
            document.set(key, value);
        }
        prop_assert_eq!(Document::parse(document.as_bytes()).values(), values);
    }

    #[test]
    fn debug_output_shows_no_text(source in source(), value in value()) {
        let document = Document::parse(&source);
        let shown = format!("{document:?} {:?} {:?}", document.unreadable(), spelling_report(&value));
        prop_assert!(!shown.contains("word") && !shown.contains("canary"));
    }
}

#[test]
fn a_file_of_open_quotes_is_read_in_linear_time() {
    for piece in ["A=\"\n", "A='\n", "A='\"\nB=\"'\n", "A=\"\\\"\n", "A='x\nB=\"x\n"] {
        let source = piece.repeat(200_000);
        let begin = std::time::Instant::now();
        assert!(Document::parse(source.as_bytes()).spans.len() > 1000);
        assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
    }
}

#[test]
fn a_file_of_many_keys_can_be_rewritten() {
    let mut document = Document::default();
    let mut values = BTreeMap::new();
    for number in 0..200 {
        let key = Key::new(format!("KEY_{number:03}")).expect("a key");
        let value = SecretValue::new(format!("canary-{number}"));
        document.set(&key, &value);
        values.insert(key, value);
    }
    assert_eq!(document.values(), values);
}
