//! The statements that write the products' own rows and events.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{Array, Binary, Bool, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::words::SearchDocument;
use crate::db::Conn;
use crate::ids::ProductId;
use crate::sql::{Sql, array_literal};

use super::{Target, Writing};

/// A product that exists and is locked.
#[derive(Debug, Clone)]
pub struct LockedProduct {
    /// Its id.
    pub id: ProductId,
    /// Of the source that it was last written from, unless it was edited since.
    pub fingerprint: Option<Vec<u8>>,
}

/// Locks the products that have these slugs, in the order of the slugs, until the caller's transaction ends.
pub async fn lock_products(conn: &mut Conn, slugs: &[&str]) -> QueryResult<HashMap<String, LockedProduct>> {
    let rows: Vec<(ProductId, String, Option<Vec<u8>>)> = Sql::<(Uuid, Text, Nullable<Binary>)>::new(
        "SELECT id, slug, import_fingerprint FROM products WHERE slug = ANY(?) ORDER BY slug FOR UPDATE",
    )
    .bind::<Array<Text>, _>(slugs)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, slug, fingerprint)| (slug, LockedProduct { id, fingerprint })).collect())
}

/// Every column, as arrays: one `unnest` for the insert and the update.
struct Columns<'a> {
    ids: Vec<ProductId>,
    slugs: Vec<&'a str>,
    names: Vec<&'a str>,
    descriptions: Vec<&'a str>,
    vendors: Vec<&'a str>,
    product_types: Vec<&'a str>,
    tags: Vec<String>,
    statuses: Vec<&'a str>,
    fingerprints: Vec<Option<&'a [u8]>>,
    attributes: Vec<String>,
    metadata: Vec<String>,
    private_metadata: Vec<String>,
    words: Vec<SearchDocument>,
    /// The words as a vector, where that is known.
    vectors: Vec<Option<String>>,
}

const UNNEST: &str = "unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS \
    t(id, slug, name, description, vendor, product_type, tags, status, fingerprint, attributes, metadata, private_metadata, \
    a, b, c, d, vector)";

const SEARCH: &str = "coalesce(t.vector::tsvector, product_search(t.a, t.b, t.c, t.d))";

/// An object as the text of a `jsonb`.
pub(super) fn json(object: &impl serde::Serialize) -> String {
    serde_json::to_string(object).expect("the keys are texts")
}

impl<'a> Columns<'a> {
    async fn of(conn: &mut Conn, batch: &Writing<'_>, targets: &[&'a Target<'a>]) -> QueryResult<Self> {
        let records = || targets.iter().map(|target| target.record);
        let mut words: Vec<SearchDocument> = records()
            .map(|record| {
                let skus = record.variants.iter().map(|variant| variant.sku.as_str());
                SearchDocument::new(
                    &record.name,
                    &record.vendor,
                    skus,
                    &record.product_type,
                    &record.tags,
                    &record.description,
                )
            })
            .collect();
        let vectors = match batch.stems {
            Some(stems) => stems.vectors(conn, &words).await?,
            None => vec![None; words.len()],
        };
        for (words, _) in words.iter_mut().zip(&vectors).filter(|(_, vector)| vector.is_some()) {
            *words = SearchDocument::default();
        }
        Ok(Self {
            ids: targets.iter().map(|target| target.id).collect(),
            slugs: records().map(|record| record.slug.as_str()).collect(),
            names: records().map(|record| record.name.as_str()).collect(),
            descriptions: records().map(|record| record.description.as_str()).collect(),
            vendors: records().map(|record| record.vendor.as_str()).collect(),
            product_types: records().map(|record| record.product_type.as_str()).collect(),
            tags: records().map(|record| array_literal(&record.tags)).collect(),
            statuses: records().map(|record| record.status.as_str()).collect(),
            fingerprints: targets.iter().map(|target| target.fingerprint).collect(),
            attributes: records().map(|record| json(&record.attributes)).collect(),
            metadata: records().map(|record| json(&record.metadata)).collect(),
            private_metadata: records().map(|record| json(&record.private_metadata)).collect(),
            words,
            vectors,
        })
    }

    fn bind<Row>(self, sql: Sql<'a, Row>) -> Sql<'a, Row> {
        let (mut a, mut b, mut c, mut d) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for document in self.words {
            a.push(document.a);
            b.push(document.b);
            c.push(document.c);
            d.push(document.d);
        }
        sql.bind::<Array<Uuid>, _>(self.ids)
            .bind::<Array<Text>, _>(self.slugs)
            .bind::<Array<Text>, _>(self.names)
            .bind::<Array<Text>, _>(self.descriptions)
            .bind::<Array<Text>, _>(self.vendors)
            .bind::<Array<Text>, _>(self.product_types)
            .bind::<Array<Text>, _>(self.tags)
            .bind::<Array<Text>, _>(self.statuses)
            .bind::<Array<Nullable<Binary>>, _>(self.fingerprints)
            .bind::<Array<Text>, _>(self.attributes)
            .bind::<Array<Text>, _>(self.metadata)
            .bind::<Array<Text>, _>(self.private_metadata)
            .bind::<Array<Text>, _>(a)
            .bind::<Array<Text>, _>(b)
            .bind::<Array<Text>, _>(c)
            .bind::<Array<Text>, _>(d)
            .bind::<Array<Nullable<Text>>, _>(self.vectors)
    }
}

/// Inserts new products in the order of their slugs; returns the ids of those whose slug was still free. Waits for
/// another transaction that inserts the same slug.
pub(super) async fn insert_products(
    conn: &mut Conn,
    batch: &Writing<'_>,
    targets: &[&Target<'_>],
) -> QueryResult<HashSet<ProductId>> {
    let sql = Sql::<Uuid>::new(format!(
        "INSERT INTO products (created_at, updated_at, id, slug, name, description, vendor, product_type, tags, status, \
         import_fingerprint, attributes, metadata, private_metadata, search) \
         SELECT ?, ?, t.id, t.slug, t.name, t.description, t.vendor, t.product_type, t.tags::text[], t.status, \
         t.fingerprint, t.attributes::jsonb, t.metadata::jsonb, t.private_metadata::jsonb, \
         {SEARCH} \
         FROM {UNNEST} ORDER BY t.slug ON CONFLICT (slug) DO NOTHING RETURNING id"
    ))
    .bind::<Timestamptz, _>(batch.now)
    .bind::<Timestamptz, _>(batch.now);
    let columns = Columns::of(conn, batch, targets).await?;
    let ids: Vec<ProductId> = columns.bind(sql).load(conn).await?;
    Ok(ids.into_iter().collect())
}

/// Makes the rows of existing products equal to their records; every version grows by one.
pub(super) async fn update_products(
    conn: &mut Conn,
    batch: &Writing<'_>,
    targets: &[&Target<'_>],
) -> QueryResult<()> {
    let sql = Sql::<Uuid>::new(format!(
        "UPDATE products AS p SET version = p.version + 1, updated_at = ?, name = t.name, description = t.description, \
         vendor = t.vendor, product_type = t.product_type, tags = t.tags::text[], status = t.status, \
         import_fingerprint = t.fingerprint, attributes = t.attributes::jsonb, metadata = t.metadata::jsonb, \
         private_metadata = t.private_metadata::jsonb, search = {SEARCH} \
         FROM {UNNEST} WHERE p.id = t.id"
    ))
    .bind::<Timestamptz, _>(batch.now);
    let columns = Columns::of(conn, batch, targets).await?;
    columns.bind(sql).execute(conn).await?;
    Ok(())
}

/// `product.created` or `product.updated` for every product; their rows are locked, so the sequences have no gaps.
pub(super) async fn append_events(
    conn: &mut Conn,
    batch: &Writing<'_>,
    targets: &[Target<'_>],
) -> QueryResult<()> {
    Sql::<Uuid>::new(
        "INSERT INTO events (aggregate, actor, created_at, aggregate_id, sequence, type) \
         SELECT 'product', ?, ?, t.id, \
         CASE WHEN t.is_new THEN 1 ELSE coalesce((SELECT max(e.sequence) FROM events AS e WHERE e.aggregate_id = t.id), 0) + 1 END, \
         CASE WHEN t.is_new THEN 'product.created' ELSE 'product.updated' END \
         FROM unnest(?, ?) AS t(id, is_new)",
    )
    .bind::<Text, _>(batch.actor)
    .bind::<Timestamptz, _>(batch.now)
    .bind::<Array<Uuid>, _>(targets.iter().map(|target| target.id).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(targets.iter().map(|target| target.is_new).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
