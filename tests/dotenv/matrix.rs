//! The table of eleven loaders on sixty snippets.

use super::read;
use envsync::domain::dotenv::{Document, Loader};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a loader made of a snippet: its variables, or that it failed somewhere.
type Reading = Result<BTreeMap<String, String>, Failed>;

#[derive(Debug, Clone, PartialEq)]
struct Failed;

struct Row {
    name: String,
    source: Vec<u8>,
    readings: BTreeMap<String, Reading>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let matrix: Value = serde_json::from_str(include_str!("../dotenv-matrix.json")).expect("JSON");
    matrix["rows"].as_array().expect("rows").iter().map(row).collect()
});

fn row(row: &Value) -> Row {
    let hex = row["hex"].as_str().expect("hex");
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    let parsers = row["parsers"].as_object().expect("parsers");
    Row {
        name: row["name"].as_str().expect("a name").to_owned(),
        source: (0..hex.len()).step_by(2).map(byte).collect(),
        readings: parsers.iter().map(|(loader, pairs)| (loader.clone(), reading(pairs))).collect(),
    }
}

/// A name without a value (python-dotenv's `None`) is no variable.
fn reading(pairs: &Value) -> Reading {
    let mut values = BTreeMap::new();
    for pair in pairs.as_array().expect("pairs") {
        let pair = pair.as_array().ok_or(Failed)?;
        if let Some(value) = pair[1].as_str() {
            values.insert(pair[0].as_str().expect("a name").to_owned(), value.to_owned());
        }
    }
    Ok(values)
}

impl Row {
    fn reading(&self, loader: Loader) -> &Reading {
        &self.readings[loader.name()]
    }

    fn agreed(&self) -> Option<&BTreeMap<String, String>> {
        let [first, others @ ..] = Loader::MAIN.map(|loader| self.reading(loader));
        first.as_ref().ok().filter(|_| others.iter().all(|other| *other == first))
    }
}

#[test]
fn where_the_three_main_loaders_agree_we_read_the_same() {
    let agreed: Vec<&Row> = ROWS.iter().filter(|row| row.agreed().is_some()).collect();
    assert!(agreed.len() >= 36, "{}", agreed.len());
    for row in agreed {
        assert_eq!(Some(&read(&row.source)), row.agreed(), "{}", row.name);
    }
}

/// A name, what we read, the lines we report.
type Stated = (&'static str, &'static [(&'static str, &'static str)], &'static [usize]);

/// Our reading of every snippet on which the three differ.
const STATED: &[Stated] = &[
    ("colon_sep", &[], &[1]),
    ("latin1_bytes", &[("B", "2")], &[1]),
    ("hash_unquoted_nospace", &[("A", "foo#bar")], &[]),
    ("sq_windows_path_trailing_bs", &[("A", "C:\\dir\\"), ("B", "2")], &[]),
    ("sq_escaped_quote", &[("B", "2")], &[1]),
    ("dq_escaped_quote", &[("A", "a\"b")], &[]),
    ("dq_double_backslash", &[("A", "a\\b")], &[]),
    ("unterminated_dq", &[("B", "2")], &[1]),
    ("dollar_var_env", &[("A", "$ENVV")], &[]),
    ("dollar_brace_env", &[("A", "${ENVV}")], &[]),
    ("dollar_in_dq", &[("A", "x${ENVV}y")], &[]),
    ("dollar_undefined", &[("A", "pa$$word$NOPE!")], &[]),
    ("dollar_password_unquoted", &[("A", "pa$w0rd")], &[]),
    ("dollar_default", &[("A", "${NOPE:-dflt}")], &[]),
    ("dollar_self_file", &[("A", "${X}2"), ("X", "1")], &[]),
    ("dollar_file_shadows_env", &[("A", "${ENVV}"), ("ENVV", "fromfile")], &[]),
    ("backtick_quoted", &[("A", "`hello world`")], &[]),
    ("key_unicode", &[("B", "2")], &[1]),
    ("adjacent_quotes", &[], &[1]),
    ("text_after_quote", &[("B", "2")], &[1]),
    ("invalid_line_middle", &[("A", "1"), ("B", "2")], &[2]),
];

#[test]
fn where_they_differ_our_reading_is_the_stated_one() {
    let differing: Vec<&str> = ROWS.iter().filter(|row| row.agreed().is_none()).map(|row| row.name.as_str()).collect();
    assert_eq!(differing, STATED.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    for (name, values, lines) in STATED {
        let row = ROWS.iter().find(|row| row.name == *name).expect("a row of this name");
        let values = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(read(&row.source), values, "{name}");
        let reported = Document::parse(&row.source).unreadable().iter().map(|line| line.line).collect::<Vec<_>>();
        assert_eq!(reported, *lines, "{name}");
    }
}

/// The lines that some snippets have below the one they are about, the longest first.
const BELOW: [&str; 5] = ["B=2\nC=3\n", "B=2\n", "B=two\n", "B=2\r\n", "C=3\n"];

/// What follows `A=` in snippets that are about that one value.
fn written(row: &Row) -> Option<&str> {
    if row.name == "invalid_line_middle" {
        return None;
    }
    let text = str::from_utf8(&row.source).ok()?.strip_prefix("A=")?;
    Some(BELOW.iter().find_map(|below| text.strip_suffix(below)).unwrap_or(text))
}

#[test]
fn a_model_of_a_loader_says_nothing_that_the_loader_does_not() {
    let mut compared = 0;
    for (row, written) in ROWS.iter().filter_map(|row| Some((row, written(row)?))) {
        for loader in Loader::ALL {
            if let Some(value) = loader.reads(written) {
                let read = row.reading(loader).as_ref().ok().and_then(|values| values.get("A"));
                assert_eq!(Some(&*value), read, "{loader}: {}", row.name);
                compared += 1;
            }
        }
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn a_model_of_a_main_loader_is_silent_only_where_the_loader_fails_or_expands() {
    for (row, written) in ROWS.iter().filter_map(|row| Some((row, written(row)?))) {
        for loader in Loader::MAIN {
            if loader.reads(written).is_none() {
                let expands = loader == Loader::Compose && row.name.starts_with("dollar_");
                let below_matter = matches!(row.name.as_str(), "unterminated_dq" | "text_after_quote");
                assert!(row.reading(loader).is_err() || expands || below_matter, "{loader}: {}", row.name);
            }
        }
    }
}
