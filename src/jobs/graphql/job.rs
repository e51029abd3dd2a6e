//! The type `Job`.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use crate::graphql::{ContextExt, Json};
use crate::ids::JobId;
use crate::jobs::{JobRow, JobState};

use super::attempt::{Attempt, AttemptsOf};

/// A piece of work that runs in the background and survives the death of any process.
#[derive(Debug, Clone)]
pub struct Job(pub JobRow);

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        Self(row)
    }
}

/// How far a job is, in its own unit: rows, products, bytes.
#[derive(Debug, Clone, SimpleObject)]
pub struct JobProgress {
    /// How much is done.
    done: i64,
    /// How much there is; null when that is not known.
    total: Option<i64>,
    /// What it is doing, for people.
    note: Option<String>,
}

/// A piece of work that runs in the background and survives the death of any process.
#[Object]
impl Job {
    /// Identifies the job.
    async fn id(&self) -> JobId {
        self.0.id
    }

    /// What it does, such as `catalog.import`.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The queue that it waits in, such as `bulk`.
    async fn queue(&self) -> &str {
        &self.0.queue
    }

    /// Higher runs first within the queue; 0 is usual.
    async fn priority(&self) -> i16 {
        self.0.priority
    }

    /// Where it is in its life.
    async fn state(&self) -> JobState {
        self.0.state
    }

    /// The number of the latest attempt; 0 before the first.
    async fn attempt(&self) -> i32 {
        self.0.attempt
    }

    /// After so many failed attempts it is dead.
    async fn max_attempts(&self) -> i32 {
        self.0.max_attempts
    }

    /// How far the latest attempt is.
    async fn progress(&self) -> JobProgress {
        JobProgress {
            done: self.0.progress_done,
            total: self.0.progress_total,
            note: self.0.progress_note.clone(),
        }
    }

    /// Whether it runs and was asked to stop.
    async fn cancel_requested(&self) -> bool {
        self.0.cancel_requested
    }

    /// Why the latest failed attempt failed.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// What it left, as JSON; null until it succeeded.
    async fn result(&self) -> Option<Json> {
        self.0.result.clone().filter(|_| self.0.state == JobState::Succeeded).map(Json)
    }

    /// The W3C trace context of the request, job or schedule that enqueued it, to find its log lines by.
    async fn traceparent(&self) -> Option<&str> {
        self.0.traceparent.as_deref()
    }

    /// When it was enqueued.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it is or was due.
    async fn run_at(&self) -> DateTime<Utc> {
        self.0.run_at
    }

    /// When the latest attempt began.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.started_at
    }

    /// When it succeeded, died or was canceled.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// The attempts at it, first to last.
    #[graphql(complexity = "10 * child_complexity + 1")]
    async fn attempts(&self, ctx: &Context<'_>) -> Result<Vec<Attempt>> {
        let failed = ctx.loaders().load_one(AttemptsOf(self.0.id)).await?.unwrap_or_default();
        let current = self.0.current_attempt(&failed);
        Ok(failed.into_iter().chain(current).map(Attempt).collect())
    }
}
