//! Time and randomness of the operating system.

use crate::domain::environment::Timestamp;
use crate::ports::Clock;
use async_trait::async_trait;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The real clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose [`Clock::elapsed`] starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }

    /// Now, by the wall clock: for adapters, which do not wait.
    #[must_use]
    pub fn timestamp() -> Timestamp {
        // A clock before 1970 is wrong in any case; the epoch is the nearest time that can be said.
        Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait(?Send)]
impl Clock for SystemClock {
    async fn now(&self) -> Timestamp {
        Self::timestamp()
    }

    async fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Pends, so that it can be raced against a store's answer as a deadline.
    async fn sleep(&self, duration: Duration) {
        if !duration.is_zero() {
            sleep_on_a_thread(duration).await;
        }
    }

    async fn random(&self) -> u64 {
        getrandom::u64().expect("the operating system yields random numbers: no identity could be made without")
    }
}

#[derive(Default)]
struct Alarm {
    rung: bool,
    waker: Option<Waker>,
}

/// One thread a sleep: sleeps are rare (a lost race, a busy store) and never on a hook's quick path. The thread ends
/// with the future, also where that is dropped early.
async fn sleep_on_a_thread(duration: Duration) {
    let alarm = Arc::new(Mutex::new(Alarm::default()));
    let (alive, ended) = mpsc::channel::<()>();
    let ring = Arc::clone(&alarm);
    let timer = thread::Builder::new().name("timer".to_owned()).spawn(move || {
        if ended.recv_timeout(duration) == Err(mpsc::RecvTimeoutError::Timeout) {
            let mut alarm = ring.lock().unwrap_or_else(PoisonError::into_inner);
            alarm.rung = true;
            if let Some(waker) = alarm.waker.take() {
                waker.wake();
            }
        }
    });
    if timer.is_err() {
        thread::sleep(duration);
        return;
    }
    poll_fn(|context| {
        let mut alarm = alarm.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.rung {
            return Poll::Ready(());
        }
        alarm.waker = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
    drop(alive);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::block_on;

    #[test]
    fn a_sleep_lasts_at_least_as_long_as_asked() {
        let clock = SystemClock::new();
        let before = block_on(clock.elapsed());
        block_on(clock.sleep(Duration::from_millis(20)));
        assert!(block_on(clock.elapsed()) - before >= Duration::from_millis(20));
    }

    #[test]
    fn a_sleep_pends_and_can_be_dropped() {
        let clock = SystemClock::new();
        let mut sleep = clock.sleep(Duration::from_secs(3600));
        let pends = block_on(poll_fn(|context| Poll::Ready(sleep.as_mut().poll(context).is_pending())));
        assert!(pends);
    }

    #[test]
    fn random_numbers_differ() {
        let clock = SystemClock::new();
        assert_ne!(block_on(clock.random()), block_on(clock.random()));
    }
}
