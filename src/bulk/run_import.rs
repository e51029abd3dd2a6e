//! The import itself: batch by batch from the file into the catalog.

mod batch;
mod lane;
mod others;
mod refusal;
mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::anyhow;

use crate::catalog;
use crate::ids::ChannelId;
use crate::jobs::{JobContext, JobError};
use crate::search;
use crate::storage::{FileKey, StoredReader};

use super::entry::{Entry, Position, ReadError};
use super::format::CatalogFormat;
use super::item::{Item, Places};
use super::jobs::{CatalogImport, ImportOutcome};
use super::queries::{self, Import};
use super::source::{self, Counted, Source};

use batch::Writer;
use lane::{Lane, Written};

/// Large enough that the statements of a batch cost little per product, small enough that a batch takes a fraction of
/// a second and little is done again after a crash.
const BATCH_PRODUCTS: usize = 500;
/// A batch with products of many variants ends earlier.
const BATCH_BYTES: u64 = 2 * 1024 * 1024;
/// So many rejected rows are kept with the job's result.
const SHOWN_REJECTIONS: usize = 100;

/// Reads what is left of the file. See [`CatalogImport`] for why this may happen twice.
pub async fn run(job: &CatalogImport, ctx: &JobContext) -> Result<ImportOutcome, JobError> {
    let app = &ctx.app;
    let found = queries::find_import(&mut *app.db.get().await?, job.import_id).await?;
    let mut import = found.ok_or_else(|| JobError::fail(anyhow!("The import was deleted.")))?;
    let key =
        FileKey::stored(&import.file_key).ok_or_else(|| JobError::fail(anyhow!("The file has no name.")))?;
    if import.finished_at.is_none() {
        read(ctx, &mut import, job.channel_id, &key).await?;
        search::settle(&app.db).await;
        finish(ctx, &import).await?;
    }
    if let Err(error) = app.storage.delete(&key).await {
        tracing::warn!(%error, file = %key, "the file of a finished import stays behind");
    }
    outcome(ctx, &import).await
}

async fn read(
    ctx: &JobContext,
    import: &mut Import,
    channel_id: ChannelId,
    key: &FileKey,
) -> Result<(), JobError> {
    let places = places(ctx, channel_id).await?;
    let read_bytes = Arc::new(AtomicU64::new(0));
    let total = import.size_bytes;
    let mut source = open(ctx, import, places, key, read_bytes.clone()).await?;
    let ends = catalog::ends_of_collections(&mut *ctx.app.db.get().await?).await?;
    let writer = Writer::new(ctx.clone(), import, channel_id, ends);
    let mut lane = Lane::new(writer, source.position);
    loop {
        let (entries, end) = match meanwhile(&mut lane, import, source.next_batch()).await? {
            Ok(entries) => (entries, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        let is_end = entries.is_empty();
        // What comes before a damaged place goes in.
        while is_end || lane.is_full_for(&entries) {
            let Some(written) = lane.next().await else { break };
            add(import, &written?);
        }
        if is_end {
            return end;
        }
        if ctx.canceled().is_cancelled() {
            return Err(JobError::Canceled);
        }
        lane.begin(entries);
        let done = i64::try_from(read_bytes.load(Ordering::Relaxed)).unwrap_or(total).min(total);
        let note = note(import);
        meanwhile(&mut lane, import, ctx.progress(done, Some(total), &note)).await??;
    }
}

/// Waits for something and takes in which batches commit meanwhile.
async fn meanwhile<T>(
    lane: &mut Lane,
    import: &mut Import,
    something: impl Future<Output = T>,
) -> Result<T, JobError> {
    let mut something = std::pin::pin!(something);
    loop {
        tokio::select! {
            outcome = &mut something => return Ok(outcome),
            Some(written) = lane.next() => add(import, &written?),
        }
    }
}

/// Brings the import in memory to where the committed batch left its row.
fn add(import: &mut Import, (to, tally): &Written) {
    import.next_byte = to.byte as i64;
    import.next_line = to.line as i64;
    import.rows_read += tally.rows_read;
    import.rows_rejected += tally.rows_rejected;
    import.created += tally.created;
    import.updated += tally.updated;
    import.unchanged += tally.unchanged;
    import.skipped += tally.skipped;
    import.others += tally.others;
}

async fn places(ctx: &JobContext, id: ChannelId) -> Result<Places, JobError> {
    let channels = ctx.app.channels.all(&ctx.app.db).await?;
    let channel = channels.iter().find(|channel| channel.id == id).cloned();
    let channel = channel.ok_or_else(|| JobError::fail(anyhow!("The channel was deleted.")))?;
    Ok(Places { channel, channels: channels.into() })
}

async fn open(
    ctx: &JobContext,
    import: &Import,
    places: Places,
    key: &FileKey,
    read_bytes: Arc<AtomicU64>,
) -> Result<Reading, JobError> {
    let format = CatalogFormat::from_stored(&import.format)
        .ok_or_else(|| JobError::fail(anyhow!("This version does not know the format {}.", import.format)))?;
    let position = Position { byte: import.next_byte as u64, line: import.next_line as u64 };
    let reopen = async || {
        let stored = ctx.app.storage.open(key).await.map_err(std::io::Error::other)?;
        let reader: StoredReader = Box::new(Counted::new(stored.reader, read_bytes.clone()));
        Ok::<_, std::io::Error>(reader)
    };
    let source = source::open(format, places, position, reopen).await.map_err(read_error)?;
    Ok(Reading { source, position, failure: None })
}

/// A file being read, batch by batch.
struct Reading {
    source: Source,
    /// Where the next batch begins.
    position: Position,
    failure: Option<ReadError>,
}

impl Reading {
    /// The products of the next batch; empty at the end of the file. What comes before a damaged place is given out
    /// before the failure is.
    async fn next_batch(&mut self) -> Result<Vec<Entry<Item>>, JobError> {
        let mut entries = Vec::with_capacity(BATCH_PRODUCTS);
        let begin = self.position.byte;
        while self.failure.is_none()
            && entries.len() < BATCH_PRODUCTS
            && self.position.byte - begin < BATCH_BYTES
        {
            match self.source.next().await {
                Ok(Some(entry)) => {
                    self.position = entry.next;
                    entries.push(entry);
                }
                Ok(None) => break,
                Err(error) => self.failure = Some(error),
            }
        }
        match self.failure.take_if(|_| entries.is_empty()) {
            Some(error) => Err(read_error(error)),
            None => Ok(entries),
        }
    }
}

/// A damaged file stays damaged; a storage may recover.
fn read_error(error: ReadError) -> JobError {
    match error {
        ReadError::Broken { .. } => JobError::fail(error),
        ReadError::Storage(_) => JobError::retry(error),
    }
}

fn note(import: &Import) -> String {
    let products = import.created + import.updated + import.unchanged + import.skipped;
    match import.rows_rejected {
        0 => format!("{products} products"),
        rejected => format!("{products} products, {rejected} rows rejected"),
    }
}

async fn finish(ctx: &JobContext, import: &Import) -> Result<(), JobError> {
    use diesel_async::AsyncConnection;
    let mut conn = ctx.app.db.get().await?;
    let now = ctx.app.clock.now();
    conn.transaction(async |conn| {
        ctx.fence(conn).await?;
        queries::finish_import(conn, import.id, now).await?;
        Ok::<_, JobError>(())
    })
    .await
}

async fn outcome(ctx: &JobContext, import: &Import) -> Result<ImportOutcome, JobError> {
    let report = match import.rows_rejected {
        0 => None,
        _ => Some(report::publish(ctx, import).await?),
    };
    let mut conn = ctx.app.db.get().await?;
    let rejections = queries::rejections(&mut conn, import.id, 0, SHOWN_REJECTIONS as i64).await?;
    Ok(ImportOutcome {
        products: import.created + import.updated + import.unchanged + import.skipped,
        created: import.created,
        updated: import.updated,
        unchanged: import.unchanged,
        skipped: import.skipped,
        others: import.others,
        rows: import.rows_read,
        rejected: import.rows_rejected,
        rejections,
        report,
    })
}
