//! What a running job can do besides its work.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{JobId, UserId};
use crate::trace::TraceContext;

use super::JobError;
use super::ledger::fence;

/// Progress is for people: more often than this is only cost.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

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
    /// The run's part of the trace; its header goes along with calls to outside services.
    pub trace: TraceContext,
    pub(super) lease_token: uuid::Uuid,
    pub(super) canceled: CancellationToken,
    pub(super) pace: Arc<Mutex<Pace>>,
}

/// When progress was last written, and what was not written since.
#[derive(Default)]
pub(super) struct Pace {
    written_at: Option<Instant>,
    pending: Option<(i64, Option<i64>, String)>,
}

impl JobContext {
    /// Tells how far the run is; subscribers see it. May be called for every item: it writes four times a second at
    /// most, and in the end. Losing the lease ends the run with an error.
    pub async fn progress(&self, done: i64, total: Option<i64>, note: &str) -> Result<(), JobError> {
        {
            let mut pace = self.pace.lock().expect("nothing panics while it holds this");
            if pace.written_at.is_some_and(|at| at.elapsed() < PROGRESS_INTERVAL) {
                pace.pending = Some((done, total, note.to_owned()));
                return Ok(());
            }
            pace.written_at = Some(Instant::now());
            pace.pending = None;
        }
        self.write_progress(done, total, note).await
    }

    /// Writes what [`JobContext::progress`] kept back.
    pub(super) async fn flush_progress(&self) -> Result<(), JobError> {
        let pending = self.pace.lock().expect("nothing panics while it holds this").pending.take();
        match pending {
            Some((done, total, note)) => self.write_progress(done, total, &note).await,
            None => Ok(()),
        }
    }

    async fn write_progress(&self, done: i64, total: Option<i64>, note: &str) -> Result<(), JobError> {
        let mut conn = self.app.db.get().await?;
        let held = fence::progress(&mut conn, self.job_id.0, self.lease_token, done, total, note).await?;
        if held { Ok(()) } else { Err(lost()) }
    }

    /// In the caller's transaction: proves that this run still holds the job and keeps it from being given away until
    /// the transaction ends. What is committed under it cannot be committed by another run as well. One statement; call it
    /// first, so that a run that lost its lease does no work.
    pub async fn fence(&self, conn: &mut Conn) -> Result<(), JobError> {
        let held = fence::fence(conn, self.job_id.0, self.lease_token).await?;
        if held { Ok(()) } else { Err(lost()) }
    }

    /// Becomes canceled when an operator cancels the job, the lease is lost or the process shuts down. A long
    /// run looks at it between steps and answers [`JobError::Canceled`].
    pub fn canceled(&self) -> &CancellationToken {
        &self.canceled
    }
}

/// The run counts for nothing from here on; whatever it answers is not recorded.
fn lost() -> JobError {
    JobError::Retry(anyhow::anyhow!("the lease was lost: the job was given to another worker"))
}
