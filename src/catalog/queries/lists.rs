//! Lists of products: a page in some order, and how many there are.
//!
//! A page comes from one of three ways. A *walk* follows the index of the sort order and looks at every row until the page is
//! full: right where much matches. *Matches* come from the index over words and filters and are sorted: right where little
//! does. *Named* products are looked up. See docs/SEARCH.md.

use diesel::sql_types::{Array, BigInt, Bool, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::filter::ProductSort;
use crate::catalog::model::{Product, ProductColumns};
use crate::catalog::selection::{Base, SAMPLE_LEVEL, Selection};
use crate::catalog::terms::{all_of, everything, part_of};
use crate::db::Conn;
use crate::error::Result;
use crate::pagination::{Page, PageArgs};
use crate::sql::Sql;

use super::order::{Order, Place};
use super::products::{ProductRow, ProductSql, columns_with_prices_of, image_columns, image_join};

/// So many matches are fetched and sorted; of more, a walk finds a page sooner.
const MAX_SORTED: i64 = 4_000;

/// So many rows are walked over before the matches are sorted after all: they may all lie at the other end of the list.
const MAX_WALKED: i64 = 20_000;

/// Sorting more than this is slower than walking to the end.
const MAX_SORTED_INSTEAD: i64 = 100_000;

/// Up to so many matches are counted one by one, which takes about two microseconds each.
const MAX_COUNTED: i64 = 10_000;

/// As many rows as the page needs, rounded up to one of a few numbers. The limit stands in the text, because the plan
/// depends on it; few limits make few plans.
pub(in crate::catalog) fn limit(page: &PageArgs) -> i64 {
    [2, 11, 21, 26, 51].into_iter().find(|&limit| page.limit() <= limit).unwrap_or(101)
}

/// How a page is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Named,
    Matches,
    Walk { bounded: bool },
}

/// A page of the products that are selected. One statement where nothing narrows the list down or ids and slugs do,
/// two to four otherwise.
pub(in crate::catalog) async fn list(
    conn: &mut Conn,
    selection: &Selection,
    sort: &[ProductSort],
    columns: ProductColumns,
    page: &PageArgs,
) -> Result<Page<Product>> {
    let order = Order::new(sort);
    let columns = ProductColumns { prices: columns.prices || order.by_price(), ..columns };
    let list = List { selection, order: &order, columns, page };
    let rows = if selection.is_named() {
        list.rows(conn, Way::Named).await?
    } else if selection.narrowing(None).is_empty() {
        list.rows(conn, Way::Walk { bounded: false }).await?
    } else {
        let about = about(conn, selection).await?;
        if about <= MAX_SORTED {
            list.rows(conn, Way::Matches).await?
        } else {
            let rows = list.rows(conn, Way::Walk { bounded: true }).await?;
            if rows.len() as i64 >= page.limit() {
                rows
            } else if about <= MAX_SORTED_INSTEAD {
                list.rows(conn, Way::Matches).await?
            } else {
                list.rows(conn, Way::Walk { bounded: false }).await?
            }
        }
    };
    let mut products: Vec<Product> = rows.into_iter().map(|row| row.into_product(columns)).collect();
    products.truncate(usize::try_from(page.limit()).unwrap_or(usize::MAX));
    let name = order.name();
    Ok(Page::new(products, page, |product| order.cursor_of(&name, product)))
}

struct List<'a> {
    selection: &'a Selection,
    order: &'a Order,
    columns: ProductColumns,
    page: &'a PageArgs,
}

impl List<'_> {
    fn base(&self) -> Base {
        // A list by price holds what has one; an index cannot follow an outer join.
        if self.selection.scope.staff && !self.order.by_price() { Base::Products } else { Base::Channel }
    }

    async fn rows(&self, conn: &mut Conn, way: Way) -> Result<Vec<ProductRow>> {
        let Self { selection, order, columns, page } = self;
        let (base, limit) = (self.base(), limit(page));
        let mut sql = Sql::<ProductSql>::assembled(format!(
            "SELECT page.*, {} FROM (SELECT {} FROM (SELECT {} AS product_id, pc.min_price, pc.max_price",
            image_columns(*columns),
            columns_with_prices_of(*columns, "found"),
            base.id(),
        ));
        let place = if way == (Way::Walk { bounded: true }) {
            self.push_walked(&mut sql, base)?;
            Place::Walked(base)
        } else {
            if way == Way::Matches {
                let matching = selection.matching(None).unwrap_or_else(everything);
                push_found(&mut sql, selection, base, Matching::anywhere(matching));
            } else {
                selection.push_base(&mut sql, base);
                selection.push_scope(&mut sql, base);
            }
            if let Some(cursor) = page.cursor()? {
                order.push_after(&mut sql, base, cursor, page.backward)?;
            }
            Place::Of(base)
        };
        selection.push_conditions(&mut sql, base);
        if way != Way::Matches {
            selection.push_matching(&mut sql, base);
        }
        sql.push(&format!(
            "{} LIMIT {limit}) AS found JOIN products AS p ON p.id = found.product_id) AS page{}{}",
            order.order_by(place, page.backward),
            image_join(*columns),
            order.order_by(Place::Page, page.backward)
        ));
        Ok(sql.load(conn).await?)
    }

    /// Appends ` FROM …` with the next rows of the list whatever they are, under the names of the base.
    fn push_walked(&self, sql: &mut Sql<'_, ProductSql>, base: Base) -> Result<()> {
        let Self { selection, order, page, .. } = self;
        match base {
            Base::Channel => sql.push(&format!(
                " FROM (SELECT pc.product_id, pc.name, pc.created_at, pc.min_price, pc.max_price, {} AS price_key \
                 FROM product_channels AS pc",
                "coalesce(pc.min_price, 9223372036854775807)"
            )),
            Base::Products => sql.push(" FROM (SELECT p.id, p.name, p.created_at FROM products AS p"),
        }
        selection.push_scope(sql, base);
        if let Some(cursor) = page.cursor()? {
            order.push_after(sql, base, cursor, page.backward)?;
        }
        let order_by = order.order_by(Place::Of(base), page.backward);
        sql.push(&format!("{order_by} LIMIT {MAX_WALKED})"));
        match base {
            Base::Channel => sql.push(" AS pc WHERE true"),
            Base::Products => {
                sql.push(
                    " AS p LEFT JOIN product_channels AS pc ON pc.product_id = p.id AND pc.channel_id = ? WHERE true",
                );
                sql.add::<Uuid, _>(selection.scope.channel_id);
            }
        }
        Ok(())
    }
}

/// About how many products the index finds; nearly exact where it matters, which is far from few. One statement.
async fn about(conn: &mut Conn, selection: &Selection) -> Result<i64> {
    Ok(probe(conn, &[selection.sampled(None)]).await?[0])
}

/// About how many products each tsquery over the [sample](Selection::sampled) stands for. One statement.
pub(in crate::catalog) async fn probe(conn: &mut Conn, sampled: &[String]) -> Result<Vec<i64>> {
    let counts: Vec<i64> = Sql::<BigInt>::new(
        "SELECT search_count(matching::tsquery, true) FROM unnest(?) WITH ORDINALITY AS t(matching, place) ORDER BY place",
    )
    .bind::<Array<Text>, _>(sampled.to_vec())
    .load(conn)
    .await?;
    Ok(counts.into_iter().map(|count| count << SAMPLE_LEVEL).collect())
}

/// How many products are selected: exactly up to about 10,000; of more an estimate, made from a part of the catalog.
pub(in crate::catalog) async fn count(conn: &mut Conn, selection: &Selection) -> Result<i64> {
    if selection.is_named() {
        return count_rows(conn, selection, None).await;
    }
    let about = about(conn, selection).await?;
    let level = if about > MAX_COUNTED { level_for(about, MAX_COUNTED / 2) } else { 0 };
    let matching = in_part(selection.matching(None).unwrap_or_else(everything), level, 0);
    let count = if selection.has_conditions() {
        count_rows(conn, selection, Some(matching)).await?
    } else {
        count_terms(conn, selection, matching).await?
    };
    Ok(count << level)
}

/// Counts rows: those that are named, or those that the index finds.
async fn count_rows(conn: &mut Conn, selection: &Selection, matching: Option<Matching>) -> Result<i64> {
    let base = if selection.scope.staff { Base::Products } else { Base::Channel };
    let mut sql = Sql::<BigInt>::assembled("SELECT count(*)");
    if let Some(matching) = matching {
        push_found(&mut sql, selection, base, matching);
    } else {
        selection.push_base(&mut sql, base);
        selection.push_scope(&mut sql, base);
        selection.push_matching(&mut sql, base);
    }
    selection.push_conditions(&mut sql, base);
    Ok(sql.get_result(conn).await?)
}

/// Appends ` FROM …` with what the index finds and the rows of it, and a WHERE.
fn push_found<Row>(sql: &mut Sql<'_, Row>, selection: &Selection, base: Base, matching: Matching) {
    sql.push(" FROM search_matches(CAST(? AS text)::tsquery, ?) AS m");
    sql.add::<Text, _>(matching.query);
    sql.add::<Bool, _>(matching.in_sample);
    selection.push_rows_of(sql, base, "m");
}

/// Counts in the index, and leaves out what is listed but not to be seen yet.
async fn count_terms(conn: &mut Conn, selection: &Selection, matching: Matching) -> Result<i64> {
    let Matching { query, in_sample } = matching;
    if selection.scope.staff {
        let sql = Sql::<BigInt>::new("SELECT search_count(CAST(? AS text)::tsquery, ?)");
        return Ok(sql.bind::<Text, _>(query).bind::<Bool, _>(in_sample).get_result(conn).await?);
    }
    let count = Sql::<BigInt>::new(
        "SELECT search_count(CAST(? AS text)::tsquery, ?) - (SELECT count(*) FROM product_channels AS pc \
         JOIN product_terms AS t ON t.product_id = pc.product_id \
         WHERE pc.channel_id = ? AND pc.listed AND pc.published_at > ? AND t.terms @@ CAST(? AS text)::tsquery)",
    )
    .bind::<Text, _>(query.clone())
    .bind::<Bool, _>(in_sample)
    .bind::<Uuid, _>(selection.scope.channel_id)
    .bind::<Timestamptz, _>(selection.scope.now)
    .bind::<Text, _>(query);
    Ok(count.get_result(conn).await?)
}

/// The level whose parts have no more than about so many of the matches; 0 for the whole catalog.
pub fn level_for(about: i64, most: i64) -> u8 {
    [0, 2, 4, 6, 8].into_iter().find(|&level| about >> level <= most).unwrap_or(10)
}

/// What the index is asked for.
#[derive(Debug, Clone)]
pub struct Matching {
    /// A tsquery.
    pub query: String,
    /// Whether all that it matches lies in part 0 of [`INDEXED_LEVEL`].
    pub in_sample: bool,
}

/// Part 0 of this level, and with it of the higher ones, has an index of its own, `product_terms_sample_idx`.
const INDEXED_LEVEL: u8 = 4;

impl Matching {
    /// Whatever the tsquery matches.
    pub fn anywhere(query: String) -> Self {
        Self { query, in_sample: false }
    }
}

/// What matches within a part of the catalog.
pub fn in_part(matching: String, level: u8, part: u32) -> Matching {
    if level == 0 {
        return Matching::anywhere(matching);
    }
    let query = all_of([matching, part_of(level, part)]).unwrap_or_default();
    Matching { query, in_sample: level >= INDEXED_LEVEL && part == 0 }
}
