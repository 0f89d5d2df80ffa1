//! Writes to a store that could run over others unnoticed, should the process end in the middle: remembered until they are
//! known to have ended well, and looked into by the next command.

use super::target::Target;
use super::workspace::Workspace;
use crate::domain::environment::{Address, EnvFilePath};
use crate::domain::key::Key;
use crate::domain::record::{BegunWrite, BegunWrites};
use crate::ports::{Failure, Retry, Settled, StateStore, StoreError, StoreErrorKind, WriteJournal};
use async_trait::async_trait;

/// The journal of the writes to one environment, for one env file. The caller holds the env file's lock.
#[derive(Debug)]
pub(super) struct StoreJournal<'a> {
    state: &'a dyn StateStore,
    file: &'a EnvFilePath,
    configured: Address,
    store: String,
    /// What earlier commands have begun and nobody could look into yet: it outlives this command's writes.
    earlier: Vec<BegunWrite>,
}

impl<'a> StoreJournal<'a> {
    /// # Errors
    /// What was begun earlier cannot be read.
    pub(super) async fn open(workspace: &'a Workspace, target: &'a Target) -> Result<Self, Failure> {
        let configured = target.store.address();
        let state = workspace.state.as_ref();
        let earlier = state.begun_writes(target.path(), &configured).await?;
        Ok(Self { state, file: target.path(), configured, store: target.store.to_string(), earlier })
    }

    async fn save(&self, writes: Vec<BegunWrite>) -> Result<(), StoreError> {
        let begun = BegunWrites { configured: self.configured.clone(), writes };
        self.state.save_begun_writes(self.file, &begun).await.map_err(|failure| StoreError {
            kind: StoreErrorKind::Io,
            retry: Retry::Never,
            operation: "write",
            store: self.store.clone(),
            payload: None,
            detail: format!("not written, as the write could not be remembered: {}", failure.what),
            hint: failure.hint,
        })
    }
}

#[async_trait(?Send)]
impl WriteJournal for StoreJournal<'_> {
    async fn begin(&mut self, writes: Vec<BegunWrite>) -> Result<(), StoreError> {
        let all = self.earlier.iter().cloned().chain(writes).collect();
        self.save(all).await
    }

    async fn end(&mut self) -> Result<(), StoreError> {
        self.save(self.earlier.clone()).await
    }
}

/// Looks into writes that an interrupted command has begun, here or in a work tree that is gone since. Says whether there
/// were any: the snapshot may be of before them. Where the store cannot be asked they stay remembered.
///
/// # Errors
/// What is remembered cannot be read.
pub(super) async fn settle(workspace: &Workspace, target: &Target) -> Result<bool, Failure> {
    // A store in the work tree is written in one step.
    if target.store.traits().in_tree || workspace.options.offline {
        return Ok(false);
    }
    let (state, configured) = (&workspace.state, target.store.address());
    let own = state.begun_writes(target.path(), &configured).await?;
    let left = state.left_writes(&configured).await?;
    if own.is_empty() && left.is_empty() {
        return Ok(false);
    }
    if !own.is_empty() && look_into(workspace, target, &own).await {
        state.save_begun_writes(target.path(), &BegunWrites { configured, writes: Vec::new() }).await?;
    }
    for left in left {
        if look_into(workspace, target, &left.begun.writes).await {
            state.drop_left_writes(left).await?;
        }
    }
    Ok(true)
}

/// Says whether all is known of these writes that ever will be.
async fn look_into(workspace: &Workspace, target: &Target, begun: &[BegunWrite]) -> bool {
    workspace.reporter.step(&format!("{}: looking into an interrupted write", target.store));
    match target.store.settle(begun).await {
        Ok(settled) => {
            for one in settled {
                match one {
                    Settled::Well => {}
                    Settled::PutBack(line) | Settled::Lost(line) => workspace.reporter.note(&line),
                }
            }
            true
        }
        // Nothing will ever be known of them.
        Err(error) if error.kind == StoreErrorKind::Unsupported => true,
        Err(error) => {
            let mut keys: Vec<&str> = begun.iter().filter_map(|write| write.key.as_ref()).map(Key::as_str).collect();
            keys.dedup();
            let of = if keys.is_empty() { String::new() } else { format!(" of {}", keys.join(", ")) };
            workspace.reporter.note(&format!(
                "an interrupted write{of} may have run over somebody else's change, and that cannot be looked up now: {error}"
            ));
            false
        }
    }
}
