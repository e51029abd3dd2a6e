//! `productPublish` and `productUnpublish`: where a product is seen, and from when on.

use chrono::{DateTime, Utc};

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::channels::Channel;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{ChannelId, ProductId};

use super::{Author, lock_product, queries};

/// Publishes a product in channels, now or from a time on; needs CATALOG_WRITE. Locks it. Shoppers see it while it is ACTIVE as
/// well. May be repeated; the last time counts. Rejects an unknown product or channel, and a stale version.
pub async fn publish(
    app: &App,
    viewer: &Viewer,
    id: ProductId,
    expected_version: Option<i64>,
    channels: Vec<Channel>,
    published_at: Option<DateTime<Utc>>,
) -> Result<ProductId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let channels: Vec<ChannelId> = channels.iter().map(|channel| channel.id).collect();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        lock_product(conn, id, expected_version, "id").await?;
        let at = published_at.unwrap_or(author.now);
        queries::set_published(conn, id, &channels, Some(at)).await?;
        queries::touch(conn, id, author.now).await?;
        let payload = serde_json::json!({ "channels": channels, "publishedAt": at });
        author.record(conn, id, "product.published", payload).await?;
        Ok::<_, Error>(id)
    })
    .await
}

/// Takes a product back from channels; needs CATALOG_WRITE. Locks it. It stays in carts, but cannot be bought there. May be repeated.
pub async fn unpublish(
    app: &App,
    viewer: &Viewer,
    id: ProductId,
    expected_version: Option<i64>,
    channels: Vec<Channel>,
) -> Result<ProductId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let channels: Vec<ChannelId> = channels.iter().map(|channel| channel.id).collect();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        lock_product(conn, id, expected_version, "id").await?;
        queries::set_published(conn, id, &channels, None).await?;
        queries::touch(conn, id, author.now).await?;
        author.record(conn, id, "product.unpublished", serde_json::json!({ "channels": channels })).await?;
        Ok::<_, Error>(id)
    })
    .await
}

/// The channels with these ids, each once; the one of the request where none is named. Rejects an unknown id.
pub async fn channels_of(app: &App, current: &Channel, ids: Option<Vec<ChannelId>>) -> Result<Vec<Channel>> {
    let Some(ids) = ids else { return Ok(vec![current.clone()]) };
    let mut channels: Vec<Channel> = Vec::with_capacity(ids.len());
    for (index, id) in ids.into_iter().enumerate() {
        let Some(channel) = app.channels.by_id(&app.db, id).await? else {
            let rejection = Rejection::new(Reason::NotFound, "There is no such channel.");
            return Err(rejection.at(["input", "channelIds", &index.to_string()]).into());
        };
        if channels.iter().all(|known| known.id != channel.id) {
            channels.push(channel);
        }
    }
    Ok(channels)
}
