//! Schedules and queues as the ledger keeps them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::db::Conn;

use super::statement;

/// A schedule whose time has come, or that has none yet.
#[derive(Debug, QueryableByName)]
pub struct DueSchedule {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Which handler.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Six fields, UTC.
    #[diesel(sql_type = Text)]
    pub cron: String,
    /// For the handler.
    #[diesel(sql_type = Jsonb)]
    pub payload: serde_json::Value,
    /// Absent before the first look.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub next_run_at: Option<DateTime<Utc>>,
    /// The database's clock.
    #[diesel(sql_type = Timestamptz)]
    pub now: DateTime<Utc>,
}

/// Enters the queues that a version knows.
pub async fn declare_queues(conn: &mut Conn, names: &[&str]) -> QueryResult<()> {
    statement("INSERT INTO job_queues (name) SELECT unnest($1::text[]) ON CONFLICT (name) DO NOTHING")
        .bind::<Array<Text>, _>(names)
        .execute(conn)
        .await?;
    Ok(())
}

/// Enters or changes a schedule that a version declares; whether it is enabled stays the operator's choice.
pub async fn declare(
    conn: &mut Conn,
    name: &str,
    kind: &str,
    queue: &str,
    cron: &str,
    payload: &serde_json::Value,
) -> QueryResult<()> {
    statement(
        "INSERT INTO job_schedules AS old (name, kind, queue, cron, payload) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, queue = excluded.queue, cron = excluded.cron, \
             payload = excluded.payload, next_run_at = CASE WHEN old.cron = excluded.cron THEN old.next_run_at END \
         WHERE (old.kind, old.queue, old.cron, old.payload) \
             IS DISTINCT FROM (excluded.kind, excluded.queue, excluded.cron, excluded.payload)",
    )
    .bind::<Text, _>(name)
    .bind::<Text, _>(kind)
    .bind::<Text, _>(queue)
    .bind::<Text, _>(cron)
    .bind::<Jsonb, _>(payload)
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks the schedules that are due; other processes skip them until the transaction ends.
pub async fn lock_due(conn: &mut Conn, kinds: &[&str]) -> QueryResult<Vec<DueSchedule>> {
    statement(
        "SELECT name, kind, cron, payload, next_run_at, now() AS now FROM job_schedules \
         WHERE enabled AND kind = ANY($1) AND (next_run_at IS NULL OR next_run_at <= now()) \
         ORDER BY name FOR UPDATE SKIP LOCKED",
    )
    .bind::<Array<Text>, _>(kinds)
    .load(conn)
    .await
}

/// Sets when a schedule fires next, and, if it fired, when it did.
pub async fn advance(
    conn: &mut Conn,
    name: &str,
    fired_at: Option<DateTime<Utc>>,
    next_run_at: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    statement(
        "UPDATE job_schedules SET last_run_at = coalesce($2, last_run_at), next_run_at = $3 WHERE name = $1",
    )
    .bind::<Text, _>(name)
    .bind::<Nullable<Timestamptz>, _>(fired_at)
    .bind::<Nullable<Timestamptz>, _>(next_run_at)
    .execute(conn)
    .await?;
    Ok(())
}
