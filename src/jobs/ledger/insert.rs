//! Putting jobs in.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;
use crate::ids::UserId;

use super::statement;

/// What jobs of one kind have in common when they are inserted together.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    /// Which handler.
    pub kind: &'a str,
    /// Where they wait.
    pub queue: &'a str,
    /// Higher first.
    pub priority: i16,
    /// At least 1.
    pub max_attempts: i32,
    /// Not before; at once if absent.
    pub run_at: Option<DateTime<Utc>>,
    /// The trace that they belong to.
    pub traceparent: Option<&'a str>,
    /// Who enqueues.
    pub created_by: Option<UserId>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    id: Uuid,
}

/// Inserts jobs and tells the relays at commit. A job whose key belongs to an unfinished one is left out of the answer.
/// One statement.
pub async fn insert(
    conn: &mut Conn,
    policy: &Policy<'_>,
    ids: &[Uuid],
    payloads: &[serde_json::Value],
    unique_keys: &[Option<String>],
) -> QueryResult<Vec<Uuid>> {
    let rows: Vec<Row> = statement(
        "WITH new AS ( \
             INSERT INTO jobs (id, kind, queue, priority, payload, state, max_attempts, run_at, unique_key, traceparent, \
                 created_by) \
             SELECT job.id, $4, $5, $6, job.payload, CASE WHEN $8 > now() THEN 'SCHEDULED' ELSE 'READY' END, $7, \
                 coalesce($8, now()), job.unique_key, $9, $10 \
             FROM unnest($1::uuid[], $2::jsonb[], $3::text[]) AS job(id, payload, unique_key) \
             ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL \
                 AND state IN ('SCHEDULED', 'READY', 'RUNNING', 'RETRYING') DO NOTHING \
             RETURNING id, state), \
         told AS (SELECT pg_notify('ironmonger_due', $5) WHERE EXISTS (SELECT 1 FROM new WHERE state = 'READY')) \
         SELECT id FROM new WHERE (SELECT count(*) FROM told) >= 0",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
    .bind::<Array<Jsonb>, _>(payloads)
    .bind::<Array<Nullable<Text>>, _>(unique_keys)
    .bind::<Text, _>(policy.kind)
    .bind::<Text, _>(policy.queue)
    .bind::<SmallInt, _>(policy.priority)
    .bind::<Integer, _>(policy.max_attempts)
    .bind::<Nullable<Timestamptz>, _>(policy.run_at)
    .bind::<Nullable<Text>, _>(policy.traceparent)
    .bind::<Nullable<diesel::sql_types::Uuid>, _>(policy.created_by)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The unfinished job that has this key.
pub async fn find_by_key(conn: &mut Conn, key: &str) -> QueryResult<Option<Uuid>> {
    let row: Option<Row> = statement(
        "SELECT id FROM jobs WHERE unique_key = $1 AND state IN ('SCHEDULED', 'READY', 'RUNNING', 'RETRYING')",
    )
    .bind::<Text, _>(key)
    .get_result(conn)
    .await
    .optional()?;
    Ok(row.map(|row| row.id))
}
