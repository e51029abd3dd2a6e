//! `catalogExport`: enqueues the job that writes the file.

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::channels::Channel;
use crate::error::{Error, Result};
use crate::ids::JobId;
use crate::jobs::{self, EnqueueOptions};

use crate::storage::{FileKey, StoredFile};

use super::format::CatalogFormat;
use super::jobs::CatalogExport;

/// Enqueues an export of the channel's products; the answer is the job, whose result holds the address of the file.
/// Needs BULK_EXPORT.
pub async fn export(app: &App, viewer: &Viewer, channel: &Channel, format: CatalogFormat) -> Result<JobId> {
    viewer.require(Permission::BulkExport)?;
    let job = CatalogExport { channel_id: channel.id, format };
    let options = EnqueueOptions { created_by: viewer.user_id(), ..EnqueueOptions::default() };
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| jobs::enqueue(conn, &job, options).await).await
}

/// What an export wrote, for a command on a machine that shares the storage.
pub async fn exported_file(app: &App, viewer: &Viewer, job_id: JobId) -> Result<StoredFile> {
    viewer.require(Permission::BulkExport)?;
    app.storage.open(&file_key(job_id)).await.map_err(Error::fault)
}

/// Where an export is stored: a second run of its job replaces what the first one wrote.
pub(super) fn file_key(job_id: JobId) -> FileKey {
    FileKey::of("exports", job_id.0)
}
