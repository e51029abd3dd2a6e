//! Root fields that change schedules.

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::graphql::{ContextExt, UserError, outcome};
use crate::jobs;

use super::Job;
use super::schedule::Schedule;

/// What `scheduleEnable` answers.
#[derive(SimpleObject)]
pub struct ScheduleEnablePayload {
    /// The schedule as it is now; its next time is set within seconds.
    schedule: Option<Schedule>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// What `scheduleDisable` answers.
#[derive(SimpleObject)]
pub struct ScheduleDisablePayload {
    /// The schedule as it is now.
    schedule: Option<Schedule>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// What `scheduleRun` answers.
#[derive(SimpleObject)]
pub struct ScheduleRunPayload {
    /// The job that was enqueued, or the last run if it is unfinished.
    job: Option<Job>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// Root fields.
#[derive(Default)]
pub struct ScheduleMutation;

#[Object]
impl ScheduleMutation {
    /// Lets a schedule fire from now on. What it missed while it was disabled is not made up for. Needs JOBS_MANAGE.
    #[graphql(visible = "crate::graphql::visible::jobs_manage")]
    async fn schedule_enable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The schedule's name.")] name: String,
    ) -> Result<ScheduleEnablePayload> {
        let mut conn = ctx.app().db.get().await?;
        let (schedule, user_errors) = outcome(jobs::enable_schedule(&mut conn, ctx.viewer(), &name).await)?;
        Ok(ScheduleEnablePayload { schedule: schedule.map(Schedule), user_errors })
    }

    /// Lets a schedule fire no more until it is enabled; a run that began goes on. Needs JOBS_MANAGE.
    #[graphql(visible = "crate::graphql::visible::jobs_manage")]
    async fn schedule_disable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The schedule's name.")] name: String,
    ) -> Result<ScheduleDisablePayload> {
        let mut conn = ctx.app().db.get().await?;
        let (schedule, user_errors) = outcome(jobs::disable_schedule(&mut conn, ctx.viewer(), &name).await)?;
        Ok(ScheduleDisablePayload { schedule: schedule.map(Schedule), user_errors })
    }

    /// Enqueues a schedule's job at once, whether or not it is enabled; when it fires next stays as it is. While the last
    /// run is unfinished, answers with that one. Needs JOBS_MANAGE.
    #[graphql(visible = "crate::graphql::visible::jobs_manage")]
    async fn schedule_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The schedule's name.")] name: String,
    ) -> Result<ScheduleRunPayload> {
        let mut conn = ctx.app().db.get().await?;
        let (job, user_errors) = outcome(jobs::run_schedule(&mut conn, ctx.viewer(), &name).await)?;
        Ok(ScheduleRunPayload { job: job.map(Job), user_errors })
    }
}
