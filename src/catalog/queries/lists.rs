//! Lists of products: a page in some order, and how many there are.
//!
//! A page comes from one of three ways. A *walk* follows the index of the sort order and looks at every row until the page is
//! full: right where much matches. *Matches* come from the index over words and filters and are sorted: right where little
//! does. *Named* products are looked up. See docs/SEARCH.md.

use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Untyped, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::filter::ProductSort;
use crate::catalog::model::{Product, ProductColumns};
use crate::catalog::selection::{About, Base, Matching, Selection};
use crate::db::Conn;
use crate::error::Result;
use crate::pagination::{Page, PageArgs};
use crate::sql::Sql;

use super::order::{Order, Place};
use super::products::{ProductRow, columns_of, image_join};

/// So many matches are fetched and sorted; of more, a walk finds a page sooner.
const MAX_SORTED: i64 = 4_000;

/// So many rows are walked over before the matches are sorted after all: they may all lie at the other end of the list.
const MAX_WALKED: i64 = 20_000;

/// Sorting more than this is slower than walking to the end.
const MAX_SORTED_INSTEAD: i64 = 100_000;

/// Up to so many matches are counted one by one, which takes about two microseconds each.
const MAX_COUNTED: i64 = 8_000;

/// Of more, those in a part of the catalog with about so many at most are counted.
const MAX_COUNTED_IN_PART: i64 = 2_500;

/// As many rows as the page needs, rounded up to one of a few numbers. The limit stands in the text, because the plan
/// depends on it; few limits make few plans.
pub(in crate::catalog) fn limit(page: &PageArgs) -> i64 {
    [2, 11, 21, 26, 51].into_iter().find(|&limit| page.limit() <= limit).unwrap_or(101)
}

/// How a page is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Named,
    Matches(About),
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
    } else if selection.is_everything() {
        list.rows(conn, Way::Walk { bounded: false }).await?
    } else {
        let about = about(conn, selection).await?;
        if about.here <= MAX_SORTED {
            list.rows(conn, Way::Matches(about)).await?
        } else {
            let rows = list.rows(conn, Way::Walk { bounded: true }).await?;
            if rows.len() as i64 >= page.limit() {
                rows
            } else if about.here <= MAX_SORTED_INSTEAD {
                list.rows(conn, Way::Matches(about)).await?
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
        let bounded = way == Way::Walk { bounded: true };
        let place = if bounded { Place::Walked(base) } else { Place::Of(base) };
        // What is joined to the page follows its order: only that order's own columns tell PostgreSQL so.
        let mut sql = Sql::<Untyped>::assembled(format!(
            "SELECT {} FROM (SELECT {}, pc.min_price, pc.max_price",
            columns_of(*columns, "p", "found"),
            order.named(place),
        ));
        if bounded {
            self.push_walked(&mut sql, base)?;
        } else {
            if let Way::Matches(about) = way {
                push_found(&mut sql, selection, base, selection.matching(None, about));
            } else {
                selection.push_base(&mut sql, base);
                selection.push_scope(&mut sql, base);
            }
            if let Some(cursor) = page.cursor()? {
                order.push_after(&mut sql, base, cursor, page.backward)?;
            }
        }
        selection.push_conditions(&mut sql, base);
        if !matches!(way, Way::Matches(_)) {
            selection.push_matching(&mut sql, base);
        }
        sql.push(&format!(
            "{} LIMIT {limit}) AS found JOIN products AS p ON p.id = found.product_id{}{}",
            order.order_by(place, page.backward),
            image_join(*columns, "p.id"),
            order.order_by(Place::Found, page.backward)
        ));
        Ok(sql.load(conn).await?)
    }

    /// Appends ` FROM …` with the next rows of the list whatever they are, under the names of the base.
    fn push_walked(&self, sql: &mut Sql<'_, Untyped>, base: Base) -> Result<()> {
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

/// About how much is selected. One statement, if it has not been found out yet.
async fn about(conn: &mut Conn, selection: &Selection) -> Result<About> {
    match selection.about {
        Some(about) => Ok(about),
        None => Ok(probe(conn, &[selection.sampled(None)]).await?[0]),
    }
}

/// About how many products each of these [samples](Selection::sampled) stands for. One statement.
pub(in crate::catalog) async fn probe(conn: &mut Conn, sampled: &[Matching]) -> Result<Vec<About>> {
    let (queries, also): (Vec<_>, Vec<_>) = sampled.iter().map(|m| (m.query.clone(), m.also.clone())).unzip();
    let counts: Vec<(i64, i64)> = Sql::<(BigInt, BigInt)>::new(
        "SELECT e.here, e.everywhere FROM unnest(?, ?) WITH ORDINALITY AS t(matching, also, place), \
         search_estimate(matching::tsquery, also::tsquery, NULL) AS e ORDER BY place",
    )
    .bind::<Array<Text>, _>(queries)
    .bind::<Array<Nullable<Text>>, _>(also)
    .load(conn)
    .await?;
    Ok(counts.into_iter().map(|(here, everywhere)| About::sampled(here, everywhere)).collect())
}

/// How many products are selected: exactly up to about 8,000; of more an estimate, made from a part of the catalog.
pub(in crate::catalog) async fn count(conn: &mut Conn, selection: &Selection) -> Result<i64> {
    if selection.is_named() {
        return count_rows(conn, selection, None).await;
    }
    let about = about(conn, selection).await?;
    let level = if about.here > MAX_COUNTED { level_for(about.here, MAX_COUNTED_IN_PART) } else { 0 };
    let matching = selection.matching(None, about).in_part(level, 0);
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
    sql.push(" FROM search_matches(CAST(? AS text)::tsquery, CAST(? AS text)::tsquery, ?) AS m");
    matching.bind_to(sql);
    selection.push_rows_of(sql, base, "m");
}

/// Counts in the index, and leaves out what is listed but not to be seen yet.
async fn count_terms(conn: &mut Conn, selection: &Selection, matching: Matching) -> Result<i64> {
    let mut sql = Sql::<BigInt>::assembled(
        "SELECT search_count(CAST(? AS text)::tsquery, CAST(? AS text)::tsquery, ?)",
    );
    let whole = matching.whole();
    matching.bind_to(&mut sql);
    if !selection.scope.staff {
        sql.push(" - search_count_unseen(CAST(? AS text)::tsquery, ?, ?)");
        sql.add::<Text, _>(whole);
        sql.add::<Uuid, _>(selection.scope.channel_id);
        sql.add::<Timestamptz, _>(selection.scope.now);
    }
    Ok(sql.get_result(conn).await?)
}

/// The level whose parts have no more than about so many of the matches; 0 for the whole catalog.
pub fn level_for(about: i64, most: i64) -> u8 {
    [0, 4, 6, 8].into_iter().find(|&level| about >> level <= most).unwrap_or(10)
}
