//! Deleting what nobody will ask for again.

use chrono::TimeDelta;

use crate::jobs::{JobContext, JobError};
use crate::storage::FileKey;

use super::jobs::SweepOutcome;
use super::queries;

/// An import that failed can be retried, and its rejected rows be read, for so long.
const IMPORTS_KEPT: TimeDelta = TimeDelta::days(30);
/// So many of each kind per run; the next run takes the rest.
const AT_ONCE: i64 = 1_000;

/// See [`super::jobs::BulkSweep`].
pub async fn run(ctx: &JobContext) -> Result<SweepOutcome, JobError> {
    let app = &ctx.app;
    let now = app.clock.now();
    let exports = queries::expired_exports(&mut *app.db.get().await?, now, AT_ONCE).await?;
    let exports = delete_files(ctx, exports).await;
    queries::delete_exports(&mut *app.db.get().await?, &exports).await?;

    let imports = queries::old_imports(&mut *app.db.get().await?, now - IMPORTS_KEPT, AT_ONCE).await?;
    let imports = delete_files(ctx, imports).await;
    queries::delete_imports(&mut *app.db.get().await?, &imports).await?;
    Ok(SweepOutcome { exports: exports.len(), imports: imports.len() })
}

/// Deletes the files; returns the rows whose file is gone.
async fn delete_files<Id>(ctx: &JobContext, rows: Vec<(Id, String)>) -> Vec<Id> {
    let mut gone = Vec::with_capacity(rows.len());
    for (id, file) in rows {
        let deleted = match FileKey::stored(&file) {
            Some(key) => ctx.app.storage.delete(&key).await,
            None => Ok(()),
        };
        match deleted {
            Ok(()) => gone.push(id),
            Err(error) => tracing::warn!(%error, file, "a file could not be deleted"),
        }
    }
    gone
}
