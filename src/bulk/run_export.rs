//! The export itself: page by page from the catalog into a file.

use anyhow::anyhow;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{SecondsFormat, TimeDelta};
use diesel_async::AsyncConnection;
use rand::Rng;
use sha2::{Digest, Sha256};

use crate::catalog::ProductDraft;
use crate::channels::Channel;
use crate::ids::ProductId;
use crate::jobs::{JobContext, JobError};
use crate::media;
use crate::money::Currency;
use crate::storage::{FileKey, Upload};

use super::format::CatalogFormat;
use super::jobs::{CatalogExport, ExportOutcome};
use super::queries::{self, Export};
use super::{jsonl, shopify};

/// Products per statement: some hundred kilobytes of memory.
const PAGE_PRODUCTS: i64 = 200;
/// How long a file can be downloaded.
const LINK_HOURS: i64 = 24;

/// See [`CatalogExport`] for why this may happen twice.
pub async fn run(job: &CatalogExport, ctx: &JobContext) -> Result<ExportOutcome, JobError> {
    let app = &ctx.app;
    let channels = app.channels.all(&app.db).await?;
    let channel = channels.iter().find(|channel| channel.id == job.channel_id);
    let channel = channel.ok_or_else(|| JobError::fail(anyhow!("The channel was deleted.")))?;

    let key = super::export::file_key(ctx.job_id);
    let mut file = app.storage.create(&key).await.map_err(JobError::retry)?;
    let written = write(job, ctx, channel, &mut file).await?;
    let size_bytes = i64::try_from(file.finish().await.map_err(JobError::retry)?).map_err(JobError::fail)?;
    publish(job, ctx, channel, &key, written, size_bytes).await
}

struct Written {
    products: i64,
    left_out: i64,
}

async fn write(
    job: &CatalogExport,
    ctx: &JobContext,
    channel: &Channel,
    file: &mut Upload,
) -> Result<Written, JobError> {
    let app = &ctx.app;
    let (total, encoder) = {
        let mut conn = app.db.get().await?;
        let options = usize::try_from(queries::most_options(&mut conn).await?).unwrap_or(0);
        let total = queries::count_products(&mut conn, channel.id).await?;
        (total, Encoder { format: job.format, currency: channel.currency, options: options.max(3) })
    };
    file.write(&encoder.begin().await?).await.map_err(JobError::retry)?;
    let mut written = Written { products: 0, left_out: 0 };
    let mut after: Option<ProductId> = None;
    loop {
        let page = {
            let mut conn = app.db.get().await?;
            queries::products_after(&mut conn, channel.id, after, app.clock.now(), PAGE_PRODUCTS).await?
        };
        let Some(last) = page.last() else { return Ok(written) };
        after = Some(last.id);
        let count = page.len() as i64;
        let mut drafts: Vec<ProductDraft> = page.into_iter().filter_map(|product| product.draft).collect();
        for image in drafts.iter_mut().flat_map(|draft| &mut draft.images) {
            image.url = media::public_url(&app.config.media, &image.url).into_owned();
        }
        written.products += drafts.len() as i64;
        written.left_out += count - drafts.len() as i64;
        file.write(&encoder.encode(&drafts).await?).await.map_err(JobError::retry)?;
        if ctx.canceled().is_cancelled() {
            return Err(JobError::Canceled);
        }
        let done = written.products + written.left_out;
        ctx.progress(done, Some(total.max(done)), &format!("{} products", written.products)).await?;
    }
}

/// Makes bytes of products.
struct Encoder {
    format: CatalogFormat,
    currency: Currency,
    /// How many option columns a CSV has; products that got more while the export runs are written with so many.
    options: usize,
}

impl Encoder {
    async fn begin(&self) -> Result<Vec<u8>, JobError> {
        match self.format {
            CatalogFormat::ShopifyCsv => csv(vec![shopify::header(self.options)]).await,
            CatalogFormat::Jsonl => Ok(Vec::new()),
        }
    }

    async fn encode(&self, drafts: &[ProductDraft]) -> Result<Vec<u8>, JobError> {
        match self.format {
            CatalogFormat::ShopifyCsv => {
                let mut rows = Vec::new();
                drafts
                    .iter()
                    .for_each(|draft| rows.extend(shopify::rows(draft, self.currency, self.options)));
                csv(rows).await
            }
            CatalogFormat::Jsonl => {
                let mut lines = Vec::new();
                drafts.iter().for_each(|draft| jsonl::write(draft, self.currency, &mut lines));
                Ok(lines)
            }
        }
    }
}

async fn csv(rows: Vec<Vec<String>>) -> Result<Vec<u8>, JobError> {
    let mut writer = csv_async::AsyncWriter::from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).await.map_err(JobError::fail)?;
    }
    writer.into_inner().await.map_err(|error| JobError::fail(anyhow!("{error}")))
}

/// Makes the link to the file. The token in it is the only right that is needed, so only its hash is kept.
async fn publish(
    job: &CatalogExport,
    ctx: &JobContext,
    channel: &Channel,
    key: &FileKey,
    written: Written,
    size_bytes: i64,
) -> Result<ExportOutcome, JobError> {
    let token = URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>());
    let now = ctx.app.clock.now();
    let file_name =
        format!("products-{}-{}.{}", plain(&channel.slug), now.format("%Y-%m-%d"), job.format.extension());
    let url = format!("{}/downloads/{token}/{file_name}", ctx.app.config.http.public_url);
    let export = Export {
        job_id: ctx.job_id,
        token_hash: Sha256::digest(token.as_bytes()).to_vec(),
        file_key: key.as_str().to_owned(),
        file_name,
        format: job.format.as_str().to_owned(),
        size_bytes,
        created_at: now,
        expires_at: now + TimeDelta::hours(LINK_HOURS),
    };
    let mut conn = ctx.app.db.get().await?;
    conn.transaction(async |conn| {
        ctx.fence(conn).await?;
        queries::upsert_export(conn, &export).await?;
        Ok::<_, JobError>(())
    })
    .await?;
    Ok(ExportOutcome {
        url,
        expires_at: export.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        products: written.products,
        left_out: written.left_out,
        size_bytes,
    })
}

/// What stands for itself in a URL, a file system and a header.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}
