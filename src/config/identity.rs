//! The user's identity: the key that all of envsync's state is encrypted to, and that opens age stores.
//!
//! x25519 as age and rage write it, or an ssh-ed25519 key of the user's own. Nothing here knows what is encrypted.

mod file;
mod openssh;
mod recipient;
#[cfg(test)]
mod tests;

pub use recipient::{Recipient, is_private_key, parse_recipient};

use super::places::Places;
use crate::domain::secret::SecretBytes;
use crate::ports::{Cipher, Failure, FailureKind, OpenError};
use age::DecryptError;
use age::secrecy::ExposeSecret;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A longer header is not parsed, as that takes time that grows with its square. It has room for two thousand recipients.
const LONGEST_HEADER: usize = 256 * 1024;

/// The user's identity. Where a file holds several, the first is the user's own; all of them can decrypt.
pub struct Identity {
    keys: Vec<SecretKey>,
    own: Recipient,
    /// What keyed digests derive from: the text of an x25519 key, the seed and point of an ssh one.
    secret: Zeroizing<Vec<u8>>,
    exposure: file::Exposure,
}

/// A private key that can be used as it is.
enum SecretKey {
    X25519(age::x25519::Identity),
    /// With its seed and public point.
    Ssh(Box<age::ssh::Identity>, Zeroizing<Vec<u8>>),
}

impl Identity {
    /// Finds the identity: by `setting` (`GIT_ENVSYNC_IDENTITY` or `envsync.identity`: a path, also with `~/`, or the
    /// text of the key itself), else at `default_path`. None where there is no setting and no file.
    ///
    /// # Errors
    /// A file that the setting names and that is not there; one that cannot be read, or holds no key that can be used.
    pub fn find(setting: Option<&str>, default_path: &Path) -> Result<Option<Self>, Failure> {
        let Some(setting) = setting.map(str::trim).filter(|setting| !setting.is_empty()) else {
            return match file::read(default_path)? {
                Some((text, exposure)) => Self::parse(&text, &default_path.display().to_string(), exposure).map(Some),
                None => Ok(None),
            };
        };
        if file::is_key_text(setting) {
            return Self::parse(setting, "the identity setting", file::Exposure::Private).map(Some);
        }
        let path = file::expand_home(setting);
        if is_private_key(setting) && !path.exists() {
            // The text is not repeated: it has a key in it.
            return Err(Failure::new(FailureKind::SignedOut, "the identity setting is a key with something around it")
                .hint("GIT_ENVSYNC_IDENTITY takes a file's path, or the line AGE-SECRET-KEY-1… without quotes"));
        }
        let Some((text, exposure)) = file::read(&path)? else {
            let message = format!("the identity file {} is not there", path.display());
            return Err(Failure::new(FailureKind::SignedOut, message)
                .hint("GIT_ENVSYNC_IDENTITY or `git config envsync.identity` names it: correct or unset that"));
        };
        Self::parse(&text, &path.display().to_string(), exposure).map(Some)
    }

    /// Makes a new identity at `default_path`: a file only its owner can read, in a directory of the same kind, never
    /// over an existing file.
    ///
    /// # Errors
    /// A file that is there already; a place that cannot be written.
    pub fn create(default_path: &Path) -> Result<Self, Failure> {
        let key = age::x25519::Identity::generate();
        let secret = key.to_string();
        let text = Zeroizing::new(format!("# public key: {}\n{}\n", key.to_public(), secret.expose_secret()));
        file::write_new(default_path, text.as_bytes())?;
        Self::parse(&text, &default_path.display().to_string(), file::Exposure::Private)
    }

    /// Whether other users of this machine can read the identity's file. It is used all the same; the caller warns.
    #[must_use]
    pub fn too_open(&self) -> bool {
        self.exposure == file::Exposure::Shared
    }

    fn parse(text: &str, name: &str, exposure: file::Exposure) -> Result<Self, Failure> {
        let keys = file::keys(text, name)?;
        let Some(first) = keys.first() else {
            return Err(Failure::new(FailureKind::SignedOut, format!("{name} holds no identity"))
                .hint("it should hold a line AGE-SECRET-KEY-1…; `git envsync key generate` makes one elsewhere"));
        };
        let (own, secret) = (first.recipient(name)?, first.secret());
        Ok(Self { keys, own, secret, exposure })
    }
}

/// Where the identity lies that `init` and `key generate` make.
///
/// # Errors
/// No home directory.
pub fn default_identity_path(variables: &BTreeMap<String, String>) -> Result<PathBuf, Failure> {
    Places::find(variables).map(|places| places.identity())
}

impl Cipher for Identity {
    fn public_key(&self) -> &str {
        self.own.as_str()
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, Failure> {
        encrypt(plain, std::slice::from_ref(&self.own))
    }

    fn seal_to(&self, plain: &[u8], recipients: &[String]) -> Result<Vec<u8>, Failure> {
        if recipients.is_empty() {
            return Err(Failure::new(FailureKind::Config, "there is nobody to encrypt to")
                .hint("git envsync recipient add KEY"));
        }
        let recipients = recipients.iter().map(|text| parse_recipient(text)).collect::<Result<Vec<_>, _>>()?;
        encrypt(plain, &recipients)
    }

    fn open(&self, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        if !header_is_bounded(sealed) {
            return Err(OpenError::Damaged("its header is too long".into()));
        }
        let decryptor = age::Decryptor::new_buffered(sealed).map_err(|error| open_error(&error))?;
        let keys = self.keys.iter().map(SecretKey::as_identity);
        let mut reader = decryptor.decrypt(keys).map_err(|error| open_error(&error))?;
        // The plaintext is shorter than the file, so the buffer never moves and leaves nothing behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        reader
            .read_to_end(&mut plain)
            .map_err(|_| OpenError::Damaged("its content was changed or cut short".into()))?;
        Ok(SecretBytes::new(std::mem::take(&mut *plain)))
    }

    fn mac(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        let key = Zeroizing::new(hmac(&self.secret, &[b"git-envsync mac ", purpose.as_bytes()]));
        hmac(&*key, &[data])
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity({})", self.own.as_str())
    }
}

impl SecretKey {
    fn as_identity(&self) -> &dyn age::Identity {
        match self {
            Self::X25519(key) => key,
            Self::Ssh(key, _) => &**key,
        }
    }

    fn recipient(&self, name: &str) -> Result<Recipient, Failure> {
        match self {
            Self::X25519(key) => Ok(Recipient::x25519(key.to_public())),
            Self::Ssh(key, _) => Recipient::of_ssh((**key).clone()).ok_or_else(|| file::unusable(name)),
        }
    }

    fn secret(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::X25519(key) => Zeroizing::new(key.to_string().expose_secret().as_bytes().to_vec()),
            Self::Ssh(_, secret) => secret.clone(),
        }
    }
}

fn encrypt(plain: &[u8], recipients: &[Recipient]) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| Failure::new(FailureKind::Internal, "encryption failed").because(error);
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(Recipient::as_age))
        .map_err(|error| Failure::new(FailureKind::Internal, "encryption failed").because(error))?;
    let mut sealed = Vec::with_capacity(plain.len() + 512);
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(failed)?;
    writer.write_all(plain).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(sealed)
}

/// Own words: age's are translated into the user's language and may name what is in the file.
/// Whether the header ends before `LONGEST_HEADER`, where this is an age file at all.
fn header_is_bounded(sealed: &[u8]) -> bool {
    !sealed.starts_with(b"age-encryption.org/")
        || sealed.len() <= LONGEST_HEADER
        || sealed[..LONGEST_HEADER].windows(4).any(|bytes| bytes == b"\n---")
}

fn open_error(error: &DecryptError) -> OpenError {
    let damaged = |what: &str| OpenError::Damaged(what.to_owned());
    match error {
        DecryptError::NoMatchingKeys | DecryptError::ExcessiveWork { .. } => OpenError::NotForUs,
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => damaged("it is not an age file"),
        DecryptError::InvalidMac => damaged("its header was changed"),
        _ => damaged("its content was changed or cut short"),
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}
