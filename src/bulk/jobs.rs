//! The jobs of this feature; what they do is in `run_import` and `run_export`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, ImportId};
use crate::jobs::{Job, JobContext, JobError};

use super::entry::RowRejection;
use super::format::CatalogFormat;
use super::{run_export, run_import, sweep};

/// Long enough for millions of products; a run that takes longer goes on in its next attempt.
const TIMEOUT: Duration = Duration::from_secs(2 * 60 * 60);

/// Reads the file of an import into the catalog.
///
/// May run twice: each batch of products, the position in the file and the counts are one transaction that is fenced by the
/// lease, so another run begins where the last committed batch ended, and a run that lost its lease commits nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CatalogImport {
    /// What is imported.
    pub import_id: ImportId,
    /// Whose prices and publications the file is about.
    pub channel_id: ChannelId,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportOutcome {
    /// Products that were created, updated, found unchanged, or skipped.
    pub products: i64,
    /// New products.
    pub created: i64,
    /// Products that were made equal to the file.
    pub updated: i64,
    /// Products that were equal already.
    pub unchanged: i64,
    /// Products that existed and were left alone, as asked.
    pub skipped: i64,
    /// Lines about collections, product types and locations.
    #[serde(default)]
    pub others: i64,
    /// Rows of the file, without its header and blank ones.
    pub rows: i64,
    /// Rows of which something could not be used.
    pub rejected: i64,
    /// The first of them, by line.
    pub rejections: Vec<RowRejection>,
    /// All of them as a CSV file (up to 10,000); none when nothing was rejected.
    #[serde(default)]
    pub report: Option<Link>,
}

/// The address of a file; whoever has it may read the file until it expires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Where.
    pub url: String,
    /// Until when, in RFC 3339.
    pub expires_at: String,
}

impl Job for CatalogImport {
    const KIND: &'static str = "catalog.import";
    const QUEUE: &'static str = "bulk";
    const MAX_ATTEMPTS: i32 = 10;
    const TIMEOUT: Duration = TIMEOUT;
    type Output = ImportOutcome;

    async fn run(self, ctx: JobContext) -> Result<ImportOutcome, JobError> {
        run_import::run(&self, &ctx).await
    }
}

/// Writes the products of a channel, or in our own format the whole catalog, to a file.
///
/// May run twice: the file is named by the job and replaced as a whole, and only the last link to it is valid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CatalogExport {
    /// Whose products and prices.
    pub channel_id: ChannelId,
    /// What to write.
    pub format: CatalogFormat,
}

/// A file to download.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportOutcome {
    /// Where it is.
    #[serde(flatten)]
    pub link: Link,
    /// Products in it.
    pub products: i64,
    /// Products left out, because a variant has no price in the channel.
    pub left_out: i64,
    /// How large it is.
    pub size_bytes: i64,
}

impl Job for CatalogExport {
    const KIND: &'static str = "catalog.export";
    const QUEUE: &'static str = "bulk";
    const MAX_ATTEMPTS: i32 = 5;
    const TIMEOUT: Duration = TIMEOUT;
    type Output = ExportOutcome;

    async fn run(self, ctx: JobContext) -> Result<ExportOutcome, JobError> {
        run_export::run(&self, &ctx).await
    }
}

/// Deletes the files and rows of expired exports and of old imports. Meant to run every hour.
///
/// May run twice: it deletes what is there, the file before the row that names it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BulkSweep {}

/// What a sweep deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepOutcome {
    /// Expired exports.
    pub exports: usize,
    /// Old imports.
    pub imports: usize,
}

impl Job for BulkSweep {
    const KIND: &'static str = "bulk.sweep";
    const QUEUE: &'static str = "bulk";
    type Output = SweepOutcome;

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }

    async fn run(self, ctx: JobContext) -> Result<SweepOutcome, JobError> {
        sweep::run(&ctx).await
    }
}
