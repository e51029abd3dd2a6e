//! Reading whole products out of the catalog's tables, for exports and for imports that change what is there.

use diesel::sql_types::{Array, BigInt, Jsonb, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::ProductRecord;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{ChannelId, ProductId};
use crate::sql::Sql;

/// A product, built by the database: one row per product however many children it has. What has an order has it here.
const SELECT: &str = "SELECT p.id, jsonb_build_object( \
    'slug', p.slug, 'name', p.name, 'description', p.description, 'vendor', p.vendor, 'product_type', p.product_type, \
    'tags', p.tags, 'status', p.status, 'attributes', p.attributes, 'metadata', p.metadata, \
    'private_metadata', p.private_metadata, \
    'translations', coalesce((SELECT jsonb_agg(jsonb_build_object('locale', t.locale, 'name', t.name, \
        'description', t.description) ORDER BY t.locale) FROM product_translations AS t WHERE t.product_id = p.id), '[]'), \
    'options', coalesce((SELECT jsonb_agg(jsonb_build_object('name', o.name, 'values', o.\"values\") \
        ORDER BY o.position, o.id) FROM product_options AS o WHERE o.product_id = p.id), '[]'), \
    'images', coalesce((SELECT jsonb_agg(jsonb_build_object('url', i.url, 'alt_text', i.alt_text) \
        ORDER BY i.position, i.id) FROM product_images AS i WHERE i.product_id = p.id), '[]'), \
    'channels', coalesce((SELECT jsonb_agg(jsonb_build_object('channel_id', pc.channel_id, \
        'published_at', pc.published_at) ORDER BY pc.channel_id) FROM product_channels AS pc \
        WHERE pc.product_id = p.id), '[]'), \
    'collections', coalesce((SELECT jsonb_agg(jsonb_build_object('slug', c.slug, 'position', cp.position) \
        ORDER BY c.slug COLLATE \"C\") FROM collection_products AS cp JOIN collections AS c ON c.id = cp.collection_id \
        WHERE cp.product_id = p.id AND c.rule IS NULL), '[]'), \
    'variants', coalesce((SELECT jsonb_agg(jsonb_build_object('sku', v.sku, 'option_values', v.option_values, \
        'barcode', v.barcode, 'weight_grams', v.weight_grams, 'requires_shipping', v.requires_shipping, \
        'taxable', v.taxable, 'metadata', v.metadata, 'private_metadata', v.private_metadata, \
        'prices', coalesce((SELECT jsonb_agg(jsonb_build_object('channel_id', vp.channel_id, 'amount', vp.amount, \
            'compare_at', vp.compare_at_amount, 'sale_amount', vp.sale_amount, 'sale_starts_at', vp.sale_starts_at, \
            'sale_ends_at', vp.sale_ends_at) ORDER BY vp.channel_id) \
            FROM variant_prices AS vp WHERE vp.variant_id = v.id), '[]'), \
        'stock', coalesce((SELECT jsonb_agg(jsonb_build_object('location_id', s.location_id, 'on_hand', s.on_hand, \
            'backorderable', s.backorderable) ORDER BY s.location_id) \
            FROM stock_levels AS s WHERE s.variant_id = v.id), '[]')) \
        ORDER BY v.position, v.id) FROM variants AS v WHERE v.product_id = p.id), '[]')) FROM products AS p ";

fn record((id, record): (ProductId, serde_json::Value)) -> Result<(ProductId, ProductRecord)> {
    let mut record: ProductRecord = serde_json::from_value(record).map_err(Error::fault)?;
    record.tags.sort();
    record.tags.dedup();
    Ok((id, record))
}

/// The next products in the order of their ids: those of a channel, or all.
pub async fn products_after(
    conn: &mut Conn,
    channel: Option<ChannelId>,
    after: Option<ProductId>,
    limit: i64,
) -> Result<Vec<(ProductId, ProductRecord)>> {
    let after = after.unwrap_or(ProductId(uuid::Uuid::nil()));
    let rows: Vec<(ProductId, serde_json::Value)> = match channel {
        Some(channel_id) => {
            Sql::<(Uuid, Jsonb)>::new(format!(
                "{SELECT} JOIN product_channels AS here ON here.product_id = p.id \
                 WHERE here.channel_id = ? AND p.id > ? ORDER BY p.id LIMIT ?"
            ))
            .bind::<Uuid, _>(channel_id)
            .bind::<Uuid, _>(after)
            .bind::<BigInt, _>(limit)
            .load(conn)
            .await?
        }
        None => {
            Sql::<(Uuid, Jsonb)>::new(format!("{SELECT} WHERE p.id > ? ORDER BY p.id LIMIT ?"))
                .bind::<Uuid, _>(after)
                .bind::<BigInt, _>(limit)
                .load(conn)
                .await?
        }
    };
    rows.into_iter().map(record).collect()
}

/// The products with these ids, in no order.
pub async fn products_by_id(conn: &mut Conn, ids: &[ProductId]) -> Result<Vec<(ProductId, ProductRecord)>> {
    let rows: Vec<(ProductId, serde_json::Value)> =
        Sql::<(Uuid, Jsonb)>::new(format!("{SELECT} WHERE p.id = ANY(?)"))
            .bind::<Array<Uuid>, _>(ids)
            .load(conn)
            .await?;
    rows.into_iter().map(record).collect()
}

/// How many products there are: those of a channel, or all.
pub async fn count_products(conn: &mut Conn, channel: Option<ChannelId>) -> diesel::QueryResult<i64> {
    match channel {
        Some(channel_id) => {
            Sql::<BigInt>::new("SELECT count(*) FROM product_channels WHERE channel_id = ?")
                .bind::<Uuid, _>(channel_id)
                .get_result(conn)
                .await
        }
        None => Sql::<BigInt>::new("SELECT count(*) FROM products").get_result(conn).await,
    }
}

/// The most options that any product has.
pub async fn most_options(conn: &mut Conn) -> diesel::QueryResult<i64> {
    Sql::<BigInt>::new(
        "SELECT coalesce(max(n), 0)::bigint FROM (SELECT count(*) AS n FROM product_options GROUP BY product_id) AS t",
    )
    .get_result(conn)
    .await
}
