//! Value to spelling: which of the ways to write a value most loaders read back as the same value.
//!
//! Spellings are generated without judgement and then read by our own reader and by the models in
//! [`super::loaders`]; how many agree decides. Nothing here knows which characters are dangerous to whom.

use super::loaders::Loader;
use super::scan::{self, SpanKind, escaped};
use crate::domain::secret::SecretValue;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use zeroize::Zeroizing;

/// A way to write a value, and who reads it back.
#[derive(Clone, PartialEq, Eq)]
pub struct Spelling {
    text: Zeroizing<String>,
    satisfied: BTreeSet<Loader>,
}

impl Spelling {
    /// What stands behind the `=`, quotes included. It is as secret as the value.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The loaders that read it back as the value.
    #[must_use]
    pub fn satisfied(&self) -> &BTreeSet<Loader> {
        &self.satisfied
    }

    /// Whether Node's dotenv, python-dotenv (interpolation off) and compose all read it back as the value.
    #[must_use]
    pub fn satisfies_main(&self) -> bool {
        self.main_satisfied() == Loader::MAIN.len()
    }

    fn main_satisfied(&self) -> usize {
        Loader::MAIN.iter().filter(|loader| self.satisfied.contains(loader)).count()
    }
}

impl fmt::Debug for Spelling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Spelling [{} bytes] read by {:?}", self.text.len(), self.satisfied)
    }
}

/// The spelling of `value` that is preferred in a file with LF line breaks: Node's dotenv, python-dotenv and compose
/// first, then as many of the other eight loaders as possible, then the plainest: bare, single quotes, double quotes.
#[must_use]
pub fn spelling_report(value: &SecretValue) -> Spelling {
    spellings(value, LineBreak::Lf).swap_remove(0)
}

/// Whether `value` has a spelling that Node's dotenv, python-dotenv and compose all read back as the same value. One
/// with a `$NAME` and a `'`, say, has none.
#[must_use]
pub fn all_three_agree(value: &SecretValue) -> bool {
    spelling_report(value).satisfies_main()
}

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineBreak {
    Lf,
    CrLf,
}

impl LineBreak {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }
}

/// The quotes of a spelling, the plainest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Quotes {
    Bare,
    Single,
    Double,
}

/// How a spelling writes the line breaks of a value, the most readable first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Breaks {
    /// As the file does.
    AsFile,
    /// As the escape `\n`.
    Escaped,
    /// As LF in a file of CRLF: a file of mixed line breaks is the last resort.
    Foreign,
}

/// What double quotes escape beyond `"` and CR, which they always do.
#[derive(Debug, Clone, Copy)]
struct Escapes {
    backslash: Backslash,
    dollar: Dollar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backslash {
    /// Only where our own reader would take it for an escape: some loaders know no `\\`.
    Needed,
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dollar {
    Raw,
    Escaped,
}

/// The spellings of `value` that our own reader reads back, the preferred one first. There is at least one.
///
/// Among spellings that fewer than all three main loaders read, the one that more of the three read comes first.
pub(super) fn spellings(value: &SecretValue, manner: LineBreak) -> Vec<Spelling> {
    let mut ranked = Vec::new();
    for (quotes, breaks, text) in candidates(value.expose(), manner) {
        let line = written(&text, manner);
        if reads_back(&line, value) && !ranked.iter().any(|(_, spelling): &(_, Spelling)| spelling.text == text) {
            let agrees = |loader: &Loader| loader.reads(&line).is_some_and(|read| *read == value.expose());
            let spelling = Spelling { satisfied: Loader::ALL.into_iter().filter(agrees).collect(), text };
            let foreign = breaks == Breaks::Foreign;
            let (main, all) = (spelling.main_satisfied(), spelling.satisfied.len());
            ranked.push(((Reverse(main), foreign, Reverse(all), quotes, breaks), spelling));
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, spelling)| spelling).collect()
}

/// What follows the `=` when `text` is written on a line of its own.
fn written(text: &str, manner: LineBreak) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(text.len() + 2));
    line.push_str(text);
    line.push_str(manner.as_str());
    line
}

fn reads_back(line: &str, value: &SecretValue) -> bool {
    let mut source = Zeroizing::new(Vec::with_capacity(line.len() + 2));
    source.extend_from_slice(b"K=");
    source.extend_from_slice(line.as_bytes());
    let spans = scan::scan(&source);
    matches!(spans.as_slice(), [span] if matches!(&span.kind, SpanKind::Assignment(read) if read.value == *value))
}

/// Every way to write `value`, right or wrong.
fn candidates(value: &str, manner: LineBreak) -> Vec<(Quotes, Breaks, Zeroizing<String>)> {
    let mut raw = vec![(Breaks::AsFile, manner)];
    if manner == LineBreak::CrLf && value.contains('\n') {
        raw.push((Breaks::Foreign, LineBreak::Lf));
    }
    let mut all = vec![(Quotes::Bare, Breaks::AsFile, Zeroizing::new(value.to_owned()))];
    for (breaks, line_break) in &raw {
        all.push((Quotes::Single, *breaks, single(value, *line_break)));
    }
    for backslash in [Backslash::Needed, Backslash::Always] {
        for dollar in [Dollar::Raw, Dollar::Escaped] {
            let escapes = Escapes { backslash, dollar };
            for (breaks, line_break) in &raw {
                all.push((Quotes::Double, *breaks, double(value, line_break.as_str(), escapes)));
            }
            all.push((Quotes::Double, Breaks::Escaped, double(value, "\\n", escapes)));
        }
    }
    all
}

fn single(value: &str, line_break: LineBreak) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * value.len() + 2));
    text.push('\'');
    for character in value.chars() {
        match character {
            '\n' => text.push_str(line_break.as_str()),
            _ => text.push(character),
        }
    }
    text.push('\'');
    text
}

fn double(value: &str, line_break: &str, escapes: Escapes) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * value.len() + 2));
    text.push('"');
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => text.push_str(line_break),
            '\r' => text.push_str("\\r"),
            '"' => text.push_str("\\\""),
            '$' if escapes.dollar == Dollar::Escaped => text.push_str("\\$"),
            '\\' => {
                // What comes next in the spelling: itself, the closing quote, or the backslash of an escape.
                let ambiguous = match characters.peek() {
                    None | Some('\r') => true,
                    Some('\n') => line_break == "\\n",
                    Some(next) => escaped(*next).is_some(),
                };
                let doubled = ambiguous || escapes.backslash == Backslash::Always;
                text.push_str(if doubled { "\\\\" } else { "\\" });
            }
            _ => text.push(character),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(value: &str) -> String {
        spelling_report(&SecretValue::from(value)).text().to_owned()
    }

    #[test]
    fn the_plainest_spelling_that_every_loader_reads_is_chosen() {
        let table = [
            ("canary-1", "canary-1"),
            ("", "''"),
            ("canary one", "'canary one'"),
            ("canary-it's", "\"canary-it's\""),
            ("canary#1", "'canary#1'"),
            (" canary ", "' canary '"),
            ("canary-$HOME", "'canary-$HOME'"),
            ("canary-$2b$12$abc", "'canary-$2b$12$abc'"),
            ("{\"canary\": 1}", "'{\"canary\": 1}'"),
            ("canary\nlines", "'canary\nlines'"),
            ("canary\rreturn", "\"canary\\rreturn\""),
            ("canary\\new", "'canary\\new'"),
            ("`canary`", "'`canary`'"),
            ("'canary'", "\"'canary'\""),
            ("\"canary\"", "'\"canary\"'"),
            ("canary\n it's", "\"canary\n it's\""),
        ];
        for (value, expected) in table {
            assert_eq!(spelled(value), expected);
            assert!(all_three_agree(&SecretValue::from(value)), "{value}");
        }
    }

    #[test]
    fn a_value_with_both_quotes_stays_bare_where_all_three_read_it() {
        assert_eq!(spelled("canary it's \"one\""), "canary it's \"one\"");
        assert!(all_three_agree(&SecretValue::from("canary it's \"one\"")));
    }

    #[test]
    fn a_value_without_a_common_spelling_gets_one_that_we_read_and_is_reported() {
        for value in ["canary it's $HOME", " canary it's \"one\"", "canary\nit's \\new", "canary #1 it's \"one\""] {
            let value = SecretValue::from(value);
            assert!(!all_three_agree(&value));
            assert!(!spelling_report(&value).satisfied().is_empty());
        }
    }

    #[test]
    fn in_a_file_of_crlf_a_line_break_is_escaped_because_compose_keeps_the_cr() {
        let pick = |value: &str| spellings(&SecretValue::from(value), LineBreak::CrLf).swap_remove(0);
        assert_eq!(pick("canary\nlines").text(), "\"canary\\nlines\"");
        assert_eq!(pick("canary\\new\nlines").text(), "'canary\\new\nlines'", "mixed line breaks are the last resort");
        assert!(pick("canary\\new\nlines").satisfies_main());
    }

    #[test]
    fn no_value_shows_in_debug_output() {
        let shown = format!("{:?}", spelling_report(&SecretValue::from("canary-value")));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
