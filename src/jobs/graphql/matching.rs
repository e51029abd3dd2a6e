//! Root fields that change all jobs that match.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::graphql::{ContextExt, UserError, outcome};
use crate::jobs::{self, Outcome, Selection};

use super::filter::JobWhereInput;

/// Which jobs are made ready again.
#[derive(Debug, InputObject)]
pub struct JobsRetryInput {
    /// Which jobs; at least one condition.
    #[graphql(name = "where")]
    filter: JobWhereInput,
    /// Most jobs that are changed, 1 to 10,000.
    #[graphql(default_with = "jobs::DEFAULT_LIMIT")]
    limit: i64,
}

/// Which jobs are canceled.
#[derive(Debug, InputObject)]
pub struct JobsCancelInput {
    /// Which jobs; at least one condition.
    #[graphql(name = "where")]
    filter: JobWhereInput,
    /// Most jobs that are changed, 1 to 10,000.
    #[graphql(default_with = "jobs::DEFAULT_LIMIT")]
    limit: i64,
}

/// What `jobsRetry` answers.
#[derive(SimpleObject)]
pub struct JobsRetryPayload {
    /// How many jobs are ready again; null when nothing was done.
    count: Option<i64>,
    /// How many jobs were left as they are, because another unfinished job does the same work; null when nothing was done.
    skipped: Option<i64>,
    /// Whether more jobs match than the limit allowed; null when nothing was done.
    has_more: Option<bool>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// What `jobsCancel` answers.
#[derive(SimpleObject)]
pub struct JobsCancelPayload {
    /// How many jobs were canceled or asked to stop; null when nothing was done.
    count: Option<i64>,
    /// How many jobs were left as they are, because they moved on in the meantime; null when nothing was done.
    skipped: Option<i64>,
    /// Whether more jobs match than the limit allowed; null when nothing was done.
    has_more: Option<bool>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// Root fields.
#[derive(Default)]
pub struct JobMatchingMutation;

#[Object]
impl JobMatchingMutation {
    /// Makes matching jobs ready again, oldest first: dead and canceled ones with all their attempts, those that wait for
    /// their time at once. Others are not touched. Needs JOBS_MANAGE.
    #[graphql(visible = "crate::graphql::visible::jobs_manage")]
    async fn jobs_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which jobs, and how many.")] input: JobsRetryInput,
    ) -> Result<JobsRetryPayload> {
        let selection = Selection { filter: input.filter.into(), limit: input.limit, after: None };
        let mut conn = ctx.app().db.get().await?;
        let (done, user_errors) = outcome(jobs::retry_matching(&mut conn, ctx.viewer(), &selection).await)?;
        let (count, skipped, has_more) = parts(done);
        Ok(JobsRetryPayload { count, skipped, has_more, user_errors })
    }

    /// Cancels matching jobs that are not finished, oldest first. Those that run are asked to stop and stay RUNNING until
    /// they do. Needs JOBS_MANAGE.
    #[graphql(visible = "crate::graphql::visible::jobs_manage")]
    async fn jobs_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which jobs, and how many.")] input: JobsCancelInput,
    ) -> Result<JobsCancelPayload> {
        let selection = Selection { filter: input.filter.into(), limit: input.limit, after: None };
        let mut conn = ctx.app().db.get().await?;
        let (done, user_errors) = outcome(jobs::cancel_matching(&mut conn, ctx.viewer(), &selection).await)?;
        let (count, skipped, has_more) = parts(done);
        Ok(JobsCancelPayload { count, skipped, has_more, user_errors })
    }
}

fn parts(done: Option<Outcome>) -> (Option<i64>, Option<i64>, Option<bool>) {
    (done.map(|done| done.count), done.map(|done| done.skipped), done.map(|done| done.has_more))
}
