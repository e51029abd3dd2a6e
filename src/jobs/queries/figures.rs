//! The ledger in figures.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Text};
use diesel_async::RunQueryDsl;

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

/// A row of the view `job_backlog`.
#[derive(Debug, QueryableByName)]
pub struct QueueFigures {
    #[diesel(sql_type = Text)]
    pub queue: String,
    #[diesel(sql_type = Bool)]
    pub paused: bool,
    #[diesel(sql_type = BigInt)]
    pub backlog: i64,
    #[diesel(sql_type = Nullable<Double>)]
    pub oldest_ready_age_seconds: Option<f64>,
}

/// Each arm counts the entries of one small index.
pub async fn by_kind(conn: &mut Conn) -> QueryResult<Vec<KindFigures>> {
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

/// The queues as an autoscaler sees them.
pub async fn by_queue(conn: &mut Conn) -> QueryResult<Vec<QueueFigures>> {
    statement("SELECT queue, paused, backlog::bigint AS backlog, oldest_ready_age_seconds FROM job_backlog ORDER BY queue")
        .load(conn)
        .await
}
