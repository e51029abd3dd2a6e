//! An operator cancels a job.

use crate::access::{Permission, Viewer};
use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};
use crate::ids::JobId;

use super::model::JobRow;
use super::{queries, retry};

/// Cancels a job that waits, or asks one that runs to end: it stays RUNNING until its handler noticed. Needs JOBS_MANAGE.
/// Rejects a job that is finished.
pub async fn cancel(conn: &mut Conn, viewer: &Viewer, id: JobId) -> Result<JobRow> {
    viewer.require(Permission::JobsManage)?;
    let canceled = queries::cancel(conn, id).await?;
    let job = retry::find(conn, id).await?;
    if canceled {
        Ok(job)
    } else {
        let why = "The job is finished; there is nothing to cancel.";
        Err(Rejection::new(Reason::InvalidState, why).at(["id"]).into())
    }
}
