//! What a command would do to one env file and its environment: a pure value. Dry-run, tables, JSON and questions are
//! views of it; carrying it out is somebody else's.

use super::environment::EnvironmentName;
use super::key::Key;
use super::merge::{self, KeyState, Sides};
use super::overlay::Effective;
use super::record::Values;
use super::secret::SecretValue;
use std::collections::{BTreeMap, BTreeSet};

/// The sides of all keys of one env file. Local keys are left out before.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The env file now.
    pub local: &'a Values,
    /// What was agreed last; empty where nothing was.
    pub base: &'a Values,
    /// The store now, over the environments it extends.
    pub remote: &'a Effective,
}

/// What a plan may do, and how it settles what does not settle itself.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Which sides may be written.
    pub direction: Direction,
    /// How conflicts are settled; a key without a choice stops the plan.
    pub choices: Choices,
    /// Whether local deletions reach the store.
    pub deletions: Deletions,
    /// Whether keys that make programs load code may be brought in when new or changed.
    pub code_keys: CodeKeys,
}

/// Which sides may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The env file.
    ToLocal,
    /// The store.
    ToRemote,
    /// Both.
    Both,
}

impl Direction {
    fn writes_local(self) -> bool {
        self != Self::ToRemote
    }

    fn writes_remote(self) -> bool {
        self != Self::ToLocal
    }
}

/// How conflicts are settled.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// The choice for every key that has none of its own.
    pub all: Option<Choice>,
    /// The choice for single keys.
    pub keys: BTreeMap<Key, Choice>,
}

impl Choices {
    fn of(&self, key: &Key) -> Option<Choice> {
        self.keys.get(key).copied().or(self.all)
    }
}

/// The side that wins a conflict. The other value goes to the undo record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The env file.
    Local,
    /// The store.
    Remote,
}

/// What becomes of keys that were dropped from the env file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletions {
    /// They stay in the store: the plan lists them as withheld.
    Withheld,
    /// They are removed from the store (`--prune`).
    Pruned,
    /// The env file has lines that cannot be read: the key may be in one of them.
    Doubtful,
}

/// Whether keys that make programs load code may be brought in when new or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeKeys {
    /// The user said so.
    Accepted,
    /// They stay out, listed, but for those that were accepted with just this value before.
    HeldBack(Values),
}

impl CodeKeys {
    /// Whether `value` stays out, where `local` is what the file has now.
    #[must_use]
    pub fn holds_back(&self, key: &Key, local: Option<&SecretValue>, value: Option<&SecretValue>) -> bool {
        match self {
            Self::Accepted => false,
            Self::HeldBack(accepted) => {
                value.is_some() && value != local && key.loads_code() && accepted.get(key) != value
            }
        }
    }
}

/// What is done about one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The store's value goes into the env file.
    UpdateLocal,
    /// The key leaves the env file.
    RemoveLocal,
    /// The env file's value goes into the store.
    UpdateRemote,
    /// The key leaves the store.
    RemoveRemote,
    /// Nothing.
    None,
    /// Nothing, although something is to do: see the note.
    Withheld,
}

/// Why a step is withheld, or what a reader should know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A deletion that reaches the store only with `--prune`.
    NeedsPrune,
    /// A deletion that cannot be told from an unreadable line.
    UnreadableLines,
    /// A deletion of a key that comes from the environment below.
    Inherited(EnvironmentName),
    /// A key that makes programs load code.
    LoadsCode,
    /// An addition under a name that the store has scheduled for deletion: pushing it restores the name.
    RestoresName,
    /// A conflict that was settled by choosing a side.
    Settled(Choice),
}

/// One key of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The key.
    pub key: Key,
    /// What happened to it.
    pub state: KeyState,
    /// What is done.
    pub action: Action,
    /// The value in the env file before.
    pub local: Option<SecretValue>,
    /// The value in the store before.
    pub remote: Option<SecretValue>,
    /// What will have been agreed once it is done.
    pub base_after: Option<SecretValue>,
    /// What a reader should know.
    pub note: Option<Note>,
}

impl Step {
    /// Whether it is a conflict that nobody has settled.
    #[must_use]
    pub fn is_open_conflict(&self) -> bool {
        self.state.is_conflict() && !matches!(self.note, Some(Note::Settled(_)))
    }

    /// The value in the env file afterwards.
    #[must_use]
    pub fn local_after(&self) -> Option<&SecretValue> {
        match self.action {
            Action::UpdateLocal => self.remote.as_ref(),
            Action::RemoveLocal => None,
            _ => self.local.as_ref(),
        }
    }

    /// The value that is nowhere else once the step is done: it goes to the undo record first.
    #[must_use]
    pub fn loses(&self) -> Option<&SecretValue> {
        match (self.action, &self.note) {
            (Action::UpdateLocal | Action::RemoveLocal, _) => self.local.as_ref(),
            (Action::RemoveRemote, _) | (_, Some(Note::Settled(Choice::Local))) => self.remote.as_ref(),
            _ => None,
        }
    }
}

/// What a command would do, key by key. Unchanged keys are not listed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The steps, by key.
    pub steps: Vec<Step>,
}

/// A plan's counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Changes of the store that the env file lacks.
    pub incoming: usize,
    /// Changes of the env file that the store lacks.
    pub outgoing: usize,
    /// Keys that both sides changed and nobody has settled.
    pub conflicts: usize,
    /// What is not done although something is to do.
    pub withheld: usize,
    /// Changes kept for environments the file does not hold.
    pub parked: usize,
}

impl Plan {
    /// Decides what to do about every key.
    #[must_use]
    pub fn decide(situation: Situation<'_>, rules: &Rules) -> Self {
        let Situation { local, base, remote } = situation;
        let unknown = remote.unknown.keys().filter_map(|name| Key::new(name.as_str()).ok());
        let keys: BTreeSet<Key> =
            local.keys().chain(base.keys()).chain(remote.entries.keys()).cloned().chain(unknown).collect();
        let steps = keys
            .into_iter()
            .filter_map(|key| {
                let sides = Sides { base: base.get(&key), local: local.get(&key), remote: remote.get(&key) };
                if remote.is_unknown_to(&key, sides.base) {
                    return Some(Step::idle(key, KeyState::Unknown, sides));
                }
                // Unreadable, yet not unknown: the name is on its way out, and the value is the file's alone.
                let leaving = remote.is_unknown(&key);
                match merge::compare(sides) {
                    KeyState::Unchanged if leaving && sides.local.is_none() => {
                        Some(Step::idle(key, KeyState::Unknown, sides))
                    }
                    KeyState::Unchanged => None,
                    state => {
                        let step = step(&key, state, sides, remote, rules);
                        let revives = leaving && step.action == Action::UpdateRemote && step.note.is_none();
                        Some(if revives { Step { note: Some(Note::RestoresName), ..step } } else { step })
                    }
                }
            })
            .collect();
        Self { steps }
    }

    /// The conflicts that nobody has settled.
    pub fn open_conflicts(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.is_open_conflict())
    }

    /// Whether it changes the env file.
    #[must_use]
    pub fn writes_local(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::UpdateLocal | Action::RemoveLocal))
    }

    /// Whether it changes the store.
    #[must_use]
    pub fn writes_remote(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::UpdateRemote | Action::RemoveRemote))
    }

    /// The keys that stay out because they make programs load code.
    #[must_use]
    pub fn held_back(&self) -> Vec<&str> {
        self.steps.iter().filter(|step| step.note == Some(Note::LoadsCode)).map(|step| step.key.as_str()).collect()
    }

    /// The counts; `parked` is the caller's.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for step in &self.steps {
            if step.is_open_conflict() {
                summary.conflicts += 1;
            } else if step.action == Action::Withheld {
                summary.withheld += 1;
            } else if step.state.is_remote() || matches!(step.action, Action::UpdateLocal | Action::RemoveLocal) {
                summary.incoming += 1;
            } else if step.state.is_local() || matches!(step.action, Action::UpdateRemote | Action::RemoveRemote) {
                summary.outgoing += 1;
            }
        }
        summary
    }
}

impl Step {
    fn idle(key: Key, state: KeyState, sides: Sides<'_>) -> Self {
        Self {
            key,
            state,
            action: Action::None,
            local: sides.local.cloned(),
            remote: sides.remote.cloned(),
            base_after: sides.base.cloned(),
            note: None,
        }
    }

    fn withheld(mut self, note: Note) -> Self {
        self.action = Action::Withheld;
        self.note = Some(note);
        self
    }

    /// Does it and agrees on `base`.
    fn act(mut self, action: Action, base: Option<&SecretValue>) -> Self {
        self.action = action;
        self.base_after = base.cloned();
        self
    }
}

fn step(key: &Key, state: KeyState, sides: Sides<'_>, remote: &Effective, rules: &Rules) -> Step {
    let idle = Step::idle(key.clone(), state, sides);
    match state {
        KeyState::Unchanged | KeyState::Unknown => idle,
        KeyState::Converged => idle.act(Action::None, sides.local),
        KeyState::LocalAdded | KeyState::LocalModified => push_value(idle, sides, rules),
        KeyState::LocalDeleted => push_deletion(idle, sides, remote, rules),
        KeyState::RemoteAdded | KeyState::RemoteModified | KeyState::RemoteDeleted => {
            if rules.direction.writes_local() { take_remote(idle, sides, rules) } else { idle }
        }
        KeyState::Conflict(_) => match rules.choices.of(key) {
            None => idle,
            Some(Choice::Remote) => settled(take_remote(idle, sides, rules), Choice::Remote),
            Some(Choice::Local) if rules.deletions == Deletions::Doubtful && sides.local.is_none() => {
                idle.withheld(Note::UnreadableLines)
            }
            Some(Choice::Local) => settled(keep_local(idle, sides, remote, rules), Choice::Local),
        },
    }
}

fn push_value(idle: Step, sides: Sides<'_>, rules: &Rules) -> Step {
    if rules.direction.writes_remote() { idle.act(Action::UpdateRemote, sides.local) } else { idle }
}

fn push_deletion(idle: Step, sides: Sides<'_>, remote: &Effective, rules: &Rules) -> Step {
    if let Some(origin) = remote.origin(&idle.key) {
        return idle.withheld(Note::Inherited(origin.clone()));
    }
    match rules.deletions {
        Deletions::Doubtful => idle.withheld(Note::UnreadableLines),
        Deletions::Pruned if rules.direction.writes_remote() => idle.act(Action::RemoveRemote, sides.local),
        Deletions::Pruned | Deletions::Withheld => idle.withheld(Note::NeedsPrune),
    }
}

fn take_remote(idle: Step, sides: Sides<'_>, rules: &Rules) -> Step {
    if rules.code_keys.holds_back(&idle.key, sides.local, sides.remote) {
        return idle.withheld(Note::LoadsCode);
    }
    let action = if sides.remote.is_some() { Action::UpdateLocal } else { Action::RemoveLocal };
    idle.act(action, sides.remote)
}

/// The env file wins. Where the store may not be written, or a deletion is withheld from it, the store's value becomes
/// the base: the user has seen it, and the env file's is an unpushed change from now on.
fn keep_local(idle: Step, sides: Sides<'_>, remote: &Effective, rules: &Rules) -> Step {
    let inherited = remote.origin(&idle.key).is_some();
    match sides.local {
        Some(_) if rules.direction.writes_remote() => idle.act(Action::UpdateRemote, sides.local),
        None if rules.direction.writes_remote() && rules.deletions == Deletions::Pruned && !inherited => {
            idle.act(Action::RemoveRemote, None)
        }
        _ => idle.act(Action::None, sides.remote),
    }
}

fn settled(step: Step, choice: Choice) -> Step {
    match step.action {
        Action::Withheld => step,
        _ => Step { note: Some(Note::Settled(choice)), ..step },
    }
}
