//! Batches on their way into the database: two side by side on connections of their own, committed in the order of the file.
//!
//! What takes the time is one server process writing rows and indexes; two make use of two cores. The second batch waits
//! with its last statement, which moves the position, until the first has committed. So the position never leaves a gap, and a
//! crash costs two batches. PostgreSQL does not see this wait, so nothing that the first batch wants may be held by the
//! second: batches that share a product, or write what others look at, go one after the other.

use std::collections::HashSet;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio::sync::oneshot;

use crate::bulk::entry::{Entry, Position};
use crate::bulk::item::Item;
use crate::bulk::queries::Tally;
use crate::jobs::JobError;

use super::batch::{Batch, Writer};

/// More would not help: the commits are one after the other.
const SIDE_BY_SIDE: usize = 2;

/// What a committed batch adds to the books, and where the next one begins.
pub type Written = (Position, Tally);

/// The batches that are being written.
pub struct Lane<'a> {
    writer: &'a Writer<'a>,
    writing: FuturesOrdered<BoxFuture<'a, Result<Written, JobError>>>,
    /// Where the next batch begins.
    position: Position,
    /// The products of the last batch; none if nothing may be written beside it.
    beside: Option<HashSet<String>>,
    /// Tells when the last batch has committed.
    committed: Option<oneshot::Receiver<()>>,
}

impl<'a> Lane<'a> {
    /// Without batches; the first one begins at `position`.
    pub fn new(writer: &'a Writer<'a>, position: Position) -> Self {
        Self { writer, writing: FuturesOrdered::new(), position, beside: None, committed: None }
    }

    /// The next batch that has committed, in the order of the file; `None` when none is being written. May be dropped and
    /// called again.
    pub async fn next(&mut self) -> Option<Result<Written, JobError>> {
        self.writing.next().await
    }

    /// Whether the entries have to wait until a batch has committed.
    pub fn is_full_for(&self, entries: &[Entry<Item>]) -> bool {
        let beside = match self.writing.len() {
            0 => return false,
            SIDE_BY_SIDE.. => return true,
            _ => self.beside.as_ref().zip(products(entries)),
        };
        beside.is_none_or(|(theirs, ours)| !theirs.is_disjoint(&ours))
    }

    /// Begins to write a batch. It is not empty, and there is room for it.
    pub fn begin(&mut self, entries: Vec<Entry<Item>>) {
        let Some(to) = entries.last().map(|entry| entry.next) else { return };
        let (done, committed) = oneshot::channel();
        let from = std::mem::replace(&mut self.position, to);
        self.beside = products(&entries);
        let batch = Batch { entries, from, to, turn: self.committed.replace(committed) };
        let writer = self.writer;
        self.writing.push_back(Box::pin(async move {
            let tally = writer.write(batch).await?;
            // Nobody waits after the last batch.
            let _ = done.send(());
            Ok((to, tally))
        }));
    }
}

/// The slugs of the products; none if the entries write what other batches look at: collections, product types, locations.
fn products(entries: &[Entry<Item>]) -> Option<HashSet<String>> {
    let mut slugs = HashSet::with_capacity(entries.len());
    for item in entries.iter().filter_map(|entry| entry.content.as_ref()) {
        slugs.insert(item.product()?.slug.clone());
    }
    Some(slugs)
}
