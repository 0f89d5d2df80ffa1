//! The real program and the real git.

mod first_steps;
mod flags;
