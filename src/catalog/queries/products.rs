//! Products: by id or slug, and lists.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use crate::catalog::filter::{ProductFilter, ProductSort, ProductSortField, SortDirection};
use crate::catalog::model::{Details, Fetched, Image, Product, ProductColumns, ProductStatus, Scope};
use crate::db::Conn;
use crate::error::{Code, Error, Result};
use crate::graphql::BatchReader;
use crate::ids::{ImageId, ProductId};
use crate::pagination::{Page, PageArgs};
use crate::sql::Sql;

/// The SQL type of a [`ProductRow`].
pub(super) type ProductSql = (
    (Uuid, Text, Text, Text, Text, Text, BigInt, Timestamptz, Timestamptz),
    (Nullable<Text>, Nullable<Array<Text>>),
    (Nullable<BigInt>, Nullable<BigInt>),
    (Nullable<Uuid>, Nullable<Text>, Nullable<Text>),
);

/// A product as it is selected; what was not asked for is null.
#[derive(Queryable)]
pub(super) struct ProductRow {
    base: Base,
    details: (Option<String>, Option<Vec<String>>),
    prices: (Option<i64>, Option<i64>),
    image: (Option<ImageId>, Option<String>, Option<String>),
}

#[derive(Queryable)]
pub(super) struct Base {
    id: ProductId,
    slug: String,
    name: String,
    vendor: String,
    product_type: String,
    status: ProductStatus,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl ProductRow {
    pub(super) fn into_product(self, columns: ProductColumns) -> Product {
        let Base { id, slug, name, vendor, product_type, status, version, created_at, updated_at } =
            self.base;
        fn fetched<T>(wanted: bool, value: impl FnOnce() -> T) -> Fetched<T> {
            if wanted { Fetched::Yes(value()) } else { Fetched::No }
        }
        let (description, tags) = self.details;
        let details =
            || Details { description: description.unwrap_or_default(), tags: tags.unwrap_or_default() };
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
            vendor,
            product_type,
            status,
            version,
            created_at,
            updated_at,
            details: fetched(columns.details, details),
            prices: fetched(columns.prices, prices),
            image: fetched(columns.image, image),
        }
    }
}

/// The columns of `p` and `pc`, for a subquery called `page`.
pub(super) fn inner_columns(columns: ProductColumns) -> String {
    let details = if columns.details {
        "p.description, p.tags"
    } else {
        "NULL::text AS description, NULL::text[] AS tags"
    };
    let prices = if columns.prices {
        "pc.min_price, pc.max_price"
    } else {
        "NULL::bigint AS min_price, NULL::bigint AS max_price"
    };
    format!(
        "p.id, p.slug, p.name, p.vendor, p.product_type, p.status, p.version, p.created_at, p.updated_at, {details}, {prices}"
    )
}

/// The columns of the image that [`image_join`] joins.
pub(super) fn image_columns(columns: ProductColumns) -> &'static str {
    if columns.image { "image.id, image.url, image.alt_text" } else { "NULL::uuid, NULL::text, NULL::text" }
}

/// Joins the first image of `page.id`: after the page was cut, so that it is looked up for its rows only.
pub(super) fn image_join(columns: ProductColumns) -> &'static str {
    if columns.image {
        " LEFT JOIN LATERAL (SELECT i.id, i.url, i.alt_text FROM product_images AS i WHERE i.product_id = page.id \
         ORDER BY i.position, i.id LIMIT 1) AS image ON true"
    } else {
        ""
    }
}

/// What stands in a cursor: the order that it belongs to, the sort keys of the row, its id.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor(String, Vec<SortValue>, ProductId);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum SortValue {
    Number(i64),
    Text(String),
}

/// A sort order that is total: the keys, then the id in the direction of the first key.
struct Order {
    keys: Vec<ProductSort>,
    id: SortDirection,
}

/// No price: last when ascending.
const NO_PRICE: i64 = i64::MAX;

impl Order {
    fn new(sort: &[ProductSort]) -> Self {
        let newest_first = ProductSort { field: ProductSortField::CreatedAt, direction: SortDirection::Desc };
        let mut keys: Vec<ProductSort> = Vec::new();
        for key in sort {
            if keys.iter().all(|known| known.field != key.field) {
                keys.push(*key);
            }
        }
        if keys.is_empty() {
            keys.push(newest_first);
        }
        Self { id: keys[0].direction, keys }
    }

    /// Names the order, so that a cursor of another one is refused.
    fn name(&self) -> String {
        let letter = |key: &ProductSort| match (key.field, key.direction) {
            (ProductSortField::Name, SortDirection::Asc) => 'n',
            (ProductSortField::Name, SortDirection::Desc) => 'N',
            (ProductSortField::CreatedAt, SortDirection::Asc) => 'c',
            (ProductSortField::CreatedAt, SortDirection::Desc) => 'C',
            (ProductSortField::Price, SortDirection::Asc) => 'p',
            (ProductSortField::Price, SortDirection::Desc) => 'P',
        };
        self.keys.iter().map(letter).collect()
    }

    fn by_price(&self) -> bool {
        self.keys.iter().any(|key| key.field == ProductSortField::Price)
    }

    /// The sort expressions over `p` and `pc`, or over the subquery `page` that has their columns.
    fn expressions(&self, in_page: bool) -> Vec<&'static str> {
        let expression = |key: &ProductSort| match (key.field, in_page) {
            (ProductSortField::Name, false) => "p.name",
            (ProductSortField::Name, true) => "page.name",
            (ProductSortField::CreatedAt, false) => "p.created_at",
            (ProductSortField::CreatedAt, true) => "page.created_at",
            (ProductSortField::Price, false) => "coalesce(pc.min_price, 9223372036854775807)",
            (ProductSortField::Price, true) => "coalesce(page.min_price, 9223372036854775807)",
        };
        // An index cannot follow a comparison over two tables.
        let id = match (in_page, self.by_price()) {
            (true, _) => "page.id",
            (false, true) => "pc.product_id",
            (false, false) => "p.id",
        };
        self.keys.iter().map(expression).chain([id]).collect()
    }

    fn directions(&self, backward: bool) -> Vec<bool> {
        let ascends = |direction: SortDirection| (direction == SortDirection::Asc) != backward;
        self.keys.iter().map(|key| ascends(key.direction)).chain([ascends(self.id)]).collect()
    }

    fn order_by(&self, in_page: bool, backward: bool) -> String {
        let terms: Vec<String> = self
            .expressions(in_page)
            .into_iter()
            .zip(self.directions(backward))
            .map(|(expression, ascends)| format!("{expression}{}", if ascends { "" } else { " DESC" }))
            .collect();
        format!(" ORDER BY {}", terms.join(", "))
    }

    fn cursor_of(&self, name: &str, product: &Product) -> Cursor {
        let value = |key: &ProductSort| match key.field {
            ProductSortField::Name => SortValue::Text(product.name.clone()),
            ProductSortField::CreatedAt => SortValue::Number(product.created_at.timestamp_micros()),
            ProductSortField::Price => SortValue::Number(match &product.prices {
                Fetched::Yes(Some((least, _))) => *least,
                _ => NO_PRICE,
            }),
        };
        Cursor(name.to_owned(), self.keys.iter().map(value).collect(), product.id)
    }

    /// Appends the condition that a row comes after the cursor's. With one direction throughout it is a comparison of
    /// rows, which an index can follow; else it is spelled out key by key.
    fn push_after<Row>(&self, sql: &mut Sql<'_, Row>, cursor: Cursor, backward: bool) -> Result<()> {
        let foreign = || Error::request(Code::BadUserInput, "The cursor does not belong to this list.");
        let Cursor(name, values, id) = cursor;
        if name != self.name() || values.len() != self.keys.len() {
            return Err(foreign());
        }
        let mut bound = Vec::with_capacity(values.len() + 1);
        for (key, value) in self.keys.iter().zip(values) {
            bound.push(match (key.field, value) {
                (ProductSortField::Name, SortValue::Text(text)) if !text.contains('\0') => Bound::Text(text),
                (ProductSortField::Price, SortValue::Number(number)) => Bound::Number(number),
                (ProductSortField::CreatedAt, SortValue::Number(number)) => {
                    Bound::Time(DateTime::from_timestamp_micros(number).ok_or_else(foreign)?)
                }
                _ => return Err(foreign()),
            });
        }
        bound.push(Bound::Id(id));
        let expressions = self.expressions(false);
        let directions = self.directions(backward);
        let operator = |ascends: bool| if ascends { ">" } else { "<" };
        if self.keys.len() > 1 {
            // For the index of the first key alone.
            sql.push(&format!(" AND {} {}= ?", expressions[0], operator(directions[0])));
            bound[0].add(sql);
        }
        if directions.iter().all(|&ascends| ascends == directions[0]) {
            let marks = vec!["?"; bound.len()].join(", ");
            sql.push(&format!(" AND ({}) {} ({marks})", expressions.join(", "), operator(directions[0])));
            for value in &bound {
                value.add(sql);
            }
            return Ok(());
        }
        sql.push(" AND (");
        for last in 0..expressions.len() {
            sql.push(if last == 0 { "(" } else { " OR (" });
            for key in 0..last {
                sql.push(&format!("{} = ? AND ", expressions[key]));
                bound[key].add(sql);
            }
            sql.push(&format!("{} {} ?)", expressions[last], operator(directions[last])));
            bound[last].add(sql);
        }
        sql.push(")");
        Ok(())
    }
}

enum Bound {
    Text(String),
    Number(i64),
    Time(DateTime<Utc>),
    Id(ProductId),
}

impl Bound {
    fn add<Row>(&self, sql: &mut Sql<'_, Row>) {
        match self {
            Bound::Text(text) => sql.add::<Text, _>(text.clone()),
            Bound::Number(number) => sql.add::<BigInt, _>(*number),
            Bound::Time(time) => sql.add::<Timestamptz, _>(*time),
            Bound::Id(id) => sql.add::<Uuid, _>(*id),
        }
    }
}

/// As many rows as the page needs, rounded up to one of a few numbers. The limit stands in the text, because the plan
/// depends on it; few limits make few plans.
pub(super) fn limit(page: &PageArgs) -> i64 {
    [2, 11, 21, 26, 51].into_iter().find(|&limit| page.limit() <= limit).unwrap_or(101)
}

/// A page of the products that the scope may see and the filter lets pass. One statement.
pub(in crate::catalog) async fn list(
    conn: &mut Conn,
    scope: &Scope,
    filter: &ProductFilter,
    sort: &[ProductSort],
    mut columns: ProductColumns,
    page: &PageArgs,
) -> Result<Page<Product>> {
    let order = Order::new(sort);
    columns.prices |= order.by_price();
    let mut sql = Sql::<ProductSql>::assembled(format!(
        "SELECT page.*, {} FROM (SELECT {}",
        image_columns(columns),
        inner_columns(columns)
    ));
    if order.keys.len() > 1 || filter.conditions() > 1 {
        sql = sql.rare();
    }
    filter.push_from(&mut sql, scope, order.by_price());
    if let Some(cursor) = page.cursor()? {
        order.push_after(&mut sql, cursor, page.backward)?;
    }
    sql.push(&format!(
        "{} LIMIT {}) AS page{}{}",
        order.order_by(false, page.backward),
        limit(page),
        image_join(columns),
        order.order_by(true, page.backward)
    ));
    let rows: Vec<ProductRow> = sql.load(conn).await?;
    let mut products: Vec<Product> = rows.into_iter().map(|row| row.into_product(columns)).collect();
    products.truncate(usize::try_from(page.limit()).unwrap_or(usize::MAX));
    let name = order.name();
    Ok(Page::new(products, page, |product| order.cursor_of(&name, product)))
}

/// How many products a list has.
pub(in crate::catalog) async fn count(conn: &mut Conn, scope: &Scope, filter: &ProductFilter) -> Result<i64> {
    let mut sql = Sql::<BigInt>::assembled("SELECT count(*)");
    if filter.conditions() > 1 {
        sql = sql.rare();
    }
    filter.push_from(&mut sql, scope, false);
    Ok(sql.get_result(conn).await?)
}

/// The products that pass the filter, in no order; for filters that name few.
pub(in crate::catalog) async fn load(
    conn: &mut Conn,
    scope: &Scope,
    filter: &ProductFilter,
    columns: ProductColumns,
) -> Result<Vec<Product>> {
    let mut sql = Sql::<ProductSql>::assembled(format!(
        "SELECT page.*, {} FROM (SELECT {}",
        image_columns(columns),
        inner_columns(columns)
    ));
    filter.push_from(&mut sql, scope, false);
    sql.push(") AS page");
    sql.push(image_join(columns));
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
