//! The platform's own statements on the ledger, all of them for batches: dispatch, claim, finish, renew, reap.
//!
//! Locks: whoever updates several rows locks them in the order of their ids, or skips the locked ones, so that two
//! batches never wait for each other. The rows are found one by one through `LATERAL`: a plan that was made when the
//! table was empty must not be a bad one when it holds a million rows. Only the reaper's lock conflicts with the `FOR KEY SHARE` of
//! [`super::JobContext::fence`]: a job that is about to commit its effect can be renewed and can finish, but cannot be
//! given away.

pub mod claim;
pub mod crash;
pub mod dispatch;
pub mod fence;
pub mod finish;
pub mod insert;
pub mod lease;
pub mod presence;
pub mod reap;
pub mod release;
pub mod schedule;
mod session;
mod statement;

use std::time::Duration;

use diesel::QueryResult;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;

pub use session::{Durability, Session, answered};
pub use statement::statement;

/// How long a claim holds without renewal. With the reaper's second, a dead worker's job runs again within 35 s.
pub const LEASE: Duration = Duration::from_secs(30);

/// Most rows that one statement claims or finishes: the ids of so many fit into one NOTIFY (8,000 bytes).
pub const BATCH: usize = 200;

/// Tells the watchers of these jobs, at most [`BATCH`], that something changed.
pub async fn notify_watchers(conn: &mut Conn, ids: &[Uuid]) -> QueryResult<()> {
    let payload: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    statement("SELECT pg_notify('ironmonger_jobs', $1)")
        .bind::<Text, _>(payload.join(","))
        .execute(conn)
        .await?;
    Ok(())
}

/// Tells the relays that a queue has due jobs.
pub async fn notify_due(conn: &mut Conn, queue: &str) -> QueryResult<()> {
    statement("SELECT pg_notify('ironmonger_due', $1)").bind::<Text, _>(queue).execute(conn).await?;
    Ok(())
}
