//! `verify`.

use crate::app::verify;
use crate::cli::Ended;
use crate::cli::render::findings::lines;
use crate::cli::render::json;
use crate::cli::wiring::Session;
use crate::domain::environment::EnvironmentName;

pub(super) async fn run(session: &Session) -> Ended {
    let workspace = session.workspace()?;
    let environments: Vec<EnvironmentName> = session.globals.environments.iter().map(EnvironmentName::new).collect();
    let findings = verify::verify(&workspace, &environments).await?;
    if session.globals.wants_json() {
        session.ui.out(json::document("verify", serde_json::json!({"findings": json::findings(&findings)})));
    } else {
        for line in lines(&findings) {
            session.ui.out(format!("{line}\n"));
        }
        if findings.is_empty() {
            session.ui.note("nothing found: all keys are there, and nothing leaks");
        }
    }
    Ok(u8::from(!findings.is_empty()))
}
