//! Staging labels: Amazon's own, and the private ones that a write puts its value under before it is current.

use super::client::StageMove;
use crate::domain::snapshot::VersionId;
use crate::stores::payload::WriteId;
use aws_sdk_secretsmanager::types::SecretVersionsListEntry;
use std::collections::HashMap;
use std::time::SystemTime;

/// The stage of the version that a read answers.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The stage of the version that was current before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// Stages of ours: this, the unix time, `-`, the write id. At most 20 labels fit on all versions of a secret.
const PRIVATE: &str = "envsync-";
/// Seconds after which a stage of ours is abandoned: longer than any command takes, on clocks that differ a little.
const ABANDONED: u64 = 3600;

/// The stages of each version.
pub(super) type Stages = HashMap<String, Vec<String>>;

/// The private stage of a write.
pub(super) fn private(write: &WriteId) -> String {
    format!("{PRIVATE}{}-{write}", unix_time())
}

/// The version that has a stage.
pub(super) fn staged(stages: &Stages, stage: &str) -> Option<VersionId> {
    let has =
        |(version, stages): (&String, &Vec<String>)| stages.iter().any(|one| one == stage).then(|| version.clone());
    stages.iter().find_map(has).map(VersionId)
}

/// When a stage of ours was made; none where it is not ours.
pub(super) fn made_at(stage: &str) -> Option<u64> {
    let (time, write) = stage.strip_prefix(PRIVATE)?.split_once('-')?;
    WriteId::recognise(write)?;
    time.parse().ok()
}

/// The stages of ours that no write will come back to.
pub(super) fn abandoned(stages: &Stages) -> Vec<StageMove> {
    let now = unix_time();
    let is_old = |stage: &&String| made_at(stage).is_some_and(|time| now.saturating_sub(time) >= ABANDONED);
    let all = stages.iter().flat_map(|(version, stages)| stages.iter().map(move |stage| (version, stage)));
    all.filter(|(_, stage)| is_old(stage))
        .map(|(version, stage)| StageMove { stage: stage.clone(), from: VersionId(version.clone()), to: None })
        .collect()
}

/// Whether a version has a stage.
pub(super) fn has(version: &SecretVersionsListEntry, stage: &str) -> bool {
    version.version_stages().iter().any(|one| one == stage)
}

/// Whether a version is a try that never became current, as far as its stages tell.
pub(super) fn is_try(version: &SecretVersionsListEntry) -> bool {
    let private = version.version_stages().iter().any(|stage| made_at(stage).is_some());
    private && !has(version, CURRENT) && !has(version, PREVIOUS)
}

/// When a version was made, in unix time.
pub(super) fn created(version: &SecretVersionsListEntry) -> Option<u64> {
    version.created_date.and_then(|date| u64::try_from(date.secs()).ok())
}

/// The current version, the one before it, all others.
pub(super) fn age(version: &SecretVersionsListEntry) -> u8 {
    if has(version, CURRENT) {
        0
    } else if has(version, PREVIOUS) {
        1
    } else {
        2
    }
}

fn unix_time() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_stages_of_ours_are_abandoned() {
        let write = WriteId::from_random(1, 2);
        let old = format!("{PRIVATE}{}-{write}", unix_time() - ABANDONED);
        let foreign = [format!("{PRIVATE}1-canary"), format!("{PRIVATE}x-{write}"), "envsync".to_owned()];
        let mut labels = vec![CURRENT.to_owned(), old.clone(), private(&write)];
        labels.extend(foreign);
        let found = abandoned(&Stages::from([("v1".to_owned(), labels)]));
        assert_eq!(found.iter().map(|one| one.stage.as_str()).collect::<Vec<_>>(), [old.as_str()]);
        assert!(found.iter().all(|one| one.from.0 == "v1" && one.to.is_none()));
    }

    #[test]
    fn a_private_stage_is_a_legal_label() {
        let stage = private(&WriteId::from_random(u64::MAX, 0));
        let legal = |letter: char| letter.is_ascii_alphanumeric() || "/_+=.@!-".contains(letter);
        assert!(stage.len() <= 256 && stage.chars().all(legal), "{stage}");
        assert!(made_at(&stage).is_some());
    }
}
