//! Renewing leases.

use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Double};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;

use super::{LEASE, statement};

/// A lease that still holds.
#[derive(Debug, QueryableByName)]
pub struct Renewed {
    /// The job.
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub id: Uuid,
    /// Somebody asked to cancel it.
    #[diesel(sql_type = Bool)]
    pub cancel_requested: bool,
}

/// Extends the leases; one that is missing in the answer is lost.
pub async fn renew(conn: &mut Conn, ids: &[Uuid], tokens: &[Uuid]) -> QueryResult<Vec<Renewed>> {
    statement(
        "WITH held AS ( \
             SELECT job.id FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS given(id, token) ORDER BY id) AS mine \
             CROSS JOIN LATERAL ( \
                 SELECT id FROM jobs WHERE jobs.id = mine.id AND lease_token = mine.token AND state = 'RUNNING' \
                 FOR NO KEY UPDATE) AS job) \
         UPDATE jobs SET lease_until = now() + make_interval(secs => $3) FROM held WHERE jobs.id = held.id \
         RETURNING jobs.id, jobs.cancel_requested",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
    .bind::<Array<diesel::sql_types::Uuid>, _>(tokens)
    .bind::<Double, _>(LEASE.as_secs_f64())
    .load(conn)
    .await
}

/// Those of `ids` that somebody asked to cancel.
pub async fn canceled(conn: &mut Conn, ids: &[Uuid]) -> QueryResult<Vec<Uuid>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        id: Uuid,
    }
    let rows: Vec<Row> = statement("SELECT id FROM jobs WHERE id = ANY($1) AND cancel_requested")
        .bind::<Array<diesel::sql_types::Uuid>, _>(ids)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
