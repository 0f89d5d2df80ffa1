//! Stores: the contract that every one keeps, and what is special to each.

mod age;
mod contract;
mod memory;
mod support;
