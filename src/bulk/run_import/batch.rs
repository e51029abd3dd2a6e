//! One batch: its products, its rejected rows and the position in the file, in one transaction.

use std::collections::{HashMap, HashSet};

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::AsyncConnection;

use crate::bulk::entry::{Entry, Position, Problem, RowRejection};
use crate::bulk::queries::{self, Import, Tally};
use crate::catalog::{OnConflict, ProductDraft, Written, write_products};
use crate::channels::Channel;
use crate::db::Conn;
use crate::error::Error;
use crate::jobs::{JobContext, JobError};
use crate::media;

/// So many rejected rows of a file are kept; further ones are counted.
const KEPT_REJECTIONS: i64 = 10_000;

/// How the products of a batch are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// All at once: fast.
    Together,
    /// Each in a savepoint, so that one which the database refuses does not take the others with it.
    OneByOne,
}

/// Why a batch was rolled back.
enum BatchError {
    /// The run cannot go on.
    Job(JobError),
    /// Writing the products failed.
    Products(Error),
}

impl From<JobError> for BatchError {
    fn from(error: JobError) -> Self {
        BatchError::Job(error)
    }
}

impl From<Error> for BatchError {
    fn from(error: Error) -> Self {
        BatchError::Job(error.into())
    }
}

impl From<DieselError> for BatchError {
    fn from(error: DieselError) -> Self {
        BatchError::Job(error.into())
    }
}

/// Writes the batch; returns what it adds to the books. Repeats it product by product when the database refuses
/// one of them.
pub async fn write(
    ctx: &JobContext,
    import: &Import,
    channel: &Channel,
    entries: Vec<Entry>,
    to: Position,
) -> Result<Tally, JobError> {
    let batch = Batch {
        ctx,
        import,
        channel,
        on_conflict: if import.on_conflict == "SKIP" { OnConflict::Skip } else { OnConflict::Update },
        now: ctx.app.clock.now(),
        actor: import.created_by.map_or_else(|| "system".to_owned(), |user| user.to_string()),
        to,
    };
    match batch.attempt(entries.clone(), Care::Together).await {
        Ok(tally) => Ok(tally),
        Err(BatchError::Products(error)) if is_about_data(&error) => {
            tracing::info!(import = %import.id, %error, "a batch is written again product by product");
            match batch.attempt(entries, Care::OneByOne).await {
                Ok(tally) => Ok(tally),
                Err(BatchError::Job(error)) => Err(error),
                Err(BatchError::Products(error)) => Err(error.into()),
            }
        }
        Err(BatchError::Products(error)) => Err(error.into()),
        Err(BatchError::Job(error)) => Err(error),
    }
}

/// Brings the import in memory to where the committed batch left its row.
pub fn add(import: &mut Import, to: Position, tally: &Tally) {
    import.next_byte = to.byte as i64;
    import.next_line = to.line as i64;
    import.rows_read += tally.rows_read;
    import.rows_rejected += tally.rows_rejected;
    import.created += tally.created;
    import.updated += tally.updated;
    import.unchanged += tally.unchanged;
    import.skipped += tally.skipped;
}

struct Batch<'a> {
    ctx: &'a JobContext,
    import: &'a Import,
    channel: &'a Channel,
    on_conflict: OnConflict,
    now: DateTime<Utc>,
    actor: String,
    to: Position,
}

impl Batch<'_> {
    async fn attempt(&self, mut entries: Vec<Entry>, care: Care) -> Result<Tally, BatchError> {
        let mut conn = self.ctx.app.db.get().await?;
        conn.transaction(async |conn| {
            self.ctx.fence(conn).await?;
            self.reject_repeated(conn, &mut entries).await?;
            reject_impossible(&mut entries);
            let mut tally = Tally::default();
            self.leave_equal(conn, &mut entries, &mut tally).await?;
            match care {
                Care::Together => self.write_together(conn, &mut entries, &mut tally).await?,
                Care::OneByOne => self.write_one_by_one(conn, &mut entries, &mut tally).await?,
            }
            self.record(conn, &entries, tally).await
        })
        .await
    }

    /// A product whose rows come in two places would lose those of the first place: the first ones count.
    async fn reject_repeated(&self, conn: &mut Conn, entries: &mut [Entry]) -> Result<(), BatchError> {
        let slugs: Vec<&str> = entries
            .iter()
            .filter_map(|entry| entry.draft.as_ref())
            .map(|draft| draft.slug.as_str())
            .collect();
        let mut new: HashSet<String> =
            queries::note_slugs(conn, self.import.id, &slugs).await?.into_iter().collect();
        for entry in entries {
            if entry.draft.as_ref().is_some_and(|draft| !new.remove(&draft.slug)) {
                entry.reject_product(Problem::new(
                    "",
                    "The file has this product in an earlier place already.",
                ));
            }
        }
        Ok(())
    }

    /// Takes out the products that are in the catalog as the file describes them, whoever wrote them.
    async fn leave_equal(
        &self,
        conn: &mut Conn,
        entries: &mut [Entry],
        tally: &mut Tally,
    ) -> Result<(), BatchError> {
        if self.on_conflict == OnConflict::Skip {
            return Ok(());
        }
        let slugs: Vec<&str> = entries
            .iter()
            .filter_map(|entry| entry.draft.as_ref())
            .map(|draft| draft.slug.as_str())
            .collect();
        let stored = queries::products_by_slug(conn, self.channel.id, &slugs, self.now).await?;
        let stored: HashMap<String, ProductDraft> = stored
            .into_iter()
            .filter_map(|product| product.draft)
            .map(|draft| (draft.slug.clone(), draft))
            .collect();
        for entry in entries {
            let equal = entry
                .draft
                .as_ref()
                .is_some_and(|draft| stored.get(&draft.slug).is_some_and(|stored| is_met(draft, stored)));
            if equal {
                entry.draft = None;
                tally.unchanged += 1;
            }
        }
        Ok(())
    }

    async fn write_together(
        &self,
        conn: &mut Conn,
        entries: &mut [Entry],
        tally: &mut Tally,
    ) -> Result<(), BatchError> {
        let drafts: Vec<ProductDraft> = entries.iter_mut().filter_map(|entry| entry.draft.take()).collect();
        let written = self.write_drafts(conn, &drafts).await.map_err(BatchError::Products)?;
        if written.len() != drafts.len() {
            return Err(BatchError::Job(JobError::fail(anyhow!("not every product was accounted for"))));
        }
        written.iter().for_each(|written| count(tally, written));
        Ok(())
    }

    async fn write_one_by_one(
        &self,
        conn: &mut Conn,
        entries: &mut [Entry],
        tally: &mut Tally,
    ) -> Result<(), BatchError> {
        for entry in entries {
            let Some(draft) = entry.draft.take() else { continue };
            let drafts = std::slice::from_ref(&draft);
            let written = conn.transaction(async |conn| self.write_drafts(conn, drafts).await).await;
            match written {
                Ok(written) => written.iter().for_each(|written| count(tally, written)),
                Err(error) if is_about_data(&error) => {
                    tracing::warn!(import = %self.import.id, %error, "a product could not be stored");
                    entry.reject_product(Problem::new("", refusal(&error)));
                }
                Err(error) => return Err(BatchError::Products(error)),
            }
        }
        Ok(())
    }

    async fn write_drafts(&self, conn: &mut Conn, drafts: &[ProductDraft]) -> Result<Vec<Written>, Error> {
        write_products(conn, self.channel, drafts, self.on_conflict, self.now, &self.actor).await
    }

    async fn record(
        &self,
        conn: &mut Conn,
        entries: &[Entry],
        mut tally: Tally,
    ) -> Result<Tally, BatchError> {
        tally.rows_read = entries.iter().map(|entry| entry.rows() as i64).sum();
        tally.rows_rejected = entries.iter().map(|entry| entry.rejected as i64).sum();
        let room = usize::try_from(KEPT_REJECTIONS - self.import.rows_rejected).unwrap_or(0);
        let rejections: Vec<&RowRejection> =
            entries.iter().flat_map(|entry| &entry.rejections).take(room).collect();
        if !rejections.is_empty() {
            queries::insert_rejections(conn, self.import.id, &rejections).await?;
        }
        let from = Position { byte: self.import.next_byte as u64, line: self.import.next_line as u64 };
        if !queries::advance(conn, self.import.id, from, self.to, &tally).await? {
            return Err(BatchError::Job(JobError::retry(anyhow!(
                "another run has gone on with this import"
            ))));
        }
        Ok(tally)
    }
}

fn count(tally: &mut Tally, written: &Written) {
    match written {
        Written::Created(_) => tally.created += 1,
        Written::Updated(_) => tally.updated += 1,
        Written::Unchanged(_) => tally.unchanged += 1,
        Written::Skipped(_) => tally.skipped += 1,
    }
}

/// The catalog's own rules, which the readers have applied already as far as they can tell a row from its neighbors.
fn reject_impossible(entries: &mut [Entry]) {
    for entry in entries {
        let problem = entry.draft.as_ref().and_then(|draft| draft.check().into_iter().next());
        if let Some(rejection) = problem {
            entry.reject_product(Problem::new(rejection.field.join("."), rejection.message));
        }
    }
}

/// Whether writing the draft would change nothing: everything is equal but for collections beyond those it names and
/// the stock of variants for which it names none.
fn is_met(draft: &ProductDraft, stored: &ProductDraft) -> bool {
    let mut wanted = draft.clone();
    if !wanted.collections.iter().all(|slug| stored.collections.contains(slug)) {
        return false;
    }
    wanted.collections.clone_from(&stored.collections);
    for image in &mut wanted.images {
        if let Some(ours) = media::read_url(&image.url)
            && stored.images.iter().any(|stored| stored.url == ours.path)
        {
            image.url = ours.path;
        }
    }
    for (variant, stored) in wanted.variants.iter_mut().zip(&stored.variants) {
        if variant.stock.is_none() {
            variant.stock = stored.stock;
            variant.backorderable = stored.backorderable;
        }
    }
    wanted == *stored
}

/// Whether the products are to blame, rather than the connection, a lock or the server: then trying each alone tells
/// which.
fn is_about_data(error: &Error) -> bool {
    match error {
        Error::Rejected(_) => true,
        Error::Request { .. } => false,
        Error::Fault(fault) => match fault.downcast_ref::<DieselError>() {
            Some(DieselError::DatabaseError(kind, info)) => match kind {
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::ExclusionViolation => true,
                DatabaseErrorKind::Unknown => {
                    let passing = [
                        "deadlock detected",
                        "canceling statement",
                        "lock timeout",
                        "terminating",
                        "connection",
                    ];
                    let message = info.message();
                    !passing.iter().any(|text| message.contains(text)) && !out_of_resources(message)
                }
                _ => false,
            },
            _ => false,
        },
    }
}

fn out_of_resources(message: &str) -> bool {
    ["No space left", "out of memory", "out of shared memory", "disk full", "too many clients"]
        .iter()
        .any(|text| message.contains(text))
}

/// The reason for a person. What PostgreSQL says about its tables stays in the log.
fn refusal(error: &Error) -> String {
    match error {
        Error::Rejected(_) => error.to_string(),
        Error::Fault(fault) => match fault.downcast_ref::<DieselError>() {
            Some(DieselError::DatabaseError(_, info)) if info.constraint_name().is_some() => {
                format!("The product breaks the rule {}.", info.constraint_name().unwrap_or_default())
            }
            _ => "The database refused the product.".to_owned(),
        },
        Error::Request { .. } => "The product could not be stored.".to_owned(),
    }
}
