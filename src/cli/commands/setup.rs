//! `init`, `install`, `uninstall`.

use super::trust::{Offer, not_accepted};
use super::{Telling, show};
use crate::app::decide::{Prefer, Request};
use crate::app::failure::store_failure;
use crate::app::reconcile::reconcile;
use crate::app::workspace::Workspace;
use crate::cli::Ended;
use crate::cli::render::json::document;
use crate::cli::wiring::Session;
use crate::config::file::{self, FILE_NAME};
use crate::config::identity::Identity;
use crate::config::initial::default_config;
use crate::domain::config::Config;
use crate::domain::plan::Direction;
use crate::git::hooks::{self, Done};
use crate::git::{Edit, attributes, drivers};
use crate::ports::{Asker, Cipher, Failure, FailureKind};
use crate::stores::age::recipients::{self, RecipientsFile};
use serde_json::json;
use std::collections::BTreeSet;
use std::io::Write;
use std::rc::Rc;

pub(super) async fn init(session: &Session) -> Ended {
    let fresh = session.config_text()?.is_none();
    let config = if fresh { propose(session)? } else { session.config()? };
    for entry in &config.files {
        not_tracked(session, entry.path.as_str())?;
    }
    let identity = identity(session)?;
    if fresh {
        write_config(session)?;
        Offer::read(session)?.accept(session)?;
    } else {
        accept_existing(session)?;
    }
    for entry in &config.files {
        ignore(session, entry.path.as_str())?;
    }
    own_recipient(session, &config, &identity)?;
    put_in_place(session, &config)?;
    let workspace = session.workspace()?;
    let ended =
        if fresh { first_push(session, workspace, &config).await } else { first_pull(session, &workspace).await };
    if fresh && ended.is_ok() && !session.globals.wants_json() {
        session.ui.note("commit it:\n  git add .envsync.toml .envsync .gitattributes .gitignore && git commit");
    }
    ended
}

/// The config for this repository's branches; a person at the terminal sees it first.
fn propose(session: &Session) -> Result<Config, Failure> {
    let text = default_config(&branches(session));
    if session.ui.interactive && !session.globals.yes {
        session.ui.note(&text);
        if !session.ui.confirm(&format!("Write this as {FILE_NAME}?")) {
            return Err(Failure::new(FailureKind::Config, "nothing was set up")
                .hint(format!("write a {FILE_NAME} of your own and run `git envsync init` again")));
        }
    }
    Ok(file::parse(&text)?)
}

fn branches(session: &Session) -> Vec<String> {
    session.repository.branches()
}

fn write_config(session: &Session) -> Result<(), Failure> {
    let path = session.repository.work_tree().join(FILE_NAME);
    let failed = |error| Failure::new(FailureKind::Internal, format!("cannot write {FILE_NAME}")).because(error);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(default_config(&branches(session)).as_bytes()).map_err(failed)?;
    session.ui.note(&format!("wrote {FILE_NAME}"));
    Ok(())
}

/// A config that `init` did not write is shown, and accepted by a person or GIT_ENVSYNC_TRUST; never by `--yes`.
fn accept_existing(session: &Session) -> Result<(), Failure> {
    let offer = Offer::read(session)?;
    if offer.is_accepted(session)? {
        return Ok(());
    }
    session.ui.note(&offer.text(session)?);
    if !session.ui.confirm("Accept this?") {
        return Err(not_accepted());
    }
    offer.accept(session)
}

fn not_tracked(session: &Session, path: &str) -> Result<(), Failure> {
    if session.repository.is_tracked(path)? {
        return Err(Failure::new(
            FailureKind::ExposedEnvFile,
            format!("git tracks {path}: its values would be committed"),
        )
        .hint(format!("`git rm --cached {path}` and commit; then run `git envsync init` again")));
    }
    Ok(())
}

fn ignore(session: &Session, path: &str) -> Result<(), Failure> {
    if !session.repository.is_ignored(path)? && session.repository.add_gitignore_line(path)? == Edit::Made {
        session.ui.note(&format!("{path} is ignored by git from now on (.gitignore)"));
    }
    Ok(())
}

fn identity(session: &Session) -> Result<Rc<Identity>, Failure> {
    if let Some(found) = session.find_identity()? {
        return Ok(Rc::new(found));
    }
    let path = session.places.identity();
    let made = Identity::create(&path)?;
    session.ui.note(&format!("made your identity: {}", path.display()));
    session.ui.note("  keep a copy of it where only you can read it");
    Ok(Rc::new(made))
}

/// An age store with neither recipients nor store files gets the user's own key, which counts as accepted.
fn own_recipient(session: &Session, config: &Config, identity: &Rc<Identity>) -> Result<(), Failure> {
    for (directory, store) in session.stores(config, identity).age_stores() {
        let is_new = store.recipients().map_err(|error| store_failure(&error))?.is_none()
            && store.store_files().map_err(|error| store_failure(&error))?.is_empty();
        if is_new {
            let mut file = RecipientsFile::default();
            recipients::add(&mut file, identity.public_key(), user_name(session).as_deref());
            session.trust.accept_recipients(&directory, &file.keys())?;
            store.write_recipients(None, &file).map_err(|error| store_failure(&error))?;
        }
    }
    Ok(())
}

/// The name git signs commits with: it names the person in the recipients file.
fn user_name(session: &Session) -> Option<String> {
    session.repository.user_name()
}

/// Hooks, drivers and the attributes line.
fn put_in_place(session: &Session, config: &Config) -> Result<(), Failure> {
    let binary = std::env::current_exe().map_err(|error| {
        Failure::new(FailureKind::Internal, "this program does not know its own path").because(error)
    })?;
    let mut installed = Vec::new();
    for action in hooks::install(&session.repository, &binary)? {
        match action.done {
            Done::Installed | Done::Updated => installed.push(action.hook.to_string()),
            Done::Chained => session.ui.note(&format!("hook {} installed; yours runs first", action.hook)),
            Done::LeftTo(_, what_to_do) => session.ui.note(&what_to_do),
            Done::Unchanged | Done::Removed | Done::Restored | Done::NotOurs => {}
        }
    }
    if !installed.is_empty() {
        session.ui.note(&format!("hooks installed: {}", installed.join(", ")));
    }
    drivers::install(&session.repository, &binary)?;
    if drivers::keeps_textconv_output(&session.repository) {
        session.ui.note("git keeps what it shows of store files in notes, which a mirror push publishes:");
        session.ui.note("  git update-ref -d refs/notes/textconv/envsync");
    }
    for store in config.stores.values().filter(|store| store.kind == crate::domain::environment::StoreKind::Age) {
        let directory = store.settings.get("directory").map_or(".envsync", String::as_str);
        if attributes::ensure(&session.repository, directory)? == Edit::Made {
            session.ui.note("wrote .gitattributes: store files are merged key by key");
        }
    }
    Ok(())
}

/// The existing env file is the first content of the catch-all environment.
async fn first_push(session: &Session, mut workspace: Workspace, config: &Config) -> Ended {
    let first = config.environments.last().map(|environment| environment.name.clone());
    workspace.wanted.environment = first;
    workspace.options.yes = true;
    let request = Request { prefer: Prefer::Stop, ..Request::new("init", Direction::ToRemote) };
    let report = reconcile(&workspace, &request).await?;
    show(session, "init", workspace.cipher.as_ref(), &report, Telling::Deed)
}

/// A colleague's first day: the store's values come in. Where an env file is there too, the user is asked once.
async fn first_pull(session: &Session, workspace: &Workspace) -> Ended {
    if workspace.select().await?.is_err() {
        session.ui.note("set up; this branch has no environment");
        return Ok(0);
    }
    let mut request = Request { prefer: Prefer::Stop, ..Request::new("init", Direction::ToLocal) };
    let mut report = match reconcile(workspace, &request).await {
        Err(failure) if failure.kind == FailureKind::Undecryptable => return Err(send_key(workspace, &failure)),
        Err(failure) if failure.kind == FailureKind::Protected => {
            session.ui.note(&format!("set up. {}: {}", failure.what, failure.hint.as_deref().unwrap_or_default()));
            return Ok(0);
        }
        other => other?,
    };
    if report.failure.is_some() && session.ui.interactive {
        request.prefer = ask_once(session);
        report = reconcile(workspace, &request).await?;
    }
    let conflicts = report.failure.take_if(|failure| failure.kind == FailureKind::Conflict);
    let ended = show(session, "init", workspace.cipher.as_ref(), &report, Telling::Deed);
    if conflicts.is_some() {
        session.ui.note(
            "your env file has other values than the store:\n  `git envsync pull --prefer remote` takes the store's, `--prefer local` keeps yours",
        );
    }
    ended
}

fn ask_once(session: &Session) -> Prefer {
    if session.ui.confirm("Your env file has other values. Take the store's?") {
        return Prefer::Remote;
    }
    if session.ui.confirm("Keep yours?") { Prefer::Local } else { Prefer::Ask }
}

fn send_key(workspace: &Workspace, failure: &Failure) -> Failure {
    let key = workspace.cipher.public_key();
    Failure::new(failure.kind, "everything is set up, but you cannot read the store yet").hint(format!(
        "send your public key to somebody who can, for `git envsync recipient add`:\n{key}\nonce they have pushed: `git pull`"
    ))
}

pub(super) fn install(session: &Session) -> Ended {
    let config = session.trusted_config()?;
    if let Some(identity) = session.find_identity()? {
        own_recipient(session, &config, &Rc::new(identity))?;
    }
    put_in_place(session, &config)?;
    if session.globals.wants_json() {
        session.ui.out(document("install", json!({"installed": true})));
    } else {
        session.ui.note("hooks and drivers are in place");
    }
    Ok(0)
}

pub(super) async fn uninstall(session: &Session, purge: bool) -> Ended {
    if purge {
        nothing_parked(session)?;
    }
    for action in hooks::uninstall(&session.repository)? {
        match action.done {
            Done::Restored => session.ui.note(&format!("hook {}: yours is back", action.hook)),
            Done::NotOurs => session.ui.note(&format!(
                "hook {} is not envsync's any more; yours from before is beside it as {}.before-envsync",
                action.hook, action.hook
            )),
            Done::LeftTo(_, what_to_do) => session.ui.note(&what_to_do),
            _ => {}
        }
    }
    drivers::uninstall(&session.repository)?;
    if purge {
        if session.repository.state_dir().exists() {
            session.state(&session.identity()?)?.purge()?;
        }
        session.trust.purge()?;
    }
    if session.globals.wants_json() {
        session.ui.out(document("uninstall", json!({"purged": purge})));
    } else {
        session.ui.note("hooks and git settings are as they were; env files and store files are untouched");
    }
    Ok(0)
}

/// What is parked, or was parked in a work tree that is gone, exists in the state alone.
fn nothing_parked(session: &Session) -> Result<(), Failure> {
    if !session.repository.state_dir().exists() {
        return Ok(());
    }
    let identity = session.identity()?;
    let parked = session.state(&identity)?.parked_everywhere()?;
    if parked.is_empty() {
        return Ok(());
    }
    let names: BTreeSet<&str> = parked.iter().map(|parked| parked.environment.as_str()).collect();
    let names = Vec::from_iter(names);
    Err(Failure::new(FailureKind::Refused, format!("unpushed changes are parked, and exist nowhere else: {}", names.join(", ")))
        .hint("`git envsync use NAME`, then `git envsync push`, or `git envsync restore KEY`; then `git envsync uninstall --purge`"))
}
