//! The event log: an append-only history of every aggregate, and the source of subscriptions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Conn;
use crate::schema::events;
use crate::sql::Keep;

/// One entry of the log.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = events)]
pub struct Event {
    /// Counts from 1 within the aggregate.
    pub sequence: i64,
    /// In the past tense: `order.placed`.
    pub type_: String,
    /// What the type needs to be understood; no personal data.
    pub payload: serde_json::Value,
    /// Who did it: `user_…`, `shopper`, `system`.
    pub actor: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What is to be written.
pub struct NewEvent<'a> {
    /// `order`, `product`, …
    pub aggregate: &'a str,
    /// Its id.
    pub aggregate_id: Uuid,
    /// In the past tense: `order.placed`.
    pub type_: &'a str,
    /// Small; no personal data.
    pub payload: serde_json::Value,
    /// Who did it, see [`crate::access::Viewer::actor`].
    pub actor: &'a str,
    /// On the app's clock.
    pub at: DateTime<Utc>,
}

/// Appends one event in the caller's transaction, which must hold the aggregate's lock (or have just made it):
/// that is what keeps the sequence free of gaps. Subscribers are told at commit. One statement.
pub async fn append(conn: &mut Conn, event: NewEvent<'_>) -> QueryResult<()> {
    diesel::sql_query(
        "INSERT INTO events (aggregate, aggregate_id, sequence, type, payload, actor, created_at) \
         SELECT $1, $2, coalesce(max(sequence), 0) + 1, $3, $4, $5, $6 FROM events WHERE aggregate_id = $2",
    )
    .bind::<diesel::sql_types::Text, _>(event.aggregate)
    .bind::<diesel::sql_types::Uuid, _>(event.aggregate_id)
    .bind::<diesel::sql_types::Text, _>(event.type_)
    .bind::<diesel::sql_types::Jsonb, _>(event.payload)
    .bind::<diesel::sql_types::Text, _>(event.actor)
    .bind::<diesel::sql_types::Timestamptz, _>(event.at)
    .kept()
    .execute(conn)
    .await?;
    Ok(())
}

/// The same event for many aggregates of one kind, in one statement; the caller holds the locks of all. No id may be
/// named twice.
pub async fn append_all(
    conn: &mut Conn,
    aggregate: &str,
    ids: &[Uuid],
    type_: &str,
    actor: &str,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    crate::sql::Sql::<diesel::sql_types::BigInt>::new(
        "INSERT INTO events (aggregate, type, actor, created_at, aggregate_id, sequence) \
         SELECT ?, ?, ?, ?, t.id, \
         coalesce((SELECT max(e.sequence) FROM events AS e WHERE e.aggregate_id = t.id), 0) + 1 FROM unnest(?) AS t(id)",
    )
    .bind::<diesel::sql_types::Text, _>(aggregate)
    .bind::<diesel::sql_types::Text, _>(type_)
    .bind::<diesel::sql_types::Text, _>(actor)
    .bind::<diesel::sql_types::Timestamptz, _>(at)
    .bind::<diesel::sql_types::Array<diesel::sql_types::Uuid>, _>(ids)
    .execute(conn)
    .await?;
    Ok(())
}

/// The events of an aggregate after a sequence number, oldest first.
pub async fn list(conn: &mut Conn, aggregate_id: Uuid, after: i64, limit: i64) -> QueryResult<Vec<Event>> {
    events::table
        .filter(events::aggregate_id.eq(aggregate_id).and(events::sequence.gt(after)))
        .order(events::sequence)
        .limit(limit)
        .select(Event::as_select())
        .load(conn)
        .await
}

/// How many events an aggregate has.
pub async fn count(conn: &mut Conn, aggregate_id: Uuid) -> QueryResult<i64> {
    events::table.filter(events::aggregate_id.eq(aggregate_id)).count().get_result(conn).await
}
