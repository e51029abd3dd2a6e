//! The statements of edits of collections.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::{ChannelId, CollectionId, ProductId};
use crate::schema::{collections, products};
use crate::sql::Sql;

/// A collection whose lock is held.
#[derive(Queryable)]
pub(super) struct Locked {
    pub version: i64,
    pub by_rule: bool,
}

/// Locks a collection. Products may become its members meanwhile: the lock leaves foreign keys alone.
pub(super) async fn lock(conn: &mut Conn, id: CollectionId) -> QueryResult<Option<Locked>> {
    Sql::<(BigInt, Bool)>::new(
        "SELECT version, rule IS NOT NULL FROM collections WHERE id = ? FOR NO KEY UPDATE",
    )
    .bind::<Uuid, _>(id)
    .get_result(conn)
    .await
    .optional()
}

/// Counts the version up.
pub(super) async fn touch(conn: &mut Conn, id: CollectionId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(collections::table.find(id))
        .set((collections::version.eq(collections::version + 1), collections::updated_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Those of the products that exist.
pub(super) async fn existing(conn: &mut Conn, ids: &[ProductId]) -> QueryResult<Vec<ProductId>> {
    products::table.filter(products::id.eq_any(ids)).select(products::id).load(conn).await
}

/// Those of the products that are members.
pub(super) async fn members(
    conn: &mut Conn,
    id: CollectionId,
    products: &[ProductId],
) -> QueryResult<Vec<ProductId>> {
    Sql::<Uuid>::new(
        "SELECT product_id FROM collection_products WHERE collection_id = ? AND product_id = ANY(?)",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<Uuid>, _>(products)
    .load(conn)
    .await
}

/// Appends products that are no members yet, in this order.
pub(super) async fn add(conn: &mut Conn, id: CollectionId, products: &[ProductId]) -> QueryResult<()> {
    Sql::<Uuid>::new(
        "WITH target AS (SELECT ?::uuid AS id) INSERT INTO collection_products (collection_id, product_id, position) \
         SELECT target.id, t.product_id, t.place \
         + coalesce((SELECT max(cp.position) FROM collection_products AS cp WHERE cp.collection_id = target.id), 0) \
         FROM target, unnest(?) WITH ORDINALITY AS t(product_id, place) ON CONFLICT (collection_id, product_id) DO NOTHING",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<Uuid>, _>(products)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes members out.
pub(super) async fn remove(conn: &mut Conn, id: CollectionId, products: &[ProductId]) -> QueryResult<()> {
    Sql::<Uuid>::new("DELETE FROM collection_products WHERE collection_id = ? AND product_id = ANY(?)")
        .bind::<Uuid, _>(id)
        .bind::<Array<Uuid>, _>(products)
        .execute(conn)
        .await?;
    Ok(())
}

/// Puts members, in this order, at the beginning (`after` is `None`) or behind another member. What
/// follows is moved on.
pub(super) async fn place(
    conn: &mut Conn,
    id: CollectionId,
    products: &[ProductId],
    after: Option<ProductId>,
) -> QueryResult<()> {
    let count = i64::try_from(products.len()).unwrap_or(i64::MAX);
    Sql::<Uuid>::new(
        "WITH asked AS MATERIALIZED (SELECT ?::uuid AS id, ?::uuid[] AS products, ?::uuid AS after, ?::bigint AS count), \
         start AS MATERIALIZED (SELECT coalesce((SELECT cp.position FROM collection_products AS cp, asked \
             WHERE cp.collection_id = asked.id AND cp.product_id = asked.after), \
             (SELECT min(cp.position) - 1 - asked.count FROM collection_products AS cp, asked \
             WHERE cp.collection_id = asked.id GROUP BY asked.count), 0) AS position), \
         place AS MATERIALIZED (SELECT t.product_id, start.position + t.place AS position \
             FROM asked, start, unnest(asked.products) WITH ORDINALITY AS t(product_id, place)), \
         placed AS MATERIALIZED (SELECT product_id, position FROM place \
             UNION ALL SELECT cp.product_id, cp.position + asked.count FROM collection_products AS cp, asked, start \
             WHERE cp.collection_id = asked.id AND NOT cp.product_id = ANY(asked.products) \
             AND asked.after IS NOT NULL AND (cp.position, cp.product_id) > (start.position, asked.after)) \
         UPDATE collection_products AS cp SET position = placed.position FROM placed, asked \
         WHERE cp.collection_id = asked.id AND cp.product_id = placed.product_id",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<Uuid>, _>(products)
    .bind::<Nullable<Uuid>, _>(after)
    .bind::<BigInt, _>(count)
    .execute(conn)
    .await?;
    Ok(())
}

/// Says from when on the collection is seen in channels; never, if `None`.
pub(super) async fn set_published(
    conn: &mut Conn,
    id: CollectionId,
    channels: &[ChannelId],
    published_at: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    Sql::<Uuid>::new(
        "INSERT INTO collection_channels (collection_id, channel_id, published_at) SELECT ?, t.id, ? FROM unnest(?) AS t(id) \
         ON CONFLICT (collection_id, channel_id) DO UPDATE SET published_at = excluded.published_at",
    )
    .bind::<Uuid, _>(id)
    .bind::<Nullable<Timestamptz>, _>(published_at)
    .bind::<Array<Uuid>, _>(channels)
    .execute(conn)
    .await?;
    Ok(())
}
