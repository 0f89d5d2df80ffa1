//! `which`: the rule, environment, store and location of a branch. It takes neither network nor identity.

use crate::app::workspace::{Selected, SelectedBy, Selection, Wanted, selection_failure};
use crate::cli::Ended;
use crate::cli::render::json::document;
use crate::cli::wiring::Session;
use crate::domain::branch::BranchName;
use crate::domain::config::{Config, Which};
use crate::ports::Failure;
use serde_json::json;
use std::fmt::Write;

/// What a branch gets.
struct Answer {
    branch: Option<String>,
    selected: Selected,
    files: Vec<FileAnswer>,
}

/// What one env file gets.
struct FileAnswer {
    path: String,
    which: Which,
    location: String,
}

pub(super) fn run(session: &Session, branch: Option<String>) -> Ended {
    let config = session.trusted_config()?;
    let head = session.head()?;
    let (wanted, used) = match branch {
        Some(branch) => (Wanted { branch: Some(BranchName::new(branch)), ..Wanted::default() }, None),
        None => (session.wanted(), session.used()?),
    };
    let selection = Selection { config: &config, head: &head, wanted: &wanted };
    let branch = selection.branch().map(ToString::to_string);
    let text = match selection.select(used.as_ref())? {
        Ok(selected) => {
            let files = files(session, &config, &selected)?;
            let answer = Answer { branch, selected, files };
            if session.globals.wants_json() { answer.json() } else { answer.text() }
        }
        Err(unselected) => {
            let why = unselected.failure().what;
            match session.globals.wants_json() {
                true => nothing_selected(branch.as_deref(), &why),
                false => format!("{why}\n"),
            }
        }
    };
    session.ui.out(text);
    Ok(0)
}

fn files(session: &Session, config: &Config, selected: &Selected) -> Result<Vec<FileAnswer>, Failure> {
    let only = session.only_file(config)?;
    let entries = config.files.iter().filter(|entry| only.as_ref().is_none_or(|only| entry.path.as_str() == only));
    entries
        .map(|entry| {
            let which = config.for_file(entry, &selected.which, selected.branch.as_ref());
            let which = which.map_err(|error| selection_failure(&error))?;
            let location = which.location(entry).to_string();
            Ok(FileAnswer { path: entry.path.to_string(), which, location })
        })
        .collect()
}

/// The members of the document are there, whatever the answer.
fn nothing_selected(branch: Option<&str>, why: &str) -> String {
    let members = json!({
        "branch": branch,
        "environment": null,
        "rule": null,
        "store": null,
        "kind": null,
        "location": null,
        "protected": false,
        "files": [],
        "why": why,
    });
    document("which", members)
}

impl Answer {
    fn json(&self) -> String {
        let which = &self.selected.which;
        let files = self
            .files
            .iter()
            .map(|file| json!({"file": file.path, "environment": file.which.environment, "location": file.location}));
        document(
            "which",
            json!({
                "branch": self.branch,
                "environment": which.environment,
                "rule": which.rule,
                "selected_by": by(self.selected.by),
                "store": which.store,
                "kind": which.kind,
                "location": self.files.first().map_or(which.path.as_str(), |file| file.location.as_str()),
                "protected": which.protected,
                "files": files.collect::<Vec<_>>(),
            }),
        )
    }

    fn text(&self) -> String {
        let which = &self.selected.which;
        let mut text =
            format!("{}  ({})\n  store      {} ({})\n", which.environment, self.why(), which.store, which.kind);
        if which.protected {
            text += "  protected  hooks never put it into a file\n";
        }
        for lower in which.below() {
            let _ = writeln!(text, "  extends    {}", lower.environment);
        }
        for file in &self.files {
            let _ = write!(text, "  {}  {}", file.path, file.location);
            if file.which.environment != which.environment {
                let _ = write!(text, "  {}", file.which.environment);
            }
            text.push('\n');
        }
        text
    }

    fn why(&self) -> String {
        let by_branch =
            matches!(self.selected.by, SelectedBy::Rule | SelectedBy::BranchFlag | SelectedBy::BranchVariable);
        match &self.selected.which.rule {
            Some(rule) if by_branch => {
                format!("branch {} matches \"{rule}\"", self.branch.as_deref().unwrap_or_default())
            }
            _ => format!("selected by {}", by(self.selected.by)),
        }
    }
}

fn by(by: SelectedBy) -> &'static str {
    match by {
        SelectedBy::Flag => "-e",
        SelectedBy::BranchFlag => "--branch",
        SelectedBy::Variable => "GIT_ENVSYNC_ENV",
        SelectedBy::BranchVariable => "GIT_ENVSYNC_BRANCH",
        SelectedBy::Use => "use",
        SelectedBy::Rule => "the branch",
    }
}
