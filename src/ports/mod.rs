//! The traits through which `app` reaches the world. Each doc comment is a contract for implementors.
//!
//! Ports are async and know no executor: local adapters never pend, so a hook with nothing to fetch starts no runtime.

mod block_on;
mod budget;
mod cipher;
mod clock;
mod concurrently;
mod digest;
mod error;
mod files;
mod repository;
mod requests;
mod state;
mod store;
#[cfg(test)]
pub(crate) mod toy_cipher;
mod wiring;

pub use block_on::block_on;
pub use budget::TimeBudget;
pub use cipher::{Cipher, OpenError};
pub use clock::Clock;
pub use concurrently::{concurrently, join_all};
pub use digest::keyed_digest;
pub use error::{Failure, FailureKind, Retry, StoreError, StoreErrorKind};
pub use files::EnvFiles;
pub use repository::{GitRepository, OutgoingText, Stages};
pub use requests::{Level, RequestLog, RequestSeen};
pub use state::{LeftWrites, Lock, Orphan, StateStore, Wait};
pub use store::{
    CommitReport, EnvironmentStore, EnvironmentVersion, KeyPace, Reading, RemoteChange, Settled, StoreTraits,
    WriteGuarantee, WriteJournal,
};
pub use wiring::{Asker, InTreeFile, OpenedStoreFile, Reporter, StoreFile, Stores};
