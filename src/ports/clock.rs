//! Time and randomness.

use crate::domain::environment::Timestamp;
use async_trait::async_trait;
use std::fmt::Debug;
use std::time::Duration;

/// The only sources of time and randomness that `app` knows.
#[async_trait(?Send)]
pub trait Clock: Debug {
    /// Now, by the wall clock.
    async fn now(&self) -> Timestamp;

    /// Time since some fixed moment; never goes back.
    async fn elapsed(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, duration: Duration);

    /// A random number.
    async fn random(&self) -> u64;
}
