//! `undo`.

use crate::app::adopt;
use crate::app::report::{age, count};
use crate::app::undo::{self, Listed, Undone};
use crate::cli::Ended;
use crate::cli::render::json::{JsonView, document};
use crate::cli::wiring::Session;
use crate::domain::key::Key;
use crate::domain::record::UndoId;
use crate::domain::secret::SecretValue;
use crate::ports::Orphan;
use serde_json::{Value, json};

pub(super) async fn run(session: &Session, number: Option<u64>, dry_run: bool) -> Ended {
    let undone = undo::undo(&session.workspace()?, number.map(UndoId), dry_run).await?;
    tell(session, &undone, dry_run);
    Ok(0)
}

pub(super) async fn adopt(session: &Session, worktree: &str, dry_run: bool) -> Ended {
    let undone = adopt::adopt(&session.workspace()?, worktree, dry_run).await?;
    tell(session, &undone, dry_run);
    Ok(0)
}

pub(super) async fn list(session: &Session) -> Ended {
    let workspace = session.workspace()?;
    let (listed, orphans) = undo::list(&workspace).await?;
    let now = workspace.clock.now().await;
    if session.globals.wants_json() {
        let view =
            JsonView { command: "undo", cipher: workspace.cipher.as_ref(), show_values: session.globals.show_values };
        let entries: Vec<Value> = listed.iter().map(|entry| as_json(entry, &view)).collect();
        let orphans: Vec<Value> = orphans.iter().map(orphan_as_json).collect();
        session.ui.out(document("undo", json!({"entries": entries, "orphans": orphans})));
        return Ok(0);
    }
    for entry in &listed {
        session.ui.out(as_lines(entry, now.seconds_since(entry.at), session.globals.show_values));
    }
    for orphan in &orphans {
        for parked in orphan.parked.values() {
            session.ui.out(format!(
                "      work tree {}, gone: {} of {} parked\n",
                orphan.worktree,
                count(parked.changes.len(), "change"),
                parked.environment
            ));
        }
    }
    if let Some(orphan) = orphans.first() {
        session.ui.note(&format!(
            "what a work tree that is gone left is taken over by name: `git envsync undo --worktree {}`",
            orphan.worktree
        ));
    }
    if listed.is_empty() && orphans.is_empty() {
        session.ui.note("there is nothing to undo");
    }
    Ok(0)
}

/// The number of an entry of a work tree that is gone is not shown: it counts there, and `undo NUMBER` here.
fn as_lines(entry: &Listed, seconds: u64, show_values: bool) -> String {
    let what: Vec<String> = entry
        .environments
        .iter()
        .map(|part| format!("{} of {}", count(part.changes.len(), "key"), part.environment))
        .collect();
    let (number, gone) = match &entry.worktree {
        None => (entry.id.0.to_string(), String::new()),
        Some(name) => (String::new(), format!("  (work tree {name}, gone)")),
    };
    let mut text =
        format!("{number:>4}  {:>8} ago  {}  {}  {}{gone}\n", age(seconds), entry.file, entry.command, what.join(", "));
    if show_values {
        let side = |value: &Option<SecretValue>| match value {
            Some(value) => format!("{:?}", value.expose()),
            None => "(none)".to_owned(),
        };
        for (key, change) in entry.environments.iter().flat_map(|part| &part.changes) {
            text += &format!("      {key}  {} -> {}\n", side(&change.before), side(&change.after));
        }
    }
    text
}

fn as_json(entry: &Listed, view: &JsonView<'_>) -> Value {
    let environments: Vec<Value> = entry
        .environments
        .iter()
        .map(|part| {
            let mut value = json!({"environment": part.environment, "keys": part.changes.len()});
            if view.show_values {
                value["changes"] = part
                    .changes
                    .iter()
                    .map(|(key, change)| {
                        json!({
                            "key": key.as_str(),
                            "before": view.value(change.before.as_ref()),
                            "after": view.value(change.after.as_ref()),
                        })
                    })
                    .collect();
            }
            value
        })
        .collect();
    json!({
        "id": entry.id,
        "at": entry.at,
        "file": entry.file,
        "what": entry.command,
        "environments": environments,
        "worktree": entry.worktree,
    })
}

fn orphan_as_json(orphan: &Orphan) -> Value {
    let parked: Vec<Value> = orphan
        .parked
        .values()
        .map(|parked| json!({"environment": parked.environment, "keys": texts(parked.changes.keys())}))
        .collect();
    json!({"worktree": orphan.worktree, "file": orphan.file, "parked": parked})
}

fn texts<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Vec<&'a str> {
    keys.into_iter().map(Key::as_str).collect()
}

fn tell(session: &Session, undone: &Undone, dry_run: bool) {
    if session.globals.wants_json() {
        let restored: Vec<Value> =
            undone.restored.iter().map(|(file, keys)| json!({"file": file, "keys": texts(keys)})).collect();
        let parked: Vec<Value> = undone
            .parked
            .iter()
            .map(|(environment, keys)| json!({"environment": environment, "keys": texts(keys)}))
            .collect();
        let members = json!({"dry_run": dry_run, "restored": restored, "parked": parked, "entries": undone.entries});
        session.ui.out(document("undo", members));
        return;
    }
    let would = if dry_run { "would come" } else { "came" };
    for (file, keys) in &undone.restored {
        session.ui.out(format!("{file}: {would} back: {}\n", texts(keys).join(", ")));
    }
    let parked = if dry_run { "would be parked" } else { "parked" };
    for (environment, keys) in &undone.parked {
        session.ui.out(format!("{parked} for {environment}, which no file holds now: {}\n", texts(keys).join(", ")));
    }
    if undone.entries > 0 {
        let more =
            if undone.entries == 1 { "1 more entry".to_owned() } else { format!("{} more entries", undone.entries) };
        session.ui.note(&format!("{more} to undo: `git envsync undo --list`"));
    }
    if undone.restored.is_empty() && undone.parked.is_empty() {
        session.ui.note("everything is as it was already");
    }
}
