//! Root fields that read.

use async_graphql::{Context, Object, Result};

use crate::graphql::{Connection, ContextExt};
use crate::ids::JobId;
use crate::jobs::{self, JobFilter};
use crate::pagination::PageArgs;

use super::Job;
use super::filter::JobWhereInput;
use super::queue::Queue;
use super::schedule::Schedule;
use super::worker::Worker;

/// Root fields.
#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// A job by its id; null if there is none. Needs JOBS_READ, but for whoever started it.
    async fn job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job's id.")] id: JobId,
    ) -> Result<Option<Job>> {
        let mut conn = ctx.app().db.get().await?;
        Ok(jobs::get(&mut conn, ctx.viewer(), id).await?.map(Job))
    }

    /// Jobs, newest first. Needs JOBS_READ.
    #[graphql(
        visible = "crate::graphql::visible::jobs_read",
        complexity = "first.or(last).unwrap_or(0) as usize * child_complexity + 1"
    )]
    #[allow(clippy::too_many_arguments)] // The five of a filtered Relay connection.
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor; with `first`.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those before this cursor; with `last`.")] before: Option<String>,
        #[graphql(name = "where", desc = "Which jobs; all if absent.")] filter: Option<JobWhereInput>,
    ) -> Result<Connection<Job>> {
        let args = PageArgs::new(first, after, last, before)?;
        let filter = JobFilter::from(filter.unwrap_or_default());
        let (app, viewer) = (ctx.app().clone(), ctx.viewer().clone());
        let page = jobs::list(&mut *app.db.get().await?, &viewer, &filter, &args).await?;
        Ok(Connection::new(page.map(Job), move || {
            let (app, viewer, filter) = (app.clone(), viewer.clone(), filter.clone());
            async move { jobs::count(&mut *app.db.get().await?, &viewer, &filter).await }
        }))
    }

    /// All queues and how full they are. Needs JOBS_READ.
    #[graphql(visible = "crate::graphql::visible::jobs_read", complexity = "20 * child_complexity + 10")]
    async fn queues(&self, ctx: &Context<'_>) -> Result<Vec<Queue>> {
        let mut conn = ctx.app().db.get().await?;
        Ok(jobs::queues(&mut conn, ctx.viewer()).await?.into_iter().map(Queue).collect())
    }

    /// The worker processes that are alive. One that died vanishes within a minute. Needs JOBS_READ.
    #[graphql(visible = "crate::graphql::visible::jobs_read", complexity = "20 * child_complexity + 1")]
    async fn workers(&self, ctx: &Context<'_>) -> Result<Vec<Worker>> {
        let mut conn = ctx.app().db.get().await?;
        Ok(jobs::workers(&mut conn, ctx.viewer()).await?.into_iter().map(Worker).collect())
    }

    /// The jobs that run by the clock. Needs JOBS_READ.
    #[graphql(visible = "crate::graphql::visible::jobs_read", complexity = "20 * child_complexity + 1")]
    async fn schedules(&self, ctx: &Context<'_>) -> Result<Vec<Schedule>> {
        let mut conn = ctx.app().db.get().await?;
        Ok(jobs::schedules(&mut conn, ctx.viewer()).await?.into_iter().map(Schedule).collect())
    }
}
