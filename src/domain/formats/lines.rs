//! The formats of lines without quotes: docker's and GitHub's.

use super::Format;
use super::reading::{Entry, NotRead, line};
use crate::domain::secret::SecretValue;

/// Docker's: a name, `=`, the rest of the line as it is (<https://docs.docker.com/reference/cli/docker/container/run/#env>). A
/// name alone would take the value of the caller's variable: it is refused.
pub(super) fn docker(text: &str) -> Result<Vec<Entry>, NotRead> {
    let mut entries = Vec::new();
    for (place, raw) in text.split('\n').enumerate() {
        let raw = raw.strip_suffix('\r').unwrap_or(raw).trim_start();
        if raw.is_empty() || raw.starts_with('#') {
            continue;
        }
        let (name, value) = raw.split_once('=').ok_or_else(|| line(Format::Docker, place + 1))?;
        entries.push((name.to_owned(), Some(SecretValue::new(value))));
    }
    Ok(entries)
}

/// GitHub's: `NAME=VALUE`, or `NAME<<MARK`, lines, and the mark on a line of its own
/// (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings>).
pub(super) fn github(text: &str) -> Result<Vec<Entry>, NotRead> {
    let mut entries = Vec::new();
    let mut lines = text.split('\n').enumerate();
    while let Some((place, first)) = lines.next() {
        if first.trim().is_empty() {
            continue;
        }
        let wrong = || line(Format::Github, place + 1);
        let (name, mark) = match (first.find('='), first.find("<<")) {
            (Some(equals), heredoc) if heredoc.is_none_or(|heredoc| equals < heredoc) => {
                entries.push((first[..equals].to_owned(), Some(SecretValue::new(&first[equals + 1..]))));
                continue;
            }
            (_, Some(heredoc)) => (&first[..heredoc], &first[heredoc + 2..]),
            _ => return Err(wrong()),
        };
        let mut value = zeroize::Zeroizing::new(String::new());
        let mut is_first = true;
        loop {
            let (_, next) = lines.next().ok_or_else(wrong)?;
            if next == mark {
                break;
            }
            if !is_first {
                value.push('\n');
            }
            value.push_str(next);
            is_first = false;
        }
        entries.push((name.to_owned(), Some(SecretValue::new(value.as_str()))));
    }
    Ok(entries)
}
