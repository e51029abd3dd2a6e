//! The ledger in figures.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Integer, Nullable, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::db::Conn;
use crate::jobs::ledger::statement;

/// Jobs of one kind that are not finished, or dead.
#[derive(Debug, QueryableByName)]
pub struct KindFigures {
    #[diesel(sql_type = Text)]
    pub queue: String,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// Of READY ones, how long the oldest has been due.
    #[diesel(sql_type = Nullable<Double>)]
    pub oldest_age_s: Option<f64>,
}

/// A queue, and what decides how many of its jobs may run.
#[derive(Debug, QueryableByName)]
pub struct QueueLimits {
    #[diesel(sql_type = Text)]
    pub queue: String,
    #[diesel(sql_type = Bool)]
    pub paused: bool,
    #[diesel(sql_type = Nullable<Integer>)]
    pub max_running: Option<i32>,
}

/// Each arm counts the entries of one small index. In the caller's transaction, for whose rest statements get one processor each.
pub async fn by_kind(conn: &mut Conn) -> QueryResult<Vec<KindFigures>> {
    conn.batch_execute("SET LOCAL max_parallel_workers_per_gather = 0").await?;
    statement(
        "SELECT queue, kind, state, sum(n)::bigint AS count, \
             extract(epoch FROM now() - min(oldest))::float8 AS oldest_age_s \
         FROM ( \
             SELECT queue, kind, state, count(*) AS n, min(run_at) AS oldest \
             FROM jobs WHERE state = 'READY' AND dispatched_at IS NULL GROUP BY queue, kind, state \
             UNION ALL SELECT queue, kind, state, count(*), min(run_at) \
             FROM jobs WHERE state = 'READY' AND dispatched_at IS NOT NULL GROUP BY queue, kind, state \
             UNION ALL SELECT queue, kind, state, count(*), NULL FROM jobs WHERE state = 'RUNNING' GROUP BY queue, kind, state \
             UNION ALL SELECT queue, kind, state, count(*), NULL \
             FROM jobs WHERE state IN ('SCHEDULED', 'RETRYING') GROUP BY queue, kind, state \
             UNION ALL SELECT queue, kind, state, count(*), NULL FROM jobs WHERE state = 'DEAD' GROUP BY queue, kind, state \
         ) AS counted GROUP BY queue, kind, state ORDER BY queue, kind, state",
    )
    .load(conn)
    .await
}

/// Every queue that was ever declared.
pub async fn queues(conn: &mut Conn) -> QueryResult<Vec<QueueLimits>> {
    statement("SELECT name AS queue, paused, max_running FROM job_queues ORDER BY name").load(conn).await
}
