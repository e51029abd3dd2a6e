//! The type `Queue`.

use async_graphql::Object;

use crate::jobs::QueueCounts;

/// Where jobs wait for workers.
#[derive(Debug, Clone)]
pub struct Queue(pub QueueCounts);

/// Where jobs wait for workers.
#[Object]
impl Queue {
    /// Its name, such as `mail`.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether no job of it is begun until it is resumed.
    async fn paused(&self) -> bool {
        self.0.paused
    }

    /// Jobs that are due and wait for a worker.
    async fn ready(&self) -> i64 {
        self.0.ready
    }

    /// Jobs that a worker runs.
    async fn running(&self) -> i64 {
        self.0.running
    }

    /// Jobs that wait for their time.
    async fn scheduled(&self) -> i64 {
        self.0.scheduled
    }

    /// Jobs that failed and wait to be tried again.
    async fn retrying(&self) -> i64 {
        self.0.retrying
    }

    /// Jobs that failed for good.
    async fn dead(&self) -> i64 {
        self.0.dead
    }

    /// How long the oldest of the ready jobs has waited, in seconds; null when there is none.
    async fn oldest_ready_age_seconds(&self) -> Option<f64> {
        self.0.oldest_ready_age_s
    }
}
