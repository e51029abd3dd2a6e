//! Which products a list, a count or a search is about: what the index can tell, and what only the rows can.

use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid};

use crate::sql::Sql;

use super::filter::ProductFilter;
use super::model::Scope;
use super::terms::{self, FacetKey};

/// Products that a scope may see, that a filter lets pass, and that have the words of a question.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Whose view of the catalog.
    pub scope: Scope,
    /// The conditions.
    pub filter: ProductFilter,
    /// The words, as a tsquery; made of [`terms`].
    pub words: Option<String>,
}

/// A sample is one of `2^SAMPLE_LEVEL` parts.
pub const SAMPLE_LEVEL: u8 = 8;

/// What the candidates of a query are read from, in SQL: a publication as `pc`, or a product as `p` with its publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The publications in the channel: all that shoppers see, and what has a price there.
    Channel,
    /// Every product.
    Products,
}

impl Base {
    /// The column with the product's id.
    pub fn id(self) -> &'static str {
        match self {
            Base::Channel => "pc.product_id",
            Base::Products => "p.id",
        }
    }
}

impl Selection {
    /// Everything that the scope may see and the filter lets pass.
    pub fn new(scope: Scope, filter: ProductFilter) -> Self {
        Self { scope, filter, words: None }
    }

    /// Whether ids or slugs name the few products that come into question.
    pub fn is_named(&self) -> bool {
        self.filter.ids.is_some() || self.filter.slugs.is_some()
    }

    /// What narrows the catalog down, as far as the index can tell; all of it where `except` is none.
    pub fn narrowing(&self, except: Option<&FacetKey>) -> Vec<String> {
        let filter = &self.filter;
        let mut all: Vec<String> = self.words.iter().map(|words| format!("({words})")).collect();
        for (key, values) in filter.facet_values() {
            if Some(&key) != except {
                all.push(key.is_one_of(values));
            }
        }
        if let Some(collections) = &filter.collections {
            all.push(terms::any_of(collections.iter().map(|&id| terms::member_of(id))));
        }
        if let Some(statuses) = &filter.statuses {
            all.push(terms::any_of(statuses.iter().map(|&status| terms::has_status(status))));
        }
        match filter.available {
            Some(true) => all.push(terms::available()),
            Some(false) => all.push(format!("!{}", terms::available())),
            None => {}
        }
        all.extend(terms::price_between(self.scope.channel_id, filter.price_at_least, filter.price_at_most));
        for attribute in &filter.attributes {
            all.extend(terms::number_between(
                &attribute.code,
                attribute.at_least_f64(),
                attribute.at_most_f64(),
            ));
        }
        all
    }

    /// What the index is asked: the narrowing, and for shoppers what is listed in the channel. `None` asks for everything.
    pub fn matching(&self, except: Option<&FacetKey>) -> Option<String> {
        let mut all = self.narrowing(except);
        if !self.scope.staff {
            all.push(terms::listed_in(self.scope.channel_id));
        } else if !all.is_empty() && all.iter().all(|term| term.starts_with('!')) {
            // The index cannot start from what is not there.
            all.push(terms::everything());
        }
        terms::all_of(all)
    }

    /// What the index is asked to find out about how much matches: the same of a [`SAMPLE_LEVEL`] part of what the scope
    /// may see.
    pub fn sampled(&self, except: Option<&FacetKey>) -> String {
        let mut all = self.narrowing(except);
        all.push(self.sample());
        terms::all_of(all).unwrap_or_default()
    }

    /// Matches the part of what the scope may see that stands for the whole.
    pub fn sample(&self) -> String {
        if self.scope.staff {
            terms::part_of(SAMPLE_LEVEL, 0)
        } else {
            terms::sample_of(self.scope.channel_id)
        }
    }

    /// Whether rows have to be looked at because terms cannot tell exactly.
    pub fn has_conditions(&self) -> bool {
        self.is_named()
            || self.filter.price_at_least.is_some()
            || self.filter.price_at_most.is_some()
            || self.filter.attributes.iter().any(|attribute| attribute.is_range())
    }

    /// Appends ` FROM …` with the base.
    pub fn push_base<Row>(&self, sql: &mut Sql<'_, Row>, base: Base) {
        match base {
            Base::Channel => sql.push(" FROM product_channels AS pc"),
            Base::Products => {
                sql.push(
                    " FROM products AS p LEFT JOIN product_channels AS pc ON pc.product_id = p.id AND pc.channel_id = ?",
                );
                sql.add::<Uuid, _>(self.scope.channel_id);
            }
        }
    }

    /// Appends ` WHERE …` with what the scope may see of the base.
    pub fn push_scope<Row>(&self, sql: &mut Sql<'_, Row>, base: Base) {
        match base {
            Base::Channel => {
                sql.push(" WHERE pc.channel_id = ?");
                sql.add::<Uuid, _>(self.scope.channel_id);
                if !self.scope.staff {
                    sql.push(" AND pc.listed AND pc.published_at <= ?");
                    sql.add::<Timestamptz, _>(self.scope.now);
                }
            }
            Base::Products => sql.push(" WHERE true"),
        }
    }

    /// Appends the rows of the base for what has come as `of`, and ` WHERE true`. They are looked up one by one by
    /// subqueries that cannot be turned into joins: the planner does not know how few come and would read the whole table.
    pub fn push_rows_of<Row>(&self, sql: &mut Sql<'_, Row>, base: Base, of: &str) {
        match base {
            Base::Channel => {
                sql.push(
                    " CROSS JOIN LATERAL (SELECT pc.product_id, pc.name, pc.created_at, pc.min_price, pc.max_price \
                     FROM product_channels AS pc",
                );
                self.push_scope(sql, base);
                sql.push(&format!(" AND pc.product_id = {of}.product_id OFFSET 0) AS pc WHERE true"));
            }
            Base::Products => {
                sql.push(&format!(
                    " CROSS JOIN LATERAL (SELECT p.id, p.name, p.created_at FROM products AS p \
                     WHERE p.id = {of}.product_id OFFSET 0) AS p \
                     LEFT JOIN LATERAL (SELECT pc.min_price, pc.max_price FROM product_channels AS pc \
                     WHERE pc.product_id = p.id AND pc.channel_id = ? OFFSET 0) AS pc ON true WHERE true"
                ));
                sql.add::<Uuid, _>(self.scope.channel_id);
            }
        }
    }

    /// Appends the conditions that rows decide, each with a leading ` AND`.
    pub fn push_conditions<Row>(&self, sql: &mut Sql<'_, Row>, base: Base) {
        let filter = &self.filter;
        let id = base.id();
        if let Some(ids) = &filter.ids {
            sql.push(&format!(" AND {id} = ANY(?)"));
            sql.add::<Array<Uuid>, _>(ids.clone());
        }
        if let Some(slugs) = &filter.slugs {
            sql.push(&format!(
                " AND {id} IN (SELECT named.id FROM products AS named WHERE named.slug = ANY(?))"
            ));
            sql.add::<Array<Text>, _>(slugs.clone());
        }
        if let Some(price) = filter.price_at_least {
            sql.push(" AND pc.max_price >= ?");
            sql.add::<BigInt, _>(price);
        }
        if let Some(price) = filter.price_at_most {
            sql.push(" AND pc.min_price <= ?");
            sql.add::<BigInt, _>(price);
        }
        for attribute in filter.attributes.iter().filter(|attribute| attribute.is_range()) {
            sql.push(
                " AND (SELECT CASE WHEN jsonb_typeof(a.attributes -> ?) = 'number' THEN (a.attributes ->> ?)::numeric \
                 BETWEEN coalesce(CAST(? AS text)::numeric, '-Infinity') AND coalesce(CAST(? AS text)::numeric, 'Infinity') \
                 ELSE false END",
            );
            sql.add::<Text, _>(attribute.code.clone());
            sql.add::<Text, _>(attribute.code.clone());
            sql.add::<Nullable<Text>, _>(attribute.at_least.clone());
            sql.add::<Nullable<Text>, _>(attribute.at_most.clone());
            sql.push(&format!(" FROM products AS a WHERE a.id = {id})"));
        }
    }

    /// Appends that the product has what the index is asked for; for rows that come by another way.
    pub fn push_matching<Row>(&self, sql: &mut Sql<'_, Row>, base: Base) {
        if let Some(matching) = terms::all_of(self.narrowing(None)) {
            // A subquery that cannot be turned into a join, so that the rows keep their order.
            sql.push(&format!(
                " AND (SELECT t.terms @@ CAST(? AS text)::tsquery FROM product_terms AS t WHERE t.product_id = {})",
                base.id()
            ));
            sql.add::<Text, _>(matching);
        }
    }
}
