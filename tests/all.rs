//! All integration tests, in one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has to stop")]

mod commands;
mod demo;
mod dotenv;
mod git_layer;
mod merging;
mod robust;
mod stores;
mod structure;
mod support;
mod team;
