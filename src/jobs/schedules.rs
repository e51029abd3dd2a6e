//! An operator steers what runs by the clock.

use crate::access::{Permission, Viewer};
use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};
use crate::ids::JobId;

use super::ledger::insert::{self, Policy};
use super::model::{JobRow, ScheduleRow};
use super::{queries, registry};

/// The schedule fires from now on. What it missed while it was disabled is not made up for. Needs JOBS_MANAGE; may be
/// repeated. Rejects an unknown name.
pub async fn enable_schedule(conn: &mut Conn, viewer: &Viewer, name: &str) -> Result<ScheduleRow> {
    set_enabled(conn, viewer, name, true).await
}

/// The schedule fires no more until it is enabled; a job that it enqueued already runs. Needs JOBS_MANAGE; may be repeated.
/// Rejects an unknown name.
pub async fn disable_schedule(conn: &mut Conn, viewer: &Viewer, name: &str) -> Result<ScheduleRow> {
    set_enabled(conn, viewer, name, false).await
}

async fn set_enabled(conn: &mut Conn, viewer: &Viewer, name: &str, enabled: bool) -> Result<ScheduleRow> {
    viewer.require(Permission::JobsManage)?;
    queries::set_schedule_enabled(conn, name, enabled).await?.ok_or_else(|| missing().into())
}

/// Enqueues the schedule's job at once, also while it is disabled; when it fires next stays as it is. While the last run
/// is unfinished, answers with that job. Needs JOBS_MANAGE. Rejects an unknown name, and a kind of job that this
/// version does not know.
pub async fn run_schedule(conn: &mut Conn, viewer: &Viewer, name: &str) -> Result<JobRow> {
    viewer.require(Permission::JobsManage)?;
    let (schedule, payload) = queries::schedule(conn, name).await?.ok_or_else(missing)?;
    let registry = registry::all();
    let Some(handler) = registry.handler(&schedule.kind) else {
        let why = "This version does not know the schedule's kind of job.";
        return Err(Rejection::new(Reason::InvalidState, why).at(["name"]).into());
    };
    let policy = Policy {
        kind: handler.kind,
        queue: handler.queue,
        priority: handler.priority,
        max_attempts: handler.max_attempts,
        run_at: None,
        traceparent: None,
        created_by: viewer.user_id(),
    };
    // The same key as the clock's: a run by hand and one by the clock are never side by side.
    let key = format!("schedule:{name}");
    let payload = std::slice::from_ref(&payload);
    loop {
        let id = JobId::new();
        let inserted = insert::insert(conn, &policy, &[id.0], payload, &[Some(key.clone())]).await?;
        let id =
            if inserted.is_empty() { insert::find_by_key(conn, &key).await?.map(JobId) } else { Some(id) };
        // None if the last run finished just now: then there is room for this one.
        if let Some(id) = id {
            return super::retry::find(conn, id).await;
        }
    }
}

fn missing() -> Rejection {
    Rejection::new(Reason::NotFound, "There is no schedule with this name.").at(["name"])
}
