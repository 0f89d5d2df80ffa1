//! Keyed digests of whole env files.

use super::Cipher;
use std::fmt::Write;

/// Stands for the bytes of an env file in the journal: equal bytes of one user have equal digests, and without the
/// user's identity nothing can be learned from one.
#[must_use]
pub fn keyed_digest(cipher: &dyn Cipher, bytes: &[u8]) -> String {
    cipher.mac("env-file", bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all that is written");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::toy_cipher::ToyCipher;

    #[test]
    fn equal_bytes_have_equal_digests_and_only_under_one_identity() {
        let (mine, theirs) = (ToyCipher::new(1), ToyCipher::new(2));
        let digest = keyed_digest(&mine, b"A=canary-1\n");
        assert_eq!(digest.len(), 64);
        assert_eq!(digest, keyed_digest(&mine, b"A=canary-1\n"));
        assert_ne!(digest, keyed_digest(&mine, b"A=canary-1"));
        assert_ne!(digest, keyed_digest(&theirs, b"A=canary-1\n"));
    }
}
