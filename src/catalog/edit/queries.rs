//! The statements of edits.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::words::SearchDocument;
use crate::db::Conn;
use crate::ids::{ChannelId, OptionId, ProductId, VariantId};
use crate::schema::{product_options, products, variants};
use crate::sql::{Sql, array_literal};

/// A variant whose product is locked.
#[derive(Queryable, Selectable)]
#[diesel(table_name = variants)]
pub(in crate::catalog) struct LockedVariant {
    pub product_id: ProductId,
    pub version: i64,
    pub sku: String,
}

/// An option as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = product_options)]
pub(in crate::catalog) struct StoredOption {
    pub id: OptionId,
    pub name: String,
    pub values: Vec<String>,
}

/// Locks a product; its version.
pub(in crate::catalog) async fn lock_product(conn: &mut Conn, id: ProductId) -> QueryResult<Option<i64>> {
    products::table.find(id).select(products::version).for_update().first(conn).await.optional()
}

/// Locks the product of a variant, then reads the variant.
pub(in crate::catalog) async fn lock_variant(
    conn: &mut Conn,
    id: VariantId,
) -> QueryResult<Option<LockedVariant>> {
    let product_id: Option<ProductId> = products::table
        .filter(products::id.eq_any(variants::table.filter(variants::id.eq(id)).select(variants::product_id)))
        .select(products::id)
        .for_update()
        .first(conn)
        .await
        .optional()?;
    if product_id.is_none() {
        return Ok(None);
    }
    variants::table.find(id).select(LockedVariant::as_select()).first(conn).await.optional()
}

/// Locks products in the order of their slugs, as imports do; those that exist.
pub(in crate::catalog) async fn lock_products(
    conn: &mut Conn,
    ids: &[ProductId],
) -> QueryResult<Vec<ProductId>> {
    products::table
        .filter(products::id.eq_any(ids))
        .order(products::slug)
        .select(products::id)
        .for_update()
        .load(conn)
        .await
}

/// Counts the product's version up. The next import writes it again, even from an unchanged source.
pub(in crate::catalog) async fn touch(conn: &mut Conn, id: ProductId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(products::table.find(id))
        .set((
            products::version.eq(products::version + 1),
            products::updated_at.eq(now),
            products::import_fingerprint.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The options of a product, in display order.
pub(in crate::catalog) async fn options(conn: &mut Conn, id: ProductId) -> QueryResult<Vec<StoredOption>> {
    product_options::table
        .filter(product_options::product_id.eq(id))
        .order((product_options::position, product_options::id))
        .select(StoredOption::as_select())
        .load(conn)
        .await
}

/// The variants of a product and their option values, in display order.
pub(in crate::catalog) async fn combinations(
    conn: &mut Conn,
    id: ProductId,
) -> QueryResult<Vec<(VariantId, Vec<String>)>> {
    variants::table
        .filter(variants::product_id.eq(id))
        .order((variants::position, variants::id))
        .select((variants::id, variants::option_values))
        .load(conn)
        .await
}

/// Makes the options of a product these, in this order.
pub(in crate::catalog) async fn set_options(
    conn: &mut Conn,
    id: ProductId,
    options: &[StoredOption],
) -> QueryResult<()> {
    // Names may have been swapped, and they are unique at every moment.
    diesel::delete(product_options::table.filter(product_options::product_id.eq(id))).execute(conn).await?;
    if options.is_empty() {
        return Ok(());
    }
    Sql::<Uuid>::new(
        "INSERT INTO product_options (product_id, id, name, \"values\", position) \
         SELECT ?, t.id, t.name, t.choices::text[], t.position::integer - 1 \
         FROM unnest(?, ?, ?) WITH ORDINALITY AS t(id, name, choices, position)",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<Uuid>, _>(options.iter().map(|option| option.id).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(options.iter().map(|option| option.name.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(options.iter().map(|option| array_literal(&option.values)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives variants of a product other option values and the names that follow from them.
pub(in crate::catalog) async fn set_combinations(
    conn: &mut Conn,
    variants: &[(VariantId, Vec<String>)],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let ids: Vec<VariantId> = variants.iter().map(|variant| variant.0).collect();
    // Combinations may have been swapped, and they are unique at every moment: no other variant has such a value.
    Sql::<Uuid>::new("UPDATE variants SET option_values = ARRAY[chr(1) || id] WHERE id = ANY(?)")
        .bind::<Array<Uuid>, _>(ids.as_slice())
        .execute(conn)
        .await?;
    Sql::<Uuid>::new(
        "UPDATE variants AS v SET option_values = t.option_values::text[], name = t.name, version = v.version + 1, \
         updated_at = ? FROM unnest(?, ?, ?) AS t(id, option_values, name) WHERE v.id = t.id",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Uuid>, _>(ids.as_slice())
    .bind::<Array<Text>, _>(variants.iter().map(|variant| array_literal(&variant.1)).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(
        variants.iter().map(|variant| super::variant_name(&variant.1)).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Places the variants in this order.
pub(in crate::catalog) async fn set_positions(conn: &mut Conn, ids: &[VariantId]) -> QueryResult<()> {
    Sql::<Uuid>::new(
        "UPDATE variants AS v SET position = t.position FROM unnest(?, ?) AS t(id, position) \
         WHERE v.id = t.id AND v.position <> t.position",
    )
    .bind::<Array<Uuid>, _>(ids)
    .bind::<Array<Integer>, _>((0..).take(ids.len()).collect::<Vec<i32>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Brings the search document of a locked product up to date with its columns and SKUs.
pub(in crate::catalog) async fn refresh_search(conn: &mut Conn, id: ProductId) -> QueryResult<()> {
    type Columns = (String, String, String, Vec<String>, String);
    let (name, vendor, product_type, tags, description): Columns = products::table
        .find(id)
        .select((
            products::name,
            products::vendor,
            products::product_type,
            products::tags,
            products::description,
        ))
        .first(conn)
        .await?;
    let skus: Vec<String> =
        variants::table.filter(variants::product_id.eq(id)).select(variants::sku).load(conn).await?;
    let skus = skus.iter().map(String::as_str);
    let document = SearchDocument::new(&name, &vendor, skus, &product_type, &tags, &description);
    Sql::<Uuid>::new("UPDATE products SET search = product_search(?, ?, ?, ?) WHERE id = ?")
        .bind::<Text, _>(document.a)
        .bind::<Text, _>(document.b)
        .bind::<Text, _>(document.c)
        .bind::<Text, _>(document.d)
        .bind::<Uuid, _>(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Brings the price ranges of locked products up to date, in every channel, with what their variants cost at `now`; sets when
/// they have to be looked at again. Returns the products that have changed.
pub(in crate::catalog) async fn refresh_ranges(
    conn: &mut Conn,
    ids: &[ProductId],
    now: DateTime<Utc>,
) -> QueryResult<Vec<ProductId>> {
    Sql::<Uuid>::new(
        "WITH target AS MATERIALIZED (SELECT unnest(?) AS id), \
         range AS MATERIALIZED (SELECT v.product_id, vp.channel_id, min(c.price) AS least, max(c.price) AS most, \
             min(c.turn) AS turn \
             FROM target JOIN variants AS v ON v.product_id = target.id JOIN variant_prices AS vp ON vp.variant_id = v.id \
             CROSS JOIN (SELECT ?::timestamptz AS now) AS clock \
             CROSS JOIN LATERAL (SELECT price_at(vp.amount, vp.sale_amount, vp.sale_starts_at, vp.sale_ends_at, clock.now) AS price, \
                 CASE WHEN vp.sale_starts_at > clock.now THEN vp.sale_starts_at \
                      WHEN vp.sale_ends_at > clock.now THEN vp.sale_ends_at END AS turn) AS c \
             GROUP BY v.product_id, vp.channel_id), \
         cleared AS (UPDATE product_channels AS pc SET min_price = NULL, max_price = NULL, prices_until = NULL \
             FROM target WHERE pc.product_id = target.id AND pc.min_price IS NOT NULL AND NOT EXISTS \
             (SELECT FROM range AS r WHERE r.product_id = pc.product_id AND r.channel_id = pc.channel_id) \
             RETURNING pc.product_id), \
         written AS (INSERT INTO product_channels AS pc (product_id, channel_id, min_price, max_price, prices_until) \
             SELECT product_id, channel_id, least, most, turn FROM range \
             ON CONFLICT (product_id, channel_id) DO UPDATE SET min_price = excluded.min_price, \
             max_price = excluded.max_price, prices_until = excluded.prices_until \
             WHERE (pc.min_price, pc.max_price, pc.prices_until) \
             IS DISTINCT FROM (excluded.min_price, excluded.max_price, excluded.prices_until) \
             RETURNING pc.product_id) \
         SELECT product_id FROM cleared UNION SELECT product_id FROM written",
    )
    .bind::<Array<Uuid>, _>(ids)
    .bind::<Timestamptz, _>(now)
    .load(conn)
    .await
}

/// Products whose prices have turned: a sale has begun or ended. At most `limit`.
pub(in crate::catalog) async fn turned(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<ProductId>> {
    Sql::<Uuid>::new(
        "SELECT DISTINCT product_id FROM (SELECT product_id FROM product_channels WHERE prices_until <= ? \
         ORDER BY prices_until LIMIT ?) AS due",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// Publishes a product in channels from a time on (`None` takes it back).
pub(in crate::catalog) async fn set_published(
    conn: &mut Conn,
    id: ProductId,
    channels: &[ChannelId],
    published_at: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    Sql::<Uuid>::new(
        "INSERT INTO product_channels (product_id, channel_id, published_at) \
         SELECT ?, t.id, ? FROM unnest(?) AS t(id) \
         ON CONFLICT (product_id, channel_id) DO UPDATE SET published_at = excluded.published_at",
    )
    .bind::<Uuid, _>(id)
    .bind::<Nullable<Timestamptz>, _>(published_at)
    .bind::<Array<Uuid>, _>(channels)
    .execute(conn)
    .await?;
    Ok(())
}
