//! The statements of imports and exports. The catalog's tables are only read here.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::{ProductDraft, ProductStatus};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{ChannelId, ImportId, JobId, ProductId, UserId};
use crate::schema::{exports, import_rejections, import_slugs, imports};
use crate::sql::Sql;

use super::entry::{Position, RowRejection};

/// A file that is being imported, or was.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = imports)]
pub struct Import {
    pub id: ImportId,
    pub channel_id: ChannelId,
    pub format: String,
    pub on_conflict: String,
    pub file_key: String,
    pub file_name: String,
    pub size_bytes: i64,
    pub next_byte: i64,
    pub next_line: i64,
    pub rows_read: i64,
    pub rows_rejected: i64,
    pub created: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub skipped: i64,
    pub created_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a batch adds to the books of its import.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub rows_read: i64,
    pub rows_rejected: i64,
    pub created: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub skipped: i64,
}

pub async fn insert_import(conn: &mut Conn, import: &Import) -> QueryResult<()> {
    diesel::insert_into(imports::table).values(import).execute(conn).await?;
    Ok(())
}

pub async fn find_import(conn: &mut Conn, id: ImportId) -> QueryResult<Option<Import>> {
    imports::table.find(id).select(Import::as_select()).first(conn).await.optional()
}

/// Moves the import from one position to the next; false when it is no longer at `from`.
pub async fn advance(
    conn: &mut Conn,
    id: ImportId,
    from: Position,
    to: Position,
    tally: &Tally,
) -> QueryResult<bool> {
    let rows = diesel::update(imports::table.find(id).filter(imports::next_byte.eq(from.byte as i64)))
        .set((
            imports::next_byte.eq(to.byte as i64),
            imports::next_line.eq(to.line as i64),
            imports::rows_read.eq(imports::rows_read + tally.rows_read),
            imports::rows_rejected.eq(imports::rows_rejected + tally.rows_rejected),
            imports::created.eq(imports::created + tally.created),
            imports::updated.eq(imports::updated + tally.updated),
            imports::unchanged.eq(imports::unchanged + tally.unchanged),
            imports::skipped.eq(imports::skipped + tally.skipped),
        ))
        .execute(conn)
        .await?;
    Ok(rows == 1)
}

/// Marks the import as finished and forgets what only a running one needs.
pub async fn finish_import(conn: &mut Conn, id: ImportId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(imports::table.find(id)).set(imports::finished_at.eq(now)).execute(conn).await?;
    diesel::delete(import_slugs::table.filter(import_slugs::import_id.eq(id))).execute(conn).await?;
    Ok(())
}

/// Notes the slugs; returns those that this import had not seen before, each once.
pub async fn note_slugs(conn: &mut Conn, id: ImportId, slugs: &[&str]) -> QueryResult<Vec<String>> {
    Sql::<Text>::new(
        "INSERT INTO import_slugs (import_id, slug) SELECT ?, slug FROM unnest(?) AS t(slug) \
         ON CONFLICT (import_id, slug) DO NOTHING RETURNING slug",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<Text>, _>(slugs)
    .load(conn)
    .await
}

pub async fn insert_rejections(conn: &mut Conn, id: ImportId, rows: &[&RowRejection]) -> QueryResult<()> {
    Sql::<Uuid>::new(
        "INSERT INTO import_rejections (import_id, line, column_name, reason) \
         SELECT ?, t.line, t.column_name, t.reason FROM unnest(?, ?, ?) AS t(line, column_name, reason) \
         ON CONFLICT (import_id, line) DO NOTHING",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.line as i64).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.column.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// The first rejected rows by line.
pub async fn rejections(conn: &mut Conn, id: ImportId, limit: i64) -> QueryResult<Vec<RowRejection>> {
    let rows: Vec<(i64, String, String)> = import_rejections::table
        .filter(import_rejections::import_id.eq(id))
        .order(import_rejections::line)
        .limit(limit)
        .select((import_rejections::line, import_rejections::column_name, import_rejections::reason))
        .load(conn)
        .await?;
    let row =
        |(line, column, reason)| RowRejection { line: u64::try_from(line).unwrap_or(0), column, reason };
    Ok(rows.into_iter().map(row).collect())
}

/// A file to download.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = exports)]
pub struct Export {
    pub job_id: JobId,
    pub token_hash: Vec<u8>,
    pub file_key: String,
    pub file_name: String,
    pub format: String,
    pub size_bytes: i64,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Publishes a file; a job that runs again replaces what its first run published.
pub async fn upsert_export(conn: &mut Conn, export: &Export) -> QueryResult<()> {
    diesel::insert_into(exports::table)
        .values(export)
        .on_conflict(exports::job_id)
        .do_update()
        .set(export)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn find_export(conn: &mut Conn, token_hash: &[u8]) -> QueryResult<Option<Export>> {
    exports::table
        .filter(exports::token_hash.eq(token_hash))
        .select(Export::as_select())
        .first(conn)
        .await
        .optional()
}

/// Exports that have expired, with their files.
pub async fn expired_exports(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<(JobId, String)>> {
    exports::table
        .filter(exports::expires_at.lt(now))
        .order(exports::expires_at)
        .limit(limit)
        .select((exports::job_id, exports::file_key))
        .load(conn)
        .await
}

pub async fn delete_exports(conn: &mut Conn, ids: &[JobId]) -> QueryResult<()> {
    diesel::delete(exports::table.filter(exports::job_id.eq_any(ids))).execute(conn).await?;
    Ok(())
}

/// Imports that began before a time, finished or given up, with their files.
pub async fn old_imports(
    conn: &mut Conn,
    before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<(ImportId, String)>> {
    imports::table
        .filter(imports::created_at.lt(before))
        .order(imports::created_at)
        .limit(limit)
        .select((imports::id, imports::file_key))
        .load(conn)
        .await
}

pub async fn delete_imports(conn: &mut Conn, ids: &[ImportId]) -> QueryResult<()> {
    diesel::delete(imports::table.filter(imports::id.eq_any(ids))).execute(conn).await?;
    Ok(())
}

/// A product as a file would describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredProduct {
    pub id: ProductId,
    /// `None` when a variant has no price in the channel: a file cannot say that.
    pub draft: Option<ProductDraft>,
}

#[derive(QueryableByName)]
struct ProductRow {
    #[diesel(sql_type = Uuid)]
    id: ProductId,
    #[diesel(sql_type = Text)]
    slug: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    description: String,
    #[diesel(sql_type = Text)]
    vendor: String,
    #[diesel(sql_type = Text)]
    product_type: String,
    #[diesel(sql_type = Array<Text>)]
    tags: Vec<String>,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Jsonb)]
    options: serde_json::Value,
    #[diesel(sql_type = Jsonb)]
    variants: serde_json::Value,
    #[diesel(sql_type = Bool)]
    priced: bool,
    #[diesel(sql_type = Jsonb)]
    images: serde_json::Value,
    #[diesel(sql_type = Array<Text>)]
    collections: Vec<String>,
}

/// What is ACTIVE but not published in the channel counts as a draft there: an import elsewhere must not publish it.
const SELECT_PRODUCTS: &str = "\
    SELECT p.id, p.slug, p.name, p.description, p.vendor, p.product_type, p.tags, \
        CASE WHEN p.status = 'ACTIVE' AND (pc.published_at IS NULL OR pc.published_at > ?) THEN 'DRAFT' \
             ELSE p.status END AS status, \
        coalesce((SELECT jsonb_agg(jsonb_build_object('name', o.name, 'values', o.\"values\") ORDER BY o.position, o.id) \
            FROM product_options AS o WHERE o.product_id = p.id), '[]') AS options, \
        coalesce(v.variants, '[]') AS variants, coalesce(v.priced, false) AS priced, \
        coalesce((SELECT jsonb_agg(jsonb_build_object('url', i.url, 'alt_text', i.alt_text) ORDER BY i.position, i.id) \
            FROM product_images AS i WHERE i.product_id = p.id), '[]') AS images, \
        ARRAY(SELECT c.slug FROM collection_products AS cp JOIN collections AS c ON c.id = cp.collection_id \
            WHERE cp.product_id = p.id ORDER BY c.slug) AS collections \
    FROM product_channels AS pc JOIN products AS p ON p.id = pc.product_id \
    CROSS JOIN LATERAL ( \
        SELECT bool_and(vp.amount IS NOT NULL) AS priced, jsonb_agg(jsonb_build_object( \
            'sku', v.sku, 'option_values', v.option_values, 'price_minor', vp.amount, \
            'compare_at_minor', vp.compare_at_amount, 'stock', s.on_hand, \
            'backorderable', coalesce(s.backorderable, false), 'barcode', v.barcode, 'weight_grams', v.weight_grams, \
            'requires_shipping', v.requires_shipping, 'taxable', v.taxable) ORDER BY v.position, v.id) AS variants \
        FROM variants AS v \
        LEFT JOIN variant_prices AS vp ON vp.variant_id = v.id AND vp.channel_id = pc.channel_id \
        LEFT JOIN stock_levels AS s ON s.variant_id = v.id \
            AND s.location_id = (SELECT id FROM locations ORDER BY priority, id LIMIT 1) \
        WHERE v.product_id = p.id) AS v \
    WHERE pc.channel_id = ? ";

/// The next products of a channel in the order of their ids.
pub async fn products_after(
    conn: &mut Conn,
    channel_id: ChannelId,
    after: Option<ProductId>,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<StoredProduct>> {
    let after = after.unwrap_or(ProductId(uuid::Uuid::nil()));
    let rows: Vec<ProductRow> = Sql::<diesel::sql_types::Untyped>::new(format!(
        "{SELECT_PRODUCTS} AND pc.product_id > ? ORDER BY pc.product_id LIMIT ?"
    ))
    .bind::<Timestamptz, _>(now)
    .bind::<Uuid, _>(channel_id)
    .bind::<Uuid, _>(after)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    rows.into_iter().map(stored_product).collect()
}

/// The products of a channel that have these slugs, in no order.
pub async fn products_by_slug(
    conn: &mut Conn,
    channel_id: ChannelId,
    slugs: &[&str],
    now: DateTime<Utc>,
) -> Result<Vec<StoredProduct>> {
    let rows: Vec<ProductRow> =
        Sql::<diesel::sql_types::Untyped>::new(format!("{SELECT_PRODUCTS} AND p.slug = ANY(?)"))
            .bind::<Timestamptz, _>(now)
            .bind::<Uuid, _>(channel_id)
            .bind::<Array<Text>, _>(slugs)
            .load(conn)
            .await?;
    rows.into_iter().map(stored_product).collect()
}

fn stored_product(row: ProductRow) -> Result<StoredProduct> {
    let id = row.id;
    if !row.priced {
        return Ok(StoredProduct { id, draft: None });
    }
    let mut tags = row.tags;
    tags.sort();
    tags.dedup();
    let draft = ProductDraft {
        slug: row.slug,
        name: row.name,
        description: row.description,
        vendor: row.vendor,
        product_type: row.product_type,
        tags,
        status: match row.status.as_str() {
            "ACTIVE" => ProductStatus::Active,
            "ARCHIVED" => ProductStatus::Archived,
            _ => ProductStatus::Draft,
        },
        options: serde_json::from_value(row.options).map_err(Error::fault)?,
        variants: serde_json::from_value(row.variants).map_err(Error::fault)?,
        images: serde_json::from_value(row.images).map_err(Error::fault)?,
        collections: row.collections,
    };
    Ok(StoredProduct { id, draft: Some(draft) })
}

/// How many products the channel has.
pub async fn count_products(conn: &mut Conn, channel_id: ChannelId) -> QueryResult<i64> {
    Sql::<BigInt>::new("SELECT count(*) FROM product_channels WHERE channel_id = ?")
        .bind::<Uuid, _>(channel_id)
        .get_result(conn)
        .await
}

/// The most options that any product has.
pub async fn most_options(conn: &mut Conn) -> QueryResult<i64> {
    Sql::<BigInt>::new(
        "SELECT coalesce(max(n), 0)::bigint FROM (SELECT count(*) AS n FROM product_options GROUP BY product_id) AS t",
    )
    .get_result(conn)
    .await
}
