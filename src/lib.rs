//! `git envsync` keeps a repository's `.env` in step with the branch that is checked out.
//!
//! # Where things are
//!
//! Imports point one way: `main` → [`cli`] → [`app`] → [`ports`] → [`domain`]. The adapters ([`stores`], [`git`],
//! [`files`], [`state`], [`config`]) implement ports; they know nothing of `app`, `cli` or each other.
//!
//! | module | owns |
//! |---|---|
//! | [`domain`] | what things mean: keys, the env file document, branch rules, merge, plan, record. Pure and synchronous |
//! | [`ports`] | the traits through which `app` reaches the world, and their errors |
//! | [`app`] | the verbs, one file each: decide by `domain`, act through `ports`, never print |
//! | [`stores`] | named payloads, layouts over them, one folder a vendor |
//! | [`git`] | the repository, its hooks and drivers, outgoing commits |
//! | [`files`] | env files on disk |
//! | [`state`] | records, snapshots, undo, journal in the git directory |
//! | [`config`] | `.envsync.toml`, personal settings, trust, identity |
//! | [`cli`] | arguments, wiring, output |
//!
//! # What always holds
//!
//! 1. Decide, then do. A plan is a pure value; dry-run, table, JSON and questions are views of it.
//! 2. Effects in one order: undo record, journal, store, env file, record. After a crash anywhere, running again converges.
//! 3. Values belong to addresses. Unreadable is not absent. Nothing is overwritten blindly, and what loses is in the
//!    undo record first.
//! 4. The env file is a document, not a map: an edit touches only its own bytes.
//! 5. Secrets cannot be printed, by type; errors carry names and positions.
//! 6. A guest in git: post-hooks never fail it, foreign hooks are chained, nobody waits for us.
//! 7. The network is the exception: nothing is asked where nothing can have changed.
//! 8. A config is data from a stranger until it is trusted.
//! 9. Vendors differ by declared capability, never by name.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod files;
pub mod git;
pub mod ports;
pub mod state;
pub mod stores;
