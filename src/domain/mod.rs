//! Pure and synchronous: no I/O, no clock, no randomness, no process environment.

pub mod branch;
pub mod config;
pub mod dotenv;
pub mod environment;
pub mod formats;
pub mod key;
pub mod leak;
pub mod merge;
pub mod overlay;
pub mod plan;
pub mod record;
pub mod secret;
pub mod snapshot;
pub mod switch;
pub mod undo;
