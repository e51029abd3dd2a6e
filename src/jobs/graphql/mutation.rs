//! Root fields that change.

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::graphql::{ContextExt, UserError, outcome};
use crate::ids::JobId;
use crate::jobs;

use super::Job;
use super::queue::Queue;

/// What `jobRetry` answers.
#[derive(SimpleObject)]
pub struct JobRetryPayload {
    /// The job as it is now.
    job: Option<Job>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// What `jobCancel` answers.
#[derive(SimpleObject)]
pub struct JobCancelPayload {
    /// The job as it is now.
    job: Option<Job>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// What `queuePause` answers.
#[derive(SimpleObject)]
pub struct QueuePausePayload {
    /// The queue as it is now.
    queue: Option<Queue>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// What `queueResume` answers.
#[derive(SimpleObject)]
pub struct QueueResumePayload {
    /// The queue as it is now.
    queue: Option<Queue>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// Root fields.
#[derive(Default)]
pub struct JobMutation;

#[Object]
impl JobMutation {
    /// Makes a dead or canceled job ready again, with all its attempts; one that waits, at once. Needs JOBS_MANAGE.
    #[graphql(visible = "crate::graphql::visible::jobs_manage")]
    async fn job_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job's id.")] id: JobId,
    ) -> Result<JobRetryPayload> {
        let mut conn = ctx.app().db.get().await?;
        let (job, user_errors) = outcome(jobs::retry(&mut conn, ctx.viewer(), id).await)?;
        Ok(JobRetryPayload { job: job.map(Job), user_errors })
    }

    /// Cancels a job that waits. One that runs is asked to stop and stays RUNNING until it does. Needs JOBS_MANAGE.
    #[graphql(visible = "crate::graphql::visible::jobs_manage")]
    async fn job_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job's id.")] id: JobId,
    ) -> Result<JobCancelPayload> {
        let mut conn = ctx.app().db.get().await?;
        let (job, user_errors) = outcome(jobs::cancel(&mut conn, ctx.viewer(), id).await)?;
        Ok(JobCancelPayload { job: job.map(Job), user_errors })
    }

    /// Begins no job of the queue from now on; those that run go on. Needs JOBS_MANAGE.
    #[graphql(visible = "crate::graphql::visible::jobs_manage")]
    async fn queue_pause(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The queue's name.")] name: String,
    ) -> Result<QueuePausePayload> {
        let mut conn = ctx.app().db.get().await?;
        let (queue, user_errors) = outcome(jobs::pause(&mut conn, ctx.viewer(), &name).await)?;
        Ok(QueuePausePayload { queue: queue.map(Queue), user_errors })
    }

    /// Begins jobs of a paused queue again. Needs JOBS_MANAGE.
    #[graphql(visible = "crate::graphql::visible::jobs_manage")]
    async fn queue_resume(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The queue's name.")] name: String,
    ) -> Result<QueueResumePayload> {
        let mut conn = ctx.app().db.get().await?;
        let (queue, user_errors) = outcome(jobs::resume(&mut conn, ctx.viewer(), &name).await)?;
        Ok(QueueResumePayload { queue: queue.map(Queue), user_errors })
    }
}
