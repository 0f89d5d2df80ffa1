//! The time a command may spend on stores.

use super::clock::Clock;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// The time a command may spend on stores, retries included; it starts with the first question. What a person takes to
/// answer a prompt does not count.
#[derive(Debug)]
pub struct TimeBudget {
    clock: Rc<dyn Clock>,
    limit: Duration,
    started: Cell<Option<Duration>>,
    excluded: Cell<Duration>,
}

impl TimeBudget {
    /// A budget that has not been touched.
    #[must_use]
    pub fn new(clock: Rc<dyn Clock>, limit: Duration) -> Self {
        Self { clock, limit, started: Cell::new(None), excluded: Cell::new(Duration::ZERO) }
    }

    /// All of it, as the user gave it.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// What is left; starts the watch.
    pub async fn remaining(&self) -> Duration {
        let now = self.clock.elapsed().await;
        let started = self.started.get().unwrap_or(now);
        self.started.set(Some(started));
        (self.limit + self.excluded.get()).saturating_sub(now.saturating_sub(started))
    }

    /// Gives time back that was not spent on stores.
    pub fn exclude(&self, spent: Duration) {
        if self.started.get().is_some() {
            self.excluded.set(self.excluded.get() + spent);
        }
    }
}
