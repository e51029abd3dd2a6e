//! Batched reads. A feature gives its typed keys a loader by `impl Loader<Key> for BatchReader`, beside its queries.
//!
//! A batch has to wait until every sibling resolver has named its keys. A timer would cost a millisecond on every
//! level of nesting, and a task of its own could run too early on another thread. So the batches of a request are
//! driven by the request's own task: [`drive`] polls the resolvers first and the batches only when all of them wait.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use async_graphql::dataloader::DataLoader;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, poll_fn};
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::access::Viewer;
use crate::app::App;
use crate::channels::Channel;
use crate::locale::Locale;
use crate::repoll::repolled;

/// What a loader reads with. Its error type is [`async_graphql::Error`].
pub struct BatchReader {
    /// The process.
    pub app: App,
    /// Who asks.
    pub viewer: Viewer,
    /// The channel that the request is about.
    pub channel: Channel,
    /// The language that the request gets texts in.
    pub locale: Locale,
}

/// The loaders of one request; never shared between requests, for what they remember is one viewer's.
pub type Loaders = DataLoader<BatchReader>;

/// Batches that wait to be run by [`drive`].
pub struct Batches(mpsc::UnboundedReceiver<BoxFuture<'static, ()>>);

impl BatchReader {
    /// Loaders for one query or mutation, whose batches [`drive`] runs.
    pub fn driven_loaders(self) -> (Loaders, Batches) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let enqueue = move |batch| {
            // Nobody listens once the request is over; then nobody waits for the batch either.
            let _ = sender.send(batch);
        };
        (DataLoader::new(self, enqueue).delay(Duration::ZERO), Batches(receiver))
    }

    /// Loaders whose batches run as tasks, for subscriptions.
    pub fn spawned_loaders(self) -> Loaders {
        DataLoader::new(self, tokio::spawn).delay(Duration::ZERO)
    }
}

/// Runs `request` and the batches that its resolvers ask for, in one task.
pub async fn drive<F: Future>(mut request: Pin<&mut F>, mut batches: Batches) -> F::Output {
    let mut running = FuturesUnordered::new();
    repolled(poll_fn(move |cx| {
        loop {
            if let Poll::Ready(output) = request.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            let mut progressed = false;
            while let Poll::Ready(Some(batch)) = batches.0.poll_recv(cx) {
                running.push(batch);
                progressed = true;
            }
            while let Poll::Ready(Some(())) = Pin::new(&mut running).poll_next_unpin(cx) {
                progressed = true;
            }
            if !progressed {
                return Poll::Pending;
            }
        }
    }))
    .await
}
