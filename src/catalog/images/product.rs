//! `productImageUpdate`, `productImagesReorder`, `productImageRemove`: the images that a product shows already.

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::events::{self, NewEvent};
use crate::ids::{ImageId, ProductId};

use super::queries;
use super::source::alt_text_fault;

/// Changes the alternative text of an image; needs CATALOG_WRITE. Locks the product.
pub async fn change_alt_text(
    app: &App,
    viewer: &Viewer,
    id: ImageId,
    expected_version: Option<i64>,
    alt_text: &str,
) -> Result<ProductId> {
    viewer.require(Permission::CatalogWrite)?;
    if let Some(rejection) = alt_text_fault(alt_text) {
        return Err(rejection.at(["input", "altText"]).into());
    }
    edit_image(app, viewer, id, expected_version, ImageEdit::AltText(alt_text)).await
}

/// Takes an image from a product; needs CATALOG_WRITE. Locks the product. A stored image that nothing shows any more is
/// deleted a day later.
pub async fn remove(
    app: &App,
    viewer: &Viewer,
    id: ImageId,
    expected_version: Option<i64>,
) -> Result<ProductId> {
    viewer.require(Permission::CatalogWrite)?;
    edit_image(app, viewer, id, expected_version, ImageEdit::Remove).await
}

/// Puts the images of a product in another order; needs CATALOG_WRITE. Locks the product. Rejects an order that does not
/// name every image of the product once.
pub async fn reorder(
    app: &App,
    viewer: &Viewer,
    product_id: ProductId,
    expected_version: Option<i64>,
    order: &[ImageId],
) -> Result<ProductId> {
    viewer.require(Permission::CatalogWrite)?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        lock_for_edit(conn, product_id, expected_version, "productId").await?;
        let mut there: Vec<ImageId> =
            queries::list(conn, product_id).await?.into_iter().map(|(id, _)| id).collect();
        let mut named = order.to_vec();
        there.sort();
        named.sort();
        if there != named {
            let message = "The order has to name every image of the product, each once.";
            return Err(Rejection::new(Reason::Invalid, message).at(["input", "imageIds"]).into());
        }
        queries::place(conn, order).await?;
        finish_edit(conn, viewer, product_id, app.clock.now()).await?;
        Ok::<_, Error>(product_id)
    })
    .await
}

#[derive(Clone, Copy)]
enum ImageEdit<'a> {
    AltText(&'a str),
    Remove,
}

/// Edits one image under the lock of its product.
async fn edit_image(
    app: &App,
    viewer: &Viewer,
    id: ImageId,
    expected_version: Option<i64>,
    edit: ImageEdit<'_>,
) -> Result<ProductId> {
    let gone =
        || Error::from(Rejection::new(Reason::NotFound, "There is no such image.").at(["input", "id"]));
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let product_id = queries::product_of(conn, id).await?.ok_or_else(gone)?;
        lock_for_edit(conn, product_id, expected_version, "id").await?;
        let was_there = match edit {
            ImageEdit::AltText(alt_text) => queries::set_alt_text(conn, product_id, id, alt_text).await?,
            ImageEdit::Remove => queries::delete(conn, product_id, id).await?,
        };
        if !was_there {
            return Err(gone());
        }
        finish_edit(conn, viewer, product_id, app.clock.now()).await?;
        Ok::<_, Error>(product_id)
    })
    .await
}

/// Locks a product that is there and has the version; `field` is where the input names it.
pub(super) async fn lock_for_edit(
    conn: &mut Conn,
    id: ProductId,
    expected_version: Option<i64>,
    field: &str,
) -> Result<()> {
    check_version(queries::lock_product(conn, id).await?, expected_version, field)
}

/// Rejects a product (or collection) that is not there, or has another version.
pub(super) fn check_version(current: Option<i64>, expected: Option<i64>, field: &str) -> Result<()> {
    let Some(current) = current else {
        let what = if field == "collectionId" { "collection" } else { "product" };
        let rejection = Rejection::new(Reason::NotFound, format!("There is no such {what}."));
        return Err(rejection.at(["input", field]).into());
    };
    match expected {
        Some(expected) if expected != current => Err(Rejection::stale(current).into()),
        _ => Ok(()),
    }
}

/// Counts the version of a locked product up and tells of it in its history.
pub(super) async fn finish_edit(
    conn: &mut Conn,
    viewer: &Viewer,
    id: ProductId,
    at: DateTime<Utc>,
) -> Result<()> {
    queries::touch_product(conn, id, at).await?;
    let event = NewEvent {
        aggregate: "product",
        aggregate_id: id.0,
        type_: "product.updated",
        payload: serde_json::json!({}),
        actor: &viewer.actor(),
        at,
    };
    events::append(conn, event).await?;
    Ok(())
}
