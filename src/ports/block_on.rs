//! The executor: one future, one thread.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Drives a future to its end on this thread, which sleeps while the future waits.
///
/// A future that never pends costs one call and starts nothing: no runtime, no thread. What does pend (a socket, a
/// timer) brings its own thread and calls the waker.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let signal = Arc::new(Signal { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&signal));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // The flag, and not the thread's park token alone, says that the future was woken: code inside the future
        // may park for its own ends (a channel does) and swallow the token.
        while !signal.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

struct Signal {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[test]
    fn a_ready_future_gives_its_output() {
        assert_eq!(block_on(async { 7 }), 7);
    }

    #[test]
    fn a_wake_from_another_thread_goes_on() {
        let mut polls = 0;
        let polls = block_on(poll_fn(move |context| {
            polls += 1;
            let waker = context.waker().clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(1));
                waker.wake();
            });
            if polls < 3 { Poll::Pending } else { Poll::Ready(polls) }
        }));
        assert_eq!(polls, 3);
    }

    #[test]
    fn a_wake_during_the_poll_is_not_lost_when_the_park_token_is_swallowed() {
        let mut polled = false;
        block_on(poll_fn(move |context| {
            if polled {
                return Poll::Ready(());
            }
            polled = true;
            context.waker().wake_by_ref();
            thread::park();
            Poll::Pending
        }));
    }
}
