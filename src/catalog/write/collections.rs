//! The statements that put products into collections. Collections by rule choose their members themselves, so they are passed
//! over, as are slugs that no collection has.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::Membership;
use crate::db::Conn;
use crate::ids::{CollectionId, ProductId};
use crate::sql::Sql;

use super::Target;

fn memberships<'a>(targets: &[&Target<'a>]) -> Vec<(ProductId, &'a Membership)> {
    let of_target = |target: &&Target<'a>| (target.id, &target.record.collections);
    targets
        .iter()
        .map(of_target)
        .flat_map(|(id, collections)| collections.iter().map(move |membership| (id, membership)))
        .collect()
}

/// Puts new products into their collections, and makes the collections of known ones those of their records; tells caches. A
/// membership without a position comes after all others. Returns the memberships of new products.
pub(super) async fn write_memberships(
    conn: &mut Conn,
    new: &[&Target<'_>],
    known: &[&Target<'_>],
) -> QueryResult<Vec<(ProductId, CollectionId)>> {
    let kept = memberships(known);
    if !known.is_empty() {
        Sql::<Uuid>::new(
            "WITH gone AS (DELETE FROM collection_products AS cp USING collections AS c \
             WHERE cp.product_id = ANY(?) AND c.id = cp.collection_id AND c.rule IS NULL AND NOT EXISTS \
             (SELECT FROM unnest(?, ?) AS t(product_id, slug) WHERE t.product_id = cp.product_id AND t.slug = c.slug) \
             RETURNING cp.collection_id) \
             SELECT pg_notify('ironmonger_events', 'collection:' || collection_id) \
             FROM (SELECT DISTINCT collection_id FROM gone) AS changed",
        )
        .bind::<Array<Uuid>, _>(known.iter().map(|target| target.id).collect::<Vec<_>>())
        .bind::<Array<Uuid>, _>(kept.iter().map(|it| it.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(kept.iter().map(|it| it.1.slug.as_str()).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    }
    // A new product is in no collection yet: looking for a conflict would take longer than writing.
    let written = insert(conn, "", memberships(new)).await?;
    let or_move = "ON CONFLICT (collection_id, product_id) DO UPDATE SET position = excluded.position \
         WHERE cp.position <> excluded.position";
    insert(conn, or_move, kept).await?;
    Ok(written)
}

async fn insert(
    conn: &mut Conn,
    on_conflict: &str,
    memberships: Vec<(ProductId, &Membership)>,
) -> QueryResult<Vec<(ProductId, CollectionId)>> {
    if memberships.is_empty() {
        return Ok(Vec::new());
    }
    Sql::<(Uuid, Uuid)>::new(format!(
        "WITH t AS (SELECT * FROM unnest(?, ?, ?) WITH ORDINALITY AS t(product_id, slug, position, place)), \
         home AS MATERIALIZED (SELECT id, slug FROM collections \
         WHERE slug = ANY(ARRAY(SELECT DISTINCT slug FROM t)) AND rule IS NULL FOR KEY SHARE), \
         written AS (INSERT INTO collection_products AS cp (collection_id, product_id, position) \
         SELECT c.id, t.product_id, coalesce(t.position, \
         coalesce((SELECT max(m.position) FROM collection_products AS m WHERE m.collection_id = c.id), 0) \
         + row_number() OVER (PARTITION BY c.id ORDER BY t.place)) \
         FROM t JOIN home AS c USING (slug) {on_conflict} RETURNING product_id, collection_id), \
         told AS (SELECT pg_notify('ironmonger_events', 'collection:' || collection_id) \
         FROM (SELECT DISTINCT collection_id FROM written) AS changed) \
         SELECT product_id, collection_id FROM written CROSS JOIN (SELECT count(*) FROM told) AS told",
    ))
    .bind::<Array<Uuid>, _>(memberships.iter().map(|it| it.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(memberships.iter().map(|it| it.1.slug.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<BigInt>>, _>(memberships.iter().map(|it| it.1.position).collect::<Vec<_>>())
    .load(conn)
    .await
}

/// The slugs of the collections by hand, and the last position in each; 0 where it is empty.
pub async fn ends_of_collections(conn: &mut Conn) -> QueryResult<HashMap<String, i64>> {
    let rows: Vec<(String, i64)> = Sql::<(Text, BigInt)>::new(
        "SELECT c.slug, coalesce((SELECT max(m.position) FROM collection_products AS m WHERE m.collection_id = c.id), 0) \
         FROM collections AS c WHERE c.rule IS NULL",
    )
    .load(conn)
    .await?;
    Ok(rows.into_iter().collect())
}
