//! The two error types that cross a port.

use crate::domain::snapshot::PayloadName;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What went wrong in a local adapter or in a verb, in three voices: what happened, why, what to do now.
///
/// None of the three ever contains text of an env file or of a payload: names and positions only.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit status.
    pub kind: FailureKind,
    /// What happened: one line, without a lower layer's text.
    pub what: String,
    /// What to type or to do now.
    pub hint: Option<String>,
    /// Why: printed once, at the top.
    pub why: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of [`Failure`], in the words of JSON output. `cli::error` maps each to an exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The command line cannot be followed.
    Usage,
    /// Two sides changed one key.
    Conflict,
    /// What was named is not there.
    Missing,
    /// Refused by a safety rule.
    Refused,
    /// An environment is protected.
    Protected,
    /// The file holds another environment.
    WrongEnvironment,
    /// Git tracks the env file, or does not ignore it.
    ExposedEnvFile,
    /// An environment that had keys answers with none.
    Emptied,
    /// Another writer won, again and again.
    LostRace,
    /// A value, name or file is over a limit.
    TooLarge,
    /// Not signed in.
    SignedOut,
    /// Not permitted.
    Denied,
    /// Not decryptable with the present identity, or damaged.
    Undecryptable,
    /// The store could not be reached, or answered nonsense.
    Unreachable,
    /// Offline, and there is no snapshot.
    Offline,
    /// The config is missing or invalid.
    Config,
    /// The config or the recipients have not been accepted.
    Untrusted,
    /// No environment is selected, or the config has no such environment.
    NoEnvironment,
    /// Done in part.
    Partial,
    /// Something that should not happen: a bug, a full disk, a directory that cannot be written.
    Internal,
}

impl Failure {
    /// A failure with its first voice.
    #[must_use]
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), hint: None, why: None }
    }

    /// Adds what to do now.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds why it happened.
    #[must_use]
    pub fn because(mut self, why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.why = Some(why.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.why.as_deref().map(|why| why as &(dyn Error + 'static))
    }
}

/// What went wrong in a store. Kinds come from codes, never from substrings of messages.
#[derive(Debug, Clone)]
pub struct StoreError {
    /// In storage words.
    pub kind: StoreErrorKind,
    /// Whether trying again can help.
    pub retry: Retry,
    /// What was being done: `read`, `write`.
    pub operation: &'static str,
    /// The store as its `Display` names it.
    pub store: String,
    /// The payload it is about, where it is about one.
    pub payload: Option<PayloadName>,
    /// One line of detail: names, positions and codes, never content.
    pub detail: String,
    /// What to type now, where the store knows.
    pub hint: Option<String>,
}

/// The kinds of [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Nobody is signed in, or the sign-in has expired.
    SignedOut,
    /// Signed in, but not permitted.
    Denied,
    /// A setting is missing or names something that does not exist: a region, a profile, a key.
    Misconfigured,
    /// The payload cannot be decrypted by the present identity.
    Undecryptable,
    /// The payload is damaged, or is not what its layout says.
    Corrupt,
    /// The payload is disabled.
    Disabled,
    /// The payload is scheduled for deletion.
    PendingDeletion,
    /// The payload is not what the write was conditioned on: somebody else was there.
    Moved,
    /// Over the store's size limit.
    TooLarge,
    /// A name or value the store cannot hold.
    Unstorable,
    /// The list of recipients has not been accepted.
    UntrustedRecipients,
    /// Git has the store file unmerged.
    Unmerged,
    /// No answer in time, or no connection.
    Unreachable,
    /// Asked to slow down until the time was used up.
    Throttled,
    /// An answer that makes no sense.
    Nonsense,
    /// The operating system refused: permissions, a full disk.
    Io,
    /// The store cannot do this: it keeps no history, say.
    Unsupported,
}

impl StoreErrorKind {
    /// Whether a write that ended so may be in the store all the same: the answer is missing, or makes no sense.
    #[must_use]
    pub fn leaves_doubt(self) -> bool {
        matches!(self, Self::Unreachable | Self::Throttled | Self::Nonsense | Self::Io)
    }
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It cannot.
    Never,
    /// It can, after the usual pause.
    Soon,
    /// It can, after this long: the store said so.
    After(Duration),
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.store, self.detail)
    }
}

impl Error for StoreError {}
