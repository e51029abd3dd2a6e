//! The export itself: page by page from the catalog into a file.

use std::collections::HashMap;

use anyhow::anyhow;
use chrono::TimeDelta;

use crate::catalog::{self, ProductRecord};
use crate::channels::Channel;
use crate::ids::ProductId;
use crate::inventory;
use crate::jobs::{JobContext, JobError};
use crate::media;
use crate::storage::Upload;

use super::format::CatalogFormat;
use super::jobs::{CatalogExport, ExportOutcome};
use super::jsonl::{self, Names};
use super::link::{self, NewLink};
use super::{shopify, stored};

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
    let written = write(job, ctx, channel, &channels, &mut file).await?;
    let size_bytes = i64::try_from(file.finish().await.map_err(JobError::retry)?).map_err(JobError::fail)?;
    let day = app.clock.now().format("%Y-%m-%d");
    let file_name = match job.format {
        CatalogFormat::ShopifyCsv => format!("products-{}-{day}.csv", link::plain(&channel.slug)),
        CatalogFormat::Jsonl => format!("catalog-{day}.jsonl"),
    };
    let lasts = TimeDelta::hours(LINK_HOURS);
    let link = NewLink { key: &key, file_name, format: job.format.as_str(), size_bytes, lasts };
    Ok(ExportOutcome {
        link: link::publish(ctx, link).await?,
        products: written.products,
        left_out: written.left_out,
        size_bytes,
    })
}

#[derive(Default)]
struct Written {
    products: i64,
    left_out: i64,
}

async fn write(
    job: &CatalogExport,
    ctx: &JobContext,
    channel: &Channel,
    channels: &[Channel],
    file: &mut Upload,
) -> Result<Written, JobError> {
    let app = &ctx.app;
    // Shopify's format is about one channel, ours about all of them.
    let of_channel = (job.format == CatalogFormat::ShopifyCsv).then_some(channel.id);
    let (total, encoder) = {
        let mut conn = app.db.get().await?;
        let total = stored::count_products(&mut conn, of_channel).await?;
        (total, Encoder::new(&mut conn, job.format, channel, channels).await?)
    };
    encoder.begin(ctx, file).await?;
    let mut written = Written::default();
    let mut after: Option<ProductId> = None;
    loop {
        let mut page = {
            let mut conn = app.db.get().await?;
            stored::products_after(&mut conn, of_channel, after, PAGE_PRODUCTS).await?
        };
        let Some(last) = page.last() else { return Ok(written) };
        after = Some(last.0);
        for image in page.iter_mut().flat_map(|(_, record)| &mut record.images) {
            image.url = media::public_url(&app.config.media, &image.url).into_owned();
        }
        let (bytes, left_out) = encoder.encode(&page, app.clock.now()).await?;
        written.products += page.len() as i64 - left_out;
        written.left_out += left_out;
        file.write(&bytes).await.map_err(JobError::retry)?;
        if ctx.canceled().is_cancelled() {
            return Err(JobError::Canceled);
        }
        let done = written.products + written.left_out;
        ctx.progress(done, Some(total.max(done)), &format!("{} products", written.products)).await?;
    }
}

/// Makes bytes of products.
enum Encoder {
    Shopify(shopify::Writer),
    Jsonl(Names),
}

impl Encoder {
    async fn new(
        conn: &mut crate::db::Conn,
        format: CatalogFormat,
        channel: &Channel,
        channels: &[Channel],
    ) -> Result<Self, JobError> {
        match format {
            CatalogFormat::ShopifyCsv => {
                // Products that get more options while the export runs are written with so many.
                let options = usize::try_from(stored::most_options(conn).await?).unwrap_or(0).max(3);
                let location_id = inventory::default_location(conn).await?;
                Ok(Encoder::Shopify(shopify::Writer { channel: channel.clone(), location_id, options }))
            }
            CatalogFormat::Jsonl => {
                let locations = inventory::all_locations(conn).await?;
                let names: HashMap<_, _> =
                    channels.iter().map(|channel| (channel.id, channel.clone())).collect();
                let locations = locations.into_iter().map(|(id, name, _)| (id, name)).collect();
                Ok(Encoder::Jsonl(Names { channels: names, locations }))
            }
        }
    }

    /// What stands before the products: the header, or what they refer to.
    async fn begin(&self, ctx: &JobContext, file: &mut Upload) -> Result<(), JobError> {
        let mut bytes = Vec::new();
        match self {
            Encoder::Shopify(writer) => bytes = csv(vec![writer.header()]).await?,
            Encoder::Jsonl(names) => {
                let mut conn = ctx.app.db.get().await?;
                for (_, name, priority) in inventory::all_locations(&mut conn).await? {
                    jsonl::location(&name, priority, &mut bytes);
                }
                for record in catalog::type_records(&mut conn).await? {
                    jsonl::product_type(&record, &mut bytes);
                }
                let mut after = String::new();
                loop {
                    let page = catalog::collection_records_after(&mut conn, &after, PAGE_PRODUCTS).await?;
                    let Some(last) = page.last() else { break };
                    after.clone_from(&last.slug);
                    page.iter().for_each(|record| names.collection(record, &mut bytes));
                    file.write(&std::mem::take(&mut bytes)).await.map_err(JobError::retry)?;
                }
            }
        }
        file.write(&bytes).await.map_err(JobError::retry)
    }

    /// The bytes, and how many products cannot be written in this format.
    async fn encode(
        &self,
        page: &[(ProductId, ProductRecord)],
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(Vec<u8>, i64), JobError> {
        match self {
            Encoder::Shopify(writer) => {
                let products: Vec<_> =
                    page.iter().filter_map(|(_, record)| writer.product(record, now)).collect();
                let left_out = page.len() - products.len();
                Ok((csv(products.concat()).await?, left_out as i64))
            }
            Encoder::Jsonl(names) => {
                let mut lines = Vec::new();
                page.iter().for_each(|(_, record)| names.product(record, &mut lines));
                Ok((lines, 0))
            }
        }
    }
}

/// Records as CSV.
pub async fn csv(rows: Vec<Vec<String>>) -> Result<Vec<u8>, JobError> {
    let mut writer = csv_async::AsyncWriter::from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).await.map_err(JobError::fail)?;
    }
    writer.into_inner().await.map_err(|error| JobError::fail(anyhow!("{error}")))
}
