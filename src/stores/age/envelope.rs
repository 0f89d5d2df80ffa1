//! What an age store file contains, below the encryption: two lines that bind it, then the text of an env file.
//!
//! Pure but for the cipher. Knows no files: git's drivers and a commit's tree use it as the store does.

use super::recipients;
use crate::domain::environment::Location;
use crate::domain::secret::SecretBytes;
use crate::ports::{Cipher, Failure, FailureKind, OpenError};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

const LOCATION: &str = "# envsync-location: ";
const RECIPIENTS: &str = "# envsync-recipients: ";

/// An opened store file.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The location it was written for. Who opens a file compares: under another name it is a copy.
    pub location: Location,
    /// The digest of the keys it was encrypted to.
    pub recipients_digest: String,
    /// The text of the env file below the two lines.
    pub text: SecretBytes,
}

/// Why a store file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It cannot be decrypted.
    #[error(transparent)]
    Closed(#[from] OpenError),
    /// Decrypted, it does not begin with the two lines.
    #[error("it was not written by envsync: its first two lines do not name its location and recipients")]
    Unbound,
}

/// Decrypts a store file.
///
/// # Errors
/// See [`EnvelopeError`].
pub fn open(cipher: &dyn Cipher, bytes: &[u8]) -> Result<Opened, EnvelopeError> {
    let plain = cipher.open(bytes)?;
    let (location, rest) = header(LOCATION, plain.expose()).ok_or(EnvelopeError::Unbound)?;
    let (recipients_digest, text) = header(RECIPIENTS, rest).ok_or(EnvelopeError::Unbound)?;
    Ok(Opened {
        location: Location::new(location),
        recipients_digest: recipients_digest.to_owned(),
        text: SecretBytes::new(text.to_vec()),
    })
}

/// Encrypts a store file to exactly these recipients.
///
/// # Errors
/// A location of more than one line, an empty list, a key that is none.
pub fn seal(
    cipher: &dyn Cipher,
    location: &Location,
    recipients: &BTreeSet<String>,
    text: &SecretBytes,
) -> Result<Vec<u8>, Failure> {
    if location.as_str().contains(['\n', '\r']) {
        return Err(Failure::new(FailureKind::Refused, "a location is one line"));
    }
    if recipients.is_empty() {
        return Err(Failure::new(FailureKind::Untrusted, "there are no recipients to encrypt to"));
    }
    let digest = recipients::digest(recipients);
    let head = format!("{LOCATION}{location}\n{RECIPIENTS}{digest}\n");
    let mut plain = Zeroizing::new(Vec::with_capacity(head.len() + text.expose().len()));
    plain.extend_from_slice(head.as_bytes());
    plain.extend_from_slice(text.expose());
    let recipients: Vec<String> = recipients.iter().cloned().collect();
    cipher.seal_to(&plain, &recipients)
}

/// What follows `name` on the first line, and the lines below.
fn header<'a>(name: &str, plain: &'a [u8]) -> Option<(&'a str, &'a [u8])> {
    let end = plain.iter().position(|byte| *byte == b'\n')?;
    let line = str::from_utf8(&plain[..end]).ok()?;
    Some((line.strip_prefix(name)?, &plain[end + 1..]))
}
