//! Queues, workers and schedules, as operators see and steer them.

use crate::access::{Permission, Viewer};
use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};

use super::model::{QueueCounts, ScheduleRow, WorkerRow};
use super::queries;

/// All queues with their counts. Needs JOBS_READ.
pub async fn queues(conn: &mut Conn, viewer: &Viewer) -> Result<Vec<QueueCounts>> {
    viewer.require(Permission::JobsRead)?;
    Ok(queries::queue_counts(conn).await?)
}

/// The workers that are alive. Needs JOBS_READ.
pub async fn workers(conn: &mut Conn, viewer: &Viewer) -> Result<Vec<WorkerRow>> {
    viewer.require(Permission::JobsRead)?;
    Ok(queries::workers(conn).await?)
}

/// What runs by the clock. Needs JOBS_READ.
pub async fn schedules(conn: &mut Conn, viewer: &Viewer) -> Result<Vec<ScheduleRow>> {
    viewer.require(Permission::JobsRead)?;
    Ok(queries::schedules(conn).await?)
}

/// No job of the queue is begun from now on; those that run go on. Needs JOBS_MANAGE; may be repeated.
pub async fn pause(conn: &mut Conn, viewer: &Viewer, name: &str) -> Result<QueueCounts> {
    set_paused(conn, viewer, name, true).await
}

/// The opposite of [`pause`].
pub async fn resume(conn: &mut Conn, viewer: &Viewer, name: &str) -> Result<QueueCounts> {
    set_paused(conn, viewer, name, false).await
}

async fn set_paused(conn: &mut Conn, viewer: &Viewer, name: &str, paused: bool) -> Result<QueueCounts> {
    viewer.require(Permission::JobsManage)?;
    let missing = || Rejection::new(Reason::NotFound, "There is no queue with this name.").at(["name"]);
    if !queries::set_paused(conn, name, paused).await? {
        return Err(missing().into());
    }
    queries::queue(conn, name).await?.ok_or_else(|| missing().into())
}
