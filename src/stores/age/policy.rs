//! Which lists of recipients the user has accepted. Kept outside the repository, by somebody else.

use crate::ports::Failure;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Which lists of recipients the user has accepted. Accepted lists accumulate.
pub trait RecipientPolicy: Debug {
    /// Whether the user has accepted exactly these keys for a store directory.
    fn accepted(&self, directory: &str, keys: &BTreeSet<String>) -> bool;

    /// Accepts these keys.
    ///
    /// # Errors
    /// A place that cannot be written.
    fn accept(&self, directory: &str, keys: &BTreeSet<String>) -> Result<(), Failure>;

    /// The accepted lists, as far as they are kept as lists: for showing what changed.
    fn accepted_lists(&self, _directory: &str) -> Vec<BTreeSet<String>> {
        Vec::new()
    }
}
