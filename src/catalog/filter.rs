//! Which products a list holds and in which order.

use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid};

use crate::ids::{CollectionId, ProductId};
use crate::sql::Sql;

use super::{ProductStatus, Scope};

/// Conditions that all hold. In a list of values one has to match.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProductFilter {
    /// By id.
    pub ids: Option<Vec<ProductId>>,
    /// By slug.
    pub slugs: Option<Vec<String>>,
    /// By maker.
    pub vendors: Option<Vec<String>>,
    /// By kind.
    pub product_types: Option<Vec<String>>,
    /// Has one of these tags.
    pub tags: Option<Vec<String>>,
    /// Is in one of these collections.
    pub collections: Option<Vec<CollectionId>>,
    /// By status; for staff.
    pub statuses: Option<Vec<ProductStatus>>,
    /// Some variant may cost this much or more, in minor units.
    pub price_at_least: Option<i64>,
    /// Some variant may cost this much or less, in minor units.
    pub price_at_most: Option<i64>,
    /// Whether some variant can be ordered now.
    pub available: Option<bool>,
}

/// A sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "ProductSortField")]
pub enum ProductSortField {
    /// By name, as the database collates it.
    Name,
    /// By the time it was made.
    CreatedAt,
    /// By the lowest price in the channel; products without one come last when ascending.
    Price,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
pub enum SortDirection {
    /// From the least to the greatest.
    Asc,
    /// From the greatest to the least.
    Desc,
}

/// A sort key and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductSort {
    /// The key.
    pub field: ProductSortField,
    /// Which way.
    pub direction: SortDirection,
}

impl ProductFilter {
    /// How many conditions there are.
    pub fn conditions(&self) -> usize {
        [
            self.ids.is_some(),
            self.slugs.is_some(),
            self.vendors.is_some(),
            self.product_types.is_some(),
            self.tags.is_some(),
            self.collections.is_some(),
            self.statuses.is_some(),
            self.price_at_least.is_some(),
            self.price_at_most.is_some(),
            self.available.is_some(),
        ]
        .into_iter()
        .filter(|&given| given)
        .count()
    }

    /// Appends ` FROM products AS p` joined with the channel's row `pc`, and a ` WHERE` that holds what the scope may
    /// see and what passes the filter.
    pub fn push_from<Row>(&self, sql: &mut Sql<'_, Row>, scope: &Scope, by_price: bool) {
        sql.push(" FROM products AS p ");
        push_channel(sql, scope, by_price);
        sql.push(if scope.staff { " WHERE true" } else { " WHERE p.status = 'ACTIVE'" });
        self.push_conditions(sql);
    }

    /// Appends the conditions, each with a leading ` AND`, over `products AS p` and `product_channels AS pc`.
    fn push_conditions<Row>(&self, sql: &mut Sql<'_, Row>) {
        push_one_of::<_, Uuid, _>(sql, "p.id", &self.ids);
        push_one_of::<_, Text, _>(sql, "p.slug", &self.slugs);
        push_one_of::<_, Text, _>(sql, "p.vendor", &self.vendors);
        push_one_of::<_, Text, _>(sql, "p.product_type", &self.product_types);
        push_one_of::<_, Text, _>(sql, "p.status", &self.statuses);
        if let Some(tags) = &self.tags {
            sql.push(" AND p.tags && ?");
            sql.add::<Array<Text>, _>(tags.clone());
        }
        if let Some(collections) = &self.collections {
            sql.push(
                " AND EXISTS (SELECT FROM collection_products AS cp WHERE cp.product_id = p.id AND cp.collection_id = ANY(?))",
            );
            sql.add::<Array<Uuid>, _>(collections.clone());
        }
        if let Some(price) = self.price_at_least {
            sql.push(" AND pc.max_price >= ?");
            sql.add::<BigInt, _>(price);
        }
        if let Some(price) = self.price_at_most {
            sql.push(" AND pc.min_price <= ?");
            sql.add::<BigInt, _>(price);
        }
        if let Some(available) = self.available {
            sql.push(if available { " AND EXISTS" } else { " AND NOT EXISTS" });
            sql.push(
                " (SELECT FROM variants AS v JOIN stock_levels AS s ON s.variant_id = v.id \
                 WHERE v.product_id = p.id AND (s.backorderable OR s.on_hand > s.reserved))",
            );
        }
    }
}

/// Joins the channel's row `pc`: for shoppers it must be published; for staff it may be missing, unless products are
/// sorted by its price (an outer join could not follow the index).
pub(super) fn push_channel<Row>(sql: &mut Sql<'_, Row>, scope: &Scope, by_price: bool) {
    sql.push(if scope.staff && !by_price { "LEFT JOIN" } else { "JOIN" });
    sql.push(" product_channels AS pc ON pc.product_id = p.id AND pc.channel_id = ?");
    sql.add::<Uuid, _>(scope.channel_id);
    if !scope.staff {
        sql.push(" AND pc.published_at <= ?");
        sql.add::<Timestamptz, _>(scope.now);
    }
}

/// A single value as an equation, which an index can follow in sort order.
fn push_one_of<'a, Row, ST, T>(sql: &mut Sql<'a, Row>, column: &str, values: &Option<Vec<T>>)
where
    T: Clone + Send + std::fmt::Debug + diesel::serialize::ToSql<ST, diesel::pg::Pg> + 'a,
    diesel::pg::Pg: diesel::sql_types::HasSqlType<ST>,
    ST: 'static + diesel::sql_types::SqlType<IsNull = diesel::sql_types::is_nullable::NotNull>,
{
    let Some(values) = values else { return };
    sql.push(" AND ");
    sql.push(column);
    match values.as_slice() {
        [value] => {
            sql.push(" = ?");
            sql.add::<ST, _>(value.clone());
        }
        _ => {
            sql.push(" = ANY(?)");
            sql.add::<Array<ST>, _>(values.clone());
        }
    }
}
