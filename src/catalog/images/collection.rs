//! `collectionImageSet`: the image of a collection.

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::events::{self, NewEvent};
use crate::ids::CollectionId;
use crate::media;

use super::product::check_version;
use super::queries;
use super::source::{ImageSource, Ready, Shown, alt_text_fault, settle, split, url_fault};

/// What a collection shows from now on.
pub struct CollectionImage {
    /// Which collection.
    pub collection_id: CollectionId,
    /// The version that the edit was made on.
    pub expected_version: Option<i64>,
    /// None: no image.
    pub source: Option<ImageSource>,
    /// What it shows, for those who cannot see it.
    pub alt_text: String,
}

/// Sets or removes the image of a collection; needs CATALOG_WRITE. Locks the collection. Files are handled as in
/// [`super::add()`].
pub async fn set_collection_image(
    app: &App,
    viewer: &Viewer,
    change: CollectionImage,
) -> Result<CollectionId> {
    viewer.require(Permission::CatalogWrite)?;
    let CollectionImage { collection_id: id, expected_version, source, alt_text } = change;
    let url = match &source {
        Some(ImageSource::Url(url)) => url_fault(url).map(|fault| fault.at(["input", "url"])),
        _ => None,
    };
    let alt = alt_text_fault(&alt_text).map(|fault| fault.at(["input", "altText"]));
    let faults: Vec<_> = url.into_iter().chain(alt).collect();
    if !faults.is_empty() {
        return Err(Error::Rejected(faults));
    }
    let version = queries::collection_version(&mut *app.db.get().await?, id).await?;
    check_version(version, expected_version, "collectionId")?;

    let (files, urls) = split(source.into_iter().collect());
    let staged = media::stage(app, viewer, files, |_| vec!["input".into(), "file".into()]).await?;
    let ready = Ready::join(urls, &staged);
    let (actor, now) = (viewer.actor(), app.clock.now());
    let mut conn = app.db.get().await?;
    let written = conn
        .transaction(async |conn| {
            let version = queries::lock_collection(conn, id).await?;
            check_version(version, expected_version, "collectionId")?;
            let shown: Vec<Shown> = Ready::adopt(conn, &ready).await?;
            let image = shown.first().map(|shown| (shown, alt_text.as_str()));
            queries::set_collection_image(conn, id, image, now).await?;
            let event = NewEvent {
                aggregate: "collection",
                aggregate_id: id.0,
                type_: "collection.updated",
                payload: serde_json::json!({}),
                actor: &actor,
                at: now,
            };
            events::append(conn, event).await?;
            Ok::<_, Error>(shown)
        })
        .await;
    drop(conn);
    settle(app, &staged, &written).await;
    written.map(|_| id)
}

/// In the transaction that gave a collection the address of an image: notes which stored image it names, if it does, so that
/// the image stays.
pub(in crate::catalog) async fn hold_named_image(conn: &mut Conn, id: CollectionId, url: &str) -> Result<()> {
    let stored = media::hold(conn, url).await?;
    let shown = stored.map_or_else(|| Shown { url: url.to_owned(), media_id: None }, Shown::from);
    queries::set_collection_source(conn, id, &shown).await?;
    Ok(())
}
