//! What a running handler writes about itself.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;

use super::statement;

/// Whether the lease holds; if so, nobody can take the job away until the transaction ends. The lock stops neither
/// renewal nor progress nor finish, only the reaper.
pub async fn fence(conn: &mut Conn, id: Uuid, token: Uuid) -> QueryResult<bool> {
    let rows = statement(
        "SELECT 1 FROM jobs WHERE id = $1 AND lease_token = $2 AND state = 'RUNNING' FOR KEY SHARE",
    )
    .bind::<diesel::sql_types::Uuid, _>(id)
    .bind::<diesel::sql_types::Uuid, _>(token)
    .execute(conn)
    .await?;
    Ok(rows == 1)
}

/// Records progress and tells watchers; false when the lease was lost.
pub async fn progress(
    conn: &mut Conn,
    id: Uuid,
    token: Uuid,
    done: i64,
    total: Option<i64>,
    note: &str,
) -> QueryResult<bool> {
    let rows = statement(
        "WITH held AS ( \
             UPDATE jobs SET progress_done = $3, progress_total = $4, progress_note = $5 \
             WHERE id = $1 AND lease_token = $2 AND state = 'RUNNING' RETURNING id) \
         SELECT pg_notify('ironmonger_jobs', id::text) FROM held",
    )
    .bind::<diesel::sql_types::Uuid, _>(id)
    .bind::<diesel::sql_types::Uuid, _>(token)
    .bind::<BigInt, _>(done)
    .bind::<Nullable<BigInt>, _>(total)
    .bind::<Text, _>(note)
    .execute(conn)
    .await?;
    Ok(rows == 1)
}
