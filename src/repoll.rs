//! Futures that wake themselves while they are polled.
//!
//! `FuturesUnordered`, with which the executor waits for the fields of an object, asks to be polled again whenever it has polled
//! all of its futures and none was ready; so does a connection of hyper's that hands the body to whoever reads it. To the
//! scheduler that is a task that yields: it goes to the end of the queue, and another thread is woken to take it, several
//! times for a query that waits for the database. Polling it again at once costs next to nothing.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// So often at most; each level of nesting asks once more. Who goes on asking yields indeed.
const MAX_POLLS: usize = 8;

const IDLE: u8 = 0;
const POLLING: u8 = 1;
const WOKEN: u8 = 2;

/// Stands in for the task's waker while a future is polled.
struct Bell {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let rung = self.state.compare_exchange(POLLING, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        if rung == Err(IDLE) {
            self.task.wake();
        }
    }
}

/// `future`, polled again at once when it was woken while it was polled. A large one is better pinned by the caller: moved in here it
/// takes its room twice.
pub async fn repolled<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let bell = Arc::new(Bell { state: AtomicU8::new(IDLE), task: AtomicWaker::new() });
    let waker = Waker::from(bell.clone());
    poll_fn(move |cx| {
        bell.task.register(cx.waker());
        for _ in 0..MAX_POLLS {
            bell.state.store(POLLING, Ordering::Release);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(output);
            }
            let quiet = bell.state.compare_exchange(POLLING, IDLE, Ordering::AcqRel, Ordering::Acquire);
            if quiet.is_ok() {
                return Poll::Pending;
            }
        }
        bell.state.store(IDLE, Ordering::Release);
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use futures_util::StreamExt;
    use futures_util::stream::FuturesUnordered;
    use tokio::sync::oneshot;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_task_is_woken_by_others_only() {
        let wakes = Arc::new(Count::default());
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        let (send, receive) = oneshot::channel();
        let fields = FuturesUnordered::from_iter([FuturesUnordered::from_iter([receive]).into_future()]);
        let mut waits = pin!(repolled(fields.into_future()));
        assert!(waits.as_mut().poll(&mut cx).is_pending());
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        send.send(1).unwrap();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        let Poll::Ready((Some((received, _)), _)) = waits.poll(&mut cx) else { panic!("it was sent") };
        assert_eq!(received, Some(Ok(1)));
    }

    #[test]
    fn who_never_stops_asking_yields() {
        let wakes = Arc::new(Count::default());
        let waker = Waker::from(wakes.clone());
        let asks = poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(pin!(repolled(asks)).poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_is_lost() {
        for _ in 0..20_000 {
            let (send, receive) = oneshot::channel();
            tokio::spawn(async move { send.send(()).unwrap() });
            let waits = repolled(FuturesUnordered::from_iter([receive]).into_future());
            tokio::time::timeout(Duration::from_secs(5), waits)
                .await
                .expect("it was sent")
                .0
                .unwrap()
                .unwrap();
        }
    }
}
