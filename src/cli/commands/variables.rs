//! `list`, `get`, `set`, `unset`, `run`.

use super::{Telling, key, show};
use crate::app::variables::{self, Edit, Edited, Variable};
use crate::cli::Ended;
use crate::cli::args::WriteFlags;
use crate::cli::render::json::{JsonView, document};
use crate::cli::ui::visible_line;
use crate::cli::wiring::Session;
use crate::domain::environment::EnvironmentName;
use crate::domain::secret::SecretValue;
use crate::ports::{Failure, FailureKind};
use serde_json::json;
use std::ffi::OsString;

pub(super) async fn list(session: &Session) -> Ended {
    let workspace = session.workspace()?;
    let listed = variables::list(&workspace).await?;
    let cipher = workspace.cipher.as_ref();
    let view = JsonView { command: "list", cipher, show_values: session.globals.show_values };
    if session.globals.wants_json() {
        let keys: Vec<_> = listed
            .iter()
            .map(|variable| {
                let mut value = view.value(Some(&variable.value));
                value["key"] = json!(variable.key.as_str());
                value["origin"] = json!(variable.origin);
                value["file"] = json!(variable.file);
                value
            })
            .collect();
        session.ui.out(document("list", json!({"keys": keys})));
        return Ok(0);
    }
    let width = listed.iter().map(|variable| variable.key.as_str().len()).max().unwrap_or(0);
    for Variable { key, value, origin, .. } in &listed {
        let shown = if session.globals.show_values {
            visible_line(value.expose())
        } else {
            format!("{:>5}  {}", value.length(), cipher.fingerprint(value))
        };
        session.ui.out(format!("{:width$}  {shown}  {origin}\n", key.as_str()));
    }
    Ok(0)
}

pub(super) async fn get(session: &Session, name: &str) -> Ended {
    let workspace = session.workspace()?;
    let key = key(name)?;
    let value = variables::get(&workspace, &key).await?;
    if session.globals.wants_json() {
        session.ui.out(document("get", json!({"key": key.as_str(), "value": value.expose()})));
    } else {
        session.ui.out_bytes(value.expose().as_bytes());
        session.ui.out("\n");
    }
    Ok(0)
}

pub(super) async fn set(session: &Session, name: &str, write: &WriteFlags) -> Ended {
    let key = key(name)?;
    let workspace = session.workspace()?;
    let value = session.ui.read_secret(&format!("value of {key}, not shown: ")).map_err(|error| {
        Failure::new(FailureKind::Usage, "the value could not be read")
            .because(error)
            .hint(format!("`git envsync set {key} < FILE`, or `printf %s … | git envsync set {key}`"))
    })?;
    if value.contains('\0') {
        return Err(Failure::new(
            FailureKind::Refused,
            format!("the value for {key} has a NUL character, which no variable can hold"),
        ));
    }
    let edit = edit("set", key, Some(SecretValue::new(value.as_str())), write);
    finish(session, &workspace, &edit).await
}

pub(super) async fn unset(session: &Session, name: &str, write: &WriteFlags) -> Ended {
    let edit = edit("unset", key(name)?, None, write);
    finish(session, &session.workspace()?, &edit).await
}

fn edit(command: &'static str, key: crate::domain::key::Key, value: Option<SecretValue>, write: &WriteFlags) -> Edit {
    let allow_protected = write.allow_protected.as_ref().map(EnvironmentName::new);
    Edit { command, key, value, dry_run: write.dry_run, allow_protected }
}

async fn finish(session: &Session, workspace: &crate::app::workspace::Workspace, edit: &Edit) -> Ended {
    match variables::edit(workspace, edit).await? {
        Edited::Store(report) => show(session, edit.command, workspace.cipher.as_ref(), &report, Telling::Deed),
        Edited::File { path: file, local } => {
            if session.globals.wants_json() {
                session.ui.out(document(
                    edit.command,
                    json!({"key": edit.key.as_str(), "file": file, "dry_run": edit.dry_run}),
                ));
            } else {
                let done = match (&edit.value, edit.dry_run) {
                    (Some(_), false) => "is set",
                    (None, false) => "is removed",
                    (Some(_), true) => "would be set",
                    (None, true) => "would be removed",
                };
                let next = match (local, edit.value.is_some()) {
                    (true, _) => "it is local and stays there",
                    (false, true) => "`git envsync push` sends it",
                    (false, false) => "`git envsync push --prune` sends it",
                };
                session.ui.note(&format!("{} {done} in {file}: {next}", edit.key));
            }
            Ok(0)
        }
    }
}

pub(super) async fn run(session: &Session, keep_existing: bool, command: &[OsString]) -> Ended {
    let workspace = session.workspace()?;
    let listed = variables::for_run(&workspace).await?;
    let mut child = std::process::Command::new(&command[0]);
    child.args(&command[1..]);
    for Variable { key, value, .. } in &listed {
        if value.expose().contains('\0') {
            return Err(Failure::new(
                FailureKind::Refused,
                format!("{key} has a NUL character, which no variable can hold"),
            ));
        }
        if !(keep_existing && std::env::var_os(key.as_str()).is_some()) {
            child.env(key.as_str(), value.expose());
        }
    }
    drop(listed);
    drop(workspace);
    crate::cli::child::run(&session.ui, &mut child, &command[0])
}
