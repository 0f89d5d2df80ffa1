//! Several futures at once, on the thread that asks for them.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Drives futures at the same time, at most `limit` of them, and answers in their order. A future is not begun before
/// there is room for it.
pub async fn concurrently<F: Future>(limit: usize, futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting = futures.into_iter().enumerate();
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    let mut done: BTreeMap<usize, F::Output> = BTreeMap::new();
    poll_fn(|context| {
        loop {
            while running.len() < limit.max(1) {
                let Some((place, future)) = waiting.next() else { break };
                running.push((place, Box::pin(future)));
            }
            if running.is_empty() {
                return Poll::Ready(());
            }
            let before = done.len();
            // All share one waker. They are few, so asking each of them again costs less than knowing which woke.
            running.retain_mut(|(place, future)| match future.as_mut().poll(context) {
                Poll::Ready(output) => {
                    done.insert(*place, output);
                    false
                }
                Poll::Pending => true,
            });
            if done.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
    done.into_values().collect()
}

/// Drives all futures at the same time, and answers in their order. For a handful.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    concurrently(usize::MAX, futures).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::block_on;
    use std::cell::Cell;

    async fn step() {
        let mut polled = false;
        poll_fn(move |context| {
            context.waker().wake_by_ref();
            if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    #[test]
    fn answers_come_in_order_whatever_takes_longer() {
        let slow_first = |number: usize| async move {
            for _ in number..5 {
                step().await;
            }
            number
        };
        assert_eq!(block_on(concurrently(3, (0..5).map(slow_first))), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn no_more_than_the_limit_run_and_as_many_as_it() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let (now, most) = (&now, &most);
        let count = |_| async move {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            step().await;
            now.set(now.get() - 1);
        };
        block_on(concurrently(4, (0..10).map(count)));
        assert_eq!(most.get(), 4);
    }

    #[test]
    fn all_begin_before_the_first_ends_and_outputs_keep_their_order() {
        let begun = Cell::new(0);
        let one = |number: usize| {
            let begun = &begun;
            let mut first = true;
            poll_fn(move |context| {
                if std::mem::take(&mut first) {
                    begun.set(begun.get() + 1);
                }
                context.waker().wake_by_ref();
                if begun.get() == 3 { Poll::Ready(number) } else { Poll::Pending }
            })
        };
        assert_eq!(block_on(join_all([one(1), one(2), one(3)])), [1, 2, 3]);
    }

    #[test]
    fn nothing_to_do_is_done() {
        assert!(block_on(concurrently(4, Vec::<std::future::Ready<()>>::new())).is_empty());
    }
}
