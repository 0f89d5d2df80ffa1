//! One function a command: from arguments to a verb of `app`, and from its result to output.

mod demo;
mod drivers;
mod history;
mod hook;
mod keys;
mod merge;
mod recipients;
mod setup;
mod transfer;
mod trust;
mod undo;
mod variables;
mod verify;
mod which;

use super::Ended;
use super::args::{Command, Globals, KeyAction};
use super::render::json::JsonView;
use super::render::table::TableView;
use super::ui::Ui;
use super::wiring::Session;
use crate::app::report::Report;
use crate::domain::formats::Format;
use crate::ports::{Cipher, Failure, FailureKind};
use std::rc::Rc;

/// Runs a command. `text_format` is the `--format` of the text that `export` and `import` deal with.
///
/// # Errors
/// What stopped it.
pub async fn run(globals: Globals, command: Command, text_format: Option<Format>, ui: Rc<Ui>) -> Ended {
    match command {
        Command::Demo { directory } => return demo::run(&ui, globals.wants_json(), directory.as_deref()),
        Command::Hook { chain, name, arguments } => {
            return Ok(hook::run(globals, ui, &hook::Called { chain, name, arguments }).await);
        }
        Command::Textconv { blob } => return drivers::textconv(globals, &ui, &blob),
        Command::MergeDriver { files } => return Ok(drivers::merge(globals, &ui, &files)),
        Command::Key { action: KeyAction::Generate } => return keys::generate(&ui, &globals),
        _ => {}
    }
    if globals.environments.len() > 1 && !matches!(command, Command::Verify) {
        return Err(Failure::new(FailureKind::Usage, "-e can be given once here").hint("only `verify` takes several"));
    }
    let session = Session::open(globals, ui)?;
    match command {
        Command::Init => setup::init(&session).await,
        Command::Install => setup::install(&session),
        Command::Uninstall { purge } => setup::uninstall(&session, purge).await,
        Command::Trust { revoke, show } => trust::run(&session, revoke, show),
        Command::Which { branch } => which::run(&session, branch),
        Command::Status { exit_code } => merge::status(&session, exit_code).await,
        Command::Diff { a, b, exit_code } => merge::diff(&session, (&a, &b), exit_code).await,
        Command::Fetch => merge::fetch(&session).await,
        Command::Pull { merge, allow_empty } => merge::pull(&session, &merge, allow_empty).await,
        Command::Push { merge, prune } => merge::push(&session, &merge, prune).await,
        Command::Sync { prefer, write, prune, direction } => {
            merge::sync(&session, prefer, &write, prune, direction).await
        }
        Command::Use { name, allow_protected } => {
            merge::use_environment(&session, &name, allow_protected.as_deref()).await
        }
        Command::Restore { keys } => merge::restore(&session, &keys).await,
        Command::Resolve { keys, local, remote } => merge::resolve(&session, &keys, local, remote).await,
        Command::Undo { list: true, .. } => undo::list(&session).await,
        Command::Undo { worktree: Some(worktree), dry_run, .. } => undo::adopt(&session, &worktree, dry_run).await,
        Command::Undo { number, dry_run, .. } => undo::run(&session, number, dry_run).await,
        Command::Run { keep_existing, command } => variables::run(&session, keep_existing, &command).await,
        Command::List => variables::list(&session).await,
        Command::Get { key } => variables::get(&session, &key).await,
        Command::Set { key, values, .. } if !values.is_empty() => Err(value_typed(self::key(&key)?.as_str())),
        Command::Set { key, write, .. } => variables::set(&session, &key, &write).await,
        Command::Unset { key, write } => variables::unset(&session, &key, &write).await,
        Command::Export => transfer::export(&session, text_format).await,
        Command::Import { file, prune, write } => transfer::import(&session, &file, text_format, prune, &write).await,
        Command::History { key, limit } => history::list(&session, key.as_deref(), limit).await,
        Command::Rollback { version, key, prefer, prune, write } => {
            history::rollback(&session, (&version, key.as_deref()), prefer, prune, &write).await
        }
        Command::Verify => verify::run(&session).await,
        Command::Key { .. } => keys::show(&session),
        Command::Recipient { action } => recipients::run(&session, action),
        Command::Rekey { dry_run } => recipients::rekey(&session, dry_run),
        Command::Demo { .. } | Command::Hook { .. } | Command::Textconv { .. } | Command::MergeDriver { .. } => {
            unreachable!("these need no session and have run already")
        }
    }
}

/// Whether a table describes the state of the file, or what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    State,
    Deed,
}

/// Prints a report, and ends with the status of its failure.
fn show(session: &Session, command: &str, cipher: &dyn Cipher, report: &Report, telling: Telling) -> Ended {
    let show_values = session.globals.show_values;
    if session.globals.wants_json() {
        session.ui.out(JsonView { command, cipher, show_values }.report(report));
    } else if !session.ui.quiet || telling == Telling::State {
        let view = TableView { ui: &session.ui, cipher, show_values, describe: telling == Telling::State };
        session.ui.out(view.report(report));
    }
    match &report.failure {
        Some(failure) => {
            super::error::print(&session.ui, failure);
            Ok(super::error::status(failure.kind))
        }
        None => Ok(0),
    }
}

/// A key as it is typed.
/// Of `KEY=VALUE` nothing but the key is repeated: the value may be a secret.
fn key(text: &str) -> Result<crate::domain::key::Key, Failure> {
    use crate::domain::key::Key;
    Key::new(text).map_err(|error| match text.split_once('=') {
        Some((name, _)) => value_typed(Key::new(name).as_ref().map_or("KEY", Key::as_str)),
        None => Failure::new(FailureKind::Usage, error.to_string()),
    })
}

/// What a command says of a value among its arguments.
fn value_typed(key: &str) -> Failure {
    Failure::new(FailureKind::Usage, "a value on the command line can be seen by others, and is not taken")
        .hint(format!("`git envsync set {key}` asks for it, or reads it from standard input"))
}
