//! Working a changed rule over all products.

use std::time::Duration;

use diesel::OptionalExtension;
use diesel::sql_types::{BigInt, Nullable, Uuid};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::{CollectionId, ProductId};
use crate::jobs::{EnqueueOptions, Job, JobContext, JobError, enqueue};
use crate::sql::Sql;

use super::super::edit::queries::lock_products;
use super::review::hold;

/// Products of one transaction: long enough to be worth a commit, short enough that nobody waits for its locks.
const BATCH: i64 = 1_000;

/// Holds all products against the rule of a collection. It may run twice and side by side, and begins anew when it has died: a
/// membership that is right is not written. A run for a rule that has been changed since stops.
#[derive(Debug, Serialize, Deserialize)]
pub struct ApplyRule {
    /// Whose rule.
    pub collection: CollectionId,
    /// Which revision of it.
    pub revision: i64,
}

impl Job for ApplyRule {
    const KIND: &'static str = "catalog.apply-rule";
    const QUEUE: &'static str = "catalog";
    const TIMEOUT: Duration = Duration::from_secs(3_600);

    /// How many memberships have changed.
    type Output = i64;

    fn unique_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.collection, self.revision))
    }

    async fn run(self, ctx: JobContext) -> Result<i64, JobError> {
        let (mut after, mut done, mut changed) = (None, 0, 0);
        loop {
            if ctx.canceled().is_cancelled() {
                return Err(JobError::Canceled);
            }
            let batch = apply_batch(&ctx.app, self.collection, self.revision, after).await?;
            changed += batch.changed;
            done += batch.products;
            ctx.progress(done, None, "products").await?;
            after = match batch.last {
                Some(last) => Some(last),
                None => return Ok(changed),
            };
        }
    }
}

/// What came of a batch.
pub struct Batch {
    /// Where the next one begins; `None` when there is none.
    pub last: Option<ProductId>,
    /// How many products were looked at.
    pub products: i64,
    /// How many memberships have changed.
    pub changed: i64,
}

/// Holds the next products after `after`, by id, against the rule; after the last ones the revision counts as applied. A rule of
/// another revision, or none, is left alone.
pub async fn apply_batch(
    app: &App,
    collection: CollectionId,
    revision: i64,
    after: Option<ProductId>,
) -> Result<Batch> {
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let over = Batch { last: None, products: 0, changed: 0 };
        let current: Option<i64> =
            Sql::<BigInt>::new("SELECT rule_revision FROM collections WHERE id = ? AND rule IS NOT NULL")
                .bind::<Uuid, _>(collection)
                .get_result(conn)
                .await
                .optional()?;
        if current != Some(revision) {
            return Ok(over);
        }
        let next: Vec<ProductId> = Sql::<Uuid>::new(
            "SELECT id FROM products WHERE id > coalesce(?, '00000000-0000-0000-0000-000000000000'::uuid) ORDER BY id LIMIT ?",
        )
        .bind::<Nullable<Uuid>, _>(after)
        .bind::<BigInt, _>(BATCH)
        .load(conn)
        .await?;
        let Some(&last) = next.last() else {
            Sql::<Uuid>::new(
                "UPDATE collections SET rule_applied = rule_revision WHERE id = ? AND rule_revision = ?",
            )
            .bind::<Uuid, _>(collection)
            .bind::<BigInt, _>(revision)
            .execute(conn)
            .await?;
            return Ok(over);
        };
        let locked = lock_products(conn, &next).await?;
        let changed = hold(conn, &locked, None, Some(collection)).await?;
        let products = i64::try_from(next.len()).unwrap_or(i64::MAX);
        Ok::<_, Error>(Batch { last: Some(last), products, changed })
    })
    .await
}

/// Enqueues [`ApplyRule`] for every rule that is not applied yet, in case its job was lost. It may run any number of times: a
/// job that is under way is not doubled.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ApplyRules {}

impl Job for ApplyRules {
    const KIND: &'static str = "catalog.apply-rules";
    const QUEUE: &'static str = "catalog";

    /// How many rules were behind.
    type Output = usize;

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }

    async fn run(self, ctx: JobContext) -> Result<usize, JobError> {
        let mut conn = ctx.app.db.get().await?;
        let behind: Vec<(CollectionId, i64)> = Sql::<(Uuid, BigInt)>::new(
            "SELECT id, rule_revision FROM collections WHERE rule_applied <> rule_revision AND rule IS NOT NULL",
        )
        .load(&mut conn)
        .await?;
        for &(collection, revision) in &behind {
            enqueue(&mut conn, &ApplyRule { collection, revision }, EnqueueOptions::default()).await?;
        }
        Ok(behind.len())
    }
}
