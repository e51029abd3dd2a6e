//! `variantDelete`.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::{ProductId, VariantId};
use crate::inventory;
use crate::schema::variants;

use super::super::rules::{self, Touched};
use super::delete::promised;
use super::{Author, lock_variant, queries};

/// Deletes a variant with its prices and stock; needs CATALOG_WRITE. Locks its product and its stock. Answers with the product.
///
/// Orders keep what was bought; carts lose the lines that hold it. Rejects an unknown variant, a stale version, and a variant of
/// which units are promised to orders that are not shipped.
pub async fn variant_delete(
    app: &App,
    viewer: &Viewer,
    id: VariantId,
    expected_version: Option<i64>,
) -> Result<ProductId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let variant = lock_variant(conn, id, expected_version, "id").await?;
        let product_id = variant.product_id;
        let reserved = inventory::lock_reserved(conn, vec![id]).await?;
        if reserved > 0 {
            return Err(promised("variant", reserved).into());
        }
        diesel::delete(variants::table.find(id)).execute(conn).await?;
        queries::refresh_ranges(conn, &[product_id], author.now).await?;
        queries::refresh_search(conn, product_id).await?;
        queries::touch(conn, product_id, author.now).await?;
        rules::review(conn, &[product_id], Touched::Variants).await?;
        author
            .record(conn, product_id, "product.variant_deleted", serde_json::json!({ "variant": id }))
            .await?;
        Ok::<_, Error>(product_id)
    })
    .await
}
