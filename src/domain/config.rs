//! What a config means: files, environments, stores, hooks; and which environment a branch gets.
//!
//! Knows nothing of TOML, of where the config came from, or of personal settings beyond their types.

mod check;
mod digest;
mod near;
mod places;
mod select;

pub use check::{CheckError, Part};
pub use near::nearest;
pub use places::check_tree_path;
pub use select::{SelectionError, Which};

use super::branch::{BranchPattern, PathTemplate};
use super::environment::{EnvFilePath, EnvironmentName, StoreKind, StoreName};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A config that has been checked by [`Config::check`]: every environment's store exists, every path stays inside.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The env files; at least one.
    pub files: Vec<EnvFileEntry>,
    /// The environments, in order: the first with a matching branch wins.
    pub environments: Vec<EnvironmentEntry>,
    /// The stores.
    pub stores: BTreeMap<StoreName, StoreEntry>,
    /// What the hooks do.
    pub hooks: HookPolicy,
}

/// A `[[file]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvFileEntry {
    /// The env file.
    pub path: EnvFilePath,
    /// Added to every environment's path.
    pub suffix: Option<String>,
    /// The example file, relative to the top; none means the path plus `.example`, where it exists.
    pub example: Option<String>,
    /// Keys outside the merge: literal names, with `*` for any characters.
    pub local: Vec<String>,
    /// The environment it holds whatever the branch.
    pub environment: Option<EnvironmentName>,
}

impl EnvFileEntry {
    /// Where its example file is, if there is one.
    #[must_use]
    pub fn example_path(&self) -> String {
        self.example.clone().unwrap_or_else(|| format!("{}.example", self.path))
    }
}

/// An `[[environment]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentEntry {
    /// Its name.
    pub name: EnvironmentName,
    /// The branches it belongs to.
    pub branches: Vec<BranchPattern>,
    /// The store that holds it.
    pub store: StoreName,
    /// Its place there.
    pub path: PathTemplate,
    /// Whether hooks leave it out of files and writes need its name.
    pub protected: bool,
    /// The environment whose keys it inherits.
    pub extends: Option<EnvironmentName>,
}

/// A `[stores.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreEntry {
    /// Its kind.
    pub kind: StoreKind,
    /// How variables are laid out in payloads.
    pub layout: Layout,
    /// The other settings of its kind: `directory`, `region`, `profile`, …
    pub settings: BTreeMap<String, String>,
}

/// How the variables of an environment are laid out in payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One payload: a JSON object.
    Json,
    /// One payload per key.
    Keys,
    /// One payload: the text of an env file.
    Dotenv,
}

/// `[hooks]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HookPolicy {
    /// What post-checkout does.
    pub post_checkout: PostCheckout,
    /// What pre-push does with findings.
    pub pre_push: PrePush,
    /// The findings that block a push.
    pub block_on: BTreeSet<FindingKind>,
    /// What pre-push does when a store cannot be asked.
    pub on_error: OnError,
    /// How long a hook may take.
    pub time_budget: Duration,
    /// How old a snapshot may be before a hook asks the store whether anything moved.
    pub max_age: Duration,
}

impl Default for HookPolicy {
    fn default() -> Self {
        Self {
            post_checkout: PostCheckout::Pull,
            pre_push: PrePush::Block,
            block_on: [
                FindingKind::Leak,
                FindingKind::TrackedEnvFile,
                FindingKind::MissingKey,
                FindingKind::UncommittedStore,
                FindingKind::Recipients,
            ]
            .into(),
            on_error: OnError::Allow,
            time_budget: Duration::from_secs(3),
            max_age: Duration::from_secs(600),
        }
    }
}

/// `hooks.post_checkout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostCheckout {
    /// Bring the branch's environment into the file.
    Pull,
    /// Say what `pull` would do.
    Notify,
    /// Nothing.
    Off,
}

/// `hooks.pre_push`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrePush {
    /// Stop the push.
    Block,
    /// Warn.
    Warn,
    /// Nothing.
    Off,
}

/// `hooks.on_error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Warn and let the push go on.
    Allow,
    /// Warn and stop the push.
    Block,
}

/// What `verify` and pre-push find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A required key is not in the store.
    MissingKey,
    /// A local change has not been pushed.
    Unpushed,
    /// Two sides changed one key.
    Conflict,
    /// The remote has changes the file lacks.
    Stale,
    /// Something in the store could not be read.
    Unreadable,
    /// A secret value in an outgoing commit.
    Leak,
    /// Git tracks the env file.
    TrackedEnvFile,
    /// Keys that only the work tree's store file has.
    UncommittedStore,
    /// A store file is not encrypted to the present recipients.
    Recipients,
}

/// Who wins where both sides changed a key: a personal setting, and `--prefer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// The env file.
    Local,
    /// The store.
    Remote,
    /// Whoever sits at the terminal decides.
    Ask,
    /// Nobody: nothing is written.
    Stop,
}

/// Gives an enum the spellings it has in settings.
macro_rules! spellings {
    ($type:ident: $($variant:ident = $text:literal),+ $(,)?) => {
        impl $type {
            /// All of them with their spellings.
            pub const SPELLINGS: &[(&'static str, Self)] = &[$(($text, Self::$variant)),+];

            /// Reads a spelling.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::SPELLINGS.iter().find(|(spelling, _)| *spelling == text).map(|(_, value)| *value)
            }

            /// The spelling.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }
    };
}

spellings!(Layout: Json = "json", Keys = "keys", Dotenv = "dotenv");
spellings!(PostCheckout: Pull = "pull", Notify = "notify", Off = "off");
spellings!(PrePush: Block = "block", Warn = "warn", Off = "off");
spellings!(OnError: Allow = "allow", Block = "block");
spellings!(OnConflict: Local = "local", Remote = "remote", Ask = "ask", Stop = "stop");
spellings!(FindingKind:
    MissingKey = "missing_key",
    Unpushed = "unpushed",
    Conflict = "conflict",
    Stale = "stale",
    Unreadable = "unreadable",
    Leak = "leak",
    TrackedEnvFile = "tracked_env_file",
    UncommittedStore = "uncommitted_store",
    Recipients = "recipients",
);
