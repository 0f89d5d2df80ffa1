//! Findings of `verify` and pre-push, for people.

use crate::app::verify::Finding;
use crate::domain::config::FindingKind;
use std::collections::BTreeMap;

/// One line per kind, environment and file, with the keys and what to type.
#[must_use]
pub fn lines(findings: &[Finding]) -> Vec<String> {
    let mut groups: BTreeMap<(FindingKind, String, String), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let environment = finding.environment.as_ref().map_or_else(String::new, ToString::to_string);
        let place = match finding.kind {
            FindingKind::Leak => format!(
                "{}:{} in {}",
                finding.path.as_deref().unwrap_or_default(),
                finding.line.unwrap_or_default(),
                finding.commit.as_deref().map_or("", |commit| &commit[..commit.len().min(10)])
            ),
            _ => finding.file.as_ref().map_or_else(String::new, ToString::to_string),
        };
        groups.entry((finding.kind, environment, place)).or_default().push(finding);
    }
    groups
        .into_iter()
        .map(|((kind, environment, place), findings)| {
            let keys: Vec<&str> =
                findings.iter().filter_map(|finding| finding.key.as_ref()).map(|key| key.as_str()).collect();
            let sign = if findings.iter().any(|finding| finding.blocks) { '!' } else { '~' };
            format!("{sign} {}", sentence(kind, &environment, &place, &keys.join(", ")))
        })
        .collect()
}

fn sentence(kind: FindingKind, environment: &str, place: &str, keys: &str) -> String {
    match kind {
        FindingKind::MissingKey => {
            format!("{environment} lacks what the code needs: {keys}: `git envsync set -e {environment} KEY`")
        }
        FindingKind::Unpushed => format!("not pushed to {environment}: {keys}: `git envsync push`"),
        FindingKind::Conflict => {
            format!("changed in {place} and in {environment}: {keys}: `git envsync resolve`")
        }
        FindingKind::Stale => format!("{place} lacks changes of {environment}: {keys}: `git envsync pull`"),
        FindingKind::Unreadable => format!("cannot be read in {environment}: {keys}"),
        FindingKind::Leak => {
            format!("the value of {keys} ({environment}) stands in {place}: take it out of the commit")
        }
        FindingKind::TrackedEnvFile => format!("git tracks {place}: `git rm --cached {place}`"),
        FindingKind::UncommittedStore => {
            format!("only the work tree's store file of {environment} has {keys}: commit it")
        }
        FindingKind::Recipients => {
            format!("{environment} is not encrypted to the present recipients: `git envsync rekey`, then commit")
        }
    }
}
