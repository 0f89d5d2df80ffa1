//! Tables: the same facts as the JSON documents, for people.

use crate::app::report::{Change, Event, Outcome, Report, TargetReport, age, count, not_for_the_present_recipients};
use crate::cli::ui::{Paint, Ui, visible, visible_line};
use crate::domain::environment::EnvironmentName;
use crate::domain::merge::KeyState;
use crate::domain::plan::{Action, Note, Summary};
use crate::domain::secret::SecretValue;
use crate::ports::Cipher;
use similar::{ChangeTag, TextDiff};
use std::fmt::Write;

/// Turns reports into text.
#[derive(Debug, Clone, Copy)]
pub struct TableView<'a> {
    /// The terminal.
    pub ui: &'a Ui,
    /// For fingerprints.
    pub cipher: &'a dyn Cipher,
    /// Whether values are shown.
    pub show_values: bool,
    /// Whether the state of the file is described, not only what was done.
    pub describe: bool,
}

impl TableView<'_> {
    /// A report.
    #[must_use]
    pub fn report(&self, report: &Report) -> String {
        let mut text = String::new();
        for target in &report.targets {
            self.target(&mut text, target, report);
        }
        if !report.stale_recipients.is_empty() {
            text.push_str(&not_for_the_present_recipients(&report.stale_recipients));
            text.push('\n');
        }
        text
    }

    fn target(&self, text: &mut String, target: &TargetReport, report: &Report) {
        let mut line = |value: String| {
            text.push_str(&value);
            text.push('\n');
        };
        line(self.ui.paint(Paint::Bold, &self.heading(target)));
        for told in self.told(target, report) {
            line(format!("  {told}"));
        }
        let width = target.changes.iter().map(|change| change.step.key.as_str().len()).max().unwrap_or(0);
        for change in target.changes.iter().filter(|change| change.step.state != KeyState::Converged) {
            line(self.change(change, target, width));
        }
        line(format!("  {}", self.summary(target, report)));
    }

    fn heading(&self, target: &TargetReport) -> String {
        let mut heading = target.file.as_ref().map_or_else(String::new, ToString::to_string);
        match (&target.environment, &target.held) {
            (Some(environment), held) => {
                let _ = write!(heading, "  {environment}");
                if let (Some(store), Some(location)) = (&target.store, &target.location) {
                    let _ = write!(heading, "  ({store}: {location})");
                }
                let elsewhere = held.as_ref().filter(|held| *held != environment);
                if let (Some(held), true) = (elsewhere, target.event == Event::None || self.describe) {
                    let _ = write!(heading, "  holds {held}");
                }
            }
            (None, Some(held)) => {
                let _ = write!(heading, "  holds {held}");
            }
            (None, None) => {}
        }
        heading
    }

    fn told(&self, target: &TargetReport, report: &Report) -> Vec<String> {
        let mut told = Vec::new();
        match &target.event {
            Event::None => {}
            Event::Switched { from, parked } => told.push(switched(from.as_ref(), *parked, report.dry_run)),
            Event::Started => told.push(if report.dry_run {
                "would start in its store from this file".to_owned()
            } else if report.failure.is_none() {
                "started in its store from this file".to_owned()
            } else {
                "is not in its store yet".to_owned()
            }),
            Event::LeftAlone(why) => told.push(why.clone()),
        }
        if let Some(seconds) = target.snapshot_age.filter(|seconds| *seconds > 0) {
            told.push(format!("as the store was {} ago", age(seconds)));
        }
        told.extend(target.notes.iter().map(|note| visible(note)));
        for parked in &target.parked {
            let keys: Vec<&str> = parked.changes.keys().map(|key| key.as_str()).collect();
            told.push(format!("parked for {}: {}", parked.environment, keys.join(", ")));
        }
        if !target.unreadable.is_empty() {
            let lines: Vec<String> = target.unreadable.iter().map(ToString::to_string).collect();
            told.push(format!("cannot be read, and is kept: line {}", lines.join(", ")));
        }
        let foreign = target
            .unknown
            .iter()
            .filter(|(name, _)| !target.changes.iter().any(|change| change.step.key.as_str() == name));
        for (name, reason) in foreign {
            told.push(format!("? {}: {reason}", visible_line(name)));
        }
        told
    }

    fn change(&self, change: &Change, target: &TargetReport, width: usize) -> String {
        let step = &change.step;
        let key = step.key.as_str();
        let (sign, paint) = sign(step.state, target.sides.is_some());
        let arrow = match step.action {
            Action::UpdateLocal | Action::RemoveLocal => "<-",
            Action::UpdateRemote | Action::RemoveRemote => "->",
            Action::None | Action::Withheld => "  ",
        };
        let values = match (&step.local, &step.remote) {
            (Some(local), Some(remote)) => format!("{} | {}", self.mask(local), self.mask(remote)),
            (Some(value), None) | (None, Some(value)) => self.mask(value),
            (None, None) => String::new(),
        };
        let mut line = self.ui.paint(paint, &format!("  {sign} {arrow} {key:width$}"));
        let _ = write!(line, "  {values}");
        if step.state == KeyState::Unknown {
            let reason = target.unknown.iter().find(|(name, _)| name == key).map_or("", |(_, reason)| reason);
            let _ = write!(line, "  {reason}; left alone");
        }
        match &step.note {
            Some(Note::Settled(_)) | None => {}
            Some(note) => {
                let _ = write!(line, "  {}", self.ui.paint(Paint::Dim, &super::note(note)));
            }
        }
        if let Outcome::Failed(error) = &change.outcome {
            let _ = write!(line, "  not written: {}", visible(error));
        }
        if self.show_values {
            line.push_str(&self.lines(step.local.as_ref(), step.remote.as_ref()));
        }
        line.trim_end().to_owned()
    }

    fn mask(&self, value: &SecretValue) -> String {
        if self.show_values && !value.expose().contains('\n') && !is_json(value.expose()) {
            return visible(value.expose());
        }
        format!("{} {}", count(value.length(), "char"), self.cipher.fingerprint(value))
    }

    /// Multi-line and JSON values as a diff of their lines.
    fn lines(&self, local: Option<&SecretValue>, remote: Option<&SecretValue>) -> String {
        let side = |value: Option<&SecretValue>| value.map_or_else(String::new, |value| pretty(value.expose()));
        let (local, remote) = (side(local), side(remote));
        if !local.contains('\n') && !remote.contains('\n') {
            return String::new();
        }
        let diff = TextDiff::from_lines(&local, &remote);
        diff.iter_all_changes().fold(String::new(), |text, change| {
            let (sign, paint) = match change.tag() {
                ChangeTag::Delete => ('-', Paint::Red),
                ChangeTag::Insert => ('+', Paint::Green),
                ChangeTag::Equal => (' ', Paint::Dim),
            };
            let line = change.value().trim_end_matches(['\n', '\r']);
            text + "\n" + &self.ui.paint(paint, &format!("      {sign} {}", visible(line)))
        })
    }

    fn summary(&self, target: &TargetReport, report: &Report) -> String {
        let Summary { incoming, outgoing, conflicts, withheld, parked } = target.summary;
        if target.sides.is_some() {
            return count(target.changes.len(), "difference");
        }
        let done = |actions: [Action; 2]| {
            let is_done =
                |change: &&Change| change.outcome == Outcome::Applied && actions.contains(&change.step.action);
            target.changes.iter().filter(is_done).count()
        };
        let came_in = done([Action::UpdateLocal, Action::RemoveLocal]);
        let sent = done([Action::UpdateRemote, Action::RemoveRemote]);
        let parts: Vec<String> = [
            (came_in, "came in"),
            (sent, "sent"),
            (incoming.saturating_sub(came_in), "incoming"),
            (outgoing.saturating_sub(sent), "outgoing"),
            (conflicts, if conflicts == 1 { "conflict" } else { "conflicts" }),
            (withheld, "withheld"),
            (parked, "parked"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
        let counts = if parts.is_empty() { "in step".to_owned() } else { parts.join(", ") };
        let has_both = |change: &Change| change.step.local.is_some() && change.step.remote.is_some();
        let two_values =
            target.changes.iter().any(|change| change.step.state != KeyState::Converged && has_both(change));
        let (local, remote) = target.called.unwrap_or(("env file", "store"));
        let counts = if two_values {
            format!("{counts}  {}", self.ui.paint(Paint::Dim, &format!("({local} | {remote})")))
        } else {
            counts
        };
        match &target.event {
            Event::LeftAlone(_) if parts.is_empty() => "nothing to do".to_owned(),
            _ if report.dry_run => format!("{counts} (nothing was written)"),
            _ => counts,
        }
    }
}

fn switched(from: Option<&EnvironmentName>, parked: usize, dry_run: bool) -> String {
    let verb = if dry_run { "would come into the file" } else { "came into the file" };
    match (from, parked) {
        (None, _) => verb.to_owned(),
        (Some(from), 0) => format!("{verb} in place of {from}"),
        (Some(from), parked) => {
            format!("{verb} in place of {from}; {} of {from} parked", count(parked, "unpushed change"))
        }
    }
}

fn sign(state: KeyState, plain: bool) -> (char, Paint) {
    match state {
        KeyState::LocalAdded | KeyState::RemoteAdded => ('+', Paint::Green),
        KeyState::LocalDeleted | KeyState::RemoteDeleted => ('-', Paint::Red),
        KeyState::Conflict(_) if !plain => ('!', Paint::Red),
        KeyState::Unknown => ('?', Paint::Dim),
        KeyState::LocalModified | KeyState::RemoteModified | KeyState::Conflict(_) => ('~', Paint::Yellow),
        KeyState::Unchanged | KeyState::Converged => ('=', Paint::Dim),
    }
}

fn is_json(text: &str) -> bool {
    text.starts_with(['{', '[']) && serde_json::from_str::<serde_json::Value>(text).is_ok()
}

fn pretty(text: &str) -> String {
    if is_json(text)
        && let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
    {
        return serde_json::to_string_pretty(&value).unwrap_or_else(|_| text.to_owned());
    }
    text.to_owned()
}
