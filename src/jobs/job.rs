//! How a job is declared.

use std::future::Future;
use std::time::Duration;

use rand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::JobContext;

/// A unit of long-running work: its payload, its policy, and what it does.
///
/// The payload holds ids, not entities; new fields take `#[serde(default)]`, because old rows are read by new code.
/// `run` may happen twice, for a process can die after the effect and before the record: each implementation
/// says in its doc why that is harmless.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stored in every row and never renamed: `orders.send-confirmation`.
    const KIND: &'static str;
    /// The queue that it waits in.
    const QUEUE: &'static str;
    /// Attempts before the job is dead, crashes included.
    const MAX_ATTEMPTS: i32 = 10;
    /// Higher runs first within a queue.
    const PRIORITY: i16 = 0;
    /// A run that takes longer is ended and counts as failed.
    const TIMEOUT: Duration = Duration::from_secs(60);

    /// What a successful run leaves in the ledger.
    type Output: Serialize + Send;

    /// How long to wait after attempt number `attempt` (from 1) failed. By default 1 s, doubled each time up to an
    /// hour, give or take a quarter so that jobs that failed together do not come back together.
    fn backoff(attempt: i32) -> Duration {
        let exponent = u32::try_from(attempt - 1).unwrap_or(0).min(12);
        let base_ms = (1_000_u64 << exponent).min(3_600_000);
        let jitter = rand::rng().random_range(0.75..1.25);
        Duration::from_millis((base_ms as f64 * jitter) as u64)
    }

    /// At most one unfinished job has a given key; enqueueing another answers with the first one.
    fn unique_key(&self) -> Option<String> {
        None
    }

    /// Does the work.
    fn run(self, ctx: JobContext) -> impl Future<Output = Result<Self::Output, JobError>> + Send;
}

/// Why a run did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may pass next time: run again after the job's backoff.
    #[error("{0:#}")]
    Retry(anyhow::Error),
    /// It may pass, but not before this time.
    #[error("{1:#}")]
    RetryAfter(Duration, anyhow::Error),
    /// It can never pass: the job is dead.
    #[error("{0:#}")]
    Fail(anyhow::Error),
    /// The run noticed that it was canceled and stopped.
    #[error("canceled")]
    Canceled,
}

impl JobError {
    /// A failure that may pass.
    pub fn retry(error: impl Into<anyhow::Error>) -> Self {
        JobError::Retry(error.into())
    }

    /// A failure that cannot pass.
    pub fn fail(error: impl Into<anyhow::Error>) -> Self {
        JobError::Fail(error.into())
    }
}

impl From<crate::Error> for JobError {
    /// A fault or an unreachable database may pass; a rejection cannot.
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Rejected(_) => JobError::Fail(anyhow::anyhow!("{error}")),
            crate::Error::Request { .. } => JobError::Retry(anyhow::anyhow!("{error}")),
            crate::Error::Fault(fault) => JobError::Retry(fault),
        }
    }
}

impl From<diesel::result::Error> for JobError {
    fn from(error: diesel::result::Error) -> Self {
        JobError::Retry(error.into())
    }
}
