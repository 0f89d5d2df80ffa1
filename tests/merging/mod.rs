//! How sides are merged: what cannot happen to a value.
//!
//! The real program over the age store where that can show it; the verbs of `app` over the store in memory where a race,
//! a refusal or an outage has to be staged.

mod addresses;
mod begun_writes;
mod bench;
mod conflicts;
mod deletions;
mod documents;
mod elsewhere;
mod extending;
mod local_keys;
mod outages;
mod pull_and_push;
mod races;
mod refusals;
mod scenes;
mod several_files;
mod starting;
mod switching;
mod transfer;
mod undoing;
mod variables;
mod versions;
