//! Bringing back what got lost.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;

use super::{notify_watchers, statement};

/// A job that takes its process down so often is dead: it would take the next one down as well.
pub const MAX_CRASHES: i32 = 3;

/// How long an envelope may be on its way before it is pushed again.
pub const LOST_AFTER_S: f64 = 30.0;

/// A job whose worker died or hung.
#[derive(Debug, QueryableByName)]
pub struct Reaped {
    /// The job.
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub id: Uuid,
    /// READY again, DEAD or CANCELED.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Its queue.
    #[diesel(sql_type = Text)]
    pub queue: String,
    /// Its kind.
    #[diesel(sql_type = Text)]
    pub kind: String,
}

/// Takes jobs from workers whose lease ran out. The crash counts as an attempt. A job whose handler is committing under
/// [`super::fence`] is left alone until that is over.
pub async fn expired(conn: &mut Conn, limit: i64) -> QueryResult<Vec<Reaped>> {
    let rows: Vec<Reaped> = statement(
        "WITH lost AS ( \
             SELECT id, attempt, worker, started_at, \
                 CASE WHEN cancel_requested THEN 'CANCELED' \
                      WHEN crashes + 1 >= $2 OR attempt >= max_attempts THEN 'DEAD' ELSE 'READY' END AS next, \
                 CASE WHEN crashes + 1 >= $2 THEN format('The worker died %s times while it ran this job.', crashes + 1) \
                      ELSE format('The worker %s died or stopped answering.', worker) END AS reason \
             FROM jobs WHERE state = 'RUNNING' AND lease_until < now() ORDER BY lease_until LIMIT $1 \
             FOR UPDATE SKIP LOCKED), \
         failed AS ( \
             INSERT INTO job_attempts (job_id, number, worker, started_at, finished_at, error) \
             SELECT id, attempt, coalesce(worker, '?'), coalesce(started_at, now()), now(), reason FROM lost \
             ON CONFLICT (job_id, number) DO NOTHING) \
         UPDATE jobs SET state = lost.next, crashes = crashes + 1, last_error = lost.reason, lease_token = NULL, \
             lease_until = NULL, dispatched_at = NULL, cancel_requested = false, \
             finished_at = CASE WHEN lost.next <> 'READY' THEN now() END \
         FROM lost WHERE jobs.id = lost.id RETURNING jobs.id, jobs.state, jobs.queue, jobs.kind",
    )
    .bind::<BigInt, _>(limit)
    .bind::<Integer, _>(MAX_CRASHES)
    .load(conn)
    .await?;
    if !rows.is_empty() {
        notify_watchers(conn, &rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
    }
    Ok(rows)
}

/// Envelopes that nobody claimed for long are pushed again; one that is still in Redis is not doubled by that.
pub async fn stale_envelopes(conn: &mut Conn, limit: i64) -> QueryResult<usize> {
    statement(
        "WITH lost AS ( \
             SELECT id FROM jobs WHERE state = 'READY' AND dispatched_at < now() - make_interval(secs => $2) \
             ORDER BY dispatched_at LIMIT $1 FOR UPDATE SKIP LOCKED) \
         UPDATE jobs SET dispatched_at = NULL FROM lost WHERE jobs.id = lost.id",
    )
    .bind::<BigInt, _>(limit)
    .bind::<Double, _>(LOST_AFTER_S)
    .execute(conn)
    .await
}
