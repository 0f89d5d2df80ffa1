//! The repository: its places, HEAD, config, hooks, drivers and outgoing commits.
//!
//! Reads are in-process (a hook must not start a second process); explicit commands that write ask `git` itself.
//! This module knows nothing of environments, stores or values: paths, commits and bytes only.

pub mod attributes;
mod command;
pub mod drivers;
mod head;
pub mod hooks;
mod ignore;
mod index;
mod lines;
mod objects;
mod open;
mod outgoing;
mod pushed;
mod quote;
mod repository;
mod settings;
mod unmerged;
mod worktrees;

pub use head::{Head, Operation};
pub use lines::Edit;
pub use objects::CommitId;
pub use outgoing::{OutgoingText, Skipped, SkippedReason};
pub use pushed::{PushedRef, parse_pre_push};
pub use quote::for_display;
pub use repository::Repository;
pub use unmerged::Stages;
pub use worktrees::WorktreeId;
