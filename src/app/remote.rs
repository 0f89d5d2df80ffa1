//! Getting the state of an environment: from its store, or from the snapshot.

use super::apply;
use super::failure::store_failure;
use super::target::Target;
use super::workspace::Workspace;
use crate::domain::environment::EnvironmentName;
use crate::domain::overlay::Effective;
use crate::domain::snapshot::{Presence, RemoteState};
use crate::ports::{EnvironmentStore, Failure, FailureKind, Moved, StoreError, StoreErrorKind};
use std::rc::Rc;
use std::time::Duration;

/// The state of an environment and of those it extends.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Its own.
    pub own: RemoteState,
    /// What it offers in the end.
    pub effective: Effective,
    /// How old the oldest of the answers is, in seconds; none where every store answered.
    pub snapshot_age: Option<u64>,
    /// The version of the in-tree store files, looked up before they were read: what changes meanwhile is merged in later,
    /// never taken for merged. None for other stores.
    pub in_tree_version: Option<String>,
}

impl Remote {
    /// Whether the environment, or one below it, is held by its store.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.effective.held
    }
}

/// When a store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Always: metadata first, values only where something moved.
    Now,
    /// When the snapshot is older than this.
    Within(Duration),
}

/// What happens when a store cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The snapshot serves, and its age is said.
    Snapshot,
    /// The command fails.
    Fail,
}

/// Reads the environment of a target and those below it.
///
/// # Errors
/// The store cannot be asked and no snapshot may serve; it refuses; what it holds is damaged.
pub async fn read(
    workspace: &Workspace,
    target: &Target,
    freshness: Freshness,
    fallback: Fallback,
) -> Result<Remote, Failure> {
    let in_tree_version = apply::in_tree_version(workspace, target)?;
    let reader = Reader { workspace, freshness, fallback };
    let remote = reader.read(target.store.as_ref(), &target.below).await?;
    Ok(Remote { in_tree_version, ..remote })
}

/// Reads the environment of a store and those below it.
///
/// # Errors
/// As [`read`].
pub async fn read_store(
    workspace: &Workspace,
    store: &dyn EnvironmentStore,
    below: &[(EnvironmentName, Rc<dyn EnvironmentStore>)],
    freshness: Freshness,
    fallback: Fallback,
) -> Result<Remote, Failure> {
    Reader { workspace, freshness, fallback }.read(store, below).await
}

struct Reader<'a> {
    workspace: &'a Workspace,
    freshness: Freshness,
    fallback: Fallback,
}

impl Reader<'_> {
    async fn read(
        &self,
        store: &dyn EnvironmentStore,
        below: &[(EnvironmentName, Rc<dyn EnvironmentStore>)],
    ) -> Result<Remote, Failure> {
        let (own, mut oldest) = self.one(store).await?;
        let mut lower = Vec::new();
        for (name, store) in below {
            let (state, age) = self.one(store.as_ref()).await?;
            oldest = oldest.max(age);
            lower.push((name.clone(), state));
        }
        let refs: Vec<_> = lower.iter().map(|(name, state)| (name.clone(), state)).collect();
        let effective = Effective::of(&own, &refs);
        Ok(Remote { own, effective, snapshot_age: oldest, in_tree_version: None })
    }

    /// The state, and the snapshot's age where it served.
    async fn one(&self, store: &dyn EnvironmentStore) -> Result<(RemoteState, Option<u64>), Failure> {
        if store.traits().in_tree {
            // Its file in this work tree is the remote, always, also offline.
            return store.fetch(None).await.map(|state| (state, None)).map_err(|error| store_failure(&error));
        }
        let snapshot = self.workspace.state.snapshot(&store.address()).await?;
        let age = match &snapshot {
            Some(state) => Some(self.workspace.clock.now().await.seconds_since(state.read_at)),
            None => None,
        };
        if self.workspace.options.offline {
            return self.serve(store, snapshot, age);
        }
        if let (Freshness::Within(limit), Some(state), Some(age)) = (self.freshness, &snapshot, age)
            && age <= limit.as_secs()
        {
            return Ok((state.clone(), Some(age)));
        }
        match self.ask(store, snapshot.as_ref()).await {
            Ok(state) => {
                self.workspace.state.save_snapshot(&state).await?;
                Ok((state, None))
            }
            Err(error) if self.fallback == Fallback::Snapshot && cannot_be_asked(&error) && snapshot.is_some() => {
                let served = self.serve(store, snapshot, age)?;
                let age = super::report::age(served.1.unwrap_or(0));
                self.workspace.reporter.note(&format!("{error}; what was read {age} ago serves"));
                Ok(served)
            }
            Err(error) => Err(store_failure(&error)),
        }
    }

    async fn ask(
        &self,
        store: &dyn EnvironmentStore,
        snapshot: Option<&RemoteState>,
    ) -> Result<RemoteState, StoreError> {
        let started = self.workspace.clock.now().await;
        if let Some(known) = snapshot
            && known.presence == Presence::Held
            && store.probe(known).await? == Moved::No
        {
            self.workspace.reporter.step(&format!("{store}: nothing moved"));
            return Ok(RemoteState { read_at: started, ..known.clone() });
        }
        self.workspace.reporter.step(&format!("{store}: reading"));
        store.fetch(snapshot).await
    }

    fn serve(
        &self,
        store: &dyn EnvironmentStore,
        snapshot: Option<RemoteState>,
        age: Option<u64>,
    ) -> Result<(RemoteState, Option<u64>), Failure> {
        let Some(state) = snapshot else {
            return Err(Failure::new(
                FailureKind::Offline,
                format!("{store} has not been read yet, and it cannot be asked now"),
            )
            .hint("`git envsync fetch` reads it once the store can be reached"));
        };
        if let (Some(limit), Some(age)) = (self.workspace.options.max_age, age)
            && (limit.is_zero() || age > limit.as_secs())
        {
            return Err(Failure::new(
                FailureKind::Offline,
                format!("the snapshot of {store} is {} old, older than --max-age allows", super::report::age(age)),
            ));
        }
        Ok((state, Some(age.unwrap_or(0))))
    }
}

fn cannot_be_asked(error: &StoreError) -> bool {
    matches!(error.kind, StoreErrorKind::Unreachable | StoreErrorKind::Throttled | StoreErrorKind::Nonsense)
}
