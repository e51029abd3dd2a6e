//! Which products a list, a count or a search is about: what the index can tell, and what only the rows can.

use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid};

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
    /// About how much this selects, where that has been found out.
    pub about: Option<About>,
}

/// A sample is one of `2^SAMPLE_LEVEL` parts.
const SAMPLE_LEVEL: u8 = 8;

/// About how many products something matches; nearly exact where it matters, which is far from few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Of those that the scope may see, and that have what most products have.
    pub here: i64,
    /// Of all.
    pub everywhere: i64,
}

/// So many rows more are looked at sooner than the index finds out which of them are meant.
const MAX_LOOKED_AT: i64 = 2_000;

impl About {
    /// Nothing at all.
    pub const NOTHING: Self = Self { here: 0, everywhere: 0 };

    /// What counts of a sample stand for.
    pub fn sampled(here: i64, everywhere: i64) -> Self {
        Self { here: here << SAMPLE_LEVEL, everywhere: everywhere << SAMPLE_LEVEL }
    }

    /// Whether the rows tell sooner than the index which of those everywhere are meant.
    fn is_for_rows(self) -> bool {
        self.everywhere <= 2 * MAX_LOOKED_AT && self.everywhere - self.here <= MAX_LOOKED_AT
    }
}

/// Matches the part of the catalog that stands for the whole, for `search_estimate`.
pub fn sample() -> String {
    terms::part_of(SAMPLE_LEVEL, 0)
}

/// What is asked, as tsqueries: of the index, and of the rows that it finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    /// The index finds what has this.
    pub query: String,
    /// What has this is taken of it.
    pub also: Option<String>,
    /// Asked of part 0 of this level alone, which has an index of its own; 0: of the whole catalog.
    pub sample: u8,
}

/// The levels whose part 0 has an index of its own: `product_terms_small_sample_idx` and `product_terms_sample_idx`.
const INDEXED_LEVELS: [u8; 2] = [6, 4];

impl Matching {
    /// What matches within a part of the catalog, which is one of `2^level`.
    pub fn in_part(self, level: u8, part: u32) -> Self {
        let indexed = INDEXED_LEVELS.into_iter().find(|&indexed| indexed <= level && part == 0);
        let sample = indexed.unwrap_or(0);
        if level == sample {
            return Self { sample, ..self };
        }
        let query = terms::all_of([self.query, terms::part_of(level, part)]).unwrap_or_default();
        Self { query, sample, ..self }
    }

    /// Binds the three arguments that the functions of search begin with.
    pub fn bind_to<Row>(self, sql: &mut Sql<'_, Row>) {
        sql.add::<Text, _>(self.query);
        sql.add::<Nullable<Text>, _>(self.also);
        sql.add::<Integer, _>(i32::from(self.sample));
    }

    /// All that is asked, as one tsquery.
    pub(super) fn whole(&self) -> String {
        let part = (self.sample > 0).then(|| terms::part_of(self.sample, 0));
        terms::all_of([self.query.clone()].into_iter().chain(self.also.clone()).chain(part))
            .unwrap_or_default()
    }
}

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
        Self { scope, filter, words: None, about: None }
    }

    /// The same with another filter.
    pub fn with_filter(&self, change: impl FnOnce(&mut ProductFilter)) -> Self {
        let mut selection = Self { about: None, ..self.clone() };
        change(&mut selection.filter);
        selection
    }

    /// The same with these words.
    pub fn with_words(&self, words: String) -> Self {
        Self { words: Some(words), about: None, ..self.clone() }
    }

    /// Whether ids or slugs name the few products that come into question.
    pub fn is_named(&self) -> bool {
        self.filter.ids.is_some() || self.filter.slugs.is_some()
    }

    /// What narrows the catalog down, as far as the index can tell, but for what most products have.
    fn rare(&self, except: Option<&FacetKey>) -> Vec<String> {
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

    /// What is asked for that most products have.
    fn common(&self) -> Vec<String> {
        let mut all = Vec::new();
        if let Some(statuses) = &self.filter.statuses {
            all.push(terms::any_of(statuses.iter().map(|&status| terms::has_status(status))));
        }
        match self.filter.available {
            Some(true) => all.push(terms::available()),
            Some(false) => all.push(format!("!{}", terms::available())),
            None => {}
        }
        all
    }

    /// Matches what the scope may see; `None` where it sees everything.
    pub fn listed(&self) -> Option<String> {
        (!self.scope.staff).then(|| terms::listed_in(self.scope.channel_id))
    }

    /// Whether nothing narrows the catalog down that the index can tell.
    pub fn is_everything(&self) -> bool {
        self.rare(None).is_empty() && self.common().is_empty()
    }

    /// What is asked to find what is selected, of which there is about so much; without the facet `except`.
    pub fn matching(&self, except: Option<&FacetKey>, about: About) -> Matching {
        let mut matching = self.apart(except);
        if !about.is_for_rows()
            && let Some(also) = matching.also.take()
        {
            let query = self.rare(except).into_iter().chain([also]);
            matching.query = terms::all_of(query).unwrap_or_default();
            if matching.query.starts_with('!') {
                // The index cannot start from what is not there.
                matching.query = format!("{} & {}", terms::everything(), matching.query);
            }
        }
        matching
    }

    /// What is asked, of a sample, to find out about how much is selected.
    pub fn sampled(&self, except: Option<&FacetKey>) -> Matching {
        let query = self.rare(except).into_iter().chain([sample()]);
        Matching { query: terms::all_of(query).unwrap_or_default(), ..self.apart(except) }
    }

    /// What is rare is asked of the index, what most products have of the rows.
    fn apart(&self, except: Option<&FacetKey>) -> Matching {
        Matching {
            query: terms::all_of(self.rare(except)).unwrap_or_else(terms::everything),
            also: terms::all_of(self.listed().into_iter().chain(self.common())),
            sample: 0,
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
        if let Some(matching) = terms::all_of(self.rare(None).into_iter().chain(self.common())) {
            // A subquery that cannot be turned into a join, so that the rows keep their order.
            sql.push(&format!(
                " AND (SELECT t.terms @@ CAST(? AS text)::tsquery FROM product_terms AS t WHERE t.product_id = {})",
                base.id()
            ));
            sql.add::<Text, _>(matching);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ChannelId;

    fn shopper(words: Option<&str>, available: Option<bool>) -> Selection {
        let channel_id = ChannelId(uuid::Uuid::nil());
        let scope = Scope { staff: false, channel_id, now: chrono::DateTime::UNIX_EPOCH };
        let mut selection = Selection::new(scope, ProductFilter { available, ..ProductFilter::default() });
        selection.words = words.map(str::to_owned);
        selection
    }

    const LISTED: &str = "'=c00000000-0000-0000-0000-000000000000'";

    #[test]
    fn what_most_products_have_is_asked_of_few_rows() {
        let selection = shopper(Some("'saw'"), Some(true));
        let few = selection.matching(None, About { here: 500, everywhere: 600 });
        assert_eq!((few.query.as_str(), few.also), ("('saw')", Some(format!("{LISTED} & '=i'"))));
        for many in [About { here: 5_000, everywhere: 5_000 }, About { here: 1, everywhere: 3_000 }] {
            let many = selection.matching(None, many);
            assert_eq!((many.query, many.also), (format!("('saw') & {LISTED} & '=i'"), None));
        }
    }

    #[test]
    fn the_index_starts_from_something_that_is_there() {
        let many = About { here: 90_000, everywhere: 90_000 };
        assert_eq!(shopper(None, Some(false)).matching(None, many).query, format!("{LISTED} & !'=i'"));
        let mut staff = shopper(None, Some(false));
        staff.scope.staff = true;
        assert_eq!(staff.matching(None, many).query, format!("{} & !'=i'", terms::everything()));
        staff.filter.available = None;
        assert_eq!(staff.matching(None, many).query, terms::everything());
        assert!(staff.is_everything());
    }

    #[test]
    fn first_parts_are_asked_of_their_own_indexes() {
        let saws = || Matching { query: "'saw'".to_owned(), also: None, sample: 0 };
        let asked = |level, part| {
            let Matching { query, sample, .. } = saws().in_part(level, part);
            (query, sample)
        };
        assert_eq!(asked(0, 0), ("'saw'".to_owned(), 0));
        assert_eq!(asked(4, 0), ("'saw'".to_owned(), 4));
        assert_eq!(asked(6, 0), ("'saw'".to_owned(), 6));
        assert_eq!(asked(8, 0), ("'saw' & '#8.0'".to_owned(), 6));
        assert_eq!(asked(4, 3), ("'saw' & '#4.3'".to_owned(), 0));
        assert_eq!(saws().in_part(6, 0).whole(), "'saw' & '#6.0'");
    }
}
