//! JSON documents.

use crate::app::report::{Change, Event, Outcome, Report, TargetReport};
use crate::app::verify::Finding;
use crate::domain::merge::KeyState;
use crate::domain::plan::Note;
use crate::domain::secret::SecretValue;
use crate::ports::Cipher;
use serde_json::{Map, Value, json};

/// Turns what commands did into JSON documents.
#[derive(Debug, Clone, Copy)]
pub struct JsonView<'a> {
    /// The command.
    pub command: &'a str,
    /// For fingerprints.
    pub cipher: &'a dyn Cipher,
    /// Whether values are shown.
    pub show_values: bool,
}

/// A document with the members that all have, and `members`.
#[must_use]
pub fn document(command: &str, members: Value) -> String {
    let mut document = Map::new();
    document.insert("schema_version".to_owned(), json!(1));
    document.insert("command".to_owned(), json!(command));
    if let Value::Object(members) = members {
        document.extend(members);
    }
    let mut text = serde_json::to_string_pretty(&Value::Object(document)).expect("a JSON value can be written");
    text.push('\n');
    text
}

impl JsonView<'_> {
    /// The document of a report.
    #[must_use]
    pub fn report(&self, report: &Report) -> String {
        let mut members = json!({
            "branch": report.branch,
            "dry_run": report.dry_run,
            "offline": report.offline,
            "targets": report.targets.iter().map(|target| self.target(target)).collect::<Vec<_>>(),
        });
        if !report.stale_recipients.is_empty() {
            members["stale_recipients"] = json!(report.stale_recipients);
        }
        if let Some(failure) = &report.failure {
            members["error"] = crate::cli::error::json(failure);
        }
        document(self.command, members)
    }

    fn target(&self, target: &TargetReport) -> Value {
        let mut value = json!({
            "file": target.file,
            "environment": target.environment,
            "held": target.held,
            "store": target.store,
            "location": target.location,
            "snapshot_age_seconds": target.snapshot_age,
            "changes": target.changes.iter().map(|change| self.change(change, target)).collect::<Vec<_>>(),
            "summary": target.summary,
        });
        if !target.parked.is_empty() {
            value["parked"] = target
                .parked
                .iter()
                .map(|parked| json!({"environment": parked.environment, "keys": parked.changes.keys().map(ToString::to_string).collect::<Vec<_>>()}))
                .collect();
        }
        if !target.unreadable.is_empty() {
            value["unreadable_lines"] = json!(target.unreadable);
        }
        if !target.notes.is_empty() {
            value["notes"] = json!(target.notes);
        }
        match &target.event {
            Event::None => {}
            Event::Switched { from, parked } => value["switched"] = json!({"from": from, "parked": parked}),
            Event::Started => value["started"] = json!(true),
            Event::LeftAlone(why) => value["left_alone"] = json!(why),
        }
        value
    }

    fn change(&self, change: &Change, target: &TargetReport) -> Value {
        let step = &change.step;
        let (one, other) = target.sides.as_ref().map_or(("local", "remote"), |(one, other)| (one, other));
        let mut value = json!({"key": step.key.as_str(), "state": step.state.as_str(), "action": step.action});
        if let KeyState::Conflict(kind) = step.state {
            value["conflict_kind"] = json!(kind);
        }
        value[one] = self.value(step.local.as_ref());
        value[other] = self.value(step.remote.as_ref());
        match &change.outcome {
            Outcome::Nothing => {}
            Outcome::Planned => value["outcome"] = json!("planned"),
            Outcome::Applied => value["outcome"] = json!("applied"),
            Outcome::Failed(error) => {
                value["outcome"] = json!("failed");
                value["error"] = json!(error);
            }
        }
        match &step.note {
            Some(Note::Inherited(environment)) => value["inherited_from"] = json!(environment),
            Some(note) => value["note"] = json!(super::note(note)),
            None => {}
        }
        value
    }

    /// A value: its length and fingerprint, and itself only where that was asked for.
    #[must_use]
    pub fn value(&self, value: Option<&SecretValue>) -> Value {
        let Some(value) = value else { return Value::Null };
        let mut masked = json!({"length": value.length(), "fingerprint": self.cipher.fingerprint(value)});
        if self.show_values {
            masked["value"] = json!(value.expose());
        }
        masked
    }
}

/// Findings, as `verify` has them.
#[must_use]
pub fn findings(findings: &[Finding]) -> Value {
    findings
        .iter()
        .map(|finding| {
            json!({
                "kind": finding.kind,
                "key": finding.key.as_ref().map(ToString::to_string),
                "environment": finding.environment,
                "file": finding.file,
                "commit": finding.commit,
                "path": finding.path,
                "line": finding.line,
                "blocks": finding.blocks,
            })
        })
        .collect()
}
