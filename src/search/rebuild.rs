//! Making the index anew, and counting its words.

use serde::{Deserialize, Serialize};

use crate::catalog::{self, Matching, level_for};
use crate::db::Db;
use crate::error::Result;
use crate::ids::ProductId;
use crate::jobs::{Job, JobContext, JobError};

use super::queries;

/// So many products are locked at once, for about 50 ms.
const BATCH: i64 = 200;

/// Up to about so many products are looked at to count words; of more, a part of the catalog.
const MAX_LOOKED_AT: i64 = 20_000;

/// Makes the index of every product anew, beginning after one, in short transactions beside everybody else's; then counts
/// its words. Searches find everything meanwhile. Tells after each batch how many products are done and which was the
/// last, from which an interrupted run can go on.
pub async fn rebuild(
    db: &Db,
    mut after: Option<ProductId>,
    mut progress: impl FnMut(u64, ProductId),
) -> Result<u64> {
    let mut done = 0;
    while let Some(last) = catalog::reindex(&mut *db.get().await?, after, BATCH).await? {
        done += BATCH as u64;
        progress(done, last);
        after = Some(last);
    }
    settle(db).await;
    count_words(db).await?;
    Ok(done)
}

/// Puts what many writes have left pending into its place in the index, so that searches need not read it. The next write
/// or autovacuum would do it as well.
pub async fn settle(db: &Db) {
    let settled = async { Ok::<_, crate::Error>(queries::settle(&mut *db.get().await?).await?) };
    if let Err(error) = settled.await {
        tracing::warn!(%error, "what is pending stays in the index of searches");
    }
}

/// Counts how many products have each known word, about: suggestions and beginnings prefer frequent ones. Two statements.
pub async fn count_words(db: &Db) -> Result<()> {
    let mut conn = db.get().await?;
    let sample = Matching { query: catalog::sample(), also: None, sample: 0 };
    let about = catalog::probe(&mut conn, &[sample]).await?[0];
    queries::count_words(&mut conn, level_for(about.everywhere, MAX_LOOKED_AT)).await?;
    Ok(())
}

/// Counts the words of the index.
///
/// May run twice: the counts are taken anew every time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CountWords {}

impl Job for CountWords {
    const KIND: &'static str = "search.count-words";
    const QUEUE: &'static str = "maintenance";
    type Output = ();

    async fn run(self, ctx: JobContext) -> Result<(), JobError> {
        Ok(count_words(&ctx.app.db).await?)
    }
}
