//! Asks again where that can help, until the time budget is used up.
//!
//! Reads are asked again whatever happened on the way. A write is repeated only where the repetition is the same write:
//! the store refused it before doing it, or the condition it carries lets it happen once. Whether a write whose answer
//! was lost is there after all is looked up by the layouts, which know what was there before.

use crate::domain::environment::{Location, StoreKind};
use crate::domain::snapshot::{PayloadName, Stamp, VersionId};
use crate::ports::{Clock, Retry, StoreError, StoreErrorKind, TimeBudget, WriteGuarantee};
use crate::stores::payload::{
    ByName, Capabilities, Deleted, Listed, Lookup, Payload, PayloadStore, Put, VersionInfo, WriteId, Written,
};
use async_trait::async_trait;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// The longest first pause: the pauses are random between nothing and a ceiling that doubles (full jitter,
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
const FIRST_CEILING: Duration = Duration::from_millis(100);

/// The ceiling does not grow beyond this.
const LAST_CEILING: Duration = Duration::from_secs(5);

/// How often somebody who does not answer at all is asked. A closed port does not open within a command's time; who asks
/// to slow down does answer, and is asked until the budget ends.
const TRIES_WITHOUT_ANSWER: u32 = 3;

/// Payloads that are asked again where that can help.
#[derive(Debug)]
pub struct Retrying {
    inner: Rc<dyn PayloadStore>,
    clock: Rc<dyn Clock>,
    budget: Rc<TimeBudget>,
}

/// What one question has cost so far.
#[derive(Debug, Default)]
struct Tries {
    made: u32,
    unanswered: u32,
}

impl Tries {
    /// The error, with how often it was tried.
    fn told(&self, error: StoreError, limit: Duration) -> StoreError {
        if self.made < 2 {
            return error;
        }
        let detail = format!("{} (asked {} times, of {} s at most)", error.detail, self.made, limit.as_secs_f32());
        // Whoever asks on would ask a store that was just given up.
        StoreError { detail, retry: Retry::Never, ..error }
    }
}

impl Retrying {
    /// `inner` with retries, within `budget`.
    #[must_use]
    pub fn new(inner: Rc<dyn PayloadStore>, clock: Rc<dyn Clock>, budget: Rc<TimeBudget>) -> Self {
        Self { inner, clock, budget }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// There is none: this is the last error.
    async fn pause(&self, tries: &mut Tries, error: StoreError) -> Result<(), StoreError> {
        tries.made += 1;
        if error.kind == StoreErrorKind::Unreachable {
            tries.unanswered += 1;
        }
        let limit = self.budget.limit();
        if error.retry == Retry::Never || tries.unanswered >= TRIES_WITHOUT_ANSWER {
            return Err(tries.told(error, limit));
        }
        let doublings = (tries.made - 1).min(16);
        let ceiling = (FIRST_CEILING * 2_u32.pow(doublings)).min(LAST_CEILING);
        let wait = match error.retry {
            // A little later than told, and not all at once.
            Retry::After(told) => told + self.up_to(FIRST_CEILING).await,
            Retry::Soon | Retry::Never => self.up_to(ceiling).await,
        };
        if wait >= self.budget.remaining().await {
            return Err(tries.told(error, limit));
        }
        self.clock.sleep(wait).await;
        Ok(())
    }

    async fn up_to(&self, ceiling: Duration) -> Duration {
        let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.clock.random().await % nanos.saturating_add(1))
    }

    async fn again<T, F>(&self, question: impl Fn() -> F, may: impl Fn(&StoreError) -> bool) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut tries = Tries::default();
        loop {
            match question().await {
                Ok(answer) => return Ok(answer),
                Err(error) if may(&error) => self.pause(&mut tries, error).await?,
                Err(error) => {
                    tries.made += 1;
                    return Err(tries.told(error, self.budget.limit()));
                }
            }
        }
    }

    /// Asks for names, and again for those that were not answered.
    async fn by_name<T, F>(
        &self,
        names: &[PayloadName],
        question: impl Fn(Vec<PayloadName>) -> F,
    ) -> Result<ByName<T>, StoreError>
    where
        F: Future<Output = Result<ByName<T>, StoreError>>,
    {
        let mut tries = Tries::default();
        let mut answers = ByName::new();
        let mut open = names.to_vec();
        while !open.is_empty() {
            let reason = match question(open.clone()).await {
                Ok(found) => {
                    answers.extend(found);
                    let retry = |name: &PayloadName| match answers.get(name) {
                        Some(Lookup::Unreadable(error)) if error.retry != Retry::Never => Some(error.clone()),
                        _ => None,
                    };
                    let reasons: Vec<StoreError> = open.iter().filter_map(&retry).collect();
                    open.retain(|name| retry(name).is_some());
                    // The longest wait that was asked for is long enough for all.
                    let Some(reason) = reasons.into_iter().max_by_key(longest) else { break };
                    reason
                }
                Err(error) if answers.is_empty() => error,
                Err(error) => {
                    answers.extend(open.iter().map(|name| (name.clone(), Lookup::Unreadable(error.clone()))));
                    error
                }
            };
            if let Err(error) = self.pause(&mut tries, reason).await {
                if answers.is_empty() {
                    return Err(error);
                }
                for name in &open {
                    if let Some(Lookup::Unreadable(last)) = answers.remove(name) {
                        let last = tries.told(last, self.budget.limit());
                        answers.insert(name.clone(), Lookup::Unreadable(last));
                    }
                }
                break;
            }
        }
        Ok(answers)
    }
}

fn longest(error: &StoreError) -> Duration {
    match error.retry {
        Retry::After(told) => told,
        Retry::Soon | Retry::Never => Duration::ZERO,
    }
}

fn always(_: &StoreError) -> bool {
    true
}

/// A store that asks to slow down has not done what it was asked.
fn was_not_done(error: &StoreError) -> bool {
    error.kind == StoreErrorKind::Throttled
}

impl fmt::Display for Retrying {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, formatter)
    }
}

#[async_trait(?Send)]
impl PayloadStore for Retrying {
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
        self.again(|| self.inner.list(under), always).await
    }

    async fn stamps(&self, names: &[PayloadName]) -> Result<ByName<Stamp>, StoreError> {
        self.by_name(names, |names| async move { self.inner.stamps(&names).await }).await
    }

    async fn get_many(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError> {
        self.by_name(names, |names| async move { self.inner.get_many(&names).await }).await
    }

    async fn read_all(&self, under: &Location) -> Result<Option<Vec<(Listed, Lookup<Payload>)>>, StoreError> {
        self.again(|| self.inner.read_all(under), always).await
    }

    async fn get_version(&self, name: &PayloadName, version: &VersionId) -> Result<Payload, StoreError> {
        self.again(|| self.inner.get_version(name, version), always).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Written, StoreError> {
        let once = self.capabilities().writes == WriteGuarantee::Conditional;
        self.again(|| self.inner.put(put.clone()), |error| once || was_not_done(error)).await
    }

    async fn renew(
        &self,
        name: &PayloadName,
        expected: &VersionId,
        write: &WriteId,
    ) -> Result<Option<Written>, StoreError> {
        self.again(|| self.inner.renew(name, expected, write), was_not_done).await
    }

    async fn delete(&self, name: &PayloadName, expected: &VersionId) -> Result<Deleted, StoreError> {
        let once = self.capabilities().deletes == WriteGuarantee::Conditional;
        self.again(|| self.inner.delete(name, expected), |error| once || was_not_done(error)).await
    }

    async fn restore(&self, name: &PayloadName) -> Result<(), StoreError> {
        self.again(|| self.inner.restore(name), always).await
    }

    async fn history(&self, name: &PayloadName, limit: usize) -> Result<Vec<VersionInfo>, StoreError> {
        self.again(|| self.inner.history(name, limit), always).await
    }
}
