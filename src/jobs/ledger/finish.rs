//! Recording how runs ended, fenced by their leases.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;

use super::{notify_due, notify_watchers, statement};

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Finish {
    /// The job.
    pub id: Uuid,
    /// The lease of the run.
    pub token: Uuid,
    /// What to record.
    pub ending: Ending,
}

/// What is recorded about a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// It did what it should, and this is its output.
    Succeeded(serde_json::Value),
    /// It failed and is tried again after so many milliseconds.
    Retry {
        /// Why.
        error: String,
        /// How long to wait.
        delay_ms: i64,
    },
    /// It failed for good.
    Dead {
        /// Why.
        error: String,
    },
    /// It was canceled.
    Canceled,
}

impl Ending {
    /// The state that follows.
    pub fn state(&self) -> &'static str {
        match self {
            Ending::Succeeded(_) => "SUCCEEDED",
            Ending::Retry { .. } => "RETRYING",
            Ending::Dead { .. } => "DEAD",
            Ending::Canceled => "CANCELED",
        }
    }

    fn error(&self) -> Option<&str> {
        match self {
            Ending::Retry { error, .. } | Ending::Dead { error } => Some(error),
            Ending::Succeeded(_) | Ending::Canceled => None,
        }
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    watched: bool,
    /// The queue, if a place in it came free that others wait for.
    #[diesel(sql_type = Nullable<Text>)]
    freed: Option<String>,
}

/// Records the endings, at most [`super::BATCH`], and tells watchers. Answers with the jobs recorded; a job is
/// missing when its lease was lost, and then this run counts for nothing.
///
/// Only jobs that somebody started by hand, or that did not succeed, are announced: nobody watches the others, and who
/// does looks again every second.
pub async fn finish(conn: &mut Conn, finishes: &[Finish]) -> QueryResult<Vec<Uuid>> {
    let ids: Vec<_> = finishes.iter().map(|finish| finish.id).collect();
    let tokens: Vec<_> = finishes.iter().map(|finish| finish.token).collect();
    let states: Vec<_> = finishes.iter().map(|finish| finish.ending.state()).collect();
    let errors: Vec<_> = finishes.iter().map(|finish| finish.ending.error()).collect();
    let results: Vec<_> = finishes
        .iter()
        .map(|finish| match &finish.ending {
            Ending::Succeeded(output) => Some(output),
            _ => None,
        })
        .collect();
    let delays: Vec<_> = finishes
        .iter()
        .map(|finish| match finish.ending {
            Ending::Retry { delay_ms, .. } => delay_ms,
            _ => 0,
        })
        .collect();
    let rows: Vec<Row> = statement(
        "WITH held AS ( \
             SELECT job.*, mine.state, mine.error, mine.result, mine.delay_ms \
             FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bigint[]) \
                       AS given(id, token, state, error, result, delay_ms) ORDER BY id) AS mine \
             CROSS JOIN LATERAL ( \
                 SELECT id, attempt, worker, started_at FROM jobs \
                 WHERE jobs.id = mine.id AND lease_token = mine.token AND jobs.state = 'RUNNING' \
                 FOR NO KEY UPDATE) AS job), \
         failed AS ( \
             INSERT INTO job_attempts (job_id, number, worker, started_at, finished_at, error) \
             SELECT id, attempt, worker, started_at, now(), error FROM held WHERE error IS NOT NULL \
             ON CONFLICT (job_id, number) DO NOTHING) \
         UPDATE jobs SET state = held.state, result = held.result, last_error = coalesce(held.error, jobs.last_error), \
             lease_token = NULL, lease_until = NULL, cancel_requested = false, \
             run_at = CASE held.state WHEN 'RETRYING' \
                 THEN now() + make_interval(secs => held.delay_ms / 1000.0) ELSE jobs.run_at END, \
             finished_at = CASE held.state WHEN 'RETRYING' THEN NULL ELSE now() END \
         FROM held WHERE jobs.id = held.id \
         RETURNING jobs.id, (jobs.created_by IS NOT NULL OR jobs.state <> 'SUCCEEDED') AS watched, \
             (SELECT name FROM job_queues WHERE name = jobs.queue AND max_running IS NOT NULL) AS freed",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
    .bind::<Array<diesel::sql_types::Uuid>, _>(tokens)
    .bind::<Array<Text>, _>(states)
    .bind::<Array<Nullable<Text>>, _>(errors)
    .bind::<Array<Nullable<Jsonb>>, _>(results)
    .bind::<Array<BigInt>, _>(delays)
    .load(conn)
    .await?;
    let watched: Vec<_> = rows.iter().filter(|row| row.watched).map(|row| row.id).collect();
    if !watched.is_empty() {
        notify_watchers(conn, &watched).await?;
    }
    let freed: std::collections::BTreeSet<_> = rows.iter().filter_map(|row| row.freed.as_deref()).collect();
    for queue in freed {
        notify_due(conn, queue).await?;
    }
    Ok(rows.into_iter().map(|row| row.id).collect())
}
