//! The job that makes the renditions of an image.

use std::time::Duration;

use anyhow::anyhow;
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncSeekExt;

use crate::db::Conn;
use crate::events::{self, NewEvent};
use crate::ids::MediaId;
use crate::jobs::{Job, JobContext, JobError};

use super::inspect::ImageLimits;
use super::model::{ImageRow, MediaState, Rendition, original_key, rendition_key};
use super::queries;
use super::render::{Rendered, render};

/// Makes the smaller copies of an image. Until it has run, the original is shown everywhere.
///
/// May run twice: the files are named by the image and their width and are replaced as a whole, the rows are replaced in
/// one transaction that is fenced by the lease. An image that cannot be decoded is dead at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeriveRenditions {
    /// Of what.
    pub image_id: MediaId,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeriveOutcome {
    /// Widths in pixels.
    pub widths: Vec<u32>,
}

impl Job for DeriveRenditions {
    const KIND: &'static str = "media.derive";
    const QUEUE: &'static str = "media";
    const MAX_ATTEMPTS: i32 = 6;
    const TIMEOUT: Duration = Duration::from_secs(5 * 60);
    type Output = DeriveOutcome;

    async fn run(self, ctx: JobContext) -> Result<DeriveOutcome, JobError> {
        let app = &ctx.app;
        let found = queries::find(&mut *app.db.get().await?, self.image_id).await?;
        let Some(image) = found.filter(|image| image.state == MediaState::Stored) else {
            // It was deleted meanwhile.
            return Ok(DeriveOutcome { widths: Vec::new() });
        };
        let file = fetch(&ctx, &image).await?;
        let media = &app.config.media;
        let pixels = u64::from(image.width.unsigned_abs()) * u64::from(image.height.unsigned_abs());
        // The limit may have been lowered since it was uploaded.
        let limits = ImageLimits { bytes: media.limit_bytes, pixels: media.limit_pixels.max(pixels) };
        let rendered = render(file, image.format, pixels, limits)
            .await
            .map_err(|error| JobError::fail(anyhow!("the image cannot be decoded: {error:#}")))?;
        if ctx.canceled().is_cancelled() {
            return Err(JobError::Canceled);
        }
        let widths = rendered.iter().map(|one| one.width).collect();
        let renditions = put(&ctx, &image, rendered).await?;
        record(&ctx, &image, &renditions).await?;
        Ok(DeriveOutcome { widths })
    }
}

/// The original, in a file that has no name.
async fn fetch(ctx: &JobContext, image: &ImageRow) -> Result<std::fs::File, JobError> {
    let file = tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(JobError::retry)?;
    let mut file = tokio::fs::File::from_std(file.map_err(JobError::retry)?);
    let key = original_key(image.id, image.format);
    let mut stored = ctx.app.storage.open(&key).await.map_err(JobError::retry)?;
    tokio::io::copy(&mut stored.reader, &mut file).await.map_err(JobError::retry)?;
    file.rewind().await.map_err(JobError::retry)?;
    Ok(file.into_std().await)
}

async fn put(
    ctx: &JobContext,
    image: &ImageRow,
    rendered: Vec<Rendered>,
) -> Result<Vec<Rendition>, JobError> {
    let mut renditions = Vec::with_capacity(rendered.len());
    for Rendered { width, height, format, bytes } in rendered {
        renditions.push(Rendition {
            image_id: image.id,
            width: i32::try_from(width).map_err(JobError::fail)?,
            height: i32::try_from(height).map_err(JobError::fail)?,
            format,
            size_bytes: i64::try_from(bytes.len()).map_err(JobError::fail)?,
        });
        let key = rendition_key(image.id, width, format);
        ctx.app.storage.put_bytes(&key, bytes).await.map_err(JobError::retry)?;
    }
    Ok(renditions)
}

/// Makes the renditions known, and tells of it in the history of what shows the image, for caches to notice.
async fn record(ctx: &JobContext, image: &ImageRow, renditions: &[Rendition]) -> Result<(), JobError> {
    let mut conn = ctx.app.db.get().await?;
    conn.transaction(async |conn| {
        ctx.fence(conn).await?;
        for id in queries::lock_products_with(conn, image.id).await? {
            tell(ctx, conn, "product", id.0, "product.image_derived").await?;
        }
        for id in queries::lock_collections_with(conn, image.id).await? {
            tell(ctx, conn, "collection", id.0, "collection.image_derived").await?;
        }
        queries::set_renditions(conn, image.id, renditions, ctx.app.clock.now()).await?;
        Ok::<_, JobError>(())
    })
    .await
}

async fn tell(
    ctx: &JobContext,
    conn: &mut Conn,
    aggregate: &str,
    aggregate_id: uuid::Uuid,
    type_: &str,
) -> Result<(), JobError> {
    let (payload, at) = (serde_json::json!({}), ctx.app.clock.now());
    events::append(conn, NewEvent { aggregate, aggregate_id, type_, payload, actor: "system", at }).await?;
    Ok(())
}
