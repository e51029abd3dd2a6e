//! Retrying and canceling many jobs at once.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Array, BigInt, Integer, Text};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use crate::db::Conn;
use crate::ids::JobId;
use crate::jobs::JobFilter;
use crate::jobs::ledger::{BATCH, notify_due, notify_watchers, statement};
use crate::jobs::model::JobState;
use crate::schema::jobs;

/// What is done to a batch.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// READY again. What was finished gets as many attempts more as its kind has: (kinds, attempts), side by side.
    Retry(&'a [&'a str], &'a [i32]),
    /// CANCELED, or asked to end.
    Cancel,
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    queue: String,
}

/// The oldest jobs that match and that were not asked to end already, `limit` at most, behind `after`.
pub async fn candidates(
    conn: &mut Conn,
    filter: &JobFilter,
    after: Option<JobId>,
    limit: i64,
) -> QueryResult<Vec<JobId>> {
    let mut query = super::filtered(filter).filter(jobs::cancel_requested.eq(false));
    if let Some(after) = after {
        query = query.filter(jobs::id.gt(after));
    }
    query.order(jobs::id.asc()).limit(limit).select(jobs::id).load(conn).await
}

/// Changes those of `ids`, in ascending order and `limit` at most, that are still in one of `states`, in one transaction.
/// Answers with the ones that changed. A retry leaves out jobs whose unique key another unfinished job has.
pub async fn change(
    conn: &mut Conn,
    step: Step<'_>,
    ids: &[JobId],
    states: &[JobState],
    limit: usize,
) -> QueryResult<BTreeSet<JobId>> {
    match change_together(conn, step, ids, states, limit).await {
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {}
        answer => return answer,
    }
    // Somebody took a key between our look and our update. One by one, only the job in question is left out.
    let mut changed = BTreeSet::new();
    for id in ids {
        if changed.len() == limit {
            break;
        }
        match change_together(conn, step, std::slice::from_ref(id), states, 1).await {
            Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {}
            answer => changed.append(&mut answer?),
        }
    }
    Ok(changed)
}

async fn change_together(
    conn: &mut Conn,
    step: Step<'_>,
    ids: &[JobId],
    states: &[JobState],
    limit: usize,
) -> QueryResult<BTreeSet<JobId>> {
    let states: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    conn.transaction(async |conn| {
        let changed = match step {
            Step::Retry(kinds, attempts) => retry(conn, &uuids, &states, limit, kinds, attempts).await?,
            Step::Cancel => cancel(conn, &uuids, &states, limit).await?,
        };
        if matches!(step, Step::Retry(..)) {
            let queues: BTreeSet<_> = changed.iter().map(|job| job.queue.as_str()).collect();
            for queue in queues {
                notify_due(conn, queue).await?;
            }
        }
        let changed: Vec<_> = changed.into_iter().map(|job| job.id).collect();
        for some in changed.chunks(BATCH) {
            notify_watchers(conn, some).await?;
        }
        Ok(changed.into_iter().map(JobId).collect())
    })
    .await
}

/// Of several finished jobs with one key the oldest gets it; one that waits has it already.
async fn retry(
    conn: &mut Conn,
    ids: &[Uuid],
    states: &[&str],
    limit: i64,
    kinds: &[&str],
    attempts: &[i32],
) -> QueryResult<Vec<Changed>> {
    statement(
        "WITH wanted AS ( \
             SELECT job.id, job.unique_key, job.state IN ('RETRYING', 'SCHEDULED') AS waits \
             FROM unnest($1::uuid[]) AS given(id) CROSS JOIN LATERAL ( \
                 SELECT id, unique_key, state FROM jobs WHERE jobs.id = given.id AND state = ANY($2::text[]) \
                 FOR NO KEY UPDATE) AS job), \
         numbered AS ( \
             SELECT id, unique_key, waits, row_number() OVER (PARTITION BY unique_key, waits ORDER BY id) AS turn \
             FROM wanted), \
         free AS ( \
             SELECT id FROM numbered WHERE waits OR unique_key IS NULL OR (turn = 1 AND NOT EXISTS ( \
                 SELECT FROM jobs AS other WHERE other.unique_key = numbered.unique_key \
                     AND other.state IN ('SCHEDULED', 'READY', 'RUNNING', 'RETRYING'))) \
             ORDER BY id LIMIT $3), \
         policy AS (SELECT kind, attempts FROM unnest($4::text[], $5::integer[]) AS known(kind, attempts)) \
         UPDATE jobs SET state = 'READY', run_at = now(), dispatched_at = NULL, finished_at = NULL, crashes = 0, \
             max_attempts = CASE WHEN jobs.state IN ('DEAD', 'CANCELED') \
                 THEN attempt + coalesce((SELECT policy.attempts FROM policy WHERE policy.kind = jobs.kind), 1) \
                 ELSE max_attempts END \
         FROM free WHERE jobs.id = free.id RETURNING jobs.id, jobs.queue",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
    .bind::<Array<Text>, _>(states)
    .bind::<BigInt, _>(limit)
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<Integer>, _>(attempts)
    .load(conn)
    .await
}

async fn cancel(conn: &mut Conn, ids: &[Uuid], states: &[&str], limit: i64) -> QueryResult<Vec<Changed>> {
    statement(
        "WITH wanted AS ( \
             SELECT job.id FROM unnest($1::uuid[]) AS given(id) CROSS JOIN LATERAL ( \
                 SELECT id FROM jobs WHERE jobs.id = given.id AND state = ANY($2::text[]) AND NOT cancel_requested \
                 FOR NO KEY UPDATE) AS job), \
         chosen AS (SELECT id FROM wanted ORDER BY id LIMIT $3) \
         UPDATE jobs SET cancel_requested = (state = 'RUNNING'), dispatched_at = NULL, \
             finished_at = CASE WHEN state <> 'RUNNING' THEN now() END, \
             state = CASE WHEN state = 'RUNNING' THEN state ELSE 'CANCELED' END \
         FROM chosen WHERE jobs.id = chosen.id RETURNING jobs.id, jobs.queue",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
    .bind::<Array<Text>, _>(states)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}
