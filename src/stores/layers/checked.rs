//! What a store takes, and how content that it does not take is spelled. Pure.
//!
//! Layouts ask here before they write anything: nothing is written before the whole batch has been checked.

use crate::domain::secret::SecretBytes;
use crate::stores::payload::{Capabilities, EmptyPayloads};

/// What stands for a payload of no bytes in a store that refuses one.
pub const EMPTY: &str = "envsync:empty";

/// The bytes that stand for `content`.
#[must_use]
pub fn encode(capabilities: &Capabilities, content: &[u8]) -> SecretBytes {
    match capabilities.empty {
        EmptyPayloads::Refused if content.is_empty() => EMPTY.into(),
        EmptyPayloads::Refused | EmptyPayloads::Kept => SecretBytes::new(content.to_vec()),
    }
}

/// The content that bytes of the store stand for.
#[must_use]
pub fn decode<'a>(capabilities: &Capabilities, bytes: &'a SecretBytes) -> &'a [u8] {
    match capabilities.empty {
        EmptyPayloads::Refused if bytes.expose() == EMPTY.as_bytes() => b"",
        EmptyPayloads::Refused | EmptyPayloads::Kept => bytes.expose(),
    }
}

/// Why content cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has more bytes than this.
    TooLarge(usize),
    /// It would be read back as empty.
    MeansEmpty,
}

/// Why the store cannot keep `content`; none where it can.
#[must_use]
pub fn refusal(capabilities: &Capabilities, content: &[u8]) -> Option<Refusal> {
    if capabilities.empty == EmptyPayloads::Refused && content == EMPTY.as_bytes() {
        return Some(Refusal::MeansEmpty);
    }
    capabilities.max_bytes.filter(|limit| content.len() > *limit).map(Refusal::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::WriteGuarantee;
    use crate::stores::payload::{Deletion, History, Pace, Probe};

    fn generous() -> Capabilities {
        Capabilities {
            in_tree: false,
            writes: WriteGuarantee::Conditional,
            deletes: WriteGuarantee::Conditional,
            probe: Probe::InList,
            empty: EmptyPayloads::Kept,
            max_bytes: None,
            batch: 1,
            pace: Pace::default(),
            deletion: Deletion::Immediate,
            history: History::Kept,
        }
    }

    #[test]
    fn nothing_at_all_survives_where_it_is_refused() {
        let stingy = Capabilities { empty: EmptyPayloads::Refused, ..generous() };
        assert_eq!(encode(&stingy, b"").expose(), EMPTY.as_bytes());
        assert_eq!(decode(&stingy, &EMPTY.into()), b"");
        assert_eq!(refusal(&stingy, b""), None);
        assert_eq!(refusal(&stingy, EMPTY.as_bytes()), Some(Refusal::MeansEmpty));
    }

    #[test]
    fn where_it_is_kept_every_content_is_itself() {
        let capabilities = generous();
        for content in ["", EMPTY, "canary-1"] {
            assert_eq!(decode(&capabilities, &encode(&capabilities, content.as_bytes())), content.as_bytes());
            assert_eq!(refusal(&capabilities, content.as_bytes()), None);
        }
    }

    #[test]
    fn the_limit_itself_is_still_taken() {
        let small = Capabilities { max_bytes: Some(3), ..generous() };
        assert_eq!(refusal(&small, b"abc"), None);
        assert_eq!(refusal(&small, b"abcd"), Some(Refusal::TooLarge(3)));
    }
}
