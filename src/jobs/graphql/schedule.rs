//! The type `Schedule`.

use async_graphql::Object;
use chrono::{DateTime, Utc};

use crate::jobs::ScheduleRow;

/// A job that is enqueued by the clock.
#[derive(Debug, Clone)]
pub struct Schedule(pub ScheduleRow);

/// A job that is enqueued by the clock.
#[Object]
impl Schedule {
    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The kind of job that it enqueues.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The queue that the job goes to.
    async fn queue(&self) -> &str {
        &self.0.queue
    }

    /// When, as a cron expression of six fields, seconds first, in UTC.
    async fn cron(&self) -> &str {
        &self.0.cron
    }

    /// Whether it fires.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// When it fired last.
    async fn last_run_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_run_at
    }

    /// When it fires next.
    async fn next_run_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_run_at
    }
}
