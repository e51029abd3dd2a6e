//! Forgets sessions that are long over.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::Result;
use crate::jobs::{Job, JobContext, JobError};

use super::queries;

/// How long a session is kept after its end, for those who look into what happened.
const KEPT: TimeDelta = TimeDelta::days(7);

/// How many sessions one statement deletes, with their refresh tokens: it holds few locks, briefly.
const BATCH: i64 = 500;

/// Deletes sessions and refresh tokens that expired a week ago. It has no input and may run at any time, twice and
/// side by side: what is deleted stays deleted.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PurgeSessions {}

impl Job for PurgeSessions {
    const KIND: &'static str = "access.purge-sessions";
    const QUEUE: &'static str = "maintenance";
    const TIMEOUT: Duration = Duration::from_secs(600);

    /// How many sessions were deleted.
    type Output = usize;

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }

    async fn run(self, ctx: JobContext) -> Result<usize, JobError> {
        let mut purged = 0;
        loop {
            if ctx.canceled().is_cancelled() {
                return Err(JobError::Canceled);
            }
            match purge_sessions(&ctx.app).await? {
                0 => return Ok(purged),
                deleted => purged += deleted,
            }
        }
    }
}

/// Deletes at most 500 sessions, with their refresh tokens, that expired a week ago; how many, 0 when none is left. One
/// statement; rows that somebody else has locked are left for the next time.
pub async fn purge_sessions(app: &App) -> Result<usize> {
    let before = app.clock.now() - KEPT;
    Ok(queries::delete_sessions_expired_before(&mut *app.db.get().await?, before, BATCH).await?)
}
