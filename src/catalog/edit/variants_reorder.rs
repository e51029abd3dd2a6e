//! `variantsReorder`.

use std::collections::HashSet;

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{ProductId, VariantId};

use super::{Author, lock_product, queries};

/// Places the variants of a product in this order; needs CATALOG_WRITE. Locks the product. Rejects an unknown product, a
/// stale version, and a list that does not name every variant once.
pub async fn variants_reorder(
    app: &App,
    viewer: &Viewer,
    id: ProductId,
    expected_version: Option<i64>,
    order: Vec<VariantId>,
) -> Result<ProductId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        lock_product(conn, id, expected_version, "productId").await?;
        let known: HashSet<VariantId> =
            queries::combinations(conn, id).await?.into_iter().map(|variant| variant.0).collect();
        let named: HashSet<VariantId> = order.iter().copied().collect();
        if named.len() != order.len() || named != known {
            let message = "The list has to name every variant of the product once.";
            return Err(Rejection::new(Reason::Invalid, message).at(["input", "variantIds"]).into());
        }
        queries::set_positions(conn, &order).await?;
        queries::touch(conn, id, author.now).await?;
        author.record(conn, id, "product.variants_reordered", serde_json::json!({})).await?;
        Ok::<_, Error>(id)
    })
    .await
}
