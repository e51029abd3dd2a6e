//! The list of workers.

use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::db::Conn;

use super::statement;

/// What a worker says about itself.
#[derive(Debug, Clone)]
pub struct Presence {
    /// Unique for every start.
    pub id: String,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: i32,
    /// What it takes.
    pub queues: Vec<String>,
    /// Most jobs at a time.
    pub concurrency: i32,
}

/// Says that the worker is alive.
pub async fn beat(conn: &mut Conn, presence: &Presence, running: i32) -> QueryResult<()> {
    statement(
        "INSERT INTO job_workers (id, host, pid, version, queues, concurrency, running) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (id) DO UPDATE SET running = excluded.running, last_seen_at = now()",
    )
    .bind::<Text, _>(&presence.id)
    .bind::<Text, _>(&presence.host)
    .bind::<Integer, _>(presence.pid)
    .bind::<Text, _>(env!("CARGO_PKG_VERSION"))
    .bind::<Array<Text>, _>(&presence.queues)
    .bind::<Integer, _>(presence.concurrency)
    .bind::<Integer, _>(running)
    .execute(conn)
    .await?;
    Ok(())
}

/// A clean goodbye.
pub async fn leave(conn: &mut Conn, id: &str) -> QueryResult<()> {
    statement("DELETE FROM job_workers WHERE id = $1").bind::<Text, _>(id).execute(conn).await?;
    Ok(())
}

/// Removes workers that have not been seen for a minute.
pub async fn forget_dead(conn: &mut Conn) -> QueryResult<usize> {
    diesel::sql_query("DELETE FROM job_workers WHERE last_seen_at < now() - interval '1 minute'")
        .execute(conn)
        .await
}
