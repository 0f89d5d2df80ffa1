//! Keeps to the pace a store takes, so that it never has to say stop.
//!
//! One bucket for reads and one for writes. A bulk read goes in windows that the bucket holds; within a window the
//! vendor asks as many at a time as it likes.

use crate::domain::environment::{Location, StoreKind};
use crate::domain::snapshot::{PayloadName, Stamp, VersionId};
use crate::ports::{Clock, StoreError, StoreErrorKind, TimeBudget, WriteGuarantee};
use crate::stores::payload::{
    ByName, Capabilities, Deleted, Listed, Lookup, Payload, PayloadStore, Probe, Put, Rate, VersionInfo, WriteId,
    Written,
};
use crate::stores::store_error;
use async_trait::async_trait;
use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// Payloads that are asked no faster than the store takes it.
#[derive(Debug)]
pub struct Paced {
    inner: Rc<dyn PayloadStore>,
    clock: Rc<dyn Clock>,
    budget: Rc<TimeBudget>,
    reads: Option<Bucket>,
    writes: Option<Bucket>,
}

/// A token bucket as one moment: the one at which it would be full again. The generic cell rate algorithm.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    full_at: Cell<Duration>,
}

impl Bucket {
    fn new(rate: Rate) -> Self {
        let rate = Rate { per_second: rate.per_second.max(1), burst: rate.burst.max(1) };
        Self { rate, full_at: Cell::new(Duration::ZERO) }
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.rate.per_second
    }

    /// When it is full again after `requests` more, and how long they must wait now.
    fn after(&self, requests: u32, now: Duration) -> (Duration, Duration) {
        let full_at = self.full_at.get().max(now) + self.interval() * requests;
        (full_at, full_at.saturating_sub(self.interval() * self.rate.burst + now))
    }

    /// The store asked to slow down: it counts differently, or others ask too.
    fn drain(&self, now: Duration) {
        self.full_at.set(self.full_at.get().max(now + self.interval() * self.rate.burst));
    }
}

/// What an operation is to the pace.
#[derive(Debug, Clone, Copy)]
enum Side {
    Reads,
    Writes,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + 'a>>;

impl Paced {
    /// `inner` at its pace, within `budget`.
    #[must_use]
    pub fn new(inner: Rc<dyn PayloadStore>, clock: Rc<dyn Clock>, budget: Rc<TimeBudget>) -> Self {
        let pace = inner.capabilities().pace;
        Self { inner, clock, budget, reads: pace.reads.map(Bucket::new), writes: pace.writes.map(Bucket::new) }
    }

    fn bucket(&self, side: Side) -> Option<&Bucket> {
        match side {
            Side::Reads => self.reads.as_ref(),
            Side::Writes => self.writes.as_ref(),
        }
    }

    /// Waits until so many requests may be made. A place in the queue is taken before the wait, so that those who come
    /// later wait longer.
    async fn wait(&self, side: Side, requests: u32) -> Result<(), StoreError> {
        let Some(bucket) = self.bucket(side) else { return Ok(()) };
        let now = self.clock.elapsed().await;
        let (full_at, wait) = bucket.after(requests, now);
        if !wait.is_zero() && wait >= self.budget.remaining().await {
            let (rate, limit) = (bucket.rate.per_second, self.budget.limit().as_secs_f32());
            let (operation, what) = match side {
                Side::Reads => ("read", "reads"),
                Side::Writes => ("write", "writes"),
            };
            let detail = format!("it takes {rate} {what} a second, too few for the rest within {limit} s");
            return Err(store_error(self, StoreErrorKind::Throttled, operation, detail));
        }
        bucket.full_at.set(full_at);
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
        Ok(())
    }

    async fn heard(&self, side: Side, error: &StoreError) {
        if let (Some(bucket), StoreErrorKind::Throttled) = (self.bucket(side), error.kind) {
            bucket.drain(self.clock.elapsed().await);
        }
    }

    async fn ask<'a, T>(&'a self, side: Side, question: impl FnOnce() -> Answer<'a, T>) -> Result<T, StoreError> {
        self.wait(side, 1).await?;
        let answer = question().await;
        if let Err(error) = &answer {
            self.heard(side, error).await;
        }
        answer
    }

    /// Asks for names in windows. Once there are answers, an error belongs to the names that have none.
    async fn by_name<'a, T>(
        &'a self,
        names: &'a [PayloadName],
        per_request: usize,
        question: impl Fn(&'a [PayloadName]) -> Answer<'a, ByName<T>>,
    ) -> Result<ByName<T>, StoreError> {
        let per_request = per_request.max(1);
        let window = match &self.reads {
            Some(bucket) => per_request.saturating_mul(bucket.rate.burst as usize),
            None => names.len(),
        };
        let mut answers = ByName::new();
        for names in names.chunks(window.max(1)) {
            let requests = u32::try_from(names.len().div_ceil(per_request)).unwrap_or(u32::MAX);
            let answer = match self.wait(Side::Reads, requests).await {
                Ok(()) => question(names).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(found) => {
                    for lookup in found.values() {
                        if let Lookup::Unreadable(error) = lookup {
                            self.heard(Side::Reads, error).await;
                        }
                    }
                    answers.extend(found);
                }
                Err(error) if answers.is_empty() => {
                    self.heard(Side::Reads, &error).await;
                    return Err(error);
                }
                Err(error) => {
                    self.heard(Side::Reads, &error).await;
                    answers.extend(names.iter().map(|name| (name.clone(), Lookup::Unreadable(error.clone()))));
                }
            }
        }
        Ok(answers)
    }
}

impl fmt::Display for Paced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, formatter)
    }
}

#[async_trait(?Send)]
impl PayloadStore for Paced {
    fn kind(&self) -> StoreKind {
        self.inner.kind()
    }

    fn scope(&self) -> String {
        self.inner.scope()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn least_guarantee(&self) -> WriteGuarantee {
        self.inner.least_guarantee()
    }

    fn refuses(&self, content: &[u8]) -> Option<&'static str> {
        self.inner.refuses(content)
    }

    async fn list(&self, under: &Location) -> Result<Vec<Listed>, StoreError> {
        self.ask(Side::Reads, || Box::pin(self.inner.list(under))).await
    }

    async fn stamps(&self, names: &[PayloadName]) -> Result<ByName<Stamp>, StoreError> {
        let capabilities = self.inner.capabilities();
        let per_request = if capabilities.probe == Probe::PerName { 1 } else { capabilities.batch };
        self.by_name(names, per_request, |names| Box::pin(self.inner.stamps(names))).await
    }

    async fn get_many(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError> {
        self.by_name(names, self.inner.capabilities().batch, |names| Box::pin(self.inner.get_many(names))).await
    }

    async fn read_all(&self, under: &Location) -> Result<Option<Vec<(Listed, Lookup<Payload>)>>, StoreError> {
        self.ask(Side::Reads, || Box::pin(self.inner.read_all(under))).await
    }

    async fn get_version(&self, name: &PayloadName, version: &VersionId) -> Result<Payload, StoreError> {
        self.ask(Side::Reads, || Box::pin(self.inner.get_version(name, version))).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Written, StoreError> {
        self.ask(Side::Writes, || Box::pin(self.inner.put(put))).await
    }

    async fn renew(
        &self,
        name: &PayloadName,
        expected: &VersionId,
        write: &WriteId,
    ) -> Result<Option<Written>, StoreError> {
        self.ask(Side::Writes, || Box::pin(self.inner.renew(name, expected, write))).await
    }

    async fn delete(&self, name: &PayloadName, expected: &VersionId) -> Result<Deleted, StoreError> {
        self.ask(Side::Writes, || Box::pin(self.inner.delete(name, expected))).await
    }

    async fn restore(&self, name: &PayloadName) -> Result<(), StoreError> {
        self.ask(Side::Writes, || Box::pin(self.inner.restore(name))).await
    }

    async fn history(&self, name: &PayloadName, limit: usize) -> Result<Vec<VersionInfo>, StoreError> {
        self.ask(Side::Reads, || Box::pin(self.inner.history(name, limit))).await
    }
}
