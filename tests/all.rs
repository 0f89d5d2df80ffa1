//! All integration tests, in one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has to stop")]

#[cfg(feature = "ssm")]
mod aws_parameters;
#[cfg(feature = "aws")]
mod aws_secrets;
#[cfg(feature = "aws")]
mod cloud;
mod commands;
mod demo;
mod dotenv;
#[cfg(feature = "gcp")]
mod gcp;
mod git_layer;
mod merging;
#[cfg(feature = "aws")]
mod network;
mod robust;
mod stores;
mod structure;
mod support;
mod team;
