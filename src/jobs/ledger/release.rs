//! Giving jobs back unharmed.

use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;

use super::{notify_due, statement};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    queue: String,
}

/// Jobs that this process holds and will not run to their end: READY at once, the attempt not counted.
pub async fn leases(conn: &mut Conn, ids: &[Uuid], tokens: &[Uuid]) -> QueryResult<usize> {
    let rows: Vec<Row> = statement(
        "WITH held AS ( \
             SELECT job.id FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS given(id, token) ORDER BY id) AS mine \
             CROSS JOIN LATERAL ( \
                 SELECT id FROM jobs WHERE jobs.id = mine.id AND lease_token = mine.token AND state = 'RUNNING' \
                 FOR NO KEY UPDATE) AS job) \
         UPDATE jobs SET state = CASE WHEN cancel_requested THEN 'CANCELED' ELSE 'READY' END, \
             finished_at = CASE WHEN cancel_requested THEN now() END, cancel_requested = false, \
             attempt = attempt - 1, lease_token = NULL, lease_until = NULL, dispatched_at = NULL \
         FROM held WHERE jobs.id = held.id RETURNING jobs.queue",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
    .bind::<Array<diesel::sql_types::Uuid>, _>(tokens)
    .load(conn)
    .await?;
    announce(conn, &rows).await?;
    Ok(rows.len())
}

/// Envelopes that this process took and did not claim.
pub async fn envelopes(conn: &mut Conn, ids: &[Uuid]) -> QueryResult<usize> {
    let rows: Vec<Row> = statement(
        "WITH mine AS ( \
             SELECT job.id FROM unnest($1::uuid[]) AS given(id) CROSS JOIN LATERAL ( \
                 SELECT id FROM jobs WHERE jobs.id = given.id AND state = 'READY' FOR UPDATE SKIP LOCKED) AS job) \
         UPDATE jobs SET dispatched_at = NULL FROM mine WHERE jobs.id = mine.id RETURNING jobs.queue",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
    .load(conn)
    .await?;
    announce(conn, &rows).await?;
    Ok(rows.len())
}

async fn announce(conn: &mut Conn, rows: &[Row]) -> QueryResult<()> {
    let mut queues: Vec<_> = rows.iter().map(|row| row.queue.as_str()).collect();
    queues.sort_unstable();
    queues.dedup();
    for queue in queues {
        notify_due(conn, queue).await?;
    }
    Ok(())
}
