//! The real program and the real git with Amazon's two stores: what a user is promised, as scenes.

mod across;
mod arriving;
mod common;
mod emulator;
mod faults;
mod members;
mod offline;
mod peers;
mod quiet;
#[cfg(feature = "ssm")]
mod refused;
mod requests;
mod together;
mod unconditioned;
mod unknown;
mod versions;
