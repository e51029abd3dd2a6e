//! `collectionPublish` and `collectionUnpublish`: where a collection is seen, and from when on.

use chrono::{DateTime, Utc};

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::channels::Channel;
use crate::error::{Error, Result};
use crate::ids::{ChannelId, CollectionId};

use super::super::edit::Author;
use super::{Edit, Target, queries};

/// Shows a collection in channels, now or from a time on; needs CATALOG_WRITE. Locks it. A collection that was never hidden is seen
/// everywhere already. Rejects an unknown collection and a stale version.
pub async fn publish(
    app: &App,
    viewer: &Viewer,
    id: CollectionId,
    expected_version: Option<i64>,
    channels: Vec<Channel>,
    published_at: Option<DateTime<Utc>>,
) -> Result<CollectionId> {
    let channels: Vec<ChannelId> = channels.iter().map(|channel| channel.id).collect();
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let target = Target { id, expected_version, field: "id" };
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let mut edit = Edit::begin(conn, &author, target).await?;
        let at = published_at.unwrap_or(edit.author.now);
        queries::set_published(edit.conn, id, &channels, Some(at)).await?;
        let payload = serde_json::json!({ "channels": channels, "publishedAt": at });
        edit.finish("collection.published", payload).await?;
        Ok::<_, Error>(id)
    })
    .await
}

/// Hides a collection in channels; needs CATALOG_WRITE. Locks it. Its products are seen as before. Rejects an unknown collection and
/// a stale version.
pub async fn unpublish(
    app: &App,
    viewer: &Viewer,
    id: CollectionId,
    expected_version: Option<i64>,
    channels: Vec<Channel>,
) -> Result<CollectionId> {
    let channels: Vec<ChannelId> = channels.iter().map(|channel| channel.id).collect();
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let target = Target { id, expected_version, field: "id" };
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let mut edit = Edit::begin(conn, &author, target).await?;
        queries::set_published(edit.conn, id, &channels, None).await?;
        edit.finish("collection.unpublished", serde_json::json!({ "channels": channels })).await?;
        Ok::<_, Error>(id)
    })
    .await
}
