//! Reading the catalog: lists and single objects, as a [`Scope`] sees them.

use std::collections::HashMap;

use crate::access::{Permission, Viewer};
use crate::db::{Conn, Db};
use crate::error::Result;
use crate::ids::{CollectionId, ProductId};
use crate::pagination::{Page, PageArgs};

use super::filter::{ProductFilter, ProductSort};
use super::model::{Collection, Product, ProductColumns, Scope};
use super::queries;

/// A page of products; by the time they were made, newest first, where no order is given. Filtering by status needs
/// CATALOG_READ. One statement.
pub async fn list_products(
    db: &Db,
    viewer: &Viewer,
    scope: &Scope,
    filter: &ProductFilter,
    sort: &[ProductSort],
    columns: ProductColumns,
    page: &PageArgs,
) -> Result<Page<Product>> {
    if filter.statuses.is_some() {
        viewer.require(Permission::CatalogRead)?;
    }
    queries::products::list(&mut *db.get().await?, scope, filter, sort, columns, page).await
}

/// How many products the whole list has. One statement.
pub async fn count_products(db: &Db, scope: &Scope, filter: &ProductFilter) -> Result<i64> {
    queries::products::count(&mut *db.get().await?, scope, filter).await
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
