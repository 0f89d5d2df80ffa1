//! Several people and one repository: sharing, hooks, trust, setting up, the gate before a push.

mod code_keys;
mod common;
mod first_day;
mod hooks;
mod hooks_failing;
mod leaks;
mod merge_driver;
mod pre_push;
mod quiet;
mod recipients;
mod refusals;
mod setting_up;
mod sharing;
mod textconv;
mod trust;
mod uninstalling;
mod worktrees;
