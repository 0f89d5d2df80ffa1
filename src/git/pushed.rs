//! What `git push` is about to do: the standard input of pre-push.

/// One line of pre-push's standard input (githooks(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedRef {
    /// What was named on the command line, as git spells it: `refs/heads/main`, `HEAD~1`, `(delete)`. May have spaces.
    pub local_ref: String,
    /// The object that is pushed; all zeros for a deletion.
    pub local_oid: String,
    /// The reference that is updated at the remote.
    pub remote_ref: String,
    /// What the remote has there; all zeros where it is new.
    pub remote_oid: String,
}

/// Reads pre-push's standard input. What is not a line of it is left out.
#[must_use]
pub fn parse_pre_push(input: &[u8]) -> Vec<PushedRef> {
    String::from_utf8_lossy(input).lines().filter_map(parse_line).collect()
}

/// From the right, as only the first field may have spaces (`HEAD@{1 second ago}`).
fn parse_line(line: &str) -> Option<PushedRef> {
    let mut fields = line.rsplitn(4, ' ').map(str::to_owned);
    let (remote_oid, remote_ref, local_oid) = (fields.next()?, fields.next()?, fields.next()?);
    Some(PushedRef { local_ref: fields.next()?, local_oid, remote_ref, remote_oid })
}

impl PushedRef {
    /// Whether it removes the remote's reference.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        is_zero(&self.local_oid)
    }

    /// Whether the remote does not have the reference yet.
    #[must_use]
    pub fn is_new(&self) -> bool {
        is_zero(&self.remote_oid)
    }

    /// Whether it brings commits of a line of work: not a deletion, a tag or notes.
    #[must_use]
    pub fn needs_check(&self) -> bool {
        !self.is_delete() && !["refs/tags/", "refs/notes/"].iter().any(|kind| self.remote_ref.starts_with(kind))
    }

    /// The branch being pushed: the local one, else (`HEAD`, `@`, a commit) the remote's. None where there is no
    /// branch on either side, and for what needs no check.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        let name = |reference: &'_ str| -> Option<usize> { reference.starts_with("refs/heads/").then_some(11) };
        if !self.needs_check() {
            return None;
        }
        name(&self.local_ref)
            .map(|start| &self.local_ref[start..])
            .or_else(|| name(&self.remote_ref).map(|start| &self.remote_ref[start..]))
    }
}

/// Zeros of any length: 40 for SHA-1, 64 for SHA-256.
fn is_zero(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "23a479b6d2c5d4c6a0e3f0e5a4f4a1b2c3d4e5f6";
    const NEW: &str = "8c99701ad2c5d4c6a0e3f0e5a4f4a1b2c3d4e5f6";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn one(line: &str) -> PushedRef {
        let mut list = parse_pre_push(line.as_bytes());
        assert_eq!(list.len(), 1, "{line}");
        list.remove(0)
    }

    #[test]
    fn the_local_branch_is_the_one_being_pushed() {
        let pushed = one(&format!("refs/heads/feature/x {NEW} refs/heads/main {OLD}\n"));
        assert_eq!(pushed.branch(), Some("feature/x"));
        assert!(!pushed.is_new());
    }

    #[test]
    fn head_takes_its_branch_from_the_remote_side() {
        assert_eq!(one(&format!("HEAD {NEW} refs/heads/main {ZERO}\n")).branch(), Some("main"));
    }

    #[test]
    fn spaces_in_the_first_field_are_kept() {
        let pushed = one(&format!("HEAD@{{1 second ago}} {NEW} refs/heads/spacey {ZERO}\n"));
        assert_eq!(pushed.local_ref, "HEAD@{1 second ago}");
        assert_eq!(pushed.branch(), Some("spacey"));
    }

    #[test]
    fn deletions_tags_and_notes_need_no_check() {
        for line in [
            format!("(delete) {ZERO} refs/heads/other {OLD}"),
            format!("refs/tags/v1 {NEW} refs/tags/v1 {ZERO}"),
            format!("refs/notes/commits {NEW} refs/notes/commits {ZERO}"),
        ] {
            assert!(!one(&line).needs_check(), "{line}");
            assert_eq!(one(&line).branch(), None, "{line}");
        }
    }

    #[test]
    fn a_tag_pushed_to_a_branch_is_a_push_of_that_branch() {
        assert_eq!(one(&format!("refs/tags/v1 {NEW} refs/heads/main {OLD}")).branch(), Some("main"));
    }

    #[test]
    fn a_review_reference_needs_a_check_without_a_branch() {
        let pushed = one(&format!("HEAD {NEW} refs/for/main {ZERO}"));
        assert!(pushed.needs_check());
        assert_eq!(pushed.branch(), None);
    }

    #[test]
    fn zeros_of_sha256_are_zeros() {
        let zeros = "0".repeat(64);
        assert!(one(&format!("(delete) {zeros} refs/heads/a {zeros}")).is_delete());
    }

    #[test]
    fn no_input_is_no_reference() {
        assert_eq!(parse_pre_push(b""), []);
        assert_eq!(parse_pre_push(b"\n"), []);
    }
}
