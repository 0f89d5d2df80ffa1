//! A cipher for tests: reversible, keyed, notices damage, and no more secret than a toy.

use super::{Cipher, Failure, OpenError};
use crate::domain::secret::SecretBytes;
use sha2::{Digest, Sha256};

/// One toy identity per number.
#[derive(Debug)]
pub(crate) struct ToyCipher {
    identity: u8,
    name: String,
}

impl ToyCipher {
    pub(crate) fn new(identity: u8) -> Self {
        Self { identity, name: format!("toy{identity}") }
    }
}

const MAGIC: &[u8] = b"toy-cipher";
const HEADER: usize = MAGIC.len() + 1;
const CHECK: usize = 32;

impl Cipher for ToyCipher {
    fn public_key(&self) -> &str {
        &self.name
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut sealed = [MAGIC, &[self.identity]].concat();
        sealed.extend(Sha256::digest(plain));
        sealed.extend(plain.iter().map(|byte| byte ^ 0xa5 ^ self.identity));
        Ok(sealed)
    }

    fn seal_to(&self, plain: &[u8], _: &[String]) -> Result<Vec<u8>, Failure> {
        self.seal(plain)
    }

    fn open(&self, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        if sealed.len() < HEADER + CHECK || !sealed.starts_with(MAGIC) {
            return Err(OpenError::Damaged("the header is cut short".to_owned()));
        }
        if sealed[MAGIC.len()] != self.identity {
            return Err(OpenError::NotForUs);
        }
        let plain: Vec<u8> = sealed[HEADER + CHECK..].iter().map(|byte| byte ^ 0xa5 ^ self.identity).collect();
        if Sha256::digest(&plain)[..] != sealed[HEADER..HEADER + CHECK] {
            return Err(OpenError::Damaged("the check sum is another".to_owned()));
        }
        Ok(SecretBytes::new(plain))
    }

    fn mac(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        let keyed = [&[self.identity], purpose.as_bytes(), &[0], data].concat();
        Sha256::digest(keyed).into()
    }
}
