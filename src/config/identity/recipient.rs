//! Public keys: whom something is encrypted to.

use crate::ports::{Failure, FailureKind};
use std::fmt;

/// A public key in its canonical spelling: `age1…`, or `ssh-ed25519 …` without a comment.
pub struct Recipient {
    text: String,
    key: Box<dyn age::Recipient>,
}

impl Recipient {
    /// The canonical spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn x25519(key: age::x25519::Recipient) -> Self {
        Self { text: key.to_string(), key: Box::new(key) }
    }

    /// The public half of an ssh-ed25519 key; none for a key of another type.
    pub(super) fn of_ssh(key: age::ssh::Identity) -> Option<Self> {
        age::ssh::Recipient::try_from(key).ok().and_then(Self::ssh)
    }

    pub(super) fn as_age(&self) -> &dyn age::Recipient {
        &*self.key
    }

    fn ssh(key: age::ssh::Recipient) -> Option<Self> {
        match key {
            age::ssh::Recipient::SshEd25519(..) => Some(Self { text: key.to_string(), key: Box::new(key) }),
            age::ssh::Recipient::SshRsa(..) => None,
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Recipient({})", self.text)
    }
}

/// Whether a private key seems to stand in a text, which is then not to be repeated.
#[must_use]
pub fn is_private_key(text: &str) -> bool {
    text.to_ascii_uppercase().contains("SECRET-KEY") || text.contains("PRIVATE KEY")
}

/// Reads a public key, with or without a comment behind an ssh one.
///
/// # Errors
/// Anything but `age1…` (x25519) and `ssh-ed25519 …`. The message repeats the text unless it looks like a private key.
pub fn parse_recipient(text: &str) -> Result<Recipient, Failure> {
    let text = text.trim();
    let hint = "a public key is age1… (`git envsync key show` prints yours) or ssh-ed25519 AAAA…";
    let wrong = |what: String, hint: &str| Failure::new(FailureKind::Config, what).hint(hint);
    if is_private_key(text) {
        return Err(wrong("that is a private key, not a public one".into(), "never share it; `git envsync key show`"));
    }
    if text.contains(|char: char| char.is_control()) {
        return Err(wrong("a public key stands on one line".into(), hint));
    }
    if text.starts_with("ssh-rsa ") {
        let hint = "make one with `git envsync key generate`, or use an ssh-ed25519 key";
        return Err(wrong("ssh-rsa keys are not supported".into(), hint));
    }
    if let Some(body) = text.strip_prefix("ssh-ed25519 ") {
        // The parser stops at the first character that is no base64: compare what it took with what was there.
        let body = body.split_whitespace().next().unwrap_or_default();
        let spelling = format!("ssh-ed25519 {body}");
        let key = spelling.parse::<age::ssh::Recipient>().ok().and_then(Recipient::ssh);
        return key
            .filter(|key| key.text == spelling)
            .ok_or_else(|| wrong(format!("{spelling:?} is not a public key"), hint));
    }
    match text.parse::<age::x25519::Recipient>() {
        Ok(key) => Ok(Recipient::x25519(key)),
        Err(_) if text.starts_with("age1") && text.matches('1').count() > 1 && text.len() > 70 => {
            Err(wrong(format!("{text:?} is a public key of a kind that is not supported"), hint))
        }
        Err(_) => Err(wrong(format!("{text:?} is not a public key"), hint)),
    }
}
