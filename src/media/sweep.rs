//! Deleting images that nothing shows any more, and uploads that were given up.

use chrono::TimeDelta;
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::Result;
use crate::ids::MediaId;
use crate::jobs::{Job, JobContext, JobError};

use super::model::{ImageRow, original_key, rendition_key};
use super::queries;
use super::render::{FORMATS, WIDTHS};

/// Pages that somebody has open, and caches, may still name an image that was removed.
const UNUSED_KEPT: TimeDelta = TimeDelta::hours(24);
/// No upload takes so long.
const PENDING_KEPT: TimeDelta = TimeDelta::hours(1);
/// So many per run; the next run takes the rest.
const AT_ONCE: i64 = 1_000;

/// Deletes the files and rows of images that were unused for a day, and of uploads that did not come to an end. Meant to run
/// every hour.
///
/// May run twice: an image is marked before its files go, so that nothing can show it again, and its row goes last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MediaSweep {}

/// What a sweep deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepOutcome {
    /// Images.
    pub images: usize,
}

impl Job for MediaSweep {
    const KIND: &'static str = "media.sweep";
    const QUEUE: &'static str = "media";
    type Output = SweepOutcome;

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }

    async fn run(self, ctx: JobContext) -> Result<SweepOutcome, JobError> {
        let app = &ctx.app;
        let now = app.clock.now();
        let mut conn = app.db.get().await?;
        queries::note_unused(&mut conn, now).await?;
        conn.transaction(async |conn| {
            let locked =
                queries::lock_candidates(conn, now - UNUSED_KEPT, now - PENDING_KEPT, AT_ONCE).await?;
            queries::mark_deleting(conn, &locked).await
        })
        .await?;
        let rows = queries::deleting(&mut conn, AT_ONCE).await?;
        drop(conn);
        let images = delete(app, rows).await?;
        Ok(SweepOutcome { images })
    }
}

/// Deletes the files of marked images, and then their rows; returns how many. A file that cannot be deleted now keeps its row
/// for the next time.
pub(super) async fn delete(app: &App, rows: Vec<ImageRow>) -> Result<usize> {
    let mut gone = Vec::with_capacity(rows.len());
    for row in rows {
        match delete_files(app, &row).await {
            Ok(()) => gone.push(row.id),
            Err(error) => tracing::warn!(%error, image = %row.id, "an image could not be deleted"),
        }
    }
    queries::delete(&mut *app.db.get().await?, &gone).await?;
    Ok(gone.len())
}

/// Every file that there can be: a job that died may have stored some that no row names.
async fn delete_files(app: &App, row: &ImageRow) -> object_store::Result<()> {
    let id: MediaId = row.id;
    for width in WIDTHS {
        for format in FORMATS {
            app.storage.delete(&rendition_key(id, width, format)).await?;
        }
    }
    app.storage.delete(&original_key(id, row.format)).await
}
