//! The network, as far as stores know it: the only place that knows tokio.
//!
//! One thread with a runtime starts at the first question to a store, and answers come back over a channel; a command
//! that asks no store starts neither. All questions of a command share one time budget.

use crate::ports::{RequestLog, TimeBudget};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A way to the network for the stores of one command.
#[derive(Clone)]
pub struct Net {
    budget: Rc<TimeBudget>,
    log: Arc<dyn RequestLog>,
}

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// The time budget is used up.
    OutOfTime,
    /// The runtime is gone: a bug in a library.
    Broken,
}

/// As much as a main thread usually has: the vendors' clients nest deeply. Untouched pages cost nothing.
const STACK: usize = 8 << 20;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Net {
    /// A way to the network, within `budget`; `log` hears of every request.
    #[must_use]
    pub fn new(budget: Rc<TimeBudget>, log: Arc<dyn RequestLog>) -> Self {
        Self { budget, log }
    }

    /// Who hears of requests.
    #[must_use]
    pub fn log(&self) -> Arc<dyn RequestLog> {
        Arc::clone(&self.log)
    }

    /// What the command may still spend on stores.
    pub async fn remaining(&self) -> Duration {
        self.budget.remaining().await
    }

    /// All that the command may spend on stores.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.budget.limit()
    }

    /// Does `work` on the runtime's thread, until the time budget is used up.
    ///
    /// # Errors
    /// There is no answer in time.
    pub fn call<T, F>(&self, work: F) -> impl Future<Output = Result<T, Unanswered>>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        // The requests of the vendors' clients are large: kept here, they do not grow every future that waits for one.
        self.answer(Box::pin(work))
    }

    async fn answer<T, F>(&self, work: F) -> Result<T, Unanswered>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let left = self.remaining().await;
        if left.is_zero() {
            return Err(Unanswered::OutOfTime);
        }
        let (answer, answered) = oneshot::channel();
        let work = async move {
            let result = tokio::time::timeout(left, work).await;
            // Nobody waits any more: the question was dropped.
            drop(answer.send(result));
        };
        runtime().send(Box::pin(work)).map_err(|_| Unanswered::Broken)?;
        match answered.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err(Unanswered::OutOfTime),
            Err(_) => Err(Unanswered::Broken),
        }
    }
}

impl Net {
    /// Does the same on a thread of its own: work that reads files, which may be pipes or lie on a disk that does not
    /// answer, must not stop the clock.
    ///
    /// # Errors
    /// There is no answer in time.
    pub async fn call_apart<T, F>(&self, work: F) -> Result<T, Unanswered>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let apart = async move {
            let runtime = tokio::runtime::Handle::current();
            tokio::task::spawn_blocking(move || runtime.block_on(work)).await
        };
        self.call(apart).await?.map_err(|_| Unanswered::Broken)
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Net").field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// The addresses of a host. Only what [`Net::call`] runs may ask.
///
/// # Errors
/// The name is not known, or nobody could be asked.
pub async fn addresses(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
}

/// The runtime's thread. It ends with the process: what was asked and is not waited for any more is not finished.
fn runtime() -> &'static mpsc::UnboundedSender<Work> {
    static RUNTIME: OnceLock<mpsc::UnboundedSender<Work>> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let (sender, mut works) = mpsc::unbounded_channel::<Work>();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async move {
                while let Some(work) = works.recv().await {
                    tokio::spawn(work);
                }
            });
        };
        // Without a thread the channel closes, and every question is told so.
        drop(thread::Builder::new().name("network".to_owned()).stack_size(STACK).spawn(serve));
        sender
    })
}
