//! Stores: the contract that every one keeps, and what is special to each.

mod age;
pub(crate) mod contract;
mod layers;
mod memory;
pub(crate) mod support;
