//! The command line.

mod format;

pub use format::Format;

use crate::config::duration;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Keeps a repository's `.env` in step with the branch that is checked out, merged key by key with a secret store.
#[derive(Debug, Parser)]
#[command(name = "git envsync", bin_name = "git envsync", version, propagate_version = false, max_term_width = 80)]
#[command(disable_help_subcommand = false, subcommand_required = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 done, 1 differences or findings, 2 usage, 3 conflicts, 4 refused,\n5 not permitted, 6 store not reachable, 7 config or trust, 8 done in part,\n9 internal error. A first look: `git envsync demo`."
)]
pub struct Arguments {
    /// The flags that mean the same everywhere.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that mean the same everywhere.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct Globals {
    /// Start in DIR, as git does
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub directory: Vec<PathBuf>,
    /// The environment the command is about
    #[arg(short = 'e', long = "env", value_name = "NAME", global = true)]
    pub environments: Vec<String>,
    /// The branch whose environment the command is about
    #[arg(long, value_name = "NAME", global = true)]
    pub branch: Option<String>,
    /// The env file, where there are several (or --env-file)
    #[arg(long = "file", alias = "env-file", value_name = "PATH", global = true)]
    pub file: Option<String>,
    /// How results are printed: table, json
    #[arg(long, value_name = "FORMAT", global = true, hide_possible_values = true)]
    pub format: Option<Format>,
    /// Short for --format json
    #[arg(long, global = true)]
    pub json: bool,
    /// Ask no store; what was read last serves
    #[arg(long, global = true)]
    pub offline: bool,
    /// Print values instead of their length and fingerprint
    #[arg(long, global = true)]
    pub show_values: bool,
    /// The time for stores, retries included [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = time, global = true)]
    pub timeout: Option<Duration>,
    /// The oldest snapshot that may serve (0: none)
    #[arg(long, value_name = "TIME", value_parser = time, global = true)]
    pub max_age: Option<Duration>,
    /// When to use colours: auto, always, never
    #[arg(long, value_name = "WHEN", hide_possible_values = true, global = true)]
    pub color: Option<When>,
    /// Print no notes
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more: steps, requests (-vv), events (-vvv)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Never ask
    #[arg(long, global = true)]
    pub non_interactive: bool,
    /// Say yes, but not to conflicts or protected environments
    #[arg(short, long, global = true)]
    pub yes: bool,
}

impl Globals {
    /// Whether results are printed as JSON.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        self.json || self.format == Some(Format::Json)
    }
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up this repository: config, ignore rule, identity, trust, hooks
    Init,
    /// Put the git hooks and the diff and merge drivers in place
    Install,
    /// Take hooks, drivers and git settings out again
    Uninstall {
        /// Also remove what envsync keeps: records, snapshots, undo, trust
        #[arg(long)]
        purge: bool,
    },
    /// Show what the config would do, and accept it
    Trust {
        /// Take the acceptance back
        #[arg(long, conflicts_with = "show")]
        revoke: bool,
        /// Only show it, with the digests for GIT_ENVSYNC_TRUST
        #[arg(long)]
        show: bool,
    },
    /// Say which environment, store and location a branch gets, and why
    Which {
        /// The branch [default: the one that is checked out]
        // An id of its own: under that of the global `--branch` it would take its place.
        #[arg(id = "which_branch", value_name = "BRANCH")]
        branch: Option<String>,
    },
    /// Say what each env file holds, and what differs from its store
    Status {
        /// End with 1 when something differs
        #[arg(long)]
        exit_code: bool,
    },
    /// Compare two sides of an env file: local and remote, or others
    Diff {
        /// One side: local, remote, base, snapshot, env:NAME, branch:NAME
        #[arg(default_value = "local")]
        a: String,
        /// The other side, likewise
        #[arg(default_value = "remote")]
        b: String,
        /// End with 1 when something differs
        #[arg(long)]
        exit_code: bool,
    },
    /// Bring the snapshot up to date; env files are not touched
    Fetch,
    /// Bring the store's changes into the env file
    Pull {
        /// How the merge goes
        #[command(flatten)]
        merge: MergeFlags,
        /// Believe that the store has no key any more
        #[arg(long)]
        allow_empty: bool,
    },
    /// Bring the env file's changes into the store
    Push {
        /// How the merge goes
        #[command(flatten)]
        merge: MergeFlags,
        /// Also remove from the store what the file has lost
        #[arg(long)]
        prune: bool,
    },
    /// Pull and push, in one plan
    Sync {
        /// Settle conflicts: local, remote, ask, stop
        #[arg(long, value_name = "SIDE", hide_possible_values = true)]
        prefer: Option<PreferFlag>,
        /// What is written
        #[command(flatten)]
        write: WriteFlags,
        /// Also remove from the store what the file has lost
        #[arg(long)]
        prune: bool,
        /// Which way: both, to-remote, to-local
        #[arg(long, value_name = "WAY", default_value = "both")]
        #[arg(hide_possible_values = true, hide_default_value = true)]
        direction: DirectionFlag,
    },
    /// Put another environment into the env file, until `use -`
    Use {
        /// The environment; `-` for the branch's
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The protected environment that may be touched
        #[arg(long, value_name = "NAME")]
        allow_protected: Option<String>,
    },
    /// Drop the local change of keys: back to what the store has
    Restore {
        /// The keys
        #[arg(required = true)]
        keys: Vec<String>,
    },
    /// Settle conflicts; without keys and sides, asks one by one
    Resolve {
        /// The keys [default: all that are in conflict]
        keys: Vec<String>,
        /// Keep the env file's values
        #[arg(long, conflicts_with = "remote")]
        local: bool,
        /// Take the store's values
        #[arg(long)]
        remote: bool,
    },
    /// Take back what envsync did to an env file
    Undo {
        /// The number of the entry [default: the newest]
        number: Option<u64>,
        /// Show what can be taken back (--show-values: the values too)
        #[arg(long)]
        list: bool,
        /// Take over what a work tree that is gone had parked, and its entries
        #[arg(long, value_name = "NAME", conflicts_with_all = ["number", "list"])]
        worktree: Option<String>,
        /// Show what would be done
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
    /// Run a command with the environment's variables; writes no plaintext
    Run {
        /// Inherited variables win
        #[arg(long)]
        keep_existing: bool,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// List the keys, with masked values
    List,
    /// Print the value of a key
    Get {
        /// The key
        key: String,
    },
    /// Set a key to what standard input, or the terminal, gives
    Set {
        /// The key
        key: String,
        /// Refused without repeating them: a value that is typed here can be seen by others
        #[arg(hide = true)]
        values: Vec<OsString>,
        /// What is written
        #[command(flatten)]
        write: WriteFlags,
    },
    /// Remove a key
    Unset {
        /// The key
        key: String,
        /// What is written
        #[command(flatten)]
        write: WriteFlags,
    },
    /// Print the variables as a text for other programs
    #[command(
        after_help = "--format is the text's: dotenv (default), json, yaml, toml, shell, docker,\ngithub. `git envsync export -e staging | git envsync import -e preview -`"
    )]
    Export,
    /// Set many keys to what a file says: a plan like any other
    #[command(
        after_help = "--format is the file's: dotenv, json, yaml, toml, shell, docker, github; without\nit the file's name or beginning tells. --json is for the result."
    )]
    Import {
        /// The file; `-` for standard input
        // An id of its own: under that of the global `--file` it would take its place.
        #[arg(id = "import_file", value_name = "FILE")]
        file: PathBuf,
        /// Also remove the keys that the file lacks
        #[arg(long)]
        prune: bool,
        /// What is written
        #[command(flatten)]
        write: WriteFlags,
    },
    /// Show the versions that the store keeps, of a key or of all
    History {
        /// The key [default: all]
        key: Option<String>,
        /// How many are shown, newest first
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20, hide_default_value = true)]
        limit: usize,
    },
    /// Write an earlier version to the store again
    Rollback {
        /// The version, as `history` names it
        version: String,
        /// One key [default: all]
        key: Option<String>,
        /// Settle what the env file has changed too: local, remote, ask, stop
        #[arg(long, value_name = "SIDE", hide_possible_values = true)]
        prefer: Option<PreferFlag>,
        /// Also remove from the store what was added since
        #[arg(long)]
        prune: bool,
        /// What is written
        #[command(flatten)]
        write: WriteFlags,
    },
    /// Check for missing keys, differences, conflicts, leaks (-e repeats)
    Verify,
    /// Show or make your identity
    Key {
        /// What to do with it
        #[command(subcommand)]
        action: KeyAction,
    },
    /// List, add or remove who can read the age store
    Recipient {
        /// What to do with them
        #[command(subcommand)]
        action: RecipientAction,
    },
    /// Encrypt every store file to the present recipients
    Rekey {
        /// Show what would be done
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
    /// Watch it work, in a throw-away repository of its own
    Demo {
        /// Make it here, and keep it
        directory: Option<PathBuf>,
    },
    /// Called by git's hooks
    #[command(hide = true)]
    Hook {
        /// The hook that was here before, run first
        #[arg(long, value_name = "PATH")]
        chain: Option<PathBuf>,
        /// The hook
        name: String,
        /// Git's arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Called by git to show a store file
    #[command(hide = true)]
    Textconv {
        /// The file
        #[arg(value_name = "FILE")]
        blob: PathBuf,
    },
    /// Called by git to merge a store file
    #[command(hide = true)]
    MergeDriver {
        /// %O %A %B %L %P
        #[arg(num_args = 3..=5, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

impl Command {
    /// The name, as JSON documents have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Install => "install",
            Self::Uninstall { .. } => "uninstall",
            Self::Trust { .. } => "trust",
            Self::Which { .. } => "which",
            Self::Status { .. } => "status",
            Self::Diff { .. } => "diff",
            Self::Fetch => "fetch",
            Self::Pull { .. } => "pull",
            Self::Push { .. } => "push",
            Self::Sync { .. } => "sync",
            Self::Use { .. } => "use",
            Self::Restore { .. } => "restore",
            Self::Resolve { .. } => "resolve",
            Self::Undo { .. } => "undo",
            Self::Run { .. } => "run",
            Self::List => "list",
            Self::Get { .. } => "get",
            Self::Set { .. } => "set",
            Self::Unset { .. } => "unset",
            Self::Export => "export",
            Self::Import { .. } => "import",
            Self::History { .. } => "history",
            Self::Rollback { .. } => "rollback",
            Self::Verify => "verify",
            Self::Key { .. } => "key",
            Self::Recipient { .. } => "recipient",
            Self::Rekey { .. } => "rekey",
            Self::Demo { .. } => "demo",
            Self::Hook { .. } => "hook",
            Self::Textconv { .. } => "textconv",
            Self::MergeDriver { .. } => "merge-driver",
        }
    }
}

/// Flags of commands that merge.
#[derive(Debug, Clone, Args)]
pub struct MergeFlags {
    /// Settle conflicts: local, remote, ask, stop
    #[arg(long, value_name = "SIDE", conflicts_with = "force", hide_possible_values = true)]
    pub prefer: Option<PreferFlag>,
    /// Let the side that is read win every conflict
    #[arg(long)]
    pub force: bool,
    /// What is written
    #[command(flatten)]
    pub write: WriteFlags,
}

/// Flags of commands that write a store.
#[derive(Debug, Clone, Args)]
pub struct WriteFlags {
    /// Show what would be done
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// The protected environment that may be touched
    #[arg(long, value_name = "NAME")]
    pub allow_protected: Option<String>,
}

/// `--prefer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PreferFlag {
    /// The env file wins
    Local,
    /// The store wins
    Remote,
    /// You are asked
    Ask,
    /// Nothing is written
    Stop,
}

/// `--direction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DirectionFlag {
    /// Both sides
    #[value(alias = "bidirectional")]
    Both,
    /// Only the store
    #[value(alias = "local-to-cloud")]
    ToRemote,
    /// Only the env file
    #[value(alias = "cloud-to-local")]
    ToLocal,
}

/// `key`.
#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// Print the public key
    Show,
    /// Make an identity, never over an existing one
    Generate,
}

/// `recipient`.
#[derive(Debug, Subcommand)]
pub enum RecipientAction {
    /// List them
    List,
    /// Let somebody read the store: encrypts it anew
    Add {
        /// Their public key: age1… or ssh-ed25519 …
        key: String,
        /// Their name, for the comment
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Encrypt the store without somebody from now on
    Remove {
        /// Their public key, or their name
        key: String,
    },
}

fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| duration::EXPECTED.to_owned())
}
