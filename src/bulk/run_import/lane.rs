//! Batches on their way into the database: four side by side on connections of their own, committed in the order of the file.
//!
//! What takes the time is one server process writing rows and indexes; two make use of two cores, while this process prepares
//! another batch and one waits for the disk. Each is a task, so that two can be prepared at once, too, and waits with its last
//! statement, which moves the position, until the one before has committed. So the position never leaves a gap, and a crash
//! costs four batches. PostgreSQL does not see this wait, so nothing that a batch wants may be held by a later one: batches that
//! share a product, or write what others look at, go one after the other.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::bulk::entry::{Entry, Position};
use crate::bulk::item::Item;
use crate::bulk::queries::Tally;
use crate::jobs::JobError;
use crate::trace;

use super::batch::{Batch, Writer};

/// More would not help: the commits are one after the other.
const SIDE_BY_SIDE: usize = 4;

/// What a committed batch adds to the books, and where the next one begins.
pub type Written = (Position, Tally);

/// The batches that are being written. Dropping this ends the writing.
pub struct Lane {
    writer: Arc<Writer>,
    /// In the order of the file.
    writing: VecDeque<Writing>,
    /// Where the next batch begins.
    position: Position,
    /// Tells when the last batch has committed.
    committed: Option<oneshot::Receiver<()>>,
}

/// A batch on its way.
struct Writing {
    /// Its products; none if nothing may be written beside it.
    products: Option<HashSet<String>>,
    task: AbortOnDropHandle<Result<Written, JobError>>,
}

impl Lane {
    /// Without batches; the first one begins at `position`.
    pub fn new(writer: Writer, position: Position) -> Self {
        Self { writer: Arc::new(writer), writing: VecDeque::new(), position, committed: None }
    }

    /// The next batch that has committed, in the order of the file; `None` when none is being written. May be dropped and
    /// called again.
    pub async fn next(&mut self) -> Option<Result<Written, JobError>> {
        let ended = (&mut self.writing.front_mut()?.task).await;
        self.writing.pop_front();
        Some(match ended {
            Ok(written) => written,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(JobError::retry(error)),
        })
    }

    /// Whether the entries have to wait until a batch has committed.
    pub fn is_full_for(&self, entries: &[Entry<Item>]) -> bool {
        match self.writing.len() {
            0 => return false,
            SIDE_BY_SIDE.. => return true,
            _ => {}
        }
        let Some(ours) = products(entries) else { return true };
        let is_apart =
            |other: &Writing| other.products.as_ref().is_some_and(|theirs| theirs.is_disjoint(&ours));
        !self.writing.iter().all(is_apart)
    }

    /// Begins to write a batch. It is not empty, and there is room for it.
    pub fn begin(&mut self, entries: Vec<Entry<Item>>) {
        let Some(to) = entries.last().map(|entry| entry.next) else { return };
        let (done, committed) = oneshot::channel();
        let from = std::mem::replace(&mut self.position, to);
        let products = products(&entries);
        let batch = Batch { entries, from, to, turn: self.committed.replace(committed) };
        let writer = self.writer.clone();
        let writing = async move {
            let tally = writer.write(batch).await?;
            // Nobody waits after the last batch.
            let _ = done.send(());
            Ok((to, tally))
        };
        let writing = trace::scope(self.writer.trace(), writing).in_current_span();
        let task = AbortOnDropHandle::new(tokio::spawn(writing));
        self.writing.push_back(Writing { products, task });
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
