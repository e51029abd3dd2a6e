//! Products by id or slug, and how their rows are read.

use std::collections::HashMap;

use crate::catalog::filter::ProductFilter;
use crate::catalog::model::{Fetched, Image, Product, ProductColumns, ProductDetails, Scope};
use crate::db::Conn;
use crate::error::Result;
use crate::graphql::BatchReader;
use crate::ids::{ImageId, ProductId};
use crate::sql::Sql;
use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

/// The SQL type of a [`ProductRow`].
pub(super) type ProductSql = (
    (Uuid, Text, Text, Timestamptz),
    Nullable<(Text, Text, Text, BigInt, Timestamptz)>,
    (Nullable<Text>, Nullable<Array<Text>>),
    (Nullable<BigInt>, Nullable<BigInt>),
    (Nullable<Uuid>, Nullable<Text>, Nullable<Text>),
);

/// A product as it is selected; what was not asked for is null.
#[derive(Queryable)]
pub(super) struct ProductRow {
    base: (ProductId, String, String, DateTime<Utc>),
    details: Option<ProductDetails>,
    long: (Option<String>, Option<Vec<String>>),
    prices: (Option<i64>, Option<i64>),
    image: (Option<ImageId>, Option<String>, Option<String>),
}

impl ProductRow {
    pub(super) fn into_product(self, columns: ProductColumns) -> Product {
        fn fetched<T>(wanted: bool, value: impl FnOnce() -> T) -> Fetched<T> {
            if wanted { Fetched::Yes(value()) } else { Fetched::No }
        }
        let (id, slug, name, created_at) = self.base;
        let (description, tags) = self.long;
        let prices = || self.prices.0.zip(self.prices.1);
        let image = || match self.image {
            (Some(id), Some(url), alt_text) => {
                Some(Image { id, url, alt_text: alt_text.unwrap_or_default() })
            }
            _ => None,
        };
        Product {
            id,
            slug,
            name,
            created_at,
            details: self.details.map_or(Fetched::No, Fetched::Yes),
            description: fetched(columns.description, || description.unwrap_or_default()),
            tags: fetched(columns.tags, || tags.unwrap_or_default()),
            prices: fetched(columns.prices, prices),
            image: fetched(columns.image, image),
        }
    }
}

/// The columns of `p`, and of the relation that has the prices.
pub(super) fn columns_with_prices_of(columns: ProductColumns, priced: &str) -> String {
    let details = if columns.details {
        "p.vendor, p.product_type, p.status, p.version, p.updated_at"
    } else {
        "NULL::text AS vendor, NULL::text AS product_type, NULL::text AS status, NULL::bigint AS version, \
         NULL::timestamptz AS updated_at"
    };
    let description = if columns.description { "p.description" } else { "NULL::text AS description" };
    let tags = if columns.tags { "p.tags" } else { "NULL::text[] AS tags" };
    let prices = if columns.prices {
        format!("{priced}.min_price, {priced}.max_price")
    } else {
        "NULL::bigint AS min_price, NULL::bigint AS max_price".to_owned()
    };
    format!("p.id, p.slug, p.name, p.created_at, {details}, {description}, {tags}, {prices}")
}

/// The columns of the image that [`image_join`] joins.
pub(super) fn image_columns(columns: ProductColumns) -> &'static str {
    if columns.image { "image.id, image.url, image.alt_text" } else { "NULL::uuid, NULL::text, NULL::text" }
}

/// Joins the first image of a product: after the page was cut, so that it is looked up for its rows only.
pub(super) fn image_join(columns: ProductColumns, product_id: &str) -> String {
    if !columns.image {
        return String::new();
    }
    format!(
        " LEFT JOIN LATERAL (SELECT i.id, i.url, i.alt_text FROM product_images AS i WHERE i.product_id = {product_id} \
         ORDER BY i.position, i.id LIMIT 1) AS image ON true"
    )
}

/// The products with the ids or slugs of the filter that the scope may see, in no order.
pub(in crate::catalog) async fn load(
    conn: &mut Conn,
    scope: &Scope,
    filter: &ProductFilter,
    columns: ProductColumns,
) -> Result<Vec<Product>> {
    let mut sql = Sql::<ProductSql>::assembled(format!(
        "SELECT page.*, {} FROM (SELECT {}",
        image_columns(columns),
        columns_with_prices_of(columns, "pc")
    ));
    filter.push_named(&mut sql, scope);
    sql.push(") AS page");
    sql.push(&image_join(columns, "page.id"));
    let rows: Vec<ProductRow> = sql.load(conn).await?;
    Ok(rows.into_iter().map(|row| row.into_product(columns)).collect())
}

impl Loader<ProductId> for BatchReader {
    type Value = Product;
    type Error = async_graphql::Error;

    /// Every column of the products that the viewer may see.
    async fn load(&self, ids: &[ProductId]) -> Result<HashMap<ProductId, Product>, Self::Error> {
        let filter = ProductFilter { ids: Some(ids.to_vec()), ..ProductFilter::default() };
        let mut conn = self.app.db.get().await?;
        let products = load(&mut conn, &self.scope(), &filter, ProductColumns::ALL).await?;
        Ok(products.into_iter().map(|product| (product.id, product)).collect())
    }
}

impl BatchReader {
    /// The viewer's view of the catalog.
    pub(in crate::catalog) fn scope(&self) -> Scope {
        Scope::of(&self.viewer, &self.channel, self.app.clock.now())
    }
}
