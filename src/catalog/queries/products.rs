//! Products by id or slug, and how their rows are read.

use std::collections::HashMap;

use crate::catalog::filter::ProductFilter;
use crate::catalog::model::{Fetched, Image, Product, ProductColumns, ProductDetails, Scope};
use crate::db::Conn;
use crate::error::Result;
use crate::graphql::BatchReader;
use crate::ids::ProductId;
use crate::sql::Sql;
use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::pg::Pg;
use diesel::row::{NamedRow, Row};
use diesel::sql_types::{Array, BigInt, Nullable, SqlType, Text, Timestamptz, Untyped, Uuid, is_nullable};
use diesel_async::RunQueryDsl;

/// A product as it is selected by [`columns_of`]; what was not asked for is null, or not there.
pub(super) struct ProductRow {
    id: ProductId,
    slug: String,
    name: String,
    created_at: DateTime<Utc>,
    prices: Option<(i64, i64)>,
    image: Option<Image>,
    description: Option<String>,
    tags: Option<Vec<String>>,
    details: Option<ProductDetails>,
}

impl ProductRow {
    /// From the columns of a row, the first of which has this place.
    pub(super) fn read<'a>(row: &impl Row<'a, Pg>, first: usize) -> deserialize::Result<Self> {
        let mut columns = Columns { row, next: first };
        let id = columns.read::<Uuid, _>()?;
        let slug = columns.read::<Text, _>()?;
        let name = columns.read::<Text, _>()?;
        let created_at = columns.read::<Timestamptz, _>()?;
        let (least, most) = (columns.read_if::<BigInt, _>()?, columns.read_if::<BigInt, _>()?);
        let image_id = columns.read_if::<Uuid, _>()?;
        let (url, alt_text) = (columns.read_if::<Text, _>()?, columns.read_if::<Text, _>()?);
        let image =
            image_id.zip(url).map(|(id, url)| Image { id, url, alt_text: alt_text.unwrap_or_default() });
        let description = columns.read_if::<Text, _>()?;
        let tags = columns.read_if::<Array<Text>, _>()?;
        let details = match columns.read_if::<Text, _>()? {
            Some(vendor) => Some(ProductDetails {
                vendor,
                product_type: columns.read::<Text, _>()?,
                status: columns.read::<Text, _>()?,
                version: columns.read::<BigInt, _>()?,
                updated_at: columns.read::<Timestamptz, _>()?,
            }),
            None => None,
        };
        Ok(Self { id, slug, name, created_at, prices: least.zip(most), image, description, tags, details })
    }

    pub(super) fn into_product(self, columns: ProductColumns) -> Product {
        fn fetched<T>(wanted: bool, value: impl FnOnce() -> T) -> Fetched<T> {
            if wanted { Fetched::Yes(value()) } else { Fetched::No }
        }
        Product {
            id: self.id,
            slug: self.slug,
            name: self.name,
            created_at: self.created_at,
            details: self.details.map_or(Fetched::No, Fetched::Yes),
            description: fetched(columns.description, || self.description.unwrap_or_default()),
            tags: fetched(columns.tags, || self.tags.unwrap_or_default()),
            prices: fetched(columns.prices, || self.prices),
            image: fetched(columns.image, || self.image),
        }
    }
}

impl QueryableByName<Pg> for ProductRow {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        Self::read(row, 0)
    }
}

/// The columns of a row, one after the other.
struct Columns<'r, R> {
    row: &'r R,
    next: usize,
}

impl<'a, R: Row<'a, Pg>> Columns<'_, R> {
    /// The next one.
    fn read<ST, T: FromSql<ST, Pg>>(&mut self) -> deserialize::Result<T> {
        let place = self.next;
        self.next += 1;
        self.row.get_value(place)
    }

    /// The next one, if it is there and not null.
    fn read_if<ST, T>(&mut self) -> deserialize::Result<Option<T>>
    where
        ST: SqlType<IsNull = is_nullable::NotNull>,
        T: FromSql<ST, Pg>,
    {
        if self.next < self.row.field_count() { self.read::<Nullable<ST>, Option<T>>() } else { Ok(None) }
    }
}

/// Columns that are wanted together: whether they are, the relation, the names.
type Group<'a> = (bool, &'a str, &'static [&'static str]);

/// In the order of [`ProductRow::read`], after what every product has.
fn groups<'a>(columns: ProductColumns, p: &'a str, priced: &'a str) -> [Group<'a>; 5] {
    [
        (columns.prices, priced, &["min_price", "max_price"]),
        (columns.image, "image", &["id", "url", "alt_text"]),
        (columns.description, p, &["description"]),
        (columns.tags, p, &["tags"]),
        (columns.details, p, &["vendor", "product_type", "status", "version", "updated_at"]),
    ]
}

/// The columns of a [`ProductRow`]: those of the relation `p`, prices of `priced`, and those of the image that [`image_join`] joins.
/// What is not wanted is null where something follows, and else not there: a list is the faster the fewer there are.
pub(super) fn columns_of(columns: ProductColumns, p: &str, priced: &str) -> String {
    let groups = groups(columns, p, priced);
    let count = groups.iter().rposition(|(is_wanted, ..)| *is_wanted).map_or(0, |last| last + 1);
    listed(p, groups.into_iter().take(count))
}

/// What of it has to be selected of `p` and `priced` where a page is cut out of them before the images are joined.
pub(super) fn columns_within(columns: ProductColumns, priced: &str) -> String {
    let groups = groups(ProductColumns { image: false, ..columns }, "p", priced);
    listed("p", groups.into_iter().filter(|(is_wanted, ..)| *is_wanted))
}

/// What every product has, and the groups.
fn listed<'a>(p: &str, groups: impl Iterator<Item = Group<'a>>) -> String {
    let mut text = format!("{p}.id, {p}.slug, {p}.name, {p}.created_at");
    for (is_wanted, of, names) in groups {
        for name in names {
            if is_wanted {
                text.extend([", ", of, ".", name]);
            } else {
                text.push_str(", NULL");
            }
        }
    }
    text
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
    let mut sql = Sql::<Untyped>::assembled(format!(
        "SELECT {} FROM (SELECT {}",
        columns_of(columns, "page", "page"),
        columns_within(columns, "pc")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_end_with_the_last_that_is_wanted() {
        let base = "p.id, p.slug, p.name, p.created_at";
        assert_eq!(columns_of(ProductColumns::NONE, "p", "pc"), base);
        let described = ProductColumns { description: true, ..ProductColumns::NONE };
        assert_eq!(
            columns_of(described, "p", "pc"),
            format!("{base}, NULL, NULL, NULL, NULL, NULL, p.description")
        );
        assert_eq!(columns_within(described, "pc"), format!("{base}, p.description"));
        assert_eq!(columns_of(ProductColumns::ALL, "p", "pc").split(", ").count(), 16);
    }
}
