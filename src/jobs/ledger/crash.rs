//! Recording that a job took the process down in which it ran alone.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;

use super::reap::MAX_CRASHES;
use super::{notify_watchers, statement};

/// The death of a process that ran one job.
#[derive(Debug, Clone)]
pub struct Crash {
    /// The job.
    pub id: Uuid,
    /// The lease of the run.
    pub token: Uuid,
    /// How the process ended, for people.
    pub error: String,
    /// How long to wait before the job is tried again, if it is.
    pub delay_ms: i64,
}

/// Records a crash, which counts as an attempt: RETRYING, or DEAD after [`MAX_CRASHES`] or when the attempts are used up, or
/// CANCELED if that was asked for. The state that follows; `None` when the lease was lost. Waits until no
/// transaction of the dead process is left that holds the job by [`super::fence`]: what it was committing is decided by then.
pub async fn record(conn: &mut Conn, crash: &Crash) -> QueryResult<Option<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        state: String,
    }
    let row: Option<Row> = statement(
        "WITH held AS ( \
             SELECT id, attempt, worker, started_at, \
                 CASE WHEN cancel_requested THEN 'CANCELED' \
                      WHEN crashes + 1 >= $4 OR attempt >= max_attempts THEN 'DEAD' ELSE 'RETRYING' END AS next, \
                 CASE WHEN crashes + 1 >= $4 \
                      THEN format('The worker died %s times while it ran this job. %s', crashes + 1, $3::text) \
                      ELSE $3::text END AS reason \
             FROM jobs WHERE id = $1 AND lease_token = $2 AND state = 'RUNNING' FOR UPDATE), \
         failed AS ( \
             INSERT INTO job_attempts (job_id, number, worker, started_at, finished_at, error) \
             SELECT id, attempt, coalesce(worker, '?'), coalesce(started_at, now()), now(), $3::text FROM held \
             ON CONFLICT (job_id, number) DO NOTHING) \
         UPDATE jobs SET state = held.next, crashes = crashes + 1, last_error = held.reason, lease_token = NULL, \
             lease_until = NULL, cancel_requested = false, \
             run_at = CASE held.next WHEN 'RETRYING' \
                 THEN now() + make_interval(secs => $5::bigint / 1000.0) ELSE jobs.run_at END, \
             finished_at = CASE WHEN held.next <> 'RETRYING' THEN now() END \
         FROM held WHERE jobs.id = held.id RETURNING jobs.state",
    )
    .bind::<diesel::sql_types::Uuid, _>(crash.id)
    .bind::<diesel::sql_types::Uuid, _>(crash.token)
    .bind::<Text, _>(&crash.error)
    .bind::<Integer, _>(MAX_CRASHES)
    .bind::<BigInt, _>(crash.delay_ms)
    .get_result(conn)
    .await
    .optional()?;
    if row.is_some() {
        notify_watchers(conn, &[crash.id]).await?;
    }
    Ok(row.map(|row| row.state))
}
