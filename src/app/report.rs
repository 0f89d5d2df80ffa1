//! What a command did or would do, for tables and JSON alike.

use super::commit::writes_remote;
use super::remote::Remote;
use super::target::Target;
use super::workspace::Workspace;
use crate::domain::environment::{EnvFilePath, EnvironmentName, Location, StoreName};
use crate::domain::plan::{Plan, Step, Summary};
use crate::domain::record::Parked;
use crate::domain::secret::SecretValue;
use crate::ports::{Cipher, Failure, WriteGuarantee};

/// What a command did or would do to all env files.
#[derive(Debug, Default)]
pub struct Report {
    /// The branch it was about.
    pub branch: Option<String>,
    /// Whether it only planned.
    pub dry_run: bool,
    /// Whether it asked no store on purpose.
    pub offline: bool,
    /// One entry per env file.
    pub targets: Vec<TargetReport>,
    /// In-tree store files that are encrypted to other recipients than their recipients file names.
    pub stale_recipients: Vec<String>,
    /// Why it ends with another status than 0, where it does although there is something to show.
    pub failure: Option<Failure>,
}

/// What a command did or would do to one env file.
#[derive(Debug, Default)]
pub struct TargetReport {
    /// The env file.
    pub file: Option<EnvFilePath>,
    /// The environment the command was about.
    pub environment: Option<EnvironmentName>,
    /// The environment the file holds, afterwards.
    pub held: Option<EnvironmentName>,
    /// The store.
    pub store: Option<StoreName>,
    /// The location.
    pub location: Option<Location>,
    /// The snapshot's age in seconds, where one served; 0 where the store answered.
    pub snapshot_age: Option<u64>,
    /// The changes, by key.
    pub changes: Vec<Change>,
    /// Their counts.
    pub summary: Summary,
    /// What happened beside the changes.
    pub event: Event,
    /// What is parked for other environments.
    pub parked: Vec<Parked>,
    /// The numbers of lines that cannot be read.
    pub unreadable: Vec<usize>,
    /// What could not be read in the store, by name, with the reason.
    pub unknown: Vec<(String, String)>,
    /// What the user should know of how the store is written, a line each.
    pub notes: Vec<String>,
    /// Whether two named sides are compared: `local` and `remote` otherwise.
    pub sides: Option<(String, String)>,
    /// What `local` and `remote` are called, where they are not the env file and the store.
    pub called: Option<(&'static str, &'static str)>,
}

/// What happened to an env file beside its changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Event {
    /// Nothing.
    #[default]
    None,
    /// It holds another environment now.
    Switched {
        /// The one it held; none for a file that held nothing.
        from: Option<EnvironmentName>,
        /// How many changes were parked with it.
        parked: usize,
    },
    /// An environment was started from the file.
    Started,
    /// It was left alone: why, and what to type.
    LeftAlone(String),
}

/// One change of a report.
#[derive(Debug, Clone)]
pub struct Change {
    /// What was planned.
    pub step: Step,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a planned step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do, or it was withheld.
    Nothing,
    /// It would be done.
    Planned,
    /// It was done.
    Applied,
    /// It was not done: why.
    Failed(String),
}

impl Report {
    /// Whether anything has been written.
    #[must_use]
    pub fn did_something(&self) -> bool {
        self.targets.iter().any(|target| {
            matches!(target.event, Event::Switched { .. } | Event::Started)
                || target.changes.iter().any(|change| change.outcome == Outcome::Applied)
        })
    }
}

impl TargetReport {
    /// The changes of a plan, all with the same outcome where something is to do.
    pub fn show(&mut self, plan: &Plan, outcome: &Outcome) {
        self.changes = plan.steps.iter().map(|step| Change::new(step, outcome.clone())).collect();
        let parked = self.parked.iter().map(|parked| parked.changes.len()).sum();
        self.summary = Summary { parked, ..plan.summary() };
    }
}

impl Target {
    /// The report of this target, before anything is known of the store.
    #[must_use]
    pub fn report(&self) -> TargetReport {
        TargetReport {
            file: Some(self.path().clone()),
            environment: Some(self.which.environment.clone()),
            held: self.held().cloned(),
            store: Some(self.which.store.clone()),
            location: Some(self.location.clone()),
            parked: self.state.parked.values().cloned().collect(),
            unreadable: self.document.unreadable().iter().map(|line| line.line).collect(),
            ..TargetReport::default()
        }
    }
}

impl TargetReport {
    /// Adds notes, each once.
    pub fn add_notes(&mut self, notes: &[String]) {
        for note in notes {
            if !self.notes.contains(note) {
                self.notes.push(note.clone());
            }
        }
    }

    /// Says what the store cannot promise of a plan that writes it.
    pub(super) fn describe_promise(&mut self, target: &Target, plan: &Plan) {
        let store = &target.store;
        let promise = match target.store.traits().writes {
            _ if !plan.writes_remote() => return,
            WriteGuarantee::Conditional => None,
            WriteGuarantee::Detected => {
                Some(format!("{store} is written, then checked: another writer in between is noticed and merged again"))
            }
            WriteGuarantee::Blind => {
                Some(format!("{store} is written, then read again: another writer in the same moment may go unnoticed"))
            }
        };
        self.add_notes(promise.as_slice());
    }

    /// Says of a plan that is only shown what [`foretell_pace`] says of one that is carried out.
    pub(super) fn describe_pace(&mut self, workspace: &Workspace, target: &Target, plan: &Plan) {
        self.add_notes(too_slow(workspace, target, plan).as_slice());
    }

    /// Adds what is known of the store.
    pub fn describe_remote(&mut self, remote: &Remote) {
        self.snapshot_age = Some(remote.snapshot_age.unwrap_or(0));
        self.unknown =
            remote.effective.unknown.iter().map(|(name, reason)| (name.clone(), reason.to_string())).collect();
    }
}

/// Says before a plan is carried out that the pace of the store makes it longer than the time there is.
pub(super) fn foretell_pace(workspace: &Workspace, target: &Target, plan: &Plan) {
    if let Some(line) = too_slow(workspace, target, plan) {
        workspace.note_once(line, "");
    }
}

fn too_slow(workspace: &Workspace, target: &Target, plan: &Plan) -> Option<String> {
    let limit = workspace.budget.limit();
    let pace = target.store.traits().pace?;
    let keys = plan.steps.iter().filter(|step| writes_remote(step)).count();
    let takes = pace.time_for(keys);
    if takes < limit {
        return None;
    }
    // Some more, for the reads and for other writers.
    let enough = (takes + takes / 4).as_secs().div_ceil(60);
    Some(format!(
        "{} takes {} a second: {} need {}, more than the {} there is; `--timeout {enough}m` gives enough, or run it again",
        target.store,
        count(pace.per_second as usize, "key"),
        count(keys, "key"),
        age(takes.as_secs()),
        age(limit.as_secs()),
    ))
}

impl Change {
    /// A step with what came of it, where something was to do.
    #[must_use]
    pub fn new(step: &Step, outcome: Outcome) -> Self {
        use crate::domain::plan::Action;
        let outcome = match step.action {
            Action::None | Action::Withheld => Outcome::Nothing,
            _ => outcome,
        };
        Self { step: step.clone(), outcome }
    }
}

/// What a user reads of store files that are encrypted to other recipients than their recipients file names.
#[must_use]
pub fn not_for_the_present_recipients(paths: &[String]) -> String {
    let be = if paths.len() == 1 { "is" } else { "are" };
    format!("{} {be} not encrypted to the present recipients: `git envsync rekey`, then commit", paths.join(", "))
}

/// An age in words: `12 s`, `5 min`, `3 h`, `2 days`.
#[must_use]
pub fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A value in a question: its length and fingerprint.
#[must_use]
pub fn masked(cipher: &dyn Cipher, value: Option<&SecretValue>) -> String {
    match value {
        Some(value) => format!("{} characters, {}", value.length(), cipher.fingerprint(value)),
        None => "deleted".to_owned(),
    }
}

/// `1 key`, `2 keys`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
