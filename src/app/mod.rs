//! The verbs: decide by `domain`, act through `ports`, never print.

pub mod adopt;
pub mod apply;
mod commit;
pub mod compare;
pub mod decide;
pub mod failure;
pub mod guard;
pub mod history;
pub mod hooks;
pub mod import;
mod merging;
pub mod reconcile;
pub mod recover;
pub mod remote;
pub mod report;
pub mod rollback;
pub mod settle;
pub mod store_file;
mod store_journal;
pub mod switching;
pub mod target;
pub mod undo;
pub mod use_environment;
pub mod variables;
pub mod verify;
pub mod workspace;
