//! Work that is done to its end, whether or not somebody waits for it.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// A future that runs in the task that awaits it, without the cost of a task of its own and of a change of threads. Dropped
/// before its end, it goes on in a task of the tracker.
///
/// Gives what the work gives, or what it panicked with.
pub struct Outliving<T: Send + 'static> {
    work: Option<BoxFuture<'static, T>>,
    tasks: TaskTracker,
}

impl<T: Send + 'static> Outliving<T> {
    /// `work`, to be ended by `tasks` if need be.
    pub fn new(work: impl Future<Output = T> + Send + 'static, tasks: &TaskTracker) -> Self {
        Self { work: Some(work.boxed()), tasks: tasks.clone() }
    }
}

impl<T: Send + 'static> Future for Outliving<T> {
    type Output = Result<T, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let work = self.work.as_mut().expect("not polled after its end");
        let output = match catch_unwind(AssertUnwindSafe(|| work.poll_unpin(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(panic),
        };
        self.work = None;
        Poll::Ready(output)
    }
}

impl<T: Send + 'static> Drop for Outliving<T> {
    fn drop(&mut self) {
        // Without a runtime the process ends, and whatever is left with it.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            self.tasks.spawn_on(work, &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn it_gives_what_the_work_gives_or_panics_with() {
        let tasks = TaskTracker::new();
        assert_eq!(Outliving::new(async { 1 }, &tasks).await.unwrap(), 1);
        let panic = Outliving::new(async { panic!("it broke") }, &tasks).await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"it broke"));
        assert!(tasks.is_empty());
    }

    #[tokio::test]
    async fn dropped_it_goes_on_in_a_task() {
        let tasks = TaskTracker::new();
        let ((go, wait), (done, outcome)) = (oneshot::channel::<()>(), oneshot::channel());
        let work = async move {
            let _ = wait.await;
            let _ = done.send("done");
        };
        assert!(timeout(Duration::ZERO, Outliving::new(work, &tasks)).await.is_err());
        assert_eq!(tasks.len(), 1);
        go.send(()).unwrap();
        assert_eq!(outcome.await, Ok("done"));
        tasks.close();
        tasks.wait().await;
    }
}
