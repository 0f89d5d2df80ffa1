//! The git layer against the real git, in a home of its own.

mod sandbox;

mod drivers;
mod head;
mod hooks;
mod ignore;
mod objects;
mod opening;
mod outgoing;
mod settings;
mod shims;
mod worktrees;
