//! `key show`, `key generate`.

use crate::cli::Ended;
use crate::cli::args::Globals;
use crate::cli::render::json::document;
use crate::cli::ui::Ui;
use crate::cli::wiring::{Session, variables};
use crate::config::identity::Identity;
use crate::config::places::Places;
use crate::ports::Cipher;
use serde_json::json;

pub(super) fn show(session: &Session) -> Ended {
    print(&session.ui, session.globals.wants_json(), session.identity()?.public_key());
    Ok(0)
}

pub(super) fn generate(ui: &Ui, globals: &Globals) -> Ended {
    let places = Places::find(&variables())?;
    let identity = Identity::create(&places.identity())?;
    ui.note(&format!("made your identity: {}", places.identity().display()));
    ui.note("  keep a copy of it where only you can read it");
    print(ui, globals.wants_json(), identity.public_key());
    Ok(0)
}

fn print(ui: &Ui, as_json: bool, public_key: &str) {
    if as_json {
        ui.out(document("key", json!({"public_key": public_key})));
    } else {
        ui.out(format!("{public_key}\n"));
    }
}
