//! Reading the catalog: lists and single objects, as a [`Scope`] sees them.

use std::collections::HashMap;

use crate::access::{Permission, Viewer};
use crate::db::{Conn, Db};
use crate::error::Result;
use crate::ids::{CollectionId, ProductId};
use crate::pagination::{Page, PageArgs};

use super::filter::{ProductFilter, ProductSort, ProductSortField, SortDirection};
use super::model::{Collection, Product, ProductColumns, Scope};
use super::queries;
use super::selection::{About, Matching, Selection};

/// A page of products; by the time they were made, newest first, where no order is given. Filtering by status needs
/// CATALOG_READ.
pub async fn list_products(
    db: &Db,
    viewer: &Viewer,
    selection: &Selection,
    sort: &[ProductSort],
    columns: ProductColumns,
    page: &PageArgs,
) -> Result<Page<Product>> {
    if selection.filter.statuses.is_some() {
        viewer.require(Permission::CatalogRead)?;
    }
    queries::lists::list(&mut *db.get().await?, selection, sort, columns, page).await
}

/// How many products are selected: exactly up to about 8,000; of more an estimate that is about 3 % off.
pub async fn count_products(db: &Db, selection: &Selection) -> Result<i64> {
    queries::lists::count(&mut *db.get().await?, selection).await
}

/// About how many products each of these [samples](Selection::sampled) stands for. One statement.
pub async fn probe(conn: &mut Conn, sampled: &[Matching]) -> Result<Vec<About>> {
    queries::lists::probe(conn, sampled).await
}

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageEnd {
    /// Its first item.
    First,
    /// Its last item that has what it is sorted by.
    Last,
}

/// The lowest or the highest of the lowest prices of what is selected.
pub async fn price_at(db: &Db, selection: &Selection, end: PageEnd) -> Result<Option<i64>> {
    let direction = match end {
        PageEnd::First => SortDirection::Asc,
        PageEnd::Last => SortDirection::Desc,
    };
    let by_price = [ProductSort { field: ProductSortField::Price, direction }];
    // What has no price stands last; it has no price range either, so that any range leaves it out.
    let selection = selection.with_filter(|filter| filter.price_at_least = Some(0));
    let columns = ProductColumns { prices: true, ..ProductColumns::NONE };
    let page =
        queries::lists::list(&mut *db.get().await?, &selection, &by_price, columns, &PageArgs::first(1))
            .await?;
    Ok(page.items.first().and_then(|(_, product)| product.prices.as_ref()?.map(|(least, _)| least)))
}

/// The product with this slug, if the scope may see it. One statement.
pub async fn find_product_by_slug(
    db: &Db,
    scope: &Scope,
    slug: String,
    columns: ProductColumns,
) -> Result<Option<Product>> {
    if slug.contains('\0') {
        return Ok(None);
    }
    let filter = ProductFilter { slugs: Some(vec![slug]), ..ProductFilter::default() };
    Ok(queries::products::load(&mut *db.get().await?, scope, &filter, columns).await?.pop())
}

/// The products with these ids that the scope may see, in the order of the ids. One statement.
pub async fn products_in_order(
    conn: &mut Conn,
    scope: &Scope,
    ids: &[ProductId],
    columns: ProductColumns,
) -> Result<Vec<Product>> {
    let filter = ProductFilter { ids: Some(ids.to_vec()), ..ProductFilter::default() };
    let products = queries::products::load(conn, scope, &filter, columns).await?;
    let mut by_id: HashMap<ProductId, Product> =
        products.into_iter().map(|product| (product.id, product)).collect();
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

/// A page of the collections, by name. One statement.
pub async fn list_collections(db: &Db, scope: &Scope, page: &PageArgs) -> Result<Page<Collection>> {
    queries::collections::list(&mut *db.get().await?, scope, page).await
}

/// How many collections there are. One statement.
pub async fn count_collections(db: &Db, scope: &Scope) -> Result<i64> {
    queries::collections::count(&mut *db.get().await?, scope).await
}

/// The collection with this slug. One statement.
pub async fn find_collection_by_slug(db: &Db, scope: &Scope, slug: &str) -> Result<Option<Collection>> {
    if slug.contains('\0') {
        return Ok(None);
    }
    Ok(queries::collections::find_by_slug(&mut *db.get().await?, scope, slug).await?)
}

/// A collection, if the scope may see it. One statement.
pub async fn find_collection(db: &Db, scope: &Scope, id: CollectionId) -> Result<Option<Collection>> {
    Ok(queries::collections::load(&mut *db.get().await?, scope, &[id]).await?.pop())
}
