//! The statements that write the products' own rows and events.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::record::ProductRecord;
use crate::catalog::word_vector::{TsVector, WordVector};
use crate::catalog::words::SearchDocument;
use crate::db::Conn;
use crate::ids::{ImportId, ProductId};
use crate::sql::{Sql, array_literal};

use super::{Target, Writing};

/// A product that exists and is locked.
#[derive(Debug, Clone)]
pub struct LockedProduct {
    /// Its id.
    pub id: ProductId,
    /// Of the source that it was last written from, unless it was edited since.
    pub fingerprint: Option<Vec<u8>>,
    /// The import that wrote it last.
    pub import_id: Option<ImportId>,
}

/// Locks the products that have these slugs, in the order of the slugs, until the caller's transaction ends.
pub async fn lock_products(conn: &mut Conn, slugs: &[&str]) -> QueryResult<HashMap<String, LockedProduct>> {
    type Row = (ProductId, String, Option<Vec<u8>>, Option<ImportId>);
    let rows: Vec<Row> = Sql::<(Uuid, Text, Nullable<Binary>, Nullable<Uuid>)>::new(
        "SELECT id, slug, import_fingerprint, import_id FROM products WHERE slug = ANY(?) ORDER BY slug FOR UPDATE",
    )
    .bind::<Array<Text>, _>(slugs)
    .load(conn)
    .await?;
    let locked = |(id, slug, fingerprint, import_id)| (slug, LockedProduct { id, fingerprint, import_id });
    Ok(rows.into_iter().map(locked).collect())
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
    words: Words<'a>,
}

/// What the texts of products are found by: as vectors where these are known, otherwise as texts that PostgreSQL has to cut.
struct Words<'a> {
    texts: [Vec<&'a str>; 4],
    vectors: Vec<Option<&'a WordVector>>,
}

impl<'a> Words<'a> {
    fn of(targets: &[&'a Target<'a>], cut: &'a CutTexts) -> Self {
        let (mut texts, mut vectors) = ([const { Vec::new() }; 4], Vec::with_capacity(targets.len()));
        for target in targets {
            let (document, vector) = &cut[&target.id];
            let left = if vector.is_some() {
                ["", "", "", ""]
            } else {
                [&*document.a, &document.b, &document.c, &document.d]
            };
            for (texts, text) in texts.iter_mut().zip(left) {
                texts.push(text);
            }
            vectors.push(vector.as_ref());
        }
        Self { texts, vectors }
    }
}

/// The texts of products as plain words, and their vectors where they are known already.
pub(super) type CutTexts = HashMap<ProductId, (SearchDocument, Option<WordVector>)>;

/// Cuts the texts of the products.
pub(super) async fn cut_texts(
    conn: &mut Conn,
    batch: &Writing<'_>,
    targets: &[Target<'_>],
) -> QueryResult<CutTexts> {
    let document = |record: &ProductRecord| {
        let skus = record.variants.iter().map(|variant| variant.sku.as_str());
        SearchDocument::new(
            &record.name,
            &record.vendor,
            skus,
            &record.product_type,
            &record.tags,
            &record.description,
        )
    };
    let documents: Vec<SearchDocument> = targets.iter().map(|target| document(target.record)).collect();
    let vectors = match batch.lesson {
        Some(lesson) => lesson.stems().vectors(conn, &documents).await?,
        None => vec![None; documents.len()],
    };
    let ids = targets.iter().map(|target| target.id);
    Ok(ids.zip(documents.into_iter().zip(vectors)).collect())
}

// In a list of columns `unnest` gives row by row; after FROM each of the arrays would be laid aside first.
const UNNEST: &str = "(SELECT unnest(?) AS id, unnest(?) AS slug, unnest(?) AS name, unnest(?) AS description, \
    unnest(?) AS vendor, unnest(?) AS product_type, unnest(?) AS tags, unnest(?) AS status, unnest(?) AS fingerprint, \
    unnest(?) AS attributes, unnest(?) AS metadata, unnest(?) AS private_metadata, \
    unnest(?) AS a, unnest(?) AS b, unnest(?) AS c, unnest(?) AS d, unnest(?) AS vector) AS t";

const SEARCH: &str = "coalesce(t.vector, product_search(t.a, t.b, t.c, t.d))";

/// An object as the text of a `jsonb`.
pub(super) fn json(object: &impl serde::Serialize) -> String {
    serde_json::to_string(object).expect("the keys are texts")
}

impl<'a> Columns<'a> {
    fn of(targets: &[&'a Target<'a>], cut: &'a CutTexts) -> Self {
        let records = || targets.iter().map(|target| target.record);
        Self {
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
            words: Words::of(targets, cut),
        }
    }

    fn bind<Row>(self, sql: Sql<'a, Row>) -> Sql<'a, Row> {
        let [a, b, c, d] = self.words.texts;
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
            .bind::<Array<Nullable<TsVector>>, _>(self.words.vectors)
    }
}

/// What becomes of new products whose slug is taken after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// They are left out.
    PassedOver,
    /// The statement fails. Looking for a conflict with each product takes longer than doing many again once in a while.
    Refused,
}

/// Inserts new products in the order of their slugs; returns the ids of those whose slug was still free, with the hashes that place
/// them in the samples of search. Waits for another transaction that inserts the same slug.
pub(super) async fn insert_products(
    conn: &mut Conn,
    batch: &Writing<'_>,
    targets: &[&Target<'_>],
    cut: &CutTexts,
    taken: Taken,
) -> QueryResult<HashMap<ProductId, i64>> {
    let on_conflict = match taken {
        Taken::PassedOver => "ON CONFLICT (slug) DO NOTHING",
        Taken::Refused => "",
    };
    let sql = Sql::<(Uuid, BigInt)>::new(format!(
        "INSERT INTO products (created_at, updated_at, import_id, id, slug, name, description, vendor, product_type, tags, \
         status, import_fingerprint, attributes, metadata, private_metadata, search) \
         SELECT ?, ?, ?, t.id, t.slug, t.name, t.description, t.vendor, t.product_type, t.tags::text[], t.status, \
         t.fingerprint, t.attributes::jsonb, t.metadata::jsonb, t.private_metadata::jsonb, \
         {SEARCH} \
         FROM {UNNEST} ORDER BY t.slug {on_conflict} RETURNING id, uuid_hash_extended(id, 0)"
    ))
    .bind::<Timestamptz, _>(batch.now)
    .bind::<Timestamptz, _>(batch.now)
    .bind::<Nullable<Uuid>, _>(batch.import_id);
    let inserted: Vec<(ProductId, i64)> = Columns::of(targets, cut).bind(sql).load(conn).await?;
    Ok(inserted.into_iter().collect())
}

/// Makes the rows of existing products equal to their records; every version grows by one.
pub(super) async fn update_products(
    conn: &mut Conn,
    batch: &Writing<'_>,
    targets: &[&Target<'_>],
    cut: &CutTexts,
) -> QueryResult<()> {
    let sql = Sql::<Uuid>::new(format!(
        "UPDATE products AS p SET version = p.version + 1, updated_at = ?, import_id = ?, name = t.name, \
         description = t.description, vendor = t.vendor, product_type = t.product_type, tags = t.tags::text[], status = t.status, \
         import_fingerprint = t.fingerprint, attributes = t.attributes::jsonb, metadata = t.metadata::jsonb, \
         private_metadata = t.private_metadata::jsonb, search = {SEARCH} \
         FROM {UNNEST} WHERE p.id = t.id"
    ))
    .bind::<Timestamptz, _>(batch.now)
    .bind::<Nullable<Uuid>, _>(batch.import_id);
    Columns::of(targets, cut).bind(sql).execute(conn).await?;
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
