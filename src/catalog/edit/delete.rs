//! `productDelete`: for what should never have been there; what is no longer sold is archived instead.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{ProductId, VariantId};
use crate::inventory;
use crate::schema::products;

use super::{Author, lock_product, queries};

/// Deletes a product with its variants, prices, stock, images and translations; needs CATALOG_WRITE. Locks it and its stock.
///
/// Orders keep what was bought: their lines are copies. Carts lose the lines that hold it. Its history and its
/// stock book stay. Rejects a product of which units are promised to orders that are not shipped: archive it.
pub async fn delete(
    app: &App,
    viewer: &Viewer,
    id: ProductId,
    expected_version: Option<i64>,
) -> Result<ProductId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        lock_product(conn, id, expected_version, "id").await?;
        let variants: Vec<VariantId> =
            queries::combinations(conn, id).await?.into_iter().map(|variant| variant.0).collect();
        let reserved = inventory::lock_reserved(conn, variants).await?;
        if reserved > 0 {
            return Err(promised("product", reserved).into());
        }
        author.record(conn, id, "product.deleted", serde_json::json!({})).await?;
        diesel::delete(products::table.find(id)).execute(conn).await?;
        Ok::<_, Error>(id)
    })
    .await
}

/// That units are promised.
pub(super) fn promised(what: &str, reserved: i64) -> Rejection {
    let message = format!(
        "{reserved} units of this {what} are promised to orders that are not shipped. Ship or cancel them first, or \
         archive the product instead."
    );
    Rejection::new(Reason::InvalidState, message).at(["input", "id"])
}
