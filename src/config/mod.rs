//! `.envsync.toml`, personal settings, trust and identity: the adapters between their files and the domain.
//!
//! Knows nothing of commands, stores or git. What it reads from the process (variables, git's settings) is handed in,
//! so that one place decides what counts.

pub mod duration;
pub mod file;
pub mod identity;
pub mod initial;
pub mod personal;
pub mod places;
mod positions;
mod private;
pub mod trust;
