//! The secret inside an OpenSSH private key, without the comment and check bytes that change when it is rewritten.
//!
//! The format is `PROTOCOL.key` of OpenSSH: base64 of `openssh-key-v1\0`, then strings with their length before them.
//! Only unencrypted ed25519 keys are read; age's own parser has already judged the file.

use zeroize::Zeroizing;

/// The seed and public point (64 bytes) of an unencrypted ed25519 key; none where the text is something else.
pub(super) fn ed25519_secret(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----")?.1.split_once("-----END")?.0;
    let bytes = decode_base64(body)?;
    let mut rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let cipher = string(&mut rest)?;
    let (_key_derivation, _its_options) = (string(&mut rest)?, string(&mut rest)?);
    let keys = take(&mut rest, 4)?;
    if cipher != b"none" || keys != [0, 0, 0, 1] {
        return None;
    }
    let _public = string(&mut rest)?;
    let mut private = string(&mut rest)?;
    let _check_bytes = take(&mut private, 8)?;
    let kind = string(&mut private)?;
    let _point = string(&mut private)?;
    let secret = string(&mut private)?;
    (kind == b"ssh-ed25519" && secret.len() == 64).then(|| Zeroizing::new(secret.to_vec()))
}

fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_be_bytes(take(rest, 4)?.try_into().ok()?);
    take(rest, usize::try_from(length).ok()?)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn decode_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}
