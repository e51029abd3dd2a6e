//! What people read in the ledger and change by hand. The platform's own statements are in `ledger`.

pub mod figures;
pub mod matching;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::JobId;
use crate::pagination::PageArgs;
use crate::schema::{job_attempts, job_queues, job_schedules, job_workers, jobs};

use super::ledger::{notify_due, notify_watchers, statement};
use super::model::{Attempt, JobRow, QueueCounts, ScheduleRow, WorkerRow};
use super::{JobFilter, LimitChange};

/// A job.
pub async fn find(conn: &mut Conn, id: JobId) -> QueryResult<Option<JobRow>> {
    jobs::table.find(id).select(JobRow::as_select()).first(conn).await.optional()
}

/// The recorded attempts of jobs, by number.
pub async fn attempts(conn: &mut Conn, ids: &[JobId]) -> QueryResult<Vec<Attempt>> {
    job_attempts::table
        .filter(job_attempts::job_id.eq_any(ids))
        .order((job_attempts::job_id, job_attempts::number))
        .select(Attempt::as_select())
        .load(conn)
        .await
}

type Boxed<'a> = jobs::BoxedQuery<'a, diesel::pg::Pg>;

fn filtered(filter: &JobFilter) -> Boxed<'_> {
    let mut query = jobs::table.into_boxed();
    if let Some(states) = &filter.states {
        query = match states.as_slice() {
            [one] => query.filter(jobs::state.eq(*one)),
            many => query.filter(jobs::state.eq_any(many)),
        };
    }
    if let Some(queue) = &filter.queue {
        query = query.filter(jobs::queue.eq(queue));
    }
    if let Some(kind) = &filter.kind {
        query = query.filter(jobs::kind.eq(kind));
    }
    if let Some(text) = &filter.error_contains {
        query = if text.contains('\0') {
            // PostgreSQL cannot store such a text, so nothing contains it, and it cannot be sent.
            query.filter(false.into_sql::<Bool>())
        } else {
            query.filter(jobs::last_error.ilike(format!("%{}%", escape_like(text))))
        };
    }
    if let Some(from) = filter.created_at.from {
        query = query.filter(jobs::created_at.ge(from));
    }
    if let Some(to) = filter.created_at.to {
        query = query.filter(jobs::created_at.le(to));
    }
    if let Some(from) = filter.finished_at.from {
        query = query.filter(jobs::finished_at.ge(from));
    }
    if let Some(to) = filter.finished_at.to {
        query = query.filter(jobs::finished_at.le(to));
    }
    query
}

/// For a pattern that takes every character of the text as it is.
fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Newest first.
pub async fn page(
    conn: &mut Conn,
    filter: &JobFilter,
    args: &PageArgs,
    cursor: Option<JobId>,
) -> QueryResult<Vec<JobRow>> {
    let mut query = filtered(filter).select(JobRow::as_select()).limit(args.limit());
    query = if args.backward { query.order(jobs::id.asc()) } else { query.order(jobs::id.desc()) };
    if let Some(cursor) = cursor {
        query =
            if args.backward { query.filter(jobs::id.gt(cursor)) } else { query.filter(jobs::id.lt(cursor)) };
    }
    query.load(conn).await
}

/// How many there are.
pub async fn count(conn: &mut Conn, filter: &JobFilter) -> QueryResult<i64> {
    filtered(filter).count().get_result(conn).await
}

/// All queues that are declared or have unfinished jobs. Counts the entries of small indexes: finished jobs cost nothing.
pub async fn queue_counts(conn: &mut Conn) -> QueryResult<Vec<QueueCounts>> {
    statement(
        "WITH counted AS ( \
             SELECT queue, count(*) AS ready, 0::bigint AS running, 0::bigint AS scheduled, 0::bigint AS retrying, \
                 0::bigint AS dead, min(run_at) AS oldest \
             FROM jobs WHERE state = 'READY' AND dispatched_at IS NULL GROUP BY queue \
             UNION ALL SELECT queue, count(*), 0, 0, 0, 0, min(run_at) \
             FROM jobs WHERE state = 'READY' AND dispatched_at IS NOT NULL GROUP BY queue \
             UNION ALL SELECT queue, 0, count(*), 0, 0, 0, NULL FROM jobs WHERE state = 'RUNNING' GROUP BY queue \
             UNION ALL SELECT queue, 0, 0, count(*) FILTER (WHERE state = 'SCHEDULED'), \
                 count(*) FILTER (WHERE state = 'RETRYING'), 0, NULL \
             FROM jobs WHERE state IN ('SCHEDULED', 'RETRYING') GROUP BY queue \
             UNION ALL SELECT queue, 0, 0, 0, 0, count(*), NULL FROM jobs WHERE state = 'DEAD' GROUP BY queue), \
         summed AS ( \
             SELECT queue AS name, sum(ready)::bigint AS ready, sum(running)::bigint AS running, \
                 sum(scheduled)::bigint AS scheduled, sum(retrying)::bigint AS retrying, sum(dead)::bigint AS dead, \
                 min(oldest) AS oldest FROM counted GROUP BY queue) \
         SELECT name, coalesce(paused, false) AS paused, coalesce(ready, 0) AS ready, coalesce(running, 0) AS running, \
             coalesce(scheduled, 0) AS scheduled, coalesce(retrying, 0) AS retrying, coalesce(dead, 0) AS dead, \
             CASE WHEN oldest IS NOT NULL THEN greatest(extract(epoch FROM now() - oldest), 0)::float8 END \
                 AS oldest_ready_age_s, oldest AS oldest_ready_at, \
             max_running, rate_limit, rate_period_seconds \
         FROM job_queues FULL JOIN summed USING (name) ORDER BY name",
    )
    .load(conn)
    .await
}

#[derive(QueryableByName)]
struct LatestTimes {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    enqueued_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    finished_at: Option<DateTime<Utc>>,
}

/// When the newest job was enqueued, and when one was last over. Reads one entry of an index for each.
pub async fn latest_times(conn: &mut Conn) -> QueryResult<(Option<DateTime<Utc>>, Option<DateTime<Utc>>)> {
    let times: LatestTimes = statement(
        "SELECT (SELECT created_at FROM jobs ORDER BY id DESC LIMIT 1) AS enqueued_at, \
             (SELECT finished_at FROM jobs WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1) AS finished_at",
    )
    .get_result(conn)
    .await?;
    Ok((times.enqueued_at, times.finished_at))
}

/// Workers that gave a sign of life within a minute.
pub async fn workers(conn: &mut Conn) -> QueryResult<Vec<WorkerRow>> {
    job_workers::table
        .filter(
            job_workers::last_seen_at
                .gt(diesel::dsl::sql::<diesel::sql_types::Timestamptz>("now() - interval '1 minute'")),
        )
        .order(job_workers::id)
        .select(WorkerRow::as_select())
        .load(conn)
        .await
}

/// All schedules.
pub async fn schedules(conn: &mut Conn) -> QueryResult<Vec<ScheduleRow>> {
    job_schedules::table.order(job_schedules::name).select(ScheduleRow::as_select()).load(conn).await
}

/// A schedule and its payload.
pub async fn schedule(conn: &mut Conn, name: &str) -> QueryResult<Option<(ScheduleRow, serde_json::Value)>> {
    job_schedules::table
        .find(name)
        .select((ScheduleRow::as_select(), job_schedules::payload))
        .first(conn)
        .await
        .optional()
}

/// Enables or disables a schedule; none if there is no such one. Without a next time the relay sets it from the present; a
/// schedule that was enabled before keeps the one it has.
pub async fn set_schedule_enabled(
    conn: &mut Conn,
    name: &str,
    enabled: bool,
) -> QueryResult<Option<ScheduleRow>> {
    statement(
        "UPDATE job_schedules SET enabled = $2, next_run_at = CASE WHEN enabled AND $2 THEN next_run_at END \
         WHERE name = $1",
    )
    .bind::<Text, _>(name)
    .bind::<Bool, _>(enabled)
    .execute(conn)
    .await?;
    Ok(schedule(conn, name).await?.map(|(schedule, _)| schedule))
}

#[derive(QueryableByName)]
struct Change {
    #[diesel(sql_type = Text)]
    queue: String,
}

/// Makes a job that does not run READY now; one that was dead or canceled gets `attempts` more. False if it is in another
/// state. Fails on `jobs_unique_key` when another unfinished job took its key.
pub async fn retry(conn: &mut Conn, id: JobId, attempts: i32) -> QueryResult<bool> {
    let change: Option<Change> = statement(
        "UPDATE jobs SET state = 'READY', run_at = now(), dispatched_at = NULL, finished_at = NULL, crashes = 0, \
             max_attempts = CASE WHEN state IN ('DEAD', 'CANCELED') THEN attempt + $2 ELSE max_attempts END \
         WHERE id = $1 AND state IN ('DEAD', 'CANCELED', 'RETRYING', 'SCHEDULED') RETURNING queue",
    )
    .bind::<diesel::sql_types::Uuid, _>(id)
    .bind::<diesel::sql_types::Integer, _>(attempts)
    .get_result(conn)
    .await
    .optional()?;
    if let Some(change) = &change {
        notify_due(conn, &change.queue).await?;
        notify_watchers(conn, &[id.0]).await?;
    }
    Ok(change.is_some())
}

/// Cancels a waiting job, or asks a running one to end. False when it is finished.
pub async fn cancel(conn: &mut Conn, id: JobId) -> QueryResult<bool> {
    let changed = statement(
        "UPDATE jobs SET cancel_requested = (state = 'RUNNING'), dispatched_at = NULL, \
             finished_at = CASE WHEN state <> 'RUNNING' THEN now() END, \
             state = CASE WHEN state = 'RUNNING' THEN state ELSE 'CANCELED' END \
         WHERE id = $1 AND state IN ('SCHEDULED', 'READY', 'RETRYING', 'RUNNING')",
    )
    .bind::<diesel::sql_types::Uuid, _>(id)
    .execute(conn)
    .await?;
    if changed == 1 {
        notify_watchers(conn, &[id.0]).await?;
    }
    Ok(changed == 1)
}

/// Pauses or resumes a queue; false if there is no such queue. What is on its way of a paused queue comes back.
pub async fn set_paused(conn: &mut Conn, name: &str, paused: bool) -> QueryResult<bool> {
    let known =
        diesel::update(job_queues::table.find(name)).set(job_queues::paused.eq(paused)).execute(conn).await?;
    if known == 0 {
        return Ok(false);
    }
    if paused {
        statement(
            "WITH away AS ( \
                 SELECT id FROM jobs WHERE state = 'READY' AND dispatched_at IS NOT NULL AND queue = $1 \
                 FOR UPDATE SKIP LOCKED) \
             UPDATE jobs SET dispatched_at = NULL FROM away WHERE jobs.id = away.id",
        )
        .bind::<Text, _>(name)
        .execute(conn)
        .await?;
    } else {
        notify_due(conn, name).await?;
    }
    Ok(true)
}

/// Changes a queue's limits; false if there is no such queue. A rate that is set begins with a full bucket.
pub async fn set_limits(conn: &mut Conn, name: &str, change: LimitChange) -> QueryResult<bool> {
    let rate = change.rate.flatten();
    let known = statement(
        "UPDATE job_queues SET \
             max_running = CASE WHEN $2 THEN $3 ELSE max_running END, \
             rate_limit = CASE WHEN $4 THEN $5 ELSE rate_limit END, \
             rate_period_seconds = CASE WHEN $4 THEN $6 ELSE rate_period_seconds END, \
             rate_tokens = CASE WHEN $4 THEN coalesce($5, 0) ELSE rate_tokens END, \
             rate_refilled_at = CASE WHEN $4 THEN now() ELSE rate_refilled_at END \
         WHERE name = $1",
    )
    .bind::<Text, _>(name)
    .bind::<Bool, _>(change.max_running.is_some())
    .bind::<Nullable<Integer>, _>(change.max_running.flatten())
    .bind::<Bool, _>(change.rate.is_some())
    .bind::<Nullable<Integer>, _>(rate.map(|rate| rate.jobs))
    .bind::<Nullable<Double>, _>(rate.map(|rate| rate.period_seconds))
    .execute(conn)
    .await?;
    if known > 0 {
        notify_due(conn, name).await?;
    }
    Ok(known > 0)
}

/// A queue's counts.
pub async fn queue(conn: &mut Conn, name: &str) -> QueryResult<Option<QueueCounts>> {
    Ok(queue_counts(conn).await?.into_iter().find(|queue| queue.name == name))
}
