//! Finishing or dropping what an interrupted command began.

use super::apply;
use super::workspace::Workspace;
use crate::domain::dotenv::Document;
use crate::domain::environment::EnvFilePath;
use crate::domain::record::{FileState, JournalEntry, Values};
use crate::domain::switch::merge_parked;
use crate::ports::{Failure, keyed_digest};

/// What became of an interrupted command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The env file was replaced: what follows has to be done.
    Replaced,
    /// The env file was not replaced: nothing happened.
    Untouched,
    /// It was edited since, beyond telling.
    Doubtful,
}

/// Looks for a journal entry and settles it; says whether the interrupted command is finished by that. The caller holds the
/// env file's lock.
///
/// # Errors
/// What cannot be read or written; the journal entry stays then.
pub async fn recover(workspace: &Workspace, file: &EnvFilePath) -> Result<bool, Failure> {
    let state = &workspace.state;
    let Some(entry) = state.journal(file).await? else { return Ok(false) };
    workspace.files.sweep(file).await;
    let bytes = workspace.files.read(file).await?;
    let found = bytes.as_ref().map(|bytes| keyed_digest(workspace.cipher.as_ref(), bytes.expose()));
    let values = bytes.map(|bytes| Document::parse(bytes.expose()).values()).unwrap_or_default();
    let fate = fate(&entry, found.as_deref(), &values);
    match fate {
        Fate::Replaced => {
            workspace.reporter.step(&format!("finishing an interrupted change of {file}"));
            if let Ok(known) = state.load(file).await {
                apply::remember_left(workspace, file, &known, &entry.next).await;
            }
            state.save(file, &entry.next).await?;
        }
        Fate::Untouched => {
            workspace.reporter.step(&format!("dropping an interrupted change of {file}: it had not begun"));
            if let Some(undo) = entry.undo {
                state.drop_undo(file, undo).await?;
            }
        }
        Fate::Doubtful => {
            workspace.reporter.note(&format!(
                "a change of {file} was interrupted and the file has been edited since: `git envsync pull` merges it anew"
            ));
            let known = state.load(file).await?;
            state.save(file, &forget_record(known, entry.next)).await?;
        }
    }
    state.end(file).await?;
    Ok(fate == Fate::Replaced)
}

/// By the bytes; where the file has been edited since, by which of the two sets of values it resembles more.
fn fate(entry: &JournalEntry, found: Option<&str>, values: &Values) -> Fate {
    if found == Some(entry.after.as_str()) {
        return Fate::Replaced;
    }
    if found == entry.before.as_deref() {
        return Fate::Untouched;
    }
    let telling = entry
        .values_before
        .keys()
        .chain(entry.values_after.keys())
        .filter(|key| entry.values_before.get(key) != entry.values_after.get(key));
    let (before, after) = telling.fold((0, 0), |(before, after), key| {
        let now = values.get(key);
        (
            before + usize::from(now == entry.values_before.get(key)),
            after + usize::from(now == entry.values_after.get(key)),
        )
    });
    match after.cmp(&before) {
        std::cmp::Ordering::Greater => Fate::Replaced,
        std::cmp::Ordering::Less => Fate::Untouched,
        std::cmp::Ordering::Equal => Fate::Doubtful,
    }
}

/// Without a record nothing is judged by a base that may be wrong; all that was parked on either side stays parked.
fn forget_record(known: FileState, next: FileState) -> FileState {
    let mut parked = known.parked;
    for (address, newer) in next.parked {
        let merged = merge_parked(parked.get(&address), newer);
        parked.insert(address, merged);
    }
    FileState { record: None, parked, accepted_code: next.accepted_code, looks: next.looks }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::key::Key;
    use crate::domain::secret::SecretValue;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(k, v)| (Key::new(*k).expect("a key"), SecretValue::from(*v))).collect()
    }

    fn entry() -> JournalEntry {
        JournalEntry {
            before: Some("before".into()),
            after: "after".into(),
            values_before: values(&[("A", "1"), ("B", "2"), ("SAME", "x")]),
            values_after: values(&[("A", "9"), ("C", "3"), ("SAME", "x")]),
            next: FileState::default(),
            undo: None,
        }
    }

    #[test]
    fn the_bytes_decide_where_they_are_known() {
        assert_eq!(fate(&entry(), Some("after"), &values(&[])), Fate::Replaced);
        assert_eq!(fate(&entry(), Some("before"), &values(&[])), Fate::Untouched);
    }

    #[test]
    fn an_edited_file_is_judged_by_what_it_resembles() {
        assert_eq!(fate(&entry(), Some("x"), &values(&[("A", "9"), ("C", "3"), ("NEW", "1")])), Fate::Replaced);
        assert_eq!(fate(&entry(), Some("x"), &values(&[("A", "1"), ("B", "edited")])), Fate::Untouched);
    }

    #[test]
    fn a_file_that_resembles_neither_side_is_doubtful() {
        let neither = values(&[("A", "edited"), ("B", "edited"), ("C", "edited")]);
        assert_eq!(fate(&entry(), Some("x"), &neither), Fate::Doubtful);
    }
}
