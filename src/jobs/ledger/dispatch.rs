//! Taking due jobs for the road.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Integer, Nullable, SmallInt, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;

use super::statement;

/// A job whose envelope is to be pushed.
#[derive(Debug, Clone, QueryableByName)]
pub struct Dispatched {
    /// Where it goes.
    #[diesel(sql_type = Text)]
    pub queue: String,
    /// The job.
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub id: Uuid,
    /// Higher first.
    #[diesel(sql_type = SmallInt)]
    pub priority: i16,
    /// Then earlier first; seconds since 1970.
    #[diesel(sql_type = BigInt)]
    pub due_second: i64,
}

/// What one look at the ledger says.
#[derive(Debug, Default)]
pub struct Due {
    /// Queues that are not paused, have no limits, and have jobs to push.
    pub queues: Vec<String>,
    /// The same, with limits.
    pub limited: Vec<String>,
    /// Seconds until the next delayed job is due, if there is one.
    pub next_in_s: Option<f64>,
}

/// Makes delayed jobs that are due READY. Costs the same however many wait.
pub async fn promote(conn: &mut Conn, limit: i64) -> QueryResult<usize> {
    statement(
        "WITH due AS ( \
             SELECT id FROM jobs WHERE state IN ('SCHEDULED', 'RETRYING') AND run_at <= now() \
             ORDER BY run_at LIMIT $1 FOR UPDATE SKIP LOCKED) \
         UPDATE jobs SET state = 'READY' FROM due WHERE jobs.id = due.id",
    )
    .bind::<BigInt, _>(limit)
    .execute(conn)
    .await
}

/// Which queues have something to push, and when the next delayed job is due. Walks from queue to queue in the index: the
/// cost depends on the number of queues, not of jobs.
pub async fn look(conn: &mut Conn) -> QueryResult<Due> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Array<Text>>)]
        queues: Option<Vec<String>>,
        #[diesel(sql_type = Nullable<Array<Text>>)]
        limited: Option<Vec<String>>,
        #[diesel(sql_type = Nullable<Double>)]
        next_in_s: Option<f64>,
    }
    let row: Row = statement(
        "WITH RECURSIVE waiting(name) AS ( \
             (SELECT queue FROM jobs WHERE state = 'READY' AND dispatched_at IS NULL \
              ORDER BY queue, priority DESC, run_at, id LIMIT 1) \
             UNION ALL \
             SELECT (SELECT queue FROM jobs WHERE state = 'READY' AND dispatched_at IS NULL AND queue > waiting.name \
                     ORDER BY queue, priority DESC, run_at, id LIMIT 1) FROM waiting WHERE waiting.name IS NOT NULL) \
         SELECT open.queues, open.limited, \
                (SELECT extract(epoch FROM min(run_at) - now())::float8 FROM jobs \
                 WHERE state IN ('SCHEDULED', 'RETRYING')) AS next_in_s \
         FROM (SELECT array_agg(name) FILTER (WHERE max_running IS NULL AND rate_limit IS NULL) AS queues, \
                      array_agg(name) FILTER (WHERE max_running IS NOT NULL OR rate_limit IS NOT NULL) AS limited \
               FROM waiting LEFT JOIN job_queues USING (name) \
               WHERE name IS NOT NULL AND paused IS NOT TRUE) AS open",
    )
    .get_result(conn)
    .await?;
    Ok(Due {
        queues: row.queues.unwrap_or_default(),
        limited: row.limited.unwrap_or_default(),
        next_in_s: row.next_in_s,
    })
}

/// Marks up to `rooms[i]` due jobs of `queues[i]` as dispatched, by priority and age; other relays skip them. None of a queue that
/// is paused or has limits.
pub async fn take(conn: &mut Conn, queues: &[String], rooms: &[i32]) -> QueryResult<Vec<Dispatched>> {
    statement(
        "WITH open AS MATERIALIZED ( \
             SELECT name, room FROM unnest($1::text[], $2::int[]) AS q(name, room) \
             WHERE NOT EXISTS (SELECT 1 FROM job_queues WHERE job_queues.name = q.name \
                 AND (paused OR max_running IS NOT NULL OR rate_limit IS NOT NULL))), \
         due AS ( \
             SELECT job.id FROM open AS q CROSS JOIN LATERAL ( \
                 SELECT id FROM jobs WHERE state = 'READY' AND dispatched_at IS NULL AND queue = q.name \
                 ORDER BY priority DESC, run_at, id LIMIT q.room FOR UPDATE SKIP LOCKED) AS job) \
         UPDATE jobs SET dispatched_at = now(), dispatch_no = dispatch_no + 1 FROM due WHERE jobs.id = due.id \
         RETURNING jobs.queue, jobs.id, jobs.priority, extract(epoch FROM jobs.run_at)::bigint AS due_second",
    )
    .bind::<Array<Text>, _>(queues)
    .bind::<Array<Integer>, _>(rooms)
    .load(conn)
    .await
}

/// A queue with limits, locked until the transaction ends.
#[derive(Debug, QueryableByName)]
struct Allowance {
    /// Seconds until the rate allows one more job; absent when it allows one now, or there is no rate.
    #[diesel(sql_type = Nullable<Double>)]
    next_in_s: Option<f64>,
}

/// What [`take_limited`] took.
#[derive(Debug)]
pub struct Taken {
    /// Marked as dispatched.
    pub jobs: Vec<Dispatched>,
    /// Seconds until the rate allows another one, if it is what holds the queue up.
    pub next_in_s: Option<f64>,
}

/// The same as [`take`] for one queue with limits: no more jobs than may begin now. None when another relay is at it.
///
/// A dispatched job has its place already: what is RUNNING and what is dispatched together never exceed `max_running`, and a claim
/// takes no job of such a queue that is not dispatched. Places come free with finish, reaper and release; nobody has to give
/// one back. A token of the rate is spent by the claim, so what is dispatched and not claimed holds one.
pub async fn take_limited(conn: &mut Conn, queue: &str, room: i32) -> QueryResult<Option<Taken>> {
    // Two statements: the second one sees what the last holder of the lock dispatched.
    let allowance: Option<Allowance> = statement(
        "SELECT CASE WHEN rate_limit IS NOT NULL AND tokens < 1 \
                     THEN ((1 - tokens) * rate_period_seconds / rate_limit)::float8 END AS next_in_s \
         FROM (SELECT rate_limit, rate_period_seconds, rate_tokens + rate_limit / rate_period_seconds \
                   * extract(epoch FROM clock_timestamp() - rate_refilled_at)::float8 AS tokens \
               FROM job_queues WHERE name = $1 AND NOT paused FOR UPDATE SKIP LOCKED) AS bucket",
    )
    .bind::<Text, _>(queue)
    .get_result(conn)
    .await
    .optional()?;
    let Some(allowance) = allowance else { return Ok(None) };
    let jobs = statement(
        "WITH allowed AS ( \
             SELECT greatest(0, least($2, max_running - running.n - dispatched.n, \
                 CASE WHEN rate_limit IS NOT NULL THEN floor(least(rate_limit, rate_tokens + rate_limit / rate_period_seconds \
                     * extract(epoch FROM clock_timestamp() - rate_refilled_at)::float8)) - dispatched.n END))::bigint AS n \
             FROM job_queues, \
                 (SELECT count(*) AS n FROM jobs WHERE state = 'RUNNING' AND queue = $1) AS running, \
                 (SELECT count(*) AS n FROM jobs WHERE state = 'READY' AND dispatched_at IS NOT NULL AND queue = $1) \
                     AS dispatched \
             WHERE name = $1), \
         due AS ( \
             SELECT id FROM jobs WHERE state = 'READY' AND dispatched_at IS NULL AND queue = $1 \
             ORDER BY priority DESC, run_at, id LIMIT (SELECT n FROM allowed) FOR UPDATE SKIP LOCKED) \
         UPDATE jobs SET dispatched_at = now(), dispatch_no = dispatch_no + 1 FROM due WHERE jobs.id = due.id \
         RETURNING jobs.queue, jobs.id, jobs.priority, extract(epoch FROM jobs.run_at)::bigint AS due_second",
    )
    .bind::<Text, _>(queue)
    .bind::<Integer, _>(room)
    .load(conn)
    .await?;
    Ok(Some(Taken { jobs, next_in_s: allowance.next_in_s }))
}

/// Undoes [`take`] for jobs whose push failed.
pub async fn put_back(conn: &mut Conn, ids: &[Uuid]) -> QueryResult<usize> {
    statement(
        "WITH mine AS ( \
             SELECT job.id FROM unnest($1::uuid[]) AS given(id) CROSS JOIN LATERAL ( \
                 SELECT id FROM jobs WHERE jobs.id = given.id AND state = 'READY' FOR UPDATE SKIP LOCKED) AS job) \
         UPDATE jobs SET dispatched_at = NULL FROM mine WHERE jobs.id = mine.id",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
    .execute(conn)
    .await
}

/// What the ledger says Redis should hold as its epoch; locks the row until the transaction ends.
pub async fn lock_epoch(conn: &mut Conn) -> QueryResult<Uuid> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        epoch: Uuid,
    }
    let row: Row = statement("SELECT epoch FROM job_transport FOR UPDATE").get_result(conn).await?;
    Ok(row.epoch)
}

/// Redis was emptied: everything that was pushed and not claimed is due again, under a new epoch.
pub async fn forget_pushed(conn: &mut Conn, epoch: Uuid) -> QueryResult<usize> {
    statement("UPDATE job_transport SET epoch = $1")
        .bind::<diesel::sql_types::Uuid, _>(epoch)
        .execute(conn)
        .await?;
    statement(
        "WITH lost AS ( \
             SELECT id FROM jobs WHERE state = 'READY' AND dispatched_at IS NOT NULL ORDER BY dispatched_at \
             FOR UPDATE SKIP LOCKED) \
         UPDATE jobs SET dispatched_at = NULL FROM lost WHERE jobs.id = lost.id",
    )
    .execute(conn)
    .await
}

/// Tries to become the relay that answers to NOTIFY; the lock ends with the connection.
pub async fn try_lead(conn: &mut Conn) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        leads: bool,
    }
    let row: Row = statement("SELECT pg_try_advisory_lock($1) AS leads")
        .bind::<BigInt, _>(LEADER)
        .get_result(conn)
        .await?;
    Ok(row.leads)
}

/// Arbitrary, fixed; advisory locks belong to a database.
const LEADER: i64 = 0x1201_0067;
