//! Gives up carts that nobody came back to.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::jobs::{Job, JobContext, JobError};

use super::queries;

/// A cart that was left alone for so long is given up.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Carts per statement: few locks, held briefly.
const BATCH: i64 = 1_000;

/// Makes carts ABANDONED that have not changed for 30 days. Running it twice gives up nothing more.
#[derive(Debug, Serialize, Deserialize)]
pub struct AbandonCarts {}

impl Job for AbandonCarts {
    const KIND: &'static str = "carts.abandon";
    const QUEUE: &'static str = "maintenance";
    const TIMEOUT: Duration = Duration::from_secs(600);

    /// How many carts were given up.
    type Output = usize;

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }

    async fn run(self, ctx: JobContext) -> Result<usize, JobError> {
        let untouched_since = ctx.app.clock.now() - KEPT;
        let mut abandoned = 0;
        loop {
            if ctx.canceled().is_cancelled() {
                return Err(JobError::Canceled);
            }
            let mut conn = ctx.app.db.get().await?;
            match queries::abandon(&mut conn, untouched_since, BATCH).await? {
                0 => return Ok(abandoned),
                more => abandoned += more,
            }
            drop(conn);
            ctx.progress(abandoned as i64, None, "carts given up").await?;
        }
    }
}
