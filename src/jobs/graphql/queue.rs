//! The type `Queue`.

use async_graphql::{Object, SimpleObject};
use chrono::{DateTime, Utc};

use crate::jobs::QueueCounts;

/// Where jobs wait for workers.
#[derive(Debug, Clone)]
pub struct Queue(pub QueueCounts);

/// How often a job of a queue may begin.
#[derive(Debug, Clone, SimpleObject)]
pub struct QueueRateLimit {
    /// Jobs per period; after a pause so many may begin at once.
    jobs: i32,
    /// The period, in seconds.
    period_seconds: f64,
}

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

    /// Since when the oldest of the ready jobs is due; null when there is none.
    async fn oldest_ready_at(&self) -> Option<DateTime<Utc>> {
        self.0.oldest_ready_at
    }

    /// Most jobs of it that run at a time, on all workers together; null when there is no such limit.
    async fn max_running(&self) -> Option<i32> {
        self.0.max_running
    }

    /// Most jobs of it that are begun per period, by all workers together; null when there is no such limit.
    async fn rate_limit(&self) -> Option<QueueRateLimit> {
        self.0.rate().map(|rate| QueueRateLimit { jobs: rate.jobs, period_seconds: rate.period_seconds })
    }
}
