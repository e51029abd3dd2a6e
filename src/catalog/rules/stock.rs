//! Rules that look at whether a product can be ordered.

use std::time::Duration;

use diesel::sql_types::{BigInt, Uuid};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::ProductId;
use crate::jobs::{Job, JobContext, JobError};
use crate::sql::Sql;

use super::super::edit::queries::lock_products;
use super::{Touched, review};

/// Products of one transaction.
const BATCH: i64 = 500;

/// Holds the products that became available or unavailable against the rules that ask for it. The trigger `note_availability`
/// notes them and enqueues this; it runs by the clock, too. It may run twice and side by side: what a run takes is gone
/// for the others.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ReviewStock {}

impl Job for ReviewStock {
    const KIND: &'static str = "catalog.review";
    const QUEUE: &'static str = "catalog";
    const PRIORITY: i16 = 10;
    const TIMEOUT: Duration = Duration::from_secs(600);

    /// How many products were looked at.
    type Output = usize;

    async fn run(self, ctx: JobContext) -> Result<usize, JobError> {
        let mut reviewed = 0;
        loop {
            if ctx.canceled().is_cancelled() {
                return Err(JobError::Canceled);
            }
            match review_stock(&ctx.app).await? {
                0 => return Ok(reviewed),
                products => reviewed += products,
            }
        }
    }
}

/// Looks at no more than 500 of the noted products; how many notes were taken, 0 when none is left.
pub async fn review_stock(app: &App) -> Result<usize> {
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let noted: Vec<ProductId> = Sql::<Uuid>::new(
            "DELETE FROM collection_reviews WHERE id IN \
             (SELECT id FROM collection_reviews ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED) RETURNING product_id",
        )
        .bind::<BigInt, _>(BATCH)
        .load(conn)
        .await?;
        if !noted.is_empty() {
            let locked = lock_products(conn, &noted).await?;
            review(conn, &locked, Touched::Stock).await?;
        }
        Ok::<_, Error>(noted.len())
    })
    .await
}
