//! What happened to one key: base, local and remote compared.

use super::secret::SecretValue;

/// One key on its three sides. `None` means the key is not there.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// What this work tree and the store last agreed on.
    pub base: Option<&'a SecretValue>,
    /// The env file now.
    pub local: Option<&'a SecretValue>,
    /// The store now.
    pub remote: Option<&'a SecretValue>,
}

/// What happened to a key since the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyState {
    /// All sides are equal.
    Unchanged,
    /// Only the env file has it.
    LocalAdded,
    /// Only the env file changed it.
    LocalModified,
    /// Only the env file dropped it.
    LocalDeleted,
    /// Only the store has it.
    RemoteAdded,
    /// Only the store changed it.
    RemoteModified,
    /// Only the store dropped it.
    RemoteDeleted,
    /// Both sides changed it, differently.
    Conflict(ConflictKind),
    /// Both sides made the same change: the base has to follow.
    Converged,
    /// The store has it and it cannot be read.
    Unknown,
}

/// How two changes of one key contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Both sides have another value than the base.
    BothModified,
    /// Both sides have a value, and there is no base.
    BothAdded,
    /// The env file dropped what the store changed.
    DeletedLocally,
    /// The store dropped what the env file changed.
    DeletedRemotely,
}

impl KeyState {
    /// The spelling of JSON output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::LocalAdded => "local_added",
            Self::LocalModified => "local_modified",
            Self::LocalDeleted => "local_deleted",
            Self::RemoteAdded => "remote_added",
            Self::RemoteModified => "remote_modified",
            Self::RemoteDeleted => "remote_deleted",
            Self::Conflict(_) => "conflict",
            Self::Converged => "converged",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the change was made in the env file alone.
    #[must_use]
    pub fn is_local(self) -> bool {
        matches!(self, Self::LocalAdded | Self::LocalModified | Self::LocalDeleted)
    }

    /// Whether the change was made in the store alone.
    #[must_use]
    pub fn is_remote(self) -> bool {
        matches!(self, Self::RemoteAdded | Self::RemoteModified | Self::RemoteDeleted)
    }

    /// Whether the sides contradict each other.
    #[must_use]
    pub fn is_conflict(self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}

/// Compares the sides of one key. Equal sides, or one side unchanged since the base, settle themselves; the same change
/// on both sides is agreement; anything else is a conflict.
#[must_use]
pub fn compare(sides: Sides<'_>) -> KeyState {
    let Sides { base, local, remote } = sides;
    if local == remote {
        return if local == base { KeyState::Unchanged } else { KeyState::Converged };
    }
    if local == base {
        return match (base, remote) {
            (None, _) => KeyState::RemoteAdded,
            (Some(_), Some(_)) => KeyState::RemoteModified,
            (Some(_), None) => KeyState::RemoteDeleted,
        };
    }
    if remote == base {
        return match (base, local) {
            (None, _) => KeyState::LocalAdded,
            (Some(_), Some(_)) => KeyState::LocalModified,
            (Some(_), None) => KeyState::LocalDeleted,
        };
    }
    KeyState::Conflict(match (base, local, remote) {
        (None, _, _) => ConflictKind::BothAdded,
        (_, None, _) => ConflictKind::DeletedLocally,
        (_, _, None) => ConflictKind::DeletedRemotely,
        _ => ConflictKind::BothModified,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every combination of {absent, a, b, c} for base, local and remote, in that order.
    const ALL_CASES: &str = "
        --- unchanged       --a remote_added    --b remote_added    --c remote_added
        -a- local_added     -aa converged       -ab both_added      -ac both_added
        -b- local_added     -ba both_added      -bb converged       -bc both_added
        -c- local_added     -ca both_added      -cb both_added      -cc converged
        a-- converged       a-a local_deleted   a-b deleted_locally a-c deleted_locally
        aa- remote_deleted  aaa unchanged       aab remote_modified aac remote_modified
        ab- deleted_remotely aba local_modified abb converged       abc both_modified
        ac- deleted_remotely aca local_modified acb both_modified   acc converged
        b-- converged       b-a deleted_locally b-b local_deleted   b-c deleted_locally
        ba- deleted_remotely baa converged      bab local_modified  bac both_modified
        bb- remote_deleted  bba remote_modified bbb unchanged       bbc remote_modified
        bc- deleted_remotely bca both_modified  bcb local_modified  bcc converged
        c-- converged       c-a deleted_locally c-b deleted_locally c-c local_deleted
        ca- deleted_remotely caa converged      cab both_modified   cac local_modified
        cb- deleted_remotely cba both_modified  cbb converged       cbc local_modified
        cc- remote_deleted  cca remote_modified ccb remote_modified ccc unchanged
    ";

    fn name(state: KeyState) -> String {
        match state {
            KeyState::Conflict(kind) => {
                serde_json::to_value(kind).expect("a unit variant").as_str().expect("a string").to_owned()
            }
            other => other.as_str().to_owned(),
        }
    }

    #[test]
    fn all_64_combinations_of_base_local_and_remote() {
        let words: Vec<&str> = ALL_CASES.split_whitespace().collect();
        let mut seen = std::collections::BTreeSet::new();
        for case in words.chunks(2) {
            let side = |place: usize| {
                let letter = &case[0][place..=place];
                (letter != "-").then(|| SecretValue::from(letter))
            };
            let (base, local, remote) = (side(0), side(1), side(2));
            let state = compare(Sides { base: base.as_ref(), local: local.as_ref(), remote: remote.as_ref() });
            assert_eq!(name(state), case[1], "{}", case[0]);
            seen.insert(case[0]);
        }
        assert_eq!(seen.len(), 64, "a combination is missing from the table");
    }

    #[test]
    fn swapping_local_and_remote_mirrors_the_state() {
        let values: Vec<Option<SecretValue>> =
            [None, Some("a"), Some("b"), Some("c")].map(|v| v.map(SecretValue::from)).into();
        for base in &values {
            for local in &values {
                for remote in &values {
                    let one = compare(Sides { base: base.as_ref(), local: local.as_ref(), remote: remote.as_ref() });
                    let other = compare(Sides { base: base.as_ref(), local: remote.as_ref(), remote: local.as_ref() });
                    assert_eq!(one.is_local(), other.is_remote());
                    assert_eq!(one.is_conflict(), other.is_conflict());
                }
            }
        }
    }
}
