//! Identity files: reading them, and making a new one.

use super::super::private;
use super::SecretKey;
use super::openssh::ed25519_secret;
use crate::ports::{Failure, FailureKind};
use age::ssh::{Identity as SshIdentity, Recipient as SshRecipient};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Far more than any identity file has.
const LONGEST: u64 = 1 << 20;

/// Who can read an identity's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exposure {
    /// Its owner.
    Private,
    /// Others too.
    Shared,
}

/// The text of a file, and who else can read it; none where there is no file.
pub(super) fn read(path: &Path) -> Result<Option<(Zeroizing<String>, Exposure)>, Failure> {
    let failed = |error: io::Error| {
        let what = format!("the identity file {} cannot be read", path.display());
        Failure::new(FailureKind::Denied, what).because(error)
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let exposure = exposure(&file.metadata().map_err(failed)?);
    let mut text = Zeroizing::new(String::with_capacity(4096));
    file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(Some((text, exposure)))
}

#[cfg(unix)]
fn exposure(metadata: &std::fs::Metadata) -> Exposure {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o077 == 0 { Exposure::Private } else { Exposure::Shared }
}

#[cfg(not(unix))]
fn exposure(_: &std::fs::Metadata) -> Exposure {
    Exposure::Private
}

/// Puts a new file at `path`, complete or not at all, and never over another.
pub(super) fn write_new(path: &Path, text: &[u8]) -> Result<(), Failure> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let written = private::make_directory(directory).and_then(|()| {
        // tempfile creates 0600 on Unix.
        let mut file = tempfile::Builder::new().prefix(".identity-").tempfile_in(directory)?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        sync_directory(directory)
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(FailureKind::Refused, format!("there is an identity at {} already", path.display()))
                .hint("`git envsync key show` prints its public key; move it away to make a new one")
        }
        _ => Failure::new(FailureKind::Internal, format!("no identity can be written at {}", path.display()))
            .because(error),
    })
}

/// Makes the new name durable; only Unix can.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Whether a setting is the text of a key and not the path of one.
pub(super) fn is_key_text(setting: &str) -> bool {
    let begins = |line: &str| {
        line.get(..15).is_some_and(|begin| begin.eq_ignore_ascii_case("AGE-SECRET-KEY-"))
            || line.starts_with("-----BEGIN")
    };
    setting.lines().any(|line| begins(line.trim()))
}

/// `~/` at the beginning stands for the home directory.
pub(super) fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// The keys in the text of an identity file; `name` is what the file is called in messages.
pub(super) fn keys(text: &str, name: &str) -> Result<Vec<SecretKey>, Failure> {
    if let Some(begin) = text.find("-----BEGIN") {
        return ssh_key(&text[begin..], name).map(|key| vec![key]);
    }
    let mut keys = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = line.parse::<age::x25519::Identity>().map_err(|_| {
            let failure = Failure::new(FailureKind::SignedOut, format!("line {} of {name} is no identity", index + 1));
            match line.starts_with("AGE-PLUGIN-") {
                true => {
                    failure.hint("age plugins are not supported: `git envsync key generate` makes a key of its own")
                }
                false => failure.hint("an identity is a line AGE-SECRET-KEY-1…, or an ssh-ed25519 private key"),
            }
        })?;
        keys.push(SecretKey::X25519(key));
    }
    Ok(keys)
}

/// The failure of an ssh key that cannot be used.
pub(super) fn unusable(name: &str) -> Failure {
    Failure::new(FailureKind::SignedOut, format!("{name} is not a private key that can be used"))
        .hint("use an ssh-ed25519 key without a passphrase, or `git envsync key generate`")
}

fn ssh_key(text: &str, name: &str) -> Result<SecretKey, Failure> {
    let refused = |what: &str, hint: &str| Failure::new(FailureKind::SignedOut, format!("{name} {what}")).hint(hint);
    let key = SshIdentity::from_buffer(text.as_bytes(), None).map_err(|_| unusable(name))?;
    match (&key, SshRecipient::try_from(key.clone())) {
        (_, Ok(SshRecipient::SshRsa(..))) => Err(refused(
            "is an ssh-rsa key, which is not supported",
            "use an ssh-ed25519 key, or make one with `git envsync key generate`",
        )),
        // A hook cannot ask for a passphrase.
        (SshIdentity::Encrypted(_), _) => Err(refused(
            "is protected by a passphrase, which hooks cannot ask for",
            "make a key for envsync alone: `git envsync key generate`",
        )),
        (SshIdentity::Unencrypted(_), Ok(SshRecipient::SshEd25519(..))) => {
            let secret = ed25519_secret(text).ok_or_else(|| unusable(name))?;
            Ok(SecretKey::Ssh(Box::new(key), secret))
        }
        _ => Err(unusable(name)),
    }
}
