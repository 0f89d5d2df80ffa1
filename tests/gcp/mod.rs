//! Google Secret Manager: the contract of stores and what is special to the service, over a server of OUR OWN.
//!
//! Google has no emulator of it. [`service`] has the rules, each with the page of Google's reference that it comes from,
//! [`server`] the protocol, and what may go wrong on the way; [`python`] lets Google's own client judge both. What the
//! real service does beyond its reference (quotas counted by the minute, answers that are late, the texts of messages)
//! is not known here.

#![allow(clippy::result_large_err, reason = "a store error travels once, to the top; nobody is in a hurry then")]

mod contract;
mod python;
mod reading;
mod refusals;
mod repository;
mod scene;
mod server;
mod service;
mod signing_in;
#[cfg(feature = "aws")]
mod tls;
mod writing;
