//! The traits through which `app` reaches the world. Each doc comment is a contract for implementors.
//!
//! Ports are async and know no executor: local adapters never pend, so a hook with nothing to fetch starts no runtime.

mod block_on;
mod cipher;
mod clock;
mod digest;
mod error;
mod files;
mod repository;
mod state;
mod store;
#[cfg(test)]
pub(crate) mod toy_cipher;
mod wiring;

pub use block_on::block_on;
pub use cipher::{Cipher, OpenError};
pub use clock::Clock;
pub use digest::keyed_digest;
pub use error::{Failure, FailureKind, Retry, StoreError, StoreErrorKind};
pub use files::EnvFiles;
pub use repository::{GitRepository, OutgoingText, Stages};
pub use state::{Lock, Orphan, StateStore, Wait};
pub use store::{CommitReport, EnvironmentStore, Moved, RemoteChange, StoreTraits, WriteGuarantee};
pub use wiring::{Asker, InTreeFile, OpenedStoreFile, Reporter, StoreFile, Stores};
