//! `trust`: showing what a config would do, and accepting it. Configs and recipients are data from a stranger until then.

use crate::cli::Ended;
use crate::cli::render::json::document;
use crate::cli::ui::visible_line;
use crate::cli::wiring::{Session, keys_of};
use crate::config::trust::TrustStore;
use crate::domain::config::Config;
use crate::domain::environment::StoreKind;
use crate::ports::{Failure, FailureKind};
use crate::stores::age::{RECIPIENTS, recipients};
use serde_json::json;
use std::collections::BTreeSet;

/// What there is to accept.
pub(super) struct Offer {
    config: Config,
    digest: String,
    recipients: Vec<OfferedRecipients>,
}

struct OfferedRecipients {
    directory: String,
    text: String,
    keys: BTreeSet<String>,
}

impl Offer {
    /// Reads the config and the recipients of its age stores.
    pub(super) fn read(session: &Session) -> Result<Self, Failure> {
        let config = session.config()?;
        let mut recipients = Vec::new();
        for entry in config.stores.values().filter(|entry| entry.kind == StoreKind::Age) {
            let directory = entry.settings.get("directory").map_or(".envsync", String::as_str).to_owned();
            if let Some(text) = session.files.read_text(&format!("{directory}/{RECIPIENTS}"))? {
                recipients.push(OfferedRecipients { directory, keys: keys_of(&text), text });
            }
        }
        Ok(Self { digest: config.digest(), config, recipients })
    }

    /// Whether all of it has been accepted.
    pub(super) fn is_accepted(&self, session: &Session) -> Result<bool, Failure> {
        let mut accepted = session.trust.accepts_config(&self.digest)?;
        for offered in &self.recipients {
            accepted &= session.trust.accepts_recipients(&offered.directory, &offered.keys)?;
        }
        Ok(accepted)
    }

    /// Accepts all of it.
    pub(super) fn accept(&self, session: &Session) -> Result<(), Failure> {
        session.trust.accept_config(&self.digest)?;
        for offered in &self.recipients {
            session.trust.accept_recipients(&offered.directory, &offered.keys)?;
        }
        Ok(())
    }

    /// The places, and who can read what is written.
    pub(super) fn text(&self, session: &Session) -> Result<String, Failure> {
        let mut text = String::new();
        for environment in &self.config.environments {
            let branches: Vec<&str> = environment.branches.iter().map(|branch| branch.as_str()).collect();
            let kind = self.config.stores.get(&environment.store).map_or("", |store| store.kind.as_str());
            text += &format!(
                "{}  branches {}  {} ({kind}) {}{}{}\n",
                environment.name,
                branches.join(" "),
                environment.store,
                environment.path.as_str(),
                environment.extends.as_ref().map_or_else(String::new, |below| format!("  extends {below}")),
                if environment.protected { "  protected" } else { "" },
            );
        }
        for (name, store) in &self.config.stores {
            let settings: Vec<String> = store.settings.iter().map(|(key, value)| format!("{key} {value}")).collect();
            text += &format!("store {name}  {}  {}\n", store.kind, settings.join("  "));
        }
        let files: Vec<&str> = self.config.files.iter().map(|file| file.path.as_str()).collect();
        text += &format!("env files  {}\n", files.join(" "));
        for offered in &self.recipients {
            let accepted = session.trust.accepted_recipient_lists(&offered.directory)?;
            text += &format!("who can read {}:\n", offered.directory);
            for recipient in recipients::parse(&offered.text).recipients() {
                let new = !accepted.is_empty() && !accepted.iter().any(|list| list.contains(&recipient.key));
                text += &format!(
                    "  {} {}{}\n",
                    if new { "+" } else { " " },
                    visible_line(&recipient.key),
                    recipient.name.map_or_else(String::new, |name| format!("  {}", visible_line(&name)))
                );
            }
        }
        Ok(text)
    }
}

pub(super) fn run(session: &Session, revoke: bool, show: bool) -> Ended {
    if revoke {
        session.trust.revoke_all()?;
        session.ui.note("nothing is accepted here any more");
        return Ok(0);
    }
    let offer = Offer::read(session)?;
    let accepted = offer.is_accepted(session)?;
    if session.globals.wants_json() {
        let now = if show { accepted } else { accepted || session.globals.yes };
        if now && !accepted {
            offer.accept(session)?;
        }
        session.ui.out(as_json(&offer, now));
        return Ok(if now || show { 0 } else { 7 });
    }
    session.ui.out(offer.text(session)?);
    if show {
        session.ui.out(format!("digest of the config      {}\n", offer.digest));
        for offered in &offer.recipients {
            let digest = TrustStore::recipients_digest(&offered.directory, &offered.keys);
            session.ui.out(format!("digest of the recipients  {digest}  ({})\n", offered.directory));
        }
        session.ui.note(if accepted { "accepted" } else { "not accepted: `git envsync trust`" });
        return Ok(0);
    }
    if accepted {
        session.ui.note("accepted already");
        return Ok(0);
    }
    accept(session, &offer)
}

/// Accepts what was shown, where the user says so.
fn accept(session: &Session, offer: &Offer) -> Ended {
    if !session.globals.yes && !crate::ports::Asker::confirm(session.ui.as_ref(), "Accept this?") {
        return Err(not_accepted());
    }
    offer.accept(session)?;
    session.ui.note("accepted, for this repository on this machine");
    Ok(0)
}

/// What a command says that needs acceptance and has none.
pub(super) fn not_accepted() -> Failure {
    Failure::new(FailureKind::Untrusted, "the config, or who can read its stores, has not been accepted")
        .hint("`git envsync trust` asks at a terminal, `--yes` accepts it; in CI: `trust --show`")
}

fn as_json(offer: &Offer, accepted: bool) -> String {
    let recipients: Vec<_> = offer
        .recipients
        .iter()
        .map(|offered| {
            json!({
                "directory": offered.directory,
                "keys": offered.keys,
                "digest": TrustStore::recipients_digest(&offered.directory, &offered.keys),
            })
        })
        .collect();
    document("trust", json!({"accepted": accepted, "config_digest": offer.digest, "recipients": recipients}))
}
