//! Writing a secret: compare-and-swap by stages, and what is done where that is not possible.

use super::client::{Made, StageMove};
use super::error::{BAD_PARAMETER, BAD_STATE, EXISTS, NOT_FOUND, Refusal, TOO_MANY};
use super::stages::{CURRENT, PREVIOUS, created, is_try, made_at, private};
use super::{AGAIN, AwsSecrets, Permission, Schedule, Seen, names, written};
use crate::domain::snapshot::{PayloadName, VersionId};
use crate::ports::{Retry, StoreError, StoreErrorKind, WriteGuarantee};
use crate::stores::payload::{Put, Written};
use std::cmp::Reverse;
use std::slice;

impl AwsSecrets {
    /// Refuses to write what only somebody else may write.
    pub(super) async fn writable(&self, name: &PayloadName) -> Result<(), StoreError> {
        let known = self.facts.borrow().contains_key(name);
        if !known {
            match self.look("write", name).await {
                // The write itself tells then.
                Err(refusal) if refusal.is_denied() || refusal.code == NOT_FOUND => {}
                answer => drop(answer?),
            }
        }
        match self.facts.borrow().get(name).and_then(|facts| facts.kept.clone()) {
            Some(kept) => Err(self.error(StoreErrorKind::Unstorable, "write", name, kept)),
            None => Ok(()),
        }
    }

    /// Why a write was refused: of a secret in a bad state, its description tells.
    pub(super) async fn explain(&self, operation: &'static str, name: &PayloadName, refusal: Refusal) -> StoreError {
        if refusal.code != BAD_STATE {
            return refusal.error;
        }
        match self.look(operation, name).await {
            Ok(Seen { schedule: Schedule::Deletion, .. }) => self.pending(operation, name),
            Ok(_) => self.writable(name).await.err().unwrap_or(refusal.error),
            Err(_) => refusal.error,
        }
    }

    pub(super) async fn create(&self, put: &Put<'_>) -> Result<Written, StoreError> {
        let name = put.name;
        if names::is_arn(&name.0) {
            let detail = format!("{} cannot be made by its ARN: set its name as the path, or make it first", name.0);
            return Err(self.error(StoreErrorKind::Unstorable, "write", name, detail));
        }
        let refusal = match self.requests.create(name, put.value, put.write, put.labels).await {
            Ok(made) => return Ok(written(made, WriteGuarantee::Conditional, None)),
            Err(refusal) => refusal,
        };
        match (refusal.code.as_str(), &self.requests.aws().settings().kms_key) {
            (EXISTS | BAD_STATE, _) => {}
            (NOT_FOUND, Some(key)) => {
                let detail = format!("{} cannot be made: there is no KMS key {key}", name.0);
                return Err(self.error(StoreErrorKind::Denied, "write", name, detail));
            }
            _ => return Err(refusal.error),
        }
        match self.look("write", name).await {
            Ok(Seen { schedule: Schedule::Deletion, .. }) => Err(self.pending("write", name)),
            // A secret that was made without a value, by infrastructure code say.
            Ok(Seen { current: None, .. }) => self.swap(put, None).await,
            Ok(Seen { current: Some(version), arn, .. }) if version.0 == put.write.as_str() => {
                let made = Made { arn, version, stages: Vec::new() };
                Ok(written(made, WriteGuarantee::Conditional, None))
            }
            Ok(_) => Err(self.moved(name)),
            Err(_) => Err(refusal.error),
        }
    }

    /// Makes a version current in the place of `expected`; none for the first version that a secret gets.
    pub(super) async fn swap(&self, put: &Put<'_>, expected: Option<&VersionId>) -> Result<Written, StoreError> {
        let name = put.name;
        self.writable(name).await?;
        if let (Permission::Denied, Some(expected)) = (self.moves.get(), expected) {
            return self.overwrite(put, expected).await;
        }
        let stage = private(put.write);
        let made = match self.requests.put(name, put.value, put.write.as_str().to_owned(), &stage).await {
            Ok(made) => made,
            Err(refusal) if refusal.code == TOO_MANY => return self.make_room(put, expected).await,
            Err(refusal) => return Err(self.explain("write", name, refusal).await),
        };
        // The same write, tried before, has the stage of that try.
        let mut private: Vec<StageMove> =
            made.stages.iter().filter(|stage| made_at(stage).is_some()).map(|stage| drop_stage(stage, &made)).collect();
        if private.is_empty() {
            private.push(drop_stage(&stage, &made));
        }
        // The first version of all is current at once, and so is the same write whose answer was lost.
        if made.stages.iter().any(|stage| stage == CURRENT) {
            self.tidy(name, private).await;
            return Ok(written(made, WriteGuarantee::Conditional, None));
        }
        let Some(expected) = expected else {
            self.drop_stages(name, private).await;
            return Err(self.moved(name));
        };
        let to = Some(made.version.clone());
        let to_current = StageMove { stage: CURRENT.to_owned(), from: expected.clone(), to };
        let answer = self.requests.move_stages(name, vec![to_current]).await?.pop();
        match answer.expect("one question has one answer") {
            Ok(()) => {
                self.tidy(name, private).await;
                Ok(written(made, WriteGuarantee::Conditional, None))
            }
            Err(refusal) if matches!(refusal.code.as_str(), BAD_PARAMETER | NOT_FOUND) => {
                self.drop_stages(name, private).await;
                Err(self.moved(name))
            }
            Err(refusal) if refusal.is_denied() => {
                self.moves.set(Permission::Denied);
                self.drop_stages(name, private).await;
                self.overwrite(put, expected).await
            }
            Err(refusal) => Err(self.explain("write", name, refusal).await),
        }
    }

    /// No more labels or versions fit: many write at once, or tries were abandoned.
    async fn make_room(&self, put: &Put<'_>, expected: Option<&VersionId>) -> Result<Written, StoreError> {
        let name = put.name;
        let described = self.look("write", name).await;
        let abandoned = self.take_abandoned(name);
        let may_not = match described {
            Err(refusal) if refusal.is_denied() => true,
            Err(refusal) => return Err(refusal.error),
            Ok(_) if abandoned.is_empty() => false,
            Ok(_) => {
                let answers = self.requests.move_stages(name, abandoned).await?;
                answers.iter().all(|answer| answer.as_ref().is_err_and(Refusal::is_denied))
            }
        };
        match expected {
            // A put without a stage of our own needs no label.
            Some(expected) if may_not => {
                self.moves.set(Permission::Denied);
                self.overwrite(put, expected).await
            }
            _ => Err(self.crowded(name)),
        }
    }

    /// Puts a version as current, and looks before and after what it replaces.
    async fn overwrite(&self, put: &Put<'_>, expected: &VersionId) -> Result<Written, StoreError> {
        let (name, token) = (put.name, format!("{}{AGAIN}", put.write));
        let before = self.look_by_reading(name).await?;
        if before.schedule == Schedule::Deletion {
            return Err(self.pending("write", name));
        }
        // The same write, whose answer was lost, is current already.
        if before.current.as_ref().is_none_or(|current| current != expected && current.0 != token) {
            return Err(self.moved(name));
        }
        let made = match self.requests.put(name, put.value, token, CURRENT).await {
            Ok(made) => made,
            Err(refusal) if refusal.code == TOO_MANY => return Err(self.crowded(name)),
            Err(refusal) => return Err(self.explain("write", name, refusal).await),
        };
        let after = self.look_by_reading(name).await?;
        let overwrote = match after {
            Seen { current: Some(current), previous: Some(previous), .. } if current == made.version => previous,
            // Somebody has written over it since.
            _ => self.version_before(name, &made.version).await.ok_or_else(|| self.moved(name))?,
        };
        Ok(written(made, WriteGuarantee::Detected, Some(overwrote)))
    }

    async fn version_before(&self, name: &PayloadName, version: &VersionId) -> Option<VersionId> {
        let mut versions = self.requests.versions(name).await.ok()?;
        versions.retain(|one| !is_try(one));
        versions.sort_by_key(|one| Reverse(created(one)));
        let at = versions.iter().position(|one| one.version_id.as_ref() == Some(&version.0))?;
        versions.into_iter().nth(at + 1)?.version_id.map(VersionId)
    }

    /// After a write: takes away its own stage, and those of abandoned tries that a description has shown.
    async fn tidy(&self, name: &PayloadName, mut stages: Vec<StageMove>) {
        stages.extend(self.take_abandoned(name));
        self.drop_stages(name, stages).await;
    }

    async fn drop_stages(&self, name: &PayloadName, stages: Vec<StageMove>) {
        // A stage that stays harms nobody, and a later write finds it abandoned.
        drop(self.requests.move_stages(name, stages).await);
    }

    fn take_abandoned(&self, name: &PayloadName) -> Vec<StageMove> {
        self.facts.borrow_mut().get_mut(name).map(|facts| std::mem::take(&mut facts.abandoned)).unwrap_or_default()
    }

    /// Looks at a secret, also for a user who may read values and not descriptions.
    async fn look_by_reading(&self, name: &PayloadName) -> Result<Seen, StoreError> {
        let permission = self.facts.borrow().get(name).map(|facts| facts.description).unwrap_or_default();
        if permission == Permission::Assumed {
            match self.look("write", name).await {
                Err(refusal) if refusal.is_denied() => {}
                answer => return Ok(answer?),
            }
        }
        let names = slice::from_ref(name);
        let mut seen = Seen { arn: String::new(), current: None, previous: None, schedule: Schedule::Kept };
        for (stage, place) in [(CURRENT, &mut seen.current), (PREVIOUS, &mut seen.previous)] {
            match self.requests.get(names, stage).await?.pop().expect("one question has one answer") {
                Ok(answer) => *place = answer.version_id.map(VersionId),
                Err(refusal) if refusal.code == NOT_FOUND => {}
                Err(refusal) if refusal.code == BAD_STATE => return Err(self.pending("write", name)),
                Err(refusal) => return Err(refusal.error),
            }
        }
        Ok(seen)
    }

    fn crowded(&self, name: &PayloadName) -> StoreError {
        let detail = format!("{} takes no more versions for now: others write it all the time", name.0);
        StoreError { retry: Retry::Soon, ..self.error(StoreErrorKind::Moved, "write", name, detail) }
    }
}

fn drop_stage(stage: &str, made: &Made) -> StageMove {
    StageMove { stage: stage.to_owned(), from: made.version.clone(), to: None }
}
