//! `export`, `import`.

use super::{Telling, show};
use crate::app::import::{self, Import};
use crate::app::report::Outcome;
use crate::app::variables;
use crate::cli::Ended;
use crate::cli::args::WriteFlags;
use crate::cli::wiring::{Session, start};
use crate::domain::environment::EnvironmentName;
use crate::domain::formats::Format;
use crate::domain::plan::Action;
use crate::domain::secret::SecretBytes;
use crate::ports::{Failure, FailureKind};
use std::path::Path;

/// Prints the variables: in a format of their own, never inside of a document of ours.
pub(super) async fn export(session: &Session, format: Option<Format>) -> Ended {
    let format = match format {
        None if session.globals.json => Format::Json,
        format => format.unwrap_or(Format::Dotenv),
    };
    let workspace = session.workspace()?;
    let text = variables::export(&workspace, format).await?;
    session.ui.out_bytes(text.expose());
    Ok(0)
}

pub(super) async fn import(
    session: &Session,
    file: &Path,
    format: Option<Format>,
    prune: bool,
    write: &WriteFlags,
) -> Ended {
    let workspace = session.workspace()?;
    let from_input = file == Path::new("-");
    let (name, text) = match from_input {
        true => (None, session.ui.read_text()),
        false => (file.to_str(), std::fs::read(start(&session.globals)?.join(file)).map(SecretBytes::new)),
    };
    let source = name.map_or_else(|| import::STANDARD_INPUT.to_owned(), ToOwned::to_owned);
    let text =
        text.map_err(|error| Failure::new(FailureKind::Usage, format!("{source} cannot be read")).because(error))?;
    let format = format.unwrap_or_else(|| Format::of(name, text.expose()));
    let request = Import {
        values: import::read(&source, format, &text)?,
        source,
        prune,
        dry_run: write.dry_run,
        allow_protected: write.allow_protected.as_ref().map(EnvironmentName::new),
    };
    let report = import::import(&workspace, &request).await?;
    let ended = show(session, "import", workspace.cipher.as_ref(), &report, Telling::Deed);
    let in_file = |action: Action| matches!(action, Action::UpdateLocal | Action::RemoveLocal);
    let mut changes = report.targets.iter().flat_map(|target| &target.changes);
    if changes.any(|change| change.outcome == Outcome::Applied && in_file(change.step.action)) {
        let prune = if prune { " --prune" } else { "" };
        session.ui.note(&format!("`git envsync push{prune}` sends it"));
    }
    ended
}
