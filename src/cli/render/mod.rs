//! What commands did, as tables and JSON.

pub mod findings;
pub mod json;
pub mod table;

use crate::domain::plan::{Choice, Note};

/// A note in words.
#[must_use]
pub fn note(note: &Note) -> String {
    match note {
        Note::NeedsPrune => "stays in the store without --prune".to_owned(),
        Note::UnreadableLines => "not deleted while the file has lines that cannot be read".to_owned(),
        Note::Inherited(environment) => format!("comes from {environment}; deleting it there is another matter"),
        Note::LoadsCode => "can make programs load code: `git envsync pull` asks, --yes lets it in".to_owned(),
        Note::RestoresName => "its name is scheduled for deletion: pushing it restores the name".to_owned(),
        Note::Settled(Choice::Local) => "settled: the env file's value".to_owned(),
        Note::Settled(Choice::Remote) => "settled: the store's value".to_owned(),
    }
}
