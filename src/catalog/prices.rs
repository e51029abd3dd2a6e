//! The turn of prices: at both ends of a sale the price ranges that lists show, filter and sort by become others.
//!
//! What is charged needs none of this: carts and orders compute it from the sale's window (`price_at` in SQL).

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::{Error, Result};
use crate::events;
use crate::ids::ProductId;
use crate::jobs::{Job, JobContext, JobError};

use super::edit::queries;
use super::rules::{self, Touched};

/// Products of one transaction.
const BATCH: i64 = 500;

/// Brings the price ranges of all products up to date whose time has come. It runs at every end of a sale, and by the clock,
/// so that nothing stays behind that a lost run should have done. It may run twice and side by side: a range that is up to
/// date is not written.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct TurnPrices {
    /// The end of a sale that it runs for; other sales are looked at, too.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
}

impl Job for TurnPrices {
    const KIND: &'static str = "catalog.turn-prices";
    const QUEUE: &'static str = "catalog";
    const PRIORITY: i16 = 10;
    const TIMEOUT: Duration = Duration::from_secs(600);

    /// How many products were looked at.
    type Output = usize;

    fn unique_key(&self) -> Option<String> {
        Some(match self.at {
            Some(at) => format!("{}:{}", Self::KIND, at.timestamp_micros()),
            None => Self::KIND.to_owned(),
        })
    }

    async fn run(self, ctx: JobContext) -> Result<usize, JobError> {
        // This process's clock may be a little behind the database's, by which the job was started.
        let now = ctx.app.clock.now();
        let now = self.at.map_or(now, |at| at.max(now));
        let mut turned = 0;
        loop {
            if ctx.canceled().is_cancelled() {
                return Err(JobError::Canceled);
            }
            match turn_prices(&ctx.app, now).await? {
                0 => return Ok(turned),
                products => turned += products,
            }
        }
    }
}

/// Brings the price ranges of at most 500 products up to date whose sales have begun or ended by `now`; how many, 0
/// when none is left. Locks them.
pub async fn turn_prices(app: &App, now: DateTime<Utc>) -> Result<usize> {
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let due = queries::turned(conn, now, BATCH).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let locked = queries::lock_products(conn, &due).await?;
        let changed: Vec<ProductId> = queries::refresh_ranges(conn, &locked, now).await?;
        rules::review(conn, &changed, Touched::Prices).await?;
        let ids: Vec<uuid::Uuid> = changed.iter().map(|id| id.0).collect();
        events::append_all(conn, "product", &ids, "product.prices_turned", "system", now).await?;
        Ok::<_, Error>(due.len())
    })
    .await
}
