//! Which products a list holds and in which order.

use diesel::sql_types::{Array, Text, Timestamptz, Uuid};

use crate::ids::{CollectionId, ProductId};
use crate::sql::Sql;

use super::terms::FacetKey;
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
    /// Comes in one of some values of each of these options.
    pub options: Vec<OptionFilter>,
    /// By typed attributes.
    pub attributes: Vec<AttributeFilter>,
}

/// Comes in one of these values.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionFilter {
    /// The option, such as "Size".
    pub name: String,
    /// One of these.
    pub values: Vec<String>,
}

/// An attribute with one of some values, or a number in a range.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttributeFilter {
    /// Which attribute.
    pub code: String,
    /// One of these texts, choices, dates, or "true" and "false".
    pub values: Option<Vec<String>>,
    /// A decimal number: this or more.
    pub at_least: Option<String>,
    /// A decimal number: this or less.
    pub at_most: Option<String>,
}

impl AttributeFilter {
    /// Whether it asks for numbers.
    pub fn is_range(&self) -> bool {
        self.at_least.is_some() || self.at_most.is_some()
    }

    pub(super) fn at_least_f64(&self) -> Option<f64> {
        self.at_least.as_ref()?.parse().ok()
    }

    pub(super) fn at_most_f64(&self) -> Option<f64> {
        self.at_most.as_ref()?.parse().ok()
    }
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
    /// The facets that it narrows by, each with the values that pass.
    pub fn facet_values(&self) -> Vec<(FacetKey, &[String])> {
        let columns = [
            (FacetKey::Vendor, &self.vendors),
            (FacetKey::ProductType, &self.product_types),
            (FacetKey::Tag, &self.tags),
        ];
        let attributes = self
            .attributes
            .iter()
            .map(|attribute| (FacetKey::Attribute(attribute.code.clone()), &attribute.values));
        let mut facets: Vec<(FacetKey, &[String])> = columns
            .into_iter()
            .chain(attributes)
            .filter_map(|(key, values)| Some((key, values.as_deref()?)))
            .collect();
        facets.extend(
            self.options
                .iter()
                .map(|option| (FacetKey::Option(option.name.clone()), option.values.as_slice())),
        );
        facets
    }

    /// Whether nothing is asked but, perhaps, ids and slugs.
    pub(super) fn names_only(&self) -> bool {
        let Self { ids, slugs, .. } = self;
        *self == Self { ids: ids.clone(), slugs: slugs.clone(), ..Self::default() }
    }

    /// Appends ` FROM products AS p` joined with the channel's row `pc`, and a ` WHERE` that holds what the scope may
    /// see and has one of the ids and slugs.
    pub(super) fn push_named<Row>(&self, sql: &mut Sql<'_, Row>, scope: &Scope) {
        debug_assert!(self.names_only(), "the other conditions are for lists");
        sql.push(" FROM products AS p ");
        push_channel(sql, scope);
        sql.push(if scope.staff { " WHERE true" } else { " WHERE p.status = 'ACTIVE'" });
        push_one_of::<_, Uuid, _>(sql, "p.id", &self.ids);
        push_one_of::<_, Text, _>(sql, "p.slug", &self.slugs);
    }
}

/// Joins the channel's row `pc`: for shoppers it must be published; for staff it may be missing.
pub(super) fn push_channel<Row>(sql: &mut Sql<'_, Row>, scope: &Scope) {
    sql.push(if scope.staff { "LEFT JOIN" } else { "JOIN" });
    sql.push(" product_channels AS pc ON pc.product_id = p.id AND pc.channel_id = ?");
    sql.add::<Uuid, _>(scope.channel_id);
    if !scope.staff {
        // Hidden from the planner as lists are, see `crate::sql`: it takes a time that it does not know to leave a third, one
        // that it knows to leave all, and would plan anew for every time.
        sql.push(" AND pc.published_at <= (SELECT ?)::timestamptz");
        sql.add::<Timestamptz, _>(scope.now);
    }
}

/// A single value as an equation: an index is entered once.
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
