//! `use NAME`: another environment's values in the env file, whatever the branch, until `use -`.

use super::decide::Request;
use super::reconcile::reconcile;
use super::remote::Fallback;
use super::report::Report;
use super::workspace::Workspace;
use crate::domain::environment::EnvironmentName;
use crate::domain::plan::Direction;
use crate::ports::{Failure, FailureKind};

/// Puts an environment into the env files and stays there.
///
/// # Errors
/// The config does not have it; what a pull refuses.
pub async fn use_environment(workspace: &mut Workspace, name: &EnvironmentName) -> Result<Report, Failure> {
    workspace.wanted.environment = Some(name.clone());
    workspace.selected().await?;
    let request = Request { named: true, fallback: Fallback::Snapshot, ..Request::new("use", Direction::ToLocal) };
    let report = reconcile(workspace, &request).await?;
    if report.failure.is_none() {
        workspace.state.set_used(Some(name)).await?;
    }
    Ok(report)
}

/// Goes back to the branch's environment. Where the branch has none, or a protected one, the file stays as it is.
///
/// # Errors
/// What a pull refuses.
pub async fn use_branch(workspace: &mut Workspace) -> Result<Report, Failure> {
    workspace.state.set_used(None).await?;
    if let Err(unselected) = workspace.select().await? {
        workspace.reporter.note(&unselected.failure().what);
        return Ok(Report::default());
    }
    let request = Request { fallback: Fallback::Snapshot, ..Request::new("use", Direction::ToLocal) };
    match reconcile(workspace, &request).await {
        Err(failure) if failure.kind == FailureKind::Protected => {
            workspace.reporter.note(&format!("{}; {}", failure.what, failure.hint.as_deref().unwrap_or_default()));
            Ok(Report::default())
        }
        other => other,
    }
}
