//! Reading jobs.

use chrono::{DateTime, Utc};

use crate::access::{Permission, Viewer};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::JobId;
use crate::pagination::{Page, PageArgs};

use super::model::{Attempt, JobRow, JobState};
use super::queries;

/// Which jobs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobFilter {
    /// In one of these states.
    pub states: Option<Vec<JobState>>,
    /// Of this queue.
    pub queue: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// With this in the error of the last attempt that failed, in upper or lower case.
    pub error_contains: Option<String>,
    /// Enqueued within this time.
    pub created_at: TimeRange,
    /// Over within this time.
    pub finished_at: TimeRange,
}

/// From one time to another; both belong to it, and either may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Not after.
    pub to: Option<DateTime<Utc>>,
}

impl JobFilter {
    /// Whether it lets every job through for want of a condition.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A job. Needs JOBS_READ, but for whoever started it.
pub async fn get(conn: &mut Conn, viewer: &Viewer, id: JobId) -> Result<Option<JobRow>> {
    if viewer.may(Permission::JobsRead) {
        return Ok(queries::find(conn, id).await?);
    }
    let user_id = viewer.signed_in()?.user_id;
    let job = queries::find(conn, id).await?;
    // The same answer for a job of somebody else and for none: who may not read learns nothing.
    job.filter(|job| job.created_by == Some(user_id))
        .map(Some)
        .ok_or_else(|| Error::forbidden(Permission::JobsRead))
}

/// Jobs, newest first. Needs JOBS_READ.
pub async fn list(
    conn: &mut Conn,
    viewer: &Viewer,
    filter: &JobFilter,
    args: &PageArgs,
) -> Result<Page<JobRow>> {
    viewer.require(Permission::JobsRead)?;
    let cursor = args.cursor::<JobId>()?;
    let rows = queries::page(conn, filter, args, cursor).await?;
    Ok(Page::new(rows, args, |job| job.id))
}

/// How many jobs [`list`] would give in all. Needs JOBS_READ.
pub async fn count(conn: &mut Conn, viewer: &Viewer, filter: &JobFilter) -> Result<i64> {
    viewer.require(Permission::JobsRead)?;
    Ok(queries::count(conn, filter).await?)
}

/// All attempts at a job that the caller got from this module, by number.
pub async fn attempts(conn: &mut Conn, job: &JobRow) -> Result<Vec<Attempt>> {
    let mut attempts = queries::attempts(conn, &[job.id]).await?;
    attempts.extend(job.current_attempt(&attempts));
    Ok(attempts)
}
