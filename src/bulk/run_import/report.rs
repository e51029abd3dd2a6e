//! The rejected rows of an import as a file.

use chrono::TimeDelta;

use crate::bulk::guard::guarded;
use crate::bulk::jobs::Link;
use crate::bulk::link::{self, NewLink};
use crate::bulk::queries::{self, Import};
use crate::bulk::run_export::csv;
use crate::jobs::{JobContext, JobError};
use crate::storage::FileKey;

/// How the table of exports calls it.
pub const FORMAT: &str = "REJECTIONS";
/// Long enough to come back from a weekend.
const LASTS: TimeDelta = TimeDelta::days(7);
const PAGE_ROWS: usize = 1_000;

/// Writes the kept rejections to a CSV file and makes the link to it: the line, the column, the reason, and the beginning of
/// the row. A run that repeats this replaces the file. Cells are guarded against formulas, since the rows are of strangers.
pub async fn publish(ctx: &JobContext, import: &Import) -> Result<Link, JobError> {
    let key = FileKey::of("exports", ctx.job_id.0);
    let mut file = ctx.app.storage.create(&key).await.map_err(JobError::retry)?;
    let header = ["Line", "Column", "Reason", "Row"].map(str::to_owned).to_vec();
    file.write(&csv(vec![header]).await?).await.map_err(JobError::retry)?;
    let mut after_line = 0;
    loop {
        let page = {
            let mut conn = ctx.app.db.get().await?;
            queries::rejections(&mut conn, import.id, after_line, PAGE_ROWS as i64).await?
        };
        let Some(last) = page.last() else { break };
        after_line = last.line;
        let row = |row: &crate::bulk::entry::RowRejection| {
            let texts = [&row.column, &row.reason, &row.text].map(|text| guarded(text).into_owned());
            std::iter::once(row.line.to_string()).chain(texts).collect()
        };
        let rows = page.iter().map(row).collect();
        file.write(&csv(rows).await?).await.map_err(JobError::retry)?;
    }
    let size_bytes = i64::try_from(file.finish().await.map_err(JobError::retry)?).map_err(JobError::fail)?;
    let file_name = "rejected-rows.csv".to_owned();
    link::publish(ctx, NewLink { key: &key, file_name, format: FORMAT, size_bytes, lasts: LASTS }).await
}
