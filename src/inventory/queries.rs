//! The statements over stock.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::graphql::BatchReader;
use crate::ids::{LocationId, OrderId, StockMovementId, VariantId};
use crate::schema::locations;
use crate::sql::Sql;

use super::model::{Availability, Location, MovementKind, StockLevel, StockTarget};

type LevelRow = (Uuid, Uuid, BigInt, BigInt, Bool);

/// What a movement changes at one level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delta {
    pub variant_id: VariantId,
    pub location_id: LocationId,
    pub on_hand: i64,
    pub reserved: i64,
    pub kind: MovementKind,
}

/// On whose behalf stock moves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause<'a> {
    pub reason: &'a str,
    pub order_id: Option<OrderId>,
    pub actor: &'a str,
    pub at: DateTime<Utc>,
}

/// Locks every level of the variants, in the order of variant, priority and location; that is also their order.
pub(super) async fn lock(conn: &mut Conn, variants: Vec<VariantId>) -> QueryResult<Vec<StockLevel>> {
    Sql::<LevelRow>::new(
        "SELECT s.variant_id, s.location_id, s.on_hand, s.reserved, s.backorderable \
         FROM stock_levels AS s JOIN locations AS l ON l.id = s.location_id \
         WHERE s.variant_id = ANY((SELECT ?)::uuid[]) ORDER BY s.variant_id, l.priority, l.id FOR UPDATE OF s",
    )
    .bind::<Array<Uuid>, _>(variants)
    .load(conn)
    .await
}

/// The level, locked; made empty when there is none yet. `None` when the variant or the location does not exist.
pub(super) async fn lock_or_create(
    conn: &mut Conn,
    variant_id: VariantId,
    location_id: LocationId,
) -> QueryResult<Option<StockLevel>> {
    Sql::<LevelRow>::new(
        "INSERT INTO stock_levels AS s (variant_id, location_id) \
         SELECT v.id, l.id FROM variants AS v, locations AS l WHERE v.id = ? AND l.id = ? \
         ON CONFLICT (variant_id, location_id) DO UPDATE SET on_hand = s.on_hand \
         RETURNING variant_id, location_id, on_hand, reserved, backorderable",
    )
    .bind::<Uuid, _>(variant_id)
    .bind::<Uuid, _>(location_id)
    .get_result(conn)
    .await
    .optional()
}

/// Makes the level exist, empty, without locking one that there is. Nothing happens when the variant or the location does not exist.
pub(super) async fn exist_empty(
    conn: &mut Conn,
    variant_id: VariantId,
    location_id: LocationId,
) -> QueryResult<()> {
    Sql::<Uuid>::new(
        "INSERT INTO stock_levels (variant_id, location_id) SELECT v.id, l.id FROM variants AS v, locations AS l \
         WHERE v.id = ? AND l.id = ? ON CONFLICT (variant_id, location_id) DO NOTHING",
    )
    .bind::<Uuid, _>(variant_id)
    .bind::<Uuid, _>(location_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Every level of the variants, in the order that orders draw from; locks nothing.
pub(super) async fn levels(conn: &mut Conn, variants: &[VariantId]) -> QueryResult<Vec<StockLevel>> {
    Sql::<LevelRow>::new(
        "SELECT s.variant_id, s.location_id, s.on_hand, s.reserved, s.backorderable \
         FROM stock_levels AS s JOIN locations AS l ON l.id = s.location_id \
         WHERE s.variant_id = ANY((SELECT ?)::uuid[]) ORDER BY s.variant_id, l.priority, l.id",
    )
    .bind::<Array<Uuid>, _>(variants)
    .load(conn)
    .await
}

/// The location that is drawn from first.
pub async fn default_location(conn: &mut Conn) -> QueryResult<LocationId> {
    Sql::<Uuid>::new("SELECT id FROM locations ORDER BY priority, id LIMIT 1").get_result(conn).await
}

/// Every location, the one that is drawn from first at the beginning: name and priority.
pub async fn all_locations(conn: &mut Conn) -> QueryResult<Vec<(LocationId, String, i32)>> {
    Sql::<(Uuid, Text, diesel::sql_types::Integer)>::new(
        "SELECT id, name, priority FROM locations ORDER BY priority, id",
    )
    .load(conn)
    .await
}

/// Makes a location exist with this priority; whether that changed anything.
pub async fn put_location(conn: &mut Conn, name: &str, priority: i32) -> QueryResult<bool> {
    let rows = Sql::<Uuid>::new(
        "INSERT INTO locations AS l (id, name, priority) VALUES (?, ?, ?) \
         ON CONFLICT (name) DO UPDATE SET priority = excluded.priority WHERE l.priority <> excluded.priority",
    )
    .bind::<Uuid, _>(LocationId::new())
    .bind::<Text, _>(name)
    .bind::<diesel::sql_types::Integer, _>(priority)
    .execute(conn)
    .await?;
    Ok(rows == 1)
}

/// Changes levels that the caller has locked and writes the book, in one statement. A level that is gone, because its
/// variant was deleted, is passed over. No level may be named twice.
pub(super) async fn apply(conn: &mut Conn, deltas: &[Delta], cause: Cause<'_>) -> QueryResult<()> {
    if deltas.is_empty() {
        return Ok(());
    }
    Sql::<Uuid>::new(
        "WITH delta AS (SELECT * FROM unnest(?, ?, ?, ?, ?, ?) \
             AS t(movement_id, variant_id, location_id, on_hand, reserved, kind)), \
         changed AS (UPDATE stock_levels AS s SET on_hand = s.on_hand + d.on_hand, reserved = s.reserved + d.reserved \
             FROM delta AS d WHERE s.variant_id = d.variant_id AND s.location_id = d.location_id \
             RETURNING d.movement_id) \
         INSERT INTO stock_movements (id, variant_id, location_id, on_hand_delta, reserved_delta, kind, reason, order_id, \
             actor, created_at) \
         SELECT d.movement_id, d.variant_id, d.location_id, d.on_hand, d.reserved, d.kind, ?, ?, ?, ? \
         FROM delta AS d JOIN changed USING (movement_id)",
    )
    .bind::<Array<Uuid>, _>(deltas.iter().map(|_| StockMovementId::new()).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(deltas.iter().map(|delta| delta.variant_id).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(deltas.iter().map(|delta| delta.location_id).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(deltas.iter().map(|delta| delta.on_hand).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(deltas.iter().map(|delta| delta.reserved).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deltas.iter().map(|delta| delta.kind.as_str()).collect::<Vec<_>>())
    .bind::<Text, _>(cause.reason)
    .bind::<Nullable<Uuid>, _>(cause.order_id)
    .bind::<Text, _>(cause.actor)
    .bind::<Timestamptz, _>(cause.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes levels exist, empty, and sets whether they may be backordered.
pub(super) async fn ensure(conn: &mut Conn, levels: &[(VariantId, LocationId, bool)]) -> QueryResult<()> {
    Sql::<Uuid>::new(
        "INSERT INTO stock_levels AS s (variant_id, location_id, backorderable) \
         SELECT * FROM unnest(?, ?, ?) AS t(variant_id, location_id, backorderable) ORDER BY t.variant_id, t.location_id \
         ON CONFLICT (variant_id, location_id) DO UPDATE \
         SET backorderable = excluded.backorderable, on_hand = CASE WHEN excluded.backorderable THEN s.on_hand \
         ELSE greatest(s.on_hand, s.reserved) END \
         WHERE s.backorderable <> excluded.backorderable",
    )
    .bind::<Array<Uuid>, _>(levels.iter().map(|level| level.0).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(levels.iter().map(|level| level.1).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(levels.iter().map(|level| level.2).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the first levels of new variants and books what they hold, in one statement.
pub(super) async fn receive(conn: &mut Conn, targets: &[StockTarget], cause: Cause<'_>) -> QueryResult<()> {
    Sql::<Uuid>::new(
        "WITH level AS (SELECT unnest(?) AS movement_id, unnest(?) AS variant_id, unnest(?) AS location_id, \
             unnest(?) AS on_hand, unnest(?) AS backorderable), \
         made AS (INSERT INTO stock_levels (variant_id, location_id, on_hand, backorderable) \
             SELECT variant_id, location_id, on_hand, backorderable FROM level) \
         INSERT INTO stock_movements (id, variant_id, location_id, on_hand_delta, reserved_delta, kind, reason, actor, created_at) \
         SELECT movement_id, variant_id, location_id, on_hand, 0, ?, ?, ?, ? FROM level WHERE on_hand <> 0",
    )
    .bind::<Array<Uuid>, _>(targets.iter().map(|_| StockMovementId::new()).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(targets.iter().map(|target| target.variant_id).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(targets.iter().map(|target| target.location_id).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(targets.iter().map(|target| target.on_hand.max(0)).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(targets.iter().map(|target| target.backorderable).collect::<Vec<_>>())
    .bind::<Text, _>(MovementKind::Received.as_str())
    .bind::<Text, _>(cause.reason)
    .bind::<Text, _>(cause.actor)
    .bind::<Timestamptz, _>(cause.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// What can be bought; a variant without any level is left out.
pub(super) async fn availability(
    conn: &mut Conn,
    variants: &[VariantId],
) -> QueryResult<HashMap<VariantId, Availability>> {
    let rows: Vec<(VariantId, i64, bool)> = Sql::<(Uuid, BigInt, Bool)>::new(
        "SELECT variant_id, sum(greatest(on_hand - reserved, 0))::bigint, bool_or(backorderable) \
         FROM stock_levels WHERE variant_id = ANY((SELECT ?)::uuid[]) GROUP BY variant_id",
    )
    .bind::<Array<Uuid>, _>(variants)
    .load(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, quantity, backorderable)| (id, Availability { quantity, backorderable }))
        .collect())
}

impl Loader<LocationId> for BatchReader {
    type Value = Location;
    type Error = async_graphql::Error;

    async fn load(&self, ids: &[LocationId]) -> Result<HashMap<LocationId, Location>, Self::Error> {
        let rows: Vec<Location> = locations::table
            .filter(locations::id.eq_any(ids))
            .select(Location::as_select())
            .load(&mut self.app.db.get().await?)
            .await
            .map_err(crate::Error::from)?;
        Ok(rows.into_iter().map(|location| (location.id, location)).collect())
    }
}
