//! `catalogExport`: enqueues the job that writes the file.

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::channels::Channel;
use crate::error::Result;
use crate::ids::JobId;
use crate::jobs::{self, EnqueueOptions};

use super::format::CatalogFormat;
use super::jobs::CatalogExport;

/// Enqueues an export of the channel's products; the answer is the job, whose result holds the address of the file.
/// Needs BULK_EXPORT.
pub async fn export(app: &App, viewer: &Viewer, channel: &Channel, format: CatalogFormat) -> Result<JobId> {
    viewer.require(Permission::BulkExport)?;
    let job = CatalogExport { channel_id: channel.id, format };
    let options = EnqueueOptions { created_by: viewer.user_id(), ..EnqueueOptions::default() };
    jobs::enqueue(&mut *app.db.get().await?, &job, options).await
}
