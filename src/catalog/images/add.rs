//! `productImagesAdd`: images for a product, uploaded or by address.

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{ImageId, ProductId};
use crate::media;

use super::product::{finish_edit, lock_for_edit};
use super::queries;
use super::source::{ImageSource, Ready, Shown, alt_text_fault, settle, split, url_fault};

/// As many as an import takes.
const MAX_IMAGES: usize = 250;
/// As many files as a request carries.
const MAX_ADDED: usize = 10;

/// An image to show.
pub struct NewProductImage {
    /// Where it comes from.
    pub source: ImageSource,
    /// What it shows, for those who cannot see it.
    pub alt_text: String,
}

/// Images to show on a product.
pub struct ImageAddition {
    /// On which.
    pub product_id: ProductId,
    /// The version that the edit was made on.
    pub expected_version: Option<i64>,
    /// Before the image in this place, counted from 0; after the last one if there is none.
    pub position: Option<i32>,
    /// In display order.
    pub images: Vec<NewProductImage>,
}

/// Adds images to a product; needs CATALOG_WRITE. Files are stored before the transaction that shows them, and are deleted
/// again when it fails. Locks the product.
///
/// Rejects files that are no images or too large, addresses that are none, an image that the product shows already, more
/// than 250 images, and an `expected_version` that is not the current one.
pub async fn add(app: &App, viewer: &Viewer, addition: ImageAddition) -> Result<ProductId> {
    viewer.require(Permission::CatalogWrite)?;
    check(&addition)?;
    let ImageAddition { product_id, expected_version, position, images } = addition;
    // Nothing is stored in vain, as far as can be known before.
    let version = queries::product_version(&mut *app.db.get().await?, product_id).await?;
    super::product::check_version(version, expected_version, "productId")?;

    let (sources, alt_texts): (Vec<_>, Vec<_>) =
        images.into_iter().map(|image| (image.source, image.alt_text)).unzip();
    let (files, urls) = split(sources);
    let places: Vec<usize> = (0..urls.len()).filter(|&index| urls[index].is_none()).collect();
    let staged = media::stage(app, viewer, files, |file| path(places[file], "file")).await?;
    let ready = Ready::join(urls, &staged);

    let mut conn = app.db.get().await?;
    let written = conn
        .transaction(async |conn| {
            lock_for_edit(conn, product_id, expected_version, "productId").await?;
            let shown = Ready::adopt(conn, &ready).await?;
            show(conn, product_id, position, &shown, &alt_texts).await?;
            finish_edit(conn, viewer, product_id, app.clock.now()).await?;
            Ok::<_, Error>(shown)
        })
        .await;
    drop(conn);
    settle(app, &staged, &written).await;
    written.map(|_| product_id)
}

fn path(index: usize, field: &str) -> Vec<String> {
    ["input", "images", &index.to_string(), field].map(str::to_owned).into()
}

fn check(addition: &ImageAddition) -> Result<()> {
    let mut rejections = Vec::new();
    if addition.images.is_empty() || addition.images.len() > MAX_ADDED {
        let rejection = Rejection::new(Reason::Invalid, "At once, 1 to 10 images can be added.");
        rejections.push(rejection.at(["input", "images"]));
    }
    if addition.position.is_some_and(|position| position < 0) {
        let rejection = Rejection::new(Reason::Invalid, "Places are counted from 0.");
        rejections.push(rejection.at(["input", "position"]));
    }
    for (index, image) in addition.images.iter().enumerate() {
        if let ImageSource::Url(url) = &image.source {
            rejections.extend(url_fault(url).map(|rejection| rejection.at(path(index, "url"))));
        }
        let fault = alt_text_fault(&image.alt_text);
        rejections.extend(fault.map(|rejection| rejection.at(path(index, "altText"))));
    }
    if rejections.is_empty() { Ok(()) } else { Err(Error::Rejected(rejections)) }
}

async fn show(
    conn: &mut Conn,
    product_id: ProductId,
    position: Option<i32>,
    shown: &[Shown],
    alt_texts: &[String],
) -> Result<()> {
    let existing = queries::list(conn, product_id).await?;
    if existing.len() + shown.len() > MAX_IMAGES {
        let rejection = Rejection::new(Reason::LimitExceeded, "A product has at most 250 images.");
        return Err(rejection.at(["input", "images"]).into());
    }
    for (index, one) in shown.iter().enumerate() {
        let is_there = existing.iter().any(|(_, url)| *url == one.url) || shown[..index].contains(one);
        if is_there {
            let rejection = Rejection::new(Reason::Taken, "The product shows this image already.");
            return Err(rejection.at(["input", "images", &index.to_string()]).into());
        }
    }
    let rows = shown.iter().cloned().zip(alt_texts.iter().cloned());
    let rows: Vec<_> = rows.map(|(shown, alt_text)| (ImageId::new(), shown, alt_text)).collect();
    queries::insert(conn, product_id, &rows).await?;

    let mut order: Vec<ImageId> = existing.into_iter().map(|(id, _)| id).collect();
    let at = position.and_then(|position| usize::try_from(position).ok()).unwrap_or(order.len());
    let at = at.min(order.len());
    order.splice(at..at, rows.iter().map(|row| row.0));
    queries::place(conn, &order).await?;
    Ok(())
}
