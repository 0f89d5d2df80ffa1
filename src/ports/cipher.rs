//! Encryption to and by the user's identity.

use super::error::Failure;
use crate::domain::secret::{SecretBytes, SecretValue};
use std::fmt::Debug;

/// The user's identity at work. All that envsync keeps is encrypted to it.
pub trait Cipher: Debug {
    /// The public key, as others add it to their recipients: `age1…` or `ssh-ed25519 …`.
    fn public_key(&self) -> &str;

    /// Encrypts to the identity itself.
    ///
    /// # Errors
    /// Only when the operating system yields no randomness.
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, Failure>;

    /// Encrypts to the given public keys.
    ///
    /// # Errors
    /// A key that is none, named by its text (public keys are no secret).
    fn seal_to(&self, plain: &[u8], recipients: &[String]) -> Result<Vec<u8>, Failure>;

    /// Decrypts.
    ///
    /// # Errors
    /// [`OpenError`] tells damage from a file that is meant for somebody else.
    fn open(&self, sealed: &[u8]) -> Result<SecretBytes, OpenError>;

    /// HMAC-SHA-256 of `data` under a key derived from the identity and `purpose`. Stable for one identity,
    /// unrelated between users.
    fn mac(&self, purpose: &str, data: &[u8]) -> [u8; 32];

    /// Eight characters that stand for a value in output: equal values of one user look equal, and nothing more
    /// can be learned from them.
    fn fingerprint(&self, value: &SecretValue) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let mac = self.mac("fingerprint", value.expose().as_bytes());
        let bits = mac[..5].iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..8).rev().map(|place| ALPHABET[(bits >> (place * 5) & 31) as usize] as char).collect()
    }
}

/// Why something could not be decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Encrypted, but not to the present identity.
    #[error("it is not encrypted to your key")]
    NotForUs,
    /// Not an age file, cut short, or changed since it was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
}
