//! Getting the state of an environment: from its store, or from the snapshot.

use super::apply;
use super::failure::store_failure;
use super::target::Target;
use super::workspace::Workspace;
use crate::domain::environment::EnvironmentName;
use crate::domain::key::Key;
use crate::domain::overlay::Effective;
use crate::domain::snapshot::RemoteState;
use crate::ports::{EnvironmentStore, Failure, FailureKind, Reading, StoreError, StoreErrorKind, join_all};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

/// What helps where something was read before.
const STILL_SERVES: &str = "what was read last still serves: `git envsync diff --offline`";

/// What helps where nothing was.
const READ_LATER: &str = "`git envsync fetch` reads it once the store can be reached";

/// The state of an environment and of those it extends.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Its own.
    pub own: RemoteState,
    /// What it offers in the end.
    pub effective: Effective,
    /// How old the oldest of the answers is, in seconds; none where every store answered.
    pub snapshot_age: Option<u64>,
    /// Why a snapshot had to serve, where nobody has been told: see [`Fallback::Unsaid`].
    pub unsaid: Option<String>,
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
    /// The snapshot serves, and the caller says why: [`Remote::unsaid`].
    Unsaid,
    /// The command fails.
    Fail,
}

/// Reads the environment of a target and those below it. The target's address is the one that answered from then on.
///
/// # Errors
/// The store cannot be asked and no snapshot may serve; it refuses; what it holds is damaged.
pub async fn read(
    workspace: &Workspace,
    target: &mut Target,
    freshness: Freshness,
    fallback: Fallback,
) -> Result<Remote, Failure> {
    let in_tree_version = apply::in_tree_version(workspace, target)?;
    let reader = Reader::new(workspace, target, freshness, fallback)?;
    let remote = reader.read(target.store.as_ref(), &target.below).await?;
    let known = target.address.clone();
    target.answered(&remote.own);
    if target.lock.is_none() && target.address != known {
        workspace.find_left_base(target).await?;
    }
    Ok(Remote { in_tree_version, ..remote })
}

/// Reads the environment of a store and those below it, for the env file of a target.
///
/// # Errors
/// As [`read`].
pub async fn read_store(
    workspace: &Workspace,
    target: &Target,
    store: &dyn EnvironmentStore,
    below: &[(EnvironmentName, Rc<dyn EnvironmentStore>)],
    freshness: Freshness,
    fallback: Fallback,
) -> Result<Remote, Failure> {
    Reader::new(workspace, target, freshness, fallback)?.read(store, below).await
}

/// The keys that may be in a store, for one that may not be listed: what the file has, what was agreed, what the code
/// needs.
fn expected(workspace: &Workspace, target: &Target) -> Result<BTreeSet<Key>, Failure> {
    let in_tree = |store: &Rc<dyn EnvironmentStore>| store.traits().in_tree;
    if in_tree(&target.store) && target.below.iter().all(|(_, store)| in_tree(store)) {
        return Ok(BTreeSet::new());
    }
    let mut keys: BTreeSet<Key> = target.local().into_keys().collect();
    let agreed = target.record().map(|record| &record.base).into_iter().chain(&target.left_base);
    keys.extend(agreed.flat_map(|base| base.keys().cloned()));
    keys.extend(target.parked_here().into_iter().flat_map(|parked| parked.changes.keys().cloned()));
    keys.extend(apply::example(workspace, target)?.into_iter().flat_map(|example| example.values().into_keys()));
    keys.retain(|key| !target.is_local(key));
    Ok(keys)
}

struct Reader<'a> {
    workspace: &'a Workspace,
    freshness: Freshness,
    fallback: Fallback,
    expected: BTreeSet<Key>,
    unsaid: RefCell<Option<String>>,
}

impl<'a> Reader<'a> {
    fn new(
        workspace: &'a Workspace,
        target: &Target,
        freshness: Freshness,
        fallback: Fallback,
    ) -> Result<Self, Failure> {
        let expected = expected(workspace, target)?;
        Ok(Self { workspace, freshness, fallback, expected, unsaid: RefCell::default() })
    }
}

impl Reader<'_> {
    async fn read(
        &self,
        store: &dyn EnvironmentStore,
        below: &[(EnvironmentName, Rc<dyn EnvironmentStore>)],
    ) -> Result<Remote, Failure> {
        let stores = std::iter::once(store).chain(below.iter().map(|(_, store)| store.as_ref()));
        let mut answers = join_all(stores.map(|store| self.one(store))).await.into_iter();
        let (own, mut oldest) = answers.next().expect("the first is the environment's own")?;
        let mut lower = Vec::new();
        for ((name, _), answer) in below.iter().zip(answers) {
            let (state, age) = answer?;
            oldest = oldest.max(age);
            lower.push((name.clone(), state));
        }
        let refs: Vec<_> = lower.iter().map(|(name, state)| (name.clone(), state)).collect();
        let effective = Effective::of(&own, &refs);
        let unsaid = self.unsaid.take();
        Ok(Remote { own, effective, snapshot_age: oldest, unsaid, in_tree_version: None })
    }

    /// The state, and the snapshot's age where it served.
    async fn one(&self, store: &dyn EnvironmentStore) -> Result<(RemoteState, Option<u64>), Failure> {
        if store.traits().in_tree {
            // Its file in this work tree is the remote, always, also offline.
            return store
                .fetch(Reading::default())
                .await
                .map(|state| (state, None))
                .map_err(|error| store_failure(&error));
        }
        let configured = store.address();
        let snapshot = self.workspace.state.snapshot(&configured).await?;
        let age = match &snapshot {
            Some(state) => Some(self.workspace.clock.now().await.seconds_since(state.read_at)),
            None => None,
        };
        if self.workspace.options.offline {
            return self.serve(store, snapshot, age);
        }
        if let (Freshness::Within(limit), Some(state), Some(age)) = (self.freshness, &snapshot, age)
            && !limit.is_zero()
            && age <= limit.as_secs()
        {
            return Ok((state.clone(), Some(age)));
        }
        match self.ask(store, snapshot.as_ref()).await {
            Ok(state) => {
                self.workspace.state.save_snapshot(&configured, &state).await?;
                Ok((state, None))
            }
            Err(error) if self.fallback != Fallback::Fail && cannot_be_asked(&error) && snapshot.is_some() => {
                let served = match self.serve(store, snapshot, age) {
                    // What stands in the way is the sign-in, however old the snapshot is.
                    Err(_) if error.kind == StoreErrorKind::SignedOut => return Err(store_failure(&error)),
                    served => served?,
                };
                let mends = error.hint.as_ref().filter(|_| error.kind == StoreErrorKind::SignedOut);
                let what = match mends {
                    Some(hint) => format!("{error}: {hint}"),
                    None => error.to_string(),
                };
                if self.fallback == Fallback::Unsaid {
                    self.unsaid.replace(Some(what).filter(|what| self.workspace.is_news(what)));
                } else {
                    let age = super::report::age(served.1.unwrap_or(0));
                    self.workspace.note_once(what, &format!("; what was read {age} ago serves"));
                }
                Ok(served)
            }
            Err(error) if error.hint.is_none() && cannot_be_asked(&error) => {
                Err(store_failure(&error).hint(if snapshot.is_some() { STILL_SERVES } else { READ_LATER }))
            }
            Err(error) => Err(store_failure(&error)),
        }
    }

    async fn ask(
        &self,
        store: &dyn EnvironmentStore,
        snapshot: Option<&RemoteState>,
    ) -> Result<RemoteState, StoreError> {
        self.workspace.reporter.step(&format!("{store}: reading"));
        store.fetch(Reading { known: snapshot, expected: &self.expected }).await
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
            .hint(READ_LATER));
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

/// Whether the snapshot may serve in place of an answer. Nobody is told less by it than before a sign-in ran out; a denial is
/// an answer.
fn cannot_be_asked(error: &StoreError) -> bool {
    use StoreErrorKind::{Nonsense, SignedOut, Throttled, Unreachable};
    matches!(error.kind, Unreachable | Throttled | Nonsense | SignedOut)
}
