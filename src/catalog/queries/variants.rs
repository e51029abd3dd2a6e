//! Variants: by id, and of products.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::model::Variant;
use crate::db::Conn;
use crate::graphql::BatchReader;
use crate::ids::{ChannelId, ProductId, VariantId};
use crate::pagination::Page;
use crate::sql::Sql;

use super::lists::limit;
use super::{ChildPage, by_page, by_parent};

type VariantSql = (
    Uuid,
    Uuid,
    Text,
    Text,
    Integer,
    Array<Text>,
    Text,
    Nullable<BigInt>,
    Bool,
    Bool,
    BigInt,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<Array<Text>>,
);

const COLUMNS: &str = "v.id, v.product_id, v.sku, v.name, v.position, v.option_values, v.barcode, v.weight_grams, \
     v.requires_shipping, v.taxable, v.version, price.now, \
     CASE WHEN price.now < vp.amount THEN vp.amount ELSE vp.compare_at_amount END AS compare_at";

/// Takes the channel and the time.
const FROM: &str = "FROM variants AS v LEFT JOIN variant_prices AS vp ON vp.variant_id = v.id AND vp.channel_id = ? \
     CROSS JOIN LATERAL (SELECT price_at(vp.amount, vp.sale_amount, vp.sale_starts_at, vp.sale_ends_at, ?) AS now) AS price";

/// The variants with these ids, whatever their products' publication; a cart or an order may hold one that is no longer sold.
async fn find(
    conn: &mut Conn,
    channel_id: ChannelId,
    now: DateTime<Utc>,
    ids: &[VariantId],
) -> QueryResult<Vec<Variant>> {
    Sql::<VariantSql>::new(format!(
        "SELECT {COLUMNS}, NULL::text[] {FROM} WHERE v.id = ANY((SELECT ?)::uuid[])"
    ))
    .bind::<Uuid, _>(channel_id)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Uuid>, _>(ids)
    .load(conn)
    .await
}

impl Loader<VariantId> for BatchReader {
    type Value = Variant;
    type Error = async_graphql::Error;

    async fn load(&self, ids: &[VariantId]) -> Result<HashMap<VariantId, Variant>, Self::Error> {
        let mut conn = self.app.db.get().await?;
        let rows =
            find(&mut conn, self.channel.id, self.app.clock.now(), ids).await.map_err(crate::Error::from)?;
        Ok(rows.into_iter().map(|variant| (variant.id, variant)).collect())
    }
}

/// Variants of products, in display order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VariantsOf(pub ChildPage<ProductId>);

impl Loader<VariantsOf> for BatchReader {
    type Value = Page<Variant>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[VariantsOf]) -> Result<HashMap<VariantsOf, Page<Variant>>, Self::Error> {
        let mut conn = self.app.db.get().await?;
        let mut found = HashMap::with_capacity(keys.len());
        for (page, products) in by_page(keys, |key| (key.0.of, key.0.page.clone())) {
            let cursor: Option<(i32, VariantId)> = page.cursor()?;
            // The names of the options are read once for each product, not once more for its variants.
            let mut sql = Sql::<VariantSql>::assembled(format!(
                "SELECT page.*, coalesce(option.names, '{{}}') FROM unnest((SELECT ?)::uuid[]) AS parent(id) \
                 CROSS JOIN LATERAL (SELECT array_agg(o.name ORDER BY o.position, o.id) AS names \
                     FROM product_options AS o WHERE o.product_id = parent.id) AS option \
                 CROSS JOIN LATERAL (SELECT {COLUMNS} {FROM} WHERE v.product_id = parent.id"
            ))
            .bind::<Array<Uuid>, _>(products.as_slice())
            .bind::<Uuid, _>(self.channel.id)
            .bind::<Timestamptz, _>(self.app.clock.now());
            if let Some((position, id)) = cursor {
                sql.push(if page.backward {
                    " AND (v.position, v.id) < (?, ?)"
                } else {
                    " AND (v.position, v.id) > (?, ?)"
                });
                sql.add::<Integer, _>(position);
                sql.add::<Uuid, _>(id);
            }
            let order = if page.backward { "v.position DESC, v.id DESC" } else { "v.position, v.id" };
            sql.push(&format!(" ORDER BY {order} LIMIT {}) AS page", limit(&page)));
            let rows: Vec<Variant> = sql.load(&mut conn).await.map_err(crate::Error::from)?;
            let rows = rows.into_iter().map(|variant| (variant.product_id, variant)).collect();
            for (product_id, mut variants) in by_parent(&products, rows) {
                variants.sort_unstable_by_key(|variant| (variant.position, variant.id));
                if page.backward {
                    variants.reverse();
                }
                variants.truncate(usize::try_from(page.limit()).unwrap_or(usize::MAX));
                let variants = Page::new(variants, &page, |variant| (variant.position, variant.id));
                found.insert(VariantsOf(ChildPage { of: product_id, page: page.clone() }), variants);
            }
        }
        Ok(found)
    }
}

/// How many variants a product has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VariantCountOf(pub ProductId);

impl Loader<VariantCountOf> for BatchReader {
    type Value = i64;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[VariantCountOf]) -> Result<HashMap<VariantCountOf, i64>, Self::Error> {
        let rows: Vec<(ProductId, i64)> = Sql::<(Uuid, BigInt)>::new(
            "SELECT product_id, count(*) FROM variants WHERE product_id = ANY((SELECT ?)::uuid[]) GROUP BY product_id",
        )
        .bind::<Array<Uuid>, _>(keys.iter().map(|key| key.0).collect::<Vec<_>>())
        .load(&mut self.app.db.get().await?)
        .await
        .map_err(crate::Error::from)?;
        Ok(rows.into_iter().map(|(id, count)| (VariantCountOf(id), count)).collect())
    }
}
