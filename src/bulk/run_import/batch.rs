//! Writing one batch: its records, its rejected rows and the position in the file, in one transaction.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::anyhow;
use diesel::result::Error as DieselError;
use diesel_async::AsyncConnection;
use tokio::sync::oneshot;

use crate::bulk::check;
use crate::bulk::entry::{Entry, Position, Problem, RowRejection};
use crate::bulk::item::Item;
use crate::bulk::patch::{Ground, is_met};
use crate::bulk::queries::{self, Import, Tally};
use crate::bulk::stored;
use crate::catalog::{
    self, Lesson, LockedProduct, OnConflict, ProductRecord, RecordWrite, Vocabulary, Writing,
};
use crate::db::Conn;
use crate::error::Error;
use crate::ids::{ChannelId, ImportId, ProductId};
use crate::inventory;
use crate::jobs::{JobContext, JobError};
use crate::trace::TraceContext;

use super::others;
use super::refusal::{is_about_data, refusal};

/// So many rejected rows of a file are kept; further ones are counted.
const KEPT_REJECTIONS: i64 = 10_000;

/// How often a batch is written again because another transaction made one of its products meanwhile.
const MAX_ATTEMPTS: usize = 5;

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
    /// Another transaction made one of the products: they have to be looked at again.
    Overtaken,
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

/// A part of the file.
pub struct Batch {
    pub entries: Vec<Entry<Item>>,
    pub from: Position,
    pub to: Position,
    /// Tells that the batch before has committed; none if there is none on its way.
    pub turn: Option<oneshot::Receiver<()>>,
}

/// Writes the batches of an import.
pub struct Writer {
    ctx: JobContext,
    import_id: ImportId,
    channel_id: ChannelId,
    on_conflict: OnConflict,
    actor: String,
    /// The last position in each collection, as the run found it.
    ends: HashMap<String, i64>,
    /// How many more rejections are kept.
    room: AtomicI64,
    /// What is known of the words of products.
    vocabulary: Vocabulary,
}

impl Writer {
    /// For what is left of an import.
    pub fn new(ctx: JobContext, import: &Import, channel_id: ChannelId, ends: HashMap<String, i64>) -> Self {
        let on_conflict = if import.on_conflict == "SKIP" { OnConflict::Skip } else { OnConflict::Update };
        let actor = import.created_by.map_or_else(|| "system".to_owned(), |user| user.to_string());
        let room = AtomicI64::new(KEPT_REJECTIONS - import.rows_rejected);
        let vocabulary = Vocabulary::default();
        Self { ctx, import_id: import.id, channel_id, on_conflict, actor, ends, room, vocabulary }
    }

    /// What the writing is part of.
    pub fn trace(&self) -> TraceContext {
        self.ctx.trace
    }

    /// Writes the batch; returns what it adds to the books. Repeats it when another transaction came before it, and product by
    /// product when the database refuses one of them.
    pub async fn write(&self, mut batch: Batch) -> Result<Tally, JobError> {
        let mut care = Care::Together;
        // Kept over all attempts: batches that hold the others may be waiting for this one.
        let mut conn = self.ctx.app.db.get().await?;
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt(&mut conn, &mut batch, care).await {
                Ok(tally) => return Ok(tally),
                Err(BatchError::Overtaken) => {}
                Err(BatchError::Products(error)) if care == Care::Together && is_about_data(&error) => {
                    tracing::info!(import = %self.import_id, %error, "a batch is written again product by product");
                    care = Care::OneByOne;
                }
                Err(BatchError::Products(error)) => return Err(error.into()),
                Err(BatchError::Job(error)) => return Err(error),
            }
        }
        Err(JobError::retry(anyhow!("others keep making the same products")))
    }
}

/// A product that is going to be written.
struct Pending {
    /// The entry that it comes from.
    entry: usize,
    id: Option<ProductId>,
    record: ProductRecord,
    fingerprint: Vec<u8>,
}

impl Writer {
    async fn attempt(&self, conn: &mut Conn, batch: &mut Batch, care: Care) -> Result<Tally, BatchError> {
        let mut entries = batch.entries.clone();
        let lesson = self.vocabulary.lesson();
        let written = conn.transaction(async |conn| {
            self.ctx.fence(conn).await?;
            queries::commit_lazily(conn).await?;
            let now = self.ctx.app.clock.now();
            let mut tally = Tally::default();
            others::write(conn, &mut entries, self.on_conflict, now, &self.actor, &mut tally).await?;
            let pending = self.look_up(conn, &mut entries, &mut tally).await?;
            match care {
                Care::Together => self.write_together(conn, &lesson, &pending, &mut tally).await?,
                Care::OneByOne => {
                    self.write_one_by_one(conn, &lesson, &mut entries, &pending, &mut tally).await?;
                }
            }
            if let Some(turn) = batch.turn.take()
                && turn.await.is_err()
            {
                return Err(JobError::retry(anyhow!("the batch before was not written")).into());
            }
            self.record(conn, &entries, (batch.from, batch.to), tally).await
        });
        let tally = written.await?;
        lesson.keep();
        Ok(tally)
    }

    /// Which of the products that exist come for the first time in this file.
    async fn first_places(
        &self,
        conn: &mut Conn,
        known: &HashMap<String, LockedProduct>,
    ) -> Result<HashSet<String>, BatchError> {
        let not_ours = known.iter().filter(|(_, locked)| locked.import_id != Some(self.import_id));
        let slugs: Vec<&str> = not_ours.map(|(slug, _)| slug.as_str()).collect();
        if slugs.is_empty() {
            return Ok(HashSet::new());
        }
        Ok(queries::note_slugs(conn, self.import_id, &slugs).await?.into_iter().collect())
    }

    /// Locks the products that exist and lays what the file says over them. What changes nothing is counted and done with. A
    /// product whose rows come in two places would lose those of the first place: the first ones count.
    async fn look_up(
        &self,
        conn: &mut Conn,
        entries: &mut [Entry<Item>],
        tally: &mut Tally,
    ) -> Result<Vec<Pending>, BatchError> {
        let known = catalog::lock_products(conn, &slugs(entries)).await?;
        let mut first = self.first_places(conn, &known).await?;
        let mut new = HashSet::new();
        let ground = self.ground(conn).await?;
        let mut stored = self.changed(conn, entries, &known).await?;
        let mut pending = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter_mut().enumerate() {
            if !matches!(entry.content, Some(Item::Product(_))) {
                continue;
            }
            let Some(Item::Product(patch)) = entry.content.take() else { continue };
            let locked = known.get(&patch.slug);
            let is_first =
                if locked.is_some() { first.remove(&patch.slug) } else { !new.contains(&patch.slug) };
            match locked {
                _ if !is_first => {
                    let reason = "The file has this product in an earlier place already.";
                    entry.reject_product(Problem::new("", reason));
                }
                Some(_) if self.on_conflict == OnConflict::Skip => tally.skipped += 1,
                Some(locked) if locked.fingerprint.as_ref() == Some(&patch.fingerprint) => {
                    tally.unchanged += 1
                }
                _ => {
                    let stored = locked.and_then(|locked| stored.remove(&locked.id));
                    let fingerprint = patch.fingerprint.clone();
                    let record = patch.apply(stored.as_ref(), &ground);
                    match record.and_then(|record| check::whole(&record).map(|()| record)) {
                        Err(problem) => entry.reject_product(problem),
                        Ok(record) if stored.as_ref().is_some_and(|stored| is_met(&record, stored)) => {
                            tally.unchanged += 1;
                        }
                        Ok(mut record) => {
                            self.place_last(&mut record, entry);
                            let id = locked.map(|locked| locked.id);
                            if id.is_none() {
                                new.insert(record.slug.clone());
                            }
                            pending.push(Pending { entry: index, id, record, fingerprint });
                        }
                    }
                }
            }
        }
        Ok(pending)
    }

    /// Memberships without a position come last, in the order of the file whichever batch is written first: so far behind the
    /// end that the run found as their line is from the file's beginning. A run that goes on after a crash finds
    /// another end, which is behind all that was written.
    fn place_last(&self, record: &mut ProductRecord, entry: &Entry<Item>) {
        let line = entry.lines.first().map_or(0, |&line| i64::try_from(line).unwrap_or(i64::MAX));
        for membership in record.collections.iter_mut().filter(|it| it.position.is_none()) {
            let end = self.ends.get(&membership.slug).copied().unwrap_or(0);
            membership.position = Some(end.saturating_add(line));
        }
    }

    async fn ground(&self, conn: &mut Conn) -> Result<Ground, BatchError> {
        let locations = inventory::all_locations(conn).await?;
        let default = locations.first().ok_or_else(|| JobError::fail(anyhow!("the shop has no location")))?;
        Ok(Ground {
            channel_id: self.channel_id,
            default_location: default.0,
            locations: locations.into_iter().map(|(id, name, _)| (name, id)).collect(),
            now: self.ctx.app.clock.now(),
        })
    }

    /// The stored products that the file does not describe as it did when they were last written.
    async fn changed(
        &self,
        conn: &mut Conn,
        entries: &[Entry<Item>],
        known: &HashMap<String, LockedProduct>,
    ) -> Result<HashMap<ProductId, ProductRecord>, BatchError> {
        let products = entries.iter().filter_map(|entry| entry.content.as_ref()?.product());
        let changed: Vec<ProductId> = products
            .filter_map(|patch| {
                let locked = known.get(&patch.slug)?;
                (locked.fingerprint.as_ref() != Some(&patch.fingerprint)).then_some(locked.id)
            })
            .collect();
        if changed.is_empty() || self.on_conflict == OnConflict::Skip {
            return Ok(HashMap::new());
        }
        Ok(stored::products_by_id(conn, &changed).await?.into_iter().collect())
    }

    async fn write_together(
        &self,
        conn: &mut Conn,
        lesson: &Lesson<'_>,
        pending: &[Pending],
        tally: &mut Tally,
    ) -> Result<(), BatchError> {
        match self.write_records(conn, lesson, pending).await {
            Ok(written) => self.count(pending, &written, tally),
            Err(error) if catalog::is_slug_taken(&error) => Err(BatchError::Overtaken),
            Err(error) => Err(BatchError::Products(error)),
        }
    }

    async fn write_one_by_one(
        &self,
        conn: &mut Conn,
        lesson: &Lesson<'_>,
        entries: &mut [Entry<Item>],
        pending: &[Pending],
        tally: &mut Tally,
    ) -> Result<(), BatchError> {
        for product in pending {
            let alone = std::slice::from_ref(product);
            let written = conn.transaction(async |conn| self.write_records(conn, lesson, alone).await).await;
            match written {
                Ok(written) => self.count(alone, &written, tally)?,
                Err(error) if is_about_data(&error) => {
                    tracing::warn!(import = %self.import_id, %error, "a product could not be stored");
                    entries[product.entry].reject_product(Problem::new("", refusal(&error)));
                }
                Err(error) => return Err(BatchError::Products(error)),
            }
        }
        Ok(())
    }

    async fn write_records(
        &self,
        conn: &mut Conn,
        lesson: &Lesson<'_>,
        pending: &[Pending],
    ) -> Result<Vec<Option<ProductId>>, Error> {
        let writes: Vec<RecordWrite> = pending
            .iter()
            .map(|it| RecordWrite { id: it.id, record: &it.record, fingerprint: Some(&it.fingerprint) })
            .collect();
        let now = self.ctx.app.clock.now();
        let import_id = Some(self.import_id);
        let writing = Writing { now, actor: &self.actor, import_id, lesson: Some(lesson) };
        catalog::write_records(conn, &writes, &writing).await
    }

    fn count(
        &self,
        pending: &[Pending],
        written: &[Option<ProductId>],
        tally: &mut Tally,
    ) -> Result<(), BatchError> {
        for (product, written) in pending.iter().zip(written) {
            match (product.id, written) {
                (_, None) => return Err(BatchError::Overtaken),
                (None, Some(_)) => tally.created += 1,
                (Some(_), Some(_)) => tally.updated += 1,
            }
        }
        Ok(())
    }

    async fn record(
        &self,
        conn: &mut Conn,
        entries: &[Entry<Item>],
        (from, to): (Position, Position),
        mut tally: Tally,
    ) -> Result<Tally, BatchError> {
        tally.rows_read = entries.iter().map(|entry| entry.rows() as i64).sum();
        tally.rows_rejected = entries.iter().map(|entry| entry.rejected as i64).sum();
        let room = usize::try_from(self.room.load(Ordering::Relaxed)).unwrap_or(0);
        let rejections: Vec<&RowRejection> =
            entries.iter().flat_map(|entry| &entry.rejections).take(room).collect();
        if !rejections.is_empty() {
            queries::insert_rejections(conn, self.import_id, &rejections).await?;
            self.room.fetch_sub(rejections.len() as i64, Ordering::Relaxed);
        }
        if !queries::advance(conn, self.import_id, from, to, &tally).await? {
            return Err(JobError::retry(anyhow!("another run has gone on with this import")).into());
        }
        Ok(tally)
    }
}

fn slugs(entries: &[Entry<Item>]) -> Vec<&str> {
    let products = entries.iter().filter_map(|entry| entry.content.as_ref()?.product());
    products.map(|product| product.slug.as_str()).collect()
}
