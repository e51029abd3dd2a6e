//! `productSearch`.

use crate::access::{Permission, Viewer};
use crate::catalog::{
    self, Product, ProductColumns, ProductFilter, ProductSort, ProductSortField, Scope, SortDirection,
};
use crate::db::Db;
use crate::error::Result;
use crate::pagination::{Page, PageArgs};

use super::queries;
use super::question::Question;

/// What is looked for, by whom.
#[derive(Debug, Clone)]
pub struct Search {
    /// What was typed.
    pub question: Question,
    /// Which products come into question.
    pub filter: ProductFilter,
    /// Whose view of the catalog.
    pub scope: Scope,
}

/// What makes a product match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Match {
    /// Nothing was asked: every product.
    #[serde(rename = "e")]
    Every,
    /// It has every word.
    #[serde(rename = "w")]
    Words,
    /// No product has every word; its name, vendor and type read alike.
    #[serde(rename = "l")]
    Likeness,
}

/// A page of what was found.
pub struct Found {
    /// The best first; by name when nothing was asked.
    pub page: Page<Product>,
    /// What made them match; the whole list and its facets match in the same way.
    pub by: Match,
}

/// Finds products. Those that have every word of the question (the last one may be a beginning) come by relevance: a
/// word counts most in the name, then in vendor and SKUs, type and tags, description. When there are none, those
/// whose name, vendor and type have a word like each of the question's. Two statements; three with likeness; one when nothing is asked.
pub async fn search(
    db: &Db,
    viewer: &Viewer,
    search: &Search,
    columns: ProductColumns,
    page: &PageArgs,
) -> Result<Found> {
    if search.filter.statuses.is_some() {
        viewer.require(Permission::CatalogRead)?;
    }
    if search.question.is_empty() {
        let by_name = [ProductSort { field: ProductSortField::Name, direction: SortDirection::Asc }];
        let page = catalog::list_products(db, viewer, &search.scope, &search.filter, &by_name, columns, page)
            .await?;
        return Ok(Found { page, by: Match::Every });
    }
    let mut conn = db.get().await?;
    // A cursor remembers how its list was matched, so that the pages of a list stay together.
    let cursor: Option<queries::Cursor> = page.cursor()?;
    let mut by = cursor.as_ref().map_or(Match::Words, |cursor| cursor.0);
    let mut hits = queries::hits(&mut conn, search, by, cursor.as_ref(), page).await?;
    if hits.is_empty() && cursor.is_none() {
        by = Match::Likeness;
        hits = queries::hits(&mut conn, search, by, None, page).await?;
    }
    let hits = Page::new(hits, page, |hit| queries::Cursor(by, hit.rank, hit.id));
    let ids: Vec<_> = hits.items.iter().map(|(_, hit)| hit.id).collect();
    let products = catalog::products_in_order(&mut conn, &search.scope, &ids, columns).await?;
    // A product that was unpublished between the two statements is left out.
    let mut products = products.into_iter().peekable();
    let items = hits.items.into_iter().filter_map(|(cursor, hit)| {
        products.next_if(|product| product.id == hit.id).map(|product| (cursor, product))
    });
    let page = Page { items: items.collect(), has_next: hits.has_next, has_previous: hits.has_previous };
    Ok(Found { page, by })
}

/// How many products match. One statement.
pub async fn count(db: &Db, search: &Search, by: Match) -> Result<i64> {
    Ok(queries::count(&mut *db.get().await?, search, by).await?)
}
