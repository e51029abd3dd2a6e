//! Claiming: from an envelope to a lease.

use diesel::prelude::*;
use diesel::sql_types::{Array, Double, Integer, Jsonb, Nullable, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;
use crate::ids::UserId;

use super::{LEASE, statement};

/// A job that this process holds.
#[derive(Debug, QueryableByName)]
pub struct Claimed {
    /// The job.
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub id: Uuid,
    /// Proves that we hold it.
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub lease_token: Uuid,
    /// Which handler.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Its queue.
    #[diesel(sql_type = Text)]
    pub queue: String,
    /// For the handler.
    #[diesel(sql_type = Jsonb)]
    pub payload: serde_json::Value,
    /// This attempt's number, from 1.
    #[diesel(sql_type = Integer)]
    pub attempt: i32,
    /// After this many the job is dead.
    #[diesel(sql_type = Integer)]
    pub max_attempts: i32,
    /// How often a process died with it.
    #[diesel(sql_type = Integer)]
    pub crashes: i32,
    /// Who enqueued it.
    #[diesel(sql_type = Nullable<diesel::sql_types::Uuid>)]
    pub created_by: Option<UserId>,
    /// The trace that it belongs to.
    #[diesel(sql_type = Nullable<Text>)]
    pub traceparent: Option<String>,
    /// From being due to this claim.
    #[diesel(sql_type = Double)]
    pub waited_s: f64,
}

/// Claims those of `ids` that are READY, of a kind in `kinds`, and whose queue is not paused and, if it has limits, let them
/// through; `tokens[i]` becomes the lease
/// of `ids[i]`. The others are duplicates, canceled, or not for us; see [`pass_on`].
pub async fn claim(
    conn: &mut Conn,
    ids: &[Uuid],
    tokens: &[Uuid],
    kinds: &[&str],
    worker: &str,
) -> QueryResult<Vec<Claimed>> {
    // The locks are taken in the order of ids and waited for: a relay or reaper that has the row lets go of it soon.
    statement(
        "WITH free AS ( \
             SELECT job.id, job.queue, mine.token \
             FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS given(id, token) ORDER BY id) AS mine \
             CROSS JOIN LATERAL ( \
                 SELECT id, queue FROM jobs WHERE jobs.id = mine.id AND state = 'READY' AND kind = ANY($3) \
                     AND NOT EXISTS (SELECT 1 FROM job_queues WHERE name = jobs.queue AND (paused \
                         OR (dispatched_at IS NULL AND (max_running IS NOT NULL OR rate_limit IS NOT NULL)))) \
                 FOR UPDATE OF jobs) AS job), \
         spent AS ( \
             UPDATE job_queues SET rate_refilled_at = clock_timestamp(), rate_tokens = least(rate_limit, rate_tokens \
                 + rate_limit / rate_period_seconds * extract(epoch FROM clock_timestamp() - rate_refilled_at)::float8) - begun.n \
             FROM (SELECT queue, count(*) AS n FROM free GROUP BY queue) AS begun \
             WHERE name = begun.queue AND rate_limit IS NOT NULL) \
         UPDATE jobs SET state = 'RUNNING', attempt = attempt + 1, lease_token = free.token, \
             lease_until = now() + make_interval(secs => $5), worker = $4, started_at = now(), dispatched_at = NULL, \
             progress_done = 0, progress_total = NULL, progress_note = NULL \
         FROM free WHERE jobs.id = free.id \
          RETURNING jobs.id, lease_token, kind, jobs.queue, payload, attempt, max_attempts, crashes, created_by, traceparent, \
             extract(epoch FROM now() - greatest(run_at, created_at))::float8 AS waited_s",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
    .bind::<Array<diesel::sql_types::Uuid>, _>(tokens)
    .bind::<Array<Text>, _>(kinds)
    .bind::<Text, _>(worker)
    .bind::<Double, _>(LEASE.as_secs_f64())
    .load(conn)
    .await
}

/// What becomes of envelopes that were not claimed. A job of a paused queue is due again when the queue is resumed; one of
/// a kind that this version does not know is pushed again in a moment, for a newer worker.
pub async fn pass_on(conn: &mut Conn, ids: &[Uuid], kinds: &[&str]) -> QueryResult<usize> {
    statement(
        "WITH theirs AS ( \
             SELECT job.id FROM unnest($1::uuid[]) AS given(id) CROSS JOIN LATERAL ( \
                 SELECT id FROM jobs WHERE jobs.id = given.id AND state = 'READY' \
                     AND (kind <> ALL($2) OR EXISTS (SELECT 1 FROM job_queues WHERE name = jobs.queue AND paused)) \
                 FOR UPDATE OF jobs SKIP LOCKED) AS job) \
         UPDATE jobs SET dispatched_at = NULL, \
             state = CASE WHEN kind = ANY($2) THEN 'READY' ELSE 'SCHEDULED' END, \
             run_at = CASE WHEN kind = ANY($2) THEN run_at ELSE now() + interval '2 seconds' END \
         FROM theirs WHERE jobs.id = theirs.id",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
    .bind::<Array<Text>, _>(kinds)
    .execute(conn)
    .await
}
