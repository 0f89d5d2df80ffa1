//! `history`, `rollback`.

use super::{Telling, key, show};
use crate::app::history;
use crate::app::rollback::{self, Rollback};
use crate::cli::Ended;
use crate::cli::args::{PreferFlag, WriteFlags};
use crate::cli::render::json::document;
use crate::cli::ui::visible_line;
use crate::cli::wiring::Session;
use crate::domain::environment::{EnvironmentName, Timestamp};
use crate::domain::snapshot::VersionId;
use crate::ports::EnvironmentVersion;
use serde_json::{Value, json};

pub(super) async fn list(session: &Session, only: Option<&str>, limit: usize) -> Ended {
    let workspace = session.workspace()?;
    let only = only.map(key).transpose()?;
    let versions = history::history(&workspace, only.as_ref(), limit).await?;
    if session.globals.wants_json() {
        let versions: Vec<Value> = versions.iter().map(as_json).collect();
        session.ui.out(document("history", json!({"versions": versions})));
        return Ok(0);
    }
    let width = versions.iter().map(|one| one.version.0.len()).max().unwrap_or(0);
    for one in &versions {
        session.ui.out(as_line(one, width));
    }
    if versions.is_empty() {
        session.ui.note("there are no versions");
    }
    Ok(0)
}

fn as_json(one: &EnvironmentVersion) -> Value {
    json!({
        "version": one.version,
        "created": one.created.map(Timestamp::rfc3339),
        "current": one.current,
        "keys": one.keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn as_line(one: &EnvironmentVersion, width: usize) -> String {
    let mark = if one.current { '*' } else { ' ' };
    let created = one.created.map_or_else(|| "-".to_owned(), Timestamp::rfc3339);
    let keys: Vec<&str> = one.keys.iter().map(|key| key.as_str()).collect();
    let line = format!("{mark} {:width$}  {created:20}  {}", visible_line(&one.version.0), keys.join(", "));
    line.trim_end().to_owned() + "\n"
}

pub(super) async fn rollback(
    session: &Session,
    (version, only): (&str, Option<&str>),
    prefer: Option<PreferFlag>,
    prune: bool,
    write: &WriteFlags,
) -> Ended {
    let workspace = session.workspace()?;
    let request = Rollback {
        version: VersionId(version.to_owned()),
        key: only.map(key).transpose()?,
        prune,
        prefer: session.prefer(prefer),
        dry_run: write.dry_run,
        allow_protected: write.allow_protected.as_ref().map(EnvironmentName::new),
    };
    let report = rollback::rollback(&workspace, &request).await?;
    show(session, "rollback", workspace.cipher.as_ref(), &report, Telling::Deed)
}
