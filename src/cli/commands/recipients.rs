//! `recipient list|add|remove`, `rekey`: who can read the age stores.

use crate::app::failure::store_failure;
use crate::app::report::count;
use crate::cli::Ended;
use crate::cli::args::RecipientAction;
use crate::cli::render::json::document;
use crate::cli::ui::visible_line;
use crate::cli::wiring::Session;
use crate::config::identity::{is_private_key, parse_recipient};
use crate::ports::{Cipher, Failure, FailureKind};
use crate::stores::age::recipients::{self, RecipientsFile};
use crate::stores::age::{AgeStore, RECIPIENTS, Reencrypted};
use serde_json::json;
use std::rc::Rc;

pub(super) fn run(session: &Session, action: RecipientAction) -> Ended {
    match action {
        RecipientAction::List => list(session),
        RecipientAction::Add { key, name } => {
            let key = parse_recipient(&key).map_err(|failure| Failure { kind: FailureKind::Usage, ..failure })?;
            change(session, |file| {
                let added = recipients::add(file, key.as_str(), name.as_deref());
                Ok(added.then(|| format!("{} can read the store from now on", name.as_deref().unwrap_or(key.as_str()))))
            })
        }
        RecipientAction::Remove { key } => {
            let own = session.identity()?.public_key().to_owned();
            let mut removed = None;
            let ended = change(session, |file| {
                let found = find(file, &key)?;
                if recipients::key_of(&found) == recipients::key_of(&own) {
                    return Err(Failure::new(
                        FailureKind::Refused,
                        "this is your own key: you could not read the store any more",
                    )
                    .hint("somebody else who can read it removes you"));
                }
                recipients::remove(file, &found);
                removed = Some(found);
                Ok(Some(format!("{key} cannot read what is written from now on; values they know are best changed")))
            });
            if let (Ok(_), Some(key)) = (&ended, removed) {
                session.trust.revoke_recipients_with(&key)?;
            }
            ended
        }
    }
}

fn find(file: &RecipientsFile, typed: &str) -> Result<String, Failure> {
    let matches = |recipient: &&recipients::Recipient| {
        recipients::key_of(&recipient.key) == recipients::key_of(typed) || recipient.name.as_deref() == Some(typed)
    };
    let known = file.recipients();
    let found: Vec<_> = known.iter().filter(matches).collect();
    match found[..] {
        [one] => Ok(one.key.clone()),
        [] if is_private_key(typed) => Err(Failure::new(FailureKind::Usage, "that is a private key, not a public one")
            .hint("`git envsync recipient list` shows the public keys")),
        [] => Err(Failure::new(FailureKind::Missing, format!("{typed} is no recipient"))
            .hint("`git envsync recipient list` shows them")),
        _ => {
            Err(Failure::new(FailureKind::Usage, format!("several recipients are called {typed}")).hint("name the key"))
        }
    }
}

fn list(session: &Session) -> Ended {
    let config = session.trusted_config()?;
    let mut listed = Vec::new();
    let identity = session.identity()?;
    for (directory, store) in session.stores(&config, &identity).age_stores() {
        let file = store.recipients().map_err(|error| store_failure(&error))?.unwrap_or_default();
        let accepted = session.trust.accepts_recipients(&directory, &file.keys())?;
        for recipient in file.recipients() {
            let own = recipients::key_of(&recipient.key) == recipients::key_of(identity.public_key());
            listed.push((directory.clone(), recipient, own, accepted));
        }
    }
    if session.globals.wants_json() {
        let recipients: Vec<_> = listed
            .iter()
            .map(|(directory, recipient, own, accepted)| {
                json!({"directory": directory, "key": recipient.key, "name": recipient.name, "own": own, "accepted": accepted})
            })
            .collect();
        session.ui.out(document("recipient", json!({"recipients": recipients})));
        return Ok(0);
    }
    for (_, recipient, own, _) in &listed {
        let name = recipient.name.as_ref().map_or_else(String::new, |name| format!("  {}", visible_line(name)));
        session.ui.out(format!("{}{name}{}\n", visible_line(&recipient.key), if *own { "  (you)" } else { "" }));
    }
    if listed.iter().any(|(_, _, _, accepted)| !accepted) {
        session.ui.note("this list has not been accepted: `git envsync trust`");
    }
    Ok(0)
}

/// Changes the recipients of every age store, accepts the list it leaves, and encrypts the store anew. It starts from an
/// accepted list.
fn change(session: &Session, mut edit: impl FnMut(&mut RecipientsFile) -> Result<Option<String>, Failure>) -> Ended {
    let config = session.trusted_config()?;
    let identity = session.identity()?;
    let mut status = 0;
    for (directory, store) in session.stores(&config, &identity).age_stores() {
        no_unmerged(session, &directory)?;
        let before = store.recipients().map_err(|error| store_failure(&error))?;
        let mut file = start(session, &directory, &store, before.clone(), identity.public_key())?;
        let told = edit(&mut file)?;
        let keys = file.keys();
        session.trust.accept_recipients(&directory, &keys)?;
        if before.as_ref() != Some(&file) {
            store.write_recipients(before.as_ref(), &file).map_err(|error| store_failure(&error))?;
        }
        session.ui.note(&told.unwrap_or_else(|| "the list has this key already".to_owned()));
        status = encrypt_anew(session, &directory, &store)?.max(status);
    }
    Ok(status)
}

/// The accepted list that a change starts from; the user's own key where the store is new.
fn start(
    session: &Session,
    directory: &str,
    store: &Rc<AgeStore>,
    before: Option<RecipientsFile>,
    own: &str,
) -> Result<RecipientsFile, Failure> {
    match before {
        Some(file) if session.trust.accepts_recipients(directory, &file.keys())? => Ok(file),
        None if store.store_files().map_err(|error| store_failure(&error))?.is_empty() => {
            let mut file = RecipientsFile::default();
            recipients::add(&mut file, own, None);
            Ok(file)
        }
        _ => Err(Failure::new(
            FailureKind::Untrusted,
            format!("the recipients in {directory}/{RECIPIENTS} have not been accepted"),
        )
        .hint("`git envsync trust` shows them and accepts them")),
    }
}

fn no_unmerged(session: &Session, directory: &str) -> Result<(), Failure> {
    match session.repository.unmerged_under(directory)?.first() {
        Some(path) => Err(Failure::new(FailureKind::Conflict, format!("git has {path} unmerged"))
            .hint("`git envsync resolve` merges store files; edit and `git add` the recipients")),
        None => Ok(()),
    }
}

/// Encrypts every store file to the present recipients.
pub(super) fn rekey(session: &Session, dry_run: bool) -> Ended {
    let config = session.trusted_config()?;
    let identity = session.identity()?;
    let mut status = 0;
    for (directory, store) in session.stores(&config, &identity).age_stores() {
        no_unmerged(session, &directory)?;
        if dry_run {
            let stale = store.stale_recipients().map_err(|error| store_failure(&error))?;
            for location in &stale.files {
                session.ui.out(format!("{location} would be encrypted anew\n"));
            }
            continue;
        }
        status = encrypt_anew(session, &directory, &store)?.max(status);
    }
    Ok(status)
}

fn encrypt_anew(session: &Session, directory: &str, store: &Rc<AgeStore>) -> Ended {
    let Some(file) = store.recipients().map_err(|error| store_failure(&error))? else { return Ok(0) };
    let outcomes = store.reencrypt_all(&file.keys()).map_err(|error| store_failure(&error))?;
    let written = outcomes.values().filter(|outcome| matches!(outcome, Ok(Reencrypted::Written))).count();
    let failed: Vec<_> =
        outcomes.iter().filter_map(|(location, outcome)| Some((location, outcome.as_ref().err()?))).collect();
    for (location, error) in &failed {
        session.ui.error_line(&format!("{location}: {error}"));
    }
    session.ui.note(&format!("{}: {} encrypted anew", directory, count(written, "store file")));
    if written > 0 {
        session.ui.note(&format!("commit it: `git add {directory} && git commit`"));
    }
    if failed.is_empty() {
        return Ok(0);
    }
    let names: Vec<String> = failed.iter().map(|(location, _)| location.to_string()).collect();
    Err(Failure::new(FailureKind::Partial, format!("not encrypted anew: {}", names.join(", ")))
        .hint("somebody who can read them runs `git envsync rekey`"))
}
