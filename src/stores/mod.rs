//! Stores of environments: named payloads, layouts over them, one folder a vendor.
//!
//! [`payload`] is the primitive a vendor implements, [`layers`] checks, paces and retries whatever the vendor,
//! [`layout`] makes environments of it, [`age`] is the embedded store, [`memory`] the one of the tests. `net` is the way
//! to the network, `aws` what Amazon's stores share. Nothing here knows `app`, `cli`, git or where settings come from.

#![allow(clippy::result_large_err, reason = "a store error travels once, to the top; nobody is in a hurry then")]

pub mod age;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "ssm")]
pub mod aws_parameters;
#[cfg(feature = "aws")]
pub mod aws_secrets;
#[cfg(feature = "gcp")]
pub mod gcp;
pub mod layers;
pub mod layout;
#[doc(hidden)]
pub mod memory;
#[cfg(feature = "net")]
pub mod net;
pub mod payload;

use crate::ports::{Retry, StoreError, StoreErrorKind};
use std::fmt::Display;

/// An error of `store` that trying again does not mend. `detail` holds names, positions and codes, never content.
pub(crate) fn store_error(
    store: &dyn Display,
    kind: StoreErrorKind,
    operation: &'static str,
    detail: impl Into<String>,
) -> StoreError {
    StoreError {
        kind,
        retry: Retry::Never,
        operation,
        store: store.to_string(),
        payload: None,
        detail: detail.into(),
        hint: None,
    }
}
