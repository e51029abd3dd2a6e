//! An operator brings a job back.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::access::{Permission, Viewer};
use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};
use crate::ids::JobId;

use super::model::{JobRow, JobState};
use super::{queries, registry};

/// Makes a dead or canceled job ready again, with all its attempts, or a waiting one at once. Needs JOBS_MANAGE. Rejects a job
/// that runs, is ready, or succeeded, and one whose unique key belongs to another unfinished job by now.
pub async fn retry(conn: &mut Conn, viewer: &Viewer, id: JobId) -> Result<JobRow> {
    viewer.require(Permission::JobsManage)?;
    let job = find(conn, id).await?;
    let attempts = registry::all().handler(&job.kind).map_or(1, |handler| handler.max_attempts);
    match queries::retry(conn, id, attempts).await {
        Ok(true) => find(conn, id).await,
        Ok(false) => {
            let why = match job.state {
                JobState::Running => "The job is running.",
                JobState::Succeeded => "The job succeeded; there is nothing to retry.",
                _ => "The job is ready already and waits for a worker.",
            };
            Err(Rejection::new(Reason::InvalidState, why).at(["id"]).into())
        }
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            let why = "Another unfinished job does the same work; wait for it or cancel it.";
            Err(Rejection::new(Reason::InvalidState, why).at(["id"]).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The job, or the rejection that there is none.
pub(super) async fn find(conn: &mut Conn, id: JobId) -> Result<JobRow> {
    let job = queries::find(conn, id).await?;
    job.ok_or_else(|| Rejection::new(Reason::NotFound, "There is no job with this id.").at(["id"]).into())
}
