//! Keeping the ledger small.

use diesel::sql_types::{BigInt, Double};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use crate::db::Conn;
use crate::error::Result;

use super::ledger::statement;
use super::{Job, JobContext, JobError};

/// How long a dead job waits for somebody to look at it.
const DEAD_KEPT_DAYS: f64 = 90.0;
/// Short transactions: nobody waits for this.
const BATCH: i64 = 5_000;

/// Deletes finished jobs that are older than the configured number of days, dead ones after 90, and idempotency records
/// that no client may use any more. Running it twice deletes nothing more.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prune {}

/// What [`Prune`] did.
#[derive(Debug, Serialize)]
pub struct Pruned {
    jobs: usize,
    idempotency_records: usize,
}

impl Job for Prune {
    const KIND: &'static str = "maintenance.prune";
    const QUEUE: &'static str = "maintenance";
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1800);
    type Output = Pruned;

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.into())
    }

    async fn run(self, ctx: JobContext) -> Result<Pruned, JobError> {
        let kept_days = f64::from(ctx.app.config.job_retention_days);
        let mut pruned = Pruned { jobs: 0, idempotency_records: 0 };
        loop {
            if ctx.canceled().is_cancelled() {
                return Err(JobError::Canceled);
            }
            // A connection per batch: others need them too.
            let mut conn = ctx.app.db.get().await?;
            let jobs = delete_jobs(&mut conn, kept_days).await?;
            let records = delete_idempotency_records(&mut conn).await?;
            drop(conn);
            pruned.jobs += jobs;
            pruned.idempotency_records += records;
            if jobs == 0 && records == 0 {
                return Ok(pruned);
            }
            let done = i64::try_from(pruned.jobs + pruned.idempotency_records).unwrap_or(i64::MAX);
            ctx.progress(done, None, "deleted").await?;
        }
    }
}

async fn delete_jobs(conn: &mut Conn, kept_days: f64) -> diesel::QueryResult<usize> {
    statement(
        "WITH old AS ( \
             SELECT id FROM jobs WHERE finished_at < now() - make_interval(secs => $1 * 86400) \
                 AND (state <> 'DEAD' OR finished_at < now() - make_interval(secs => $2 * 86400)) \
             ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
         DELETE FROM jobs USING old WHERE jobs.id = old.id",
    )
    .bind::<Double, _>(kept_days)
    .bind::<Double, _>(DEAD_KEPT_DAYS)
    .bind::<BigInt, _>(BATCH)
    .execute(conn)
    .await
}

async fn delete_idempotency_records(conn: &mut Conn) -> diesel::QueryResult<usize> {
    statement(
        "WITH old AS ( \
             SELECT ctid FROM idempotency_records WHERE created_at < now() - make_interval(secs => $1 * 86400.0) \
             ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
         DELETE FROM idempotency_records USING old WHERE idempotency_records.ctid = old.ctid",
    )
    .bind::<Double, _>(crate::idempotency::KEPT_DAYS as f64)
    .bind::<BigInt, _>(BATCH)
    .execute(conn)
    .await
}
