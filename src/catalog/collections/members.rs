//! The members of a collection that are chosen by hand.

use std::collections::HashSet;

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{CollectionId, ProductId};

use super::super::edit::Author;
use super::{Edit, Target, queries};

/// Products of one mutation.
const MAX_PRODUCTS: usize = 1_000;

/// Where members are moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Before all others.
    First,
    /// Right behind this member.
    After(ProductId),
}

/// Appends products, in this order; needs CATALOG_WRITE. Locks the collection. Products that are members stay where they are. Rejects an
/// unknown collection or product, a stale version, a collection by rule, and more than 1,000 products.
pub async fn add(
    app: &App,
    viewer: &Viewer,
    id: CollectionId,
    expected_version: Option<i64>,
    products: Vec<ProductId>,
) -> Result<CollectionId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let products = distinct(products)?;
    let target = Target { id, expected_version, field: "collectionId" };
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let mut edit = Edit::begin(conn, &author, target).await?;
        edit.by_hand()?;
        let existing: HashSet<ProductId> =
            queries::existing(edit.conn, &products).await?.into_iter().collect();
        refuse_missing(&products, &existing, "There is no such product.")?;
        queries::add(edit.conn, id, &products).await?;
        edit.finish("collection.products_added", serde_json::json!({ "products": products.len() })).await?;
        Ok::<_, Error>(id)
    })
    .await
}

/// Takes products out; needs CATALOG_WRITE. Locks the collection. What is no member is passed over. Rejects an unknown collection, a
/// stale version, a collection by rule, and more than 1,000 products.
pub async fn remove(
    app: &App,
    viewer: &Viewer,
    id: CollectionId,
    expected_version: Option<i64>,
    products: Vec<ProductId>,
) -> Result<CollectionId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let products = distinct(products)?;
    let target = Target { id, expected_version, field: "collectionId" };
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let mut edit = Edit::begin(conn, &author, target).await?;
        edit.by_hand()?;
        queries::remove(edit.conn, id, &products).await?;
        let payload = serde_json::json!({ "products": products.len() });
        edit.finish("collection.products_removed", payload).await?;
        Ok::<_, Error>(id)
    })
    .await
}

/// Moves members, in this order, to another place; needs CATALOG_WRITE. Locks the collection. Rejects an unknown collection, a stale version,
/// a collection by rule, products that are no members, a place behind one of the moved, and more than 1,000 products.
pub async fn reorder(
    app: &App,
    viewer: &Viewer,
    id: CollectionId,
    expected_version: Option<i64>,
    products: Vec<ProductId>,
    placement: Placement,
) -> Result<CollectionId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let products = distinct(products)?;
    let target = Target { id, expected_version, field: "collectionId" };
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let mut edit = Edit::begin(conn, &author, target).await?;
        edit.by_hand()?;
        let members: HashSet<ProductId> =
            queries::members(edit.conn, id, &products).await?.into_iter().collect();
        refuse_missing(&products, &members, "The product is no member of the collection.")?;
        let after = match placement {
            Placement::First => None,
            Placement::After(after) => {
                let known = !products.contains(&after)
                    && !queries::members(edit.conn, id, &[after]).await?.is_empty();
                if !known {
                    let message = "Products are moved behind another member of the collection.";
                    return Err(Rejection::new(Reason::Invalid, message).at(["input", "after"]).into());
                }
                Some(after)
            }
        };
        queries::place(edit.conn, id, &products, after).await?;
        edit.finish("collection.products_reordered", serde_json::json!({})).await?;
        Ok::<_, Error>(id)
    })
    .await
}

fn distinct(products: Vec<ProductId>) -> Result<Vec<ProductId>> {
    if products.is_empty() || products.len() > MAX_PRODUCTS {
        let message = "Name 1 to 1,000 products at once.";
        return Err(Rejection::new(Reason::LimitExceeded, message).at(["input", "productIds"]).into());
    }
    let mut seen = HashSet::new();
    Ok(products.into_iter().filter(|&product| seen.insert(product)).collect())
}

fn refuse_missing(products: &[ProductId], known: &HashSet<ProductId>, message: &str) -> Result<()> {
    match products.iter().position(|product| !known.contains(product)) {
        None => Ok(()),
        Some(index) => {
            let path = ["input", "productIds", &index.to_string()];
            Err(Rejection::new(Reason::NotFound, message).at(path).into())
        }
    }
}
