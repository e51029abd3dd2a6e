//! The statements that write the product itself, its publication, collections and events.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::words::SearchDocument;
use crate::db::Conn;
use crate::ids::ProductId;
use crate::sql::{Sql, array_literal};

use super::children::VariantTarget;
use super::{Batch, Target};

/// A product that exists and is locked.
pub(super) struct Existing {
    pub id: ProductId,
    pub fingerprint: Option<Vec<u8>>,
}

/// Locks the products that have these slugs, in the order of the slugs.
pub(super) async fn lock_by_slug(
    conn: &mut Conn,
    slugs: impl Iterator<Item = &str>,
) -> QueryResult<HashMap<String, Existing>> {
    let rows: Vec<(ProductId, String, Option<Vec<u8>>)> = Sql::<(Uuid, Text, Nullable<Binary>)>::new(
        "SELECT id, slug, import_fingerprint FROM products WHERE slug = ANY(?) ORDER BY slug FOR UPDATE",
    )
    .bind::<Array<Text>, _>(slugs.collect::<Vec<_>>())
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, slug, fingerprint)| (slug, Existing { id, fingerprint })).collect())
}

/// The columns that an import knows, as arrays: one `unnest` for the insert and the update.
struct Columns<'a> {
    ids: Vec<ProductId>,
    slugs: Vec<&'a str>,
    names: Vec<&'a str>,
    descriptions: Vec<&'a str>,
    vendors: Vec<&'a str>,
    product_types: Vec<&'a str>,
    tags: Vec<String>,
    statuses: Vec<&'a str>,
    fingerprints: Vec<&'a [u8]>,
    words: Vec<SearchDocument>,
}

const UNNEST: &str = "unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS \
    t(id, slug, name, description, vendor, product_type, tags, status, fingerprint, a, b, c, d)";

impl<'a> Columns<'a> {
    fn of<'t>(targets: impl IntoIterator<Item = &'a Target<'t>>) -> Self
    where
        't: 'a,
    {
        let targets: Vec<&Target> = targets.into_iter().collect();
        let each = |get: fn(&'a Target<'t>) -> &'a str| -> Vec<&'a str> {
            targets.iter().map(|&target| get(target)).collect()
        };
        Self {
            ids: targets.iter().map(|target| target.id).collect(),
            slugs: each(|target| &target.draft.slug),
            names: each(|target| &target.draft.name),
            descriptions: each(|target| &target.draft.description),
            vendors: each(|target| &target.draft.vendor),
            product_types: each(|target| &target.draft.product_type),
            tags: targets.iter().map(|target| array_literal(&target.draft.tags)).collect(),
            statuses: each(|target| target.draft.status.as_str()),
            fingerprints: targets.iter().map(|target| target.fingerprint.as_slice()).collect(),
            words: targets
                .iter()
                .map(|target| {
                    let draft = target.draft;
                    let skus = draft.variants.iter().map(|variant| variant.sku.as_str());
                    SearchDocument::new(
                        &draft.name,
                        &draft.vendor,
                        skus,
                        &draft.product_type,
                        &draft.tags,
                        &draft.description,
                    )
                })
                .collect(),
        }
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
            .bind::<Array<Binary>, _>(self.fingerprints)
            .bind::<Array<Text>, _>(a)
            .bind::<Array<Text>, _>(b)
            .bind::<Array<Text>, _>(c)
            .bind::<Array<Text>, _>(d)
    }
}

/// Inserts new products in the order of their slugs; returns the ids of those whose slug was still free. Waits for
/// another transaction that inserts the same slug.
pub(super) async fn insert_products(
    conn: &mut Conn,
    batch: &Batch<'_>,
    rows: &[Target<'_>],
) -> QueryResult<HashSet<ProductId>> {
    let sql = Sql::<Uuid>::new(format!(
        "INSERT INTO products (created_at, updated_at, id, slug, name, description, vendor, product_type, tags, status, \
         import_fingerprint, search) \
         SELECT ?, ?, t.id, t.slug, t.name, t.description, t.vendor, t.product_type, t.tags::text[], t.status, \
         t.fingerprint, product_search(t.a, t.b, t.c, t.d) FROM {UNNEST} ORDER BY t.slug ON CONFLICT (slug) DO NOTHING RETURNING id"
    ))
    .bind::<Timestamptz, _>(batch.now)
    .bind::<Timestamptz, _>(batch.now);
    let ids: Vec<ProductId> = Columns::of(rows).bind(sql).load(conn).await?;
    Ok(ids.into_iter().collect())
}

/// Makes the rows of existing products equal to their drafts; every version grows by one.
pub(super) async fn update_products(
    conn: &mut Conn,
    batch: &Batch<'_>,
    targets: &[&Target<'_>],
) -> QueryResult<()> {
    let sql = Sql::<Uuid>::new(format!(
        "UPDATE products AS p SET version = p.version + 1, updated_at = ?, name = t.name, description = t.description, \
         vendor = t.vendor, product_type = t.product_type, tags = t.tags::text[], status = t.status, \
         import_fingerprint = t.fingerprint, search = product_search(t.a, t.b, t.c, t.d) FROM {UNNEST} WHERE p.id = t.id"
    ))
    .bind::<Timestamptz, _>(batch.now);
    Columns::of(targets.iter().copied()).bind(sql).execute(conn).await?;
    Ok(())
}

/// Writes the publication in the channel: the price range, and `published_at` for a product that becomes ACTIVE.
pub(super) async fn publish(
    conn: &mut Conn,
    batch: &Batch<'_>,
    targets: &[Target<'_>],
    variants: &[VariantTarget<'_>],
) -> QueryResult<()> {
    let mut ranges: HashMap<ProductId, (i64, i64)> = HashMap::new();
    for variant in variants {
        let price = variant.draft.price_minor;
        let range = ranges.entry(variant.product_id).or_insert((price, price));
        *range = (range.0.min(price), range.1.max(price));
    }
    Sql::<Uuid>::new(
        "INSERT INTO product_channels AS pc (channel_id, product_id, published_at, min_price, max_price) \
         SELECT ?, t.product_id, t.published_at, t.min_price, t.max_price \
         FROM unnest(?, ?, ?, ?) AS t(product_id, published_at, min_price, max_price) \
         ON CONFLICT (product_id, channel_id) DO UPDATE SET min_price = excluded.min_price, max_price = excluded.max_price, \
         published_at = CASE WHEN excluded.published_at IS NOT NULL THEN coalesce(pc.published_at, excluded.published_at) END \
         WHERE (pc.min_price, pc.max_price, pc.published_at IS NULL) \
         IS DISTINCT FROM (excluded.min_price, excluded.max_price, excluded.published_at IS NULL)",
    )
    .bind::<Uuid, _>(batch.channel.id)
    .bind::<Array<Uuid>, _>(targets.iter().map(|target| target.id).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(
        targets
            .iter()
            .map(|target| (target.draft.status == crate::catalog::ProductStatus::Active).then_some(batch.now))
            .collect::<Vec<Option<DateTime<Utc>>>>(),
    )
    .bind::<Array<Nullable<BigInt>>, _>(
        targets.iter().map(|target| ranges.get(&target.id).map(|range| range.0)).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<BigInt>>, _>(
        targets.iter().map(|target| ranges.get(&target.id).map(|range| range.1)).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Appends the products to the collections that they name and are not in. A collection that does not exist is passed over, and so
/// is one by rule: it knows its members.
pub(super) async fn add_to_collections(conn: &mut Conn, targets: &[Target<'_>]) -> QueryResult<()> {
    let pairs: Vec<(ProductId, &str)> = targets
        .iter()
        .flat_map(|target| target.draft.collections.iter().map(|slug| (target.id, slug.as_str())))
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    Sql::<Uuid>::new(
        "INSERT INTO collection_products (collection_id, product_id, position) \
         SELECT c.id, t.product_id, \
         coalesce((SELECT max(cp.position) FROM collection_products AS cp WHERE cp.collection_id = c.id), 0) \
         + row_number() OVER (PARTITION BY c.id ORDER BY t.place) \
         FROM unnest(?, ?) WITH ORDINALITY AS t(product_id, slug, place) \
         JOIN collections AS c ON c.slug = t.slug AND c.rule IS NULL \
         ON CONFLICT (collection_id, product_id) DO NOTHING",
    )
    .bind::<Array<Uuid>, _>(pairs.iter().map(|pair| pair.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(pairs.iter().map(|pair| pair.1).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// `product.created` or `product.updated` for every product; their rows are locked, so the sequences have no gaps.
pub(super) async fn append_events(
    conn: &mut Conn,
    batch: &Batch<'_>,
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
