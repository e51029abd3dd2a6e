//! The type `JobBoard`, and following it.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, Subscription};
use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt};

use crate::graphql::ContextExt;
use crate::jobs::{self, Snapshot};

use super::queue::Queue;
use super::schedule::Schedule;
use super::worker::Worker;

/// Queues, workers and schedules at one moment.
pub struct JobBoard(Arc<Snapshot>);

/// Queues, workers and schedules at one moment.
#[Object]
impl JobBoard {
    /// All queues and how full they are.
    #[graphql(complexity = "20 * child_complexity + 10")]
    async fn queues(&self) -> Vec<Queue> {
        self.0.queues.iter().cloned().map(Queue).collect()
    }

    /// The worker processes that are alive. One that died vanishes within a minute.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn workers(&self) -> Vec<Worker> {
        self.0.workers.iter().cloned().map(Worker).collect()
    }

    /// The jobs that run by the clock.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn schedules(&self) -> Vec<Schedule> {
        self.0.schedules.iter().cloned().map(Schedule).collect()
    }

    /// When the newest job was enqueued; null when there is none.
    async fn last_enqueued_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_enqueued_at
    }

    /// When a job last succeeded, died or was canceled; null when there is none.
    async fn last_finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_finished_at
    }
}

/// Root subscriptions.
#[derive(Default)]
pub struct BoardSubscription;

#[Subscription]
impl BoardSubscription {
    /// Queues, workers and schedules as they are now, then every change, some times a second at most; seldom when the backlog
    /// is so long that counting it takes a while. That time passes is no change: see `oldestReadyAt`. While the queues cannot
    /// be read there is one error UNAVAILABLE, and the subscription goes on. Needs JOBS_READ.
    #[graphql(visible = "crate::graphql::visible::jobs_read", complexity = "child_complexity + 1")]
    async fn job_board_updated(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<JobBoard>> + use<>> {
        Ok(jobs::watch_board(ctx.app(), ctx.viewer())?.map_ok(JobBoard).map_err(Into::into))
    }
}
