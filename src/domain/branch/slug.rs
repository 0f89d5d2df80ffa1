//! Captures made safe for the names of every store.

use sha2::{Digest, Sha256};

/// A segment of a DNS name, and GitLab's limit for slugs.
const LONGEST: usize = 63;

/// `original` where it is already `[a-z0-9-]+` and at most 63 long; else its slug, `-` and six hex digits of the
/// SHA-256 of the original, at most 63 together. Where nothing is left of the slug, the digits alone.
///
/// The slug follows GitLab's `CI_COMMIT_REF_SLUG`: lower case, anything but `a-z0-9` becomes `-`, none at the ends
/// (<https://docs.gitlab.com/ci/variables/predefined_variables/>).
pub(super) fn safe(original: &str) -> String {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !original.is_empty() && original.len() <= LONGEST && original.bytes().all(allowed) {
        return original.to_owned();
    }
    let hash: String = Sha256::digest(original).iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    let slug: String = original
        .chars()
        .flat_map(char::to_lowercase)
        .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
        .take(LONGEST - hash.len() - 1)
        .collect();
    match slug.trim_matches('-') {
        "" => hash,
        slug => format!("{slug}-{hash}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_safe_already_stays() {
        for text in ["a", "login-2", "-", "0", &"x".repeat(63)] {
            assert_eq!(safe(text), text);
        }
    }

    #[test]
    fn the_rest_becomes_slug_and_digits() {
        // printf LOGIN-1 | sha256sum
        assert_eq!(safe("LOGIN-1"), format!("login-1-{}", &sha256("LOGIN-1")[..6]));
        assert_eq!(safe("a/b"), format!("a-b-{}", &sha256("a/b")[..6]));
        assert_eq!(safe("--Ä--"), sha256("--Ä--")[..6]);
        assert_eq!(safe("日本"), sha256("日本")[..6]);
        assert_eq!(safe(&"x".repeat(64)).len(), 63);
    }

    fn sha256(text: &str) -> String {
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    proptest! {
        #[test]
        fn what_comes_out_is_safe_and_short(text in ".{1,240}") {
            let safe = safe(&text);
            prop_assert!(!safe.is_empty() && safe.len() <= 63);
            prop_assert!(safe.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
        }
    }
}
