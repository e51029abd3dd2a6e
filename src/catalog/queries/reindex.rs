//! The statements that write anew what products are found by.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::words::SearchDocument;
use crate::db::Conn;
use crate::ids::ProductId;
use crate::sql::Sql;

/// What becomes of products that somebody else has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::catalog) enum Busy {
    PassedOver,
    WaitedFor,
}

/// The next products by id.
pub(in crate::catalog) async fn next(
    conn: &mut Conn,
    after: Option<ProductId>,
    size: i64,
) -> QueryResult<Vec<ProductId>> {
    Sql::<Uuid>::new("SELECT id FROM products WHERE id > coalesce(?, '00000000-0000-0000-0000-000000000000') ORDER BY id LIMIT ?")
        .bind::<Nullable<Uuid>, _>(after)
        .bind::<BigInt, _>(size)
        .load(conn)
        .await
}

/// Locks the products and writes their words; as the transaction commits, their terms follow. Returns those that were locked.
pub(in crate::catalog) async fn write(
    conn: &mut Conn,
    ids: &[ProductId],
    busy: Busy,
) -> QueryResult<Vec<ProductId>> {
    type Row = (ProductId, String, String, String, String, Vec<String>, Vec<String>);
    let rows: Vec<Row> = Sql::<(Uuid, Text, Text, Text, Text, Array<Text>, Array<Text>)>::new(format!(
        "SELECT p.id, p.name, p.vendor, p.product_type, p.description, p.tags, \
         ARRAY(SELECT v.sku FROM variants AS v WHERE v.product_id = p.id ORDER BY v.position, v.id) \
         FROM products AS p WHERE p.id = ANY(?) ORDER BY p.id FOR NO KEY UPDATE OF p{}",
        if busy == Busy::PassedOver { " SKIP LOCKED" } else { "" }
    ))
    .bind::<Array<Uuid>, _>(ids.to_vec())
    .load(conn)
    .await?;
    let documents: Vec<SearchDocument> = rows
        .iter()
        .map(|(_, name, vendor, product_type, description, tags, skus)| {
            SearchDocument::new(
                name,
                vendor,
                skus.iter().map(String::as_str),
                product_type,
                tags,
                description,
            )
        })
        .collect();
    let ids: Vec<ProductId> = rows.iter().map(|row| row.0).collect();
    let texts =
        |get: fn(&SearchDocument) -> &String| documents.iter().map(|it| get(it).clone()).collect::<Vec<_>>();
    Sql::<Uuid>::new(
        "UPDATE products AS p SET search = t.search FROM (SELECT id, product_search(a, b, c, d) AS search \
         FROM unnest(?, ?, ?, ?, ?) AS t(id, a, b, c, d)) AS t WHERE p.id = t.id AND p.search <> t.search",
    )
    .bind::<Array<Uuid>, _>(ids.clone())
    .bind::<Array<Text>, _>(texts(|it| &it.a))
    .bind::<Array<Text>, _>(texts(|it| &it.b))
    .bind::<Array<Text>, _>(texts(|it| &it.c))
    .bind::<Array<Text>, _>(texts(|it| &it.d))
    .execute(conn)
    .await?;
    Sql::<Uuid>::new("INSERT INTO search_pending (product_ids) SELECT ?::uuid[]")
        .bind::<Array<Uuid>, _>(ids.clone())
        .execute(conn)
        .await?;
    Ok(ids)
}
