//! The catalog cache: the answers of anonymous shoppers' queries, kept in two levels.
//!
//! **What is kept.** The body of a whole answer (`{"data":…}`), in memory (moka, bounded by bytes) and in Redis (bounded by time
//! and by a budget of writes). Only of a query operation all of whose types are the same for every shopper ([`plan`] walks the
//! document once and knows the types by name, so a new type stays out until it is named), asked by nobody in particular: a
//! request with `Authorization` never meets the cache. Its key is the schema and the version, the document, the operation, the
//! variables that it declares, the channel and the language. Answers with errors are not kept.
//!
//! **The promise.** An answer that is served as fresh has seen every commit that is older than a second. It rests on four
//! things.
//!
//! 1. *The log is complete.* Triggers on the tables of the catalog write a row to `catalog_changes` in the transaction of the
//!    change, whoever makes it: a mutation, an import, an order that takes stock, a person with psql. What takes effect by itself (a
//!    publication or a sale with a date) is written with that date and counts as a change when the date comes.
//! 2. *Every process reads all of it* ([`tail`]). A reading asks for the rows that are visible now and were not to the
//!    snapshot of the reading before, so it neither misses a transaction that committed late nor depends on NOTIFY, which only
//!    wakes it; without, it reads four times a second. A lost connection loses nothing: the next reading goes on from the
//!    last snapshot. If rows may be missing (too many, or removed in the meantime) nothing from before is vouched for.
//! 3. *An answer is stamped with what it has seen at least*: the snapshot and the position of the last reading before its
//!    making began. A change that commits while it is made, or before it is stored, comes in a later reading and touches it.
//!    That holds across processes, too: an answer from Redis is judged by its snapshot against the changes that this
//!    process remembers, and refused when these do not reach back far enough. So it does not matter who stores what when.
//! 4. *Nothing is vouched for by an old log.* Unless the last complete reading began less than 0.7 s ago, no answer is
//!    fresh. Redis has no part in this: without it the first level is as right as before.
//!
//! Who waits for another's making of the same answer ([`Cache::join`]) gets one that began at most half a second before.
//!
//! **What touches an answer** is decided by kinds of change and by ids ([`change`]). An answer knows the products and
//! collections that it shows, since the executed document is made to ask for their ids ([`mark`]), and the kinds that move
//! things in or out of its lists. An order touches the answers that show how much there is of its products; the price of a product
//! touches its page and the lists sorted by price; a new product touches lists. Where the walk does not know a field or a filter, it
//! takes the answer to depend on everything.
//!
//! **When PostgreSQL is away** ([`crate::db::Db::lost`]) what is kept is served, whatever touched it, for a limited time and marked as
//! stale. A signed-in person who writes waits for the next reading ([`Cache::catch_up`]), so that what they then read as a
//! shopper from the same process is what they wrote.
//!
//! What HTTP makes of it (entity tags, 304, the headers) is in `http::cached`.

mod change;
mod entry;
mod journal;
pub mod mark;
pub mod metrics;
mod plan;
mod shared;
mod snapshot;
mod tail;
mod types;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::TimeDelta;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;

pub use change::Dependencies;
pub use entry::{Body, Entry};
pub use journal::Stamp;
pub use plan::{Key, Plan};
pub use shared::Shared;
pub use types::Types;

use journal::Journal;

/// A larger answer is not kept: it would drive out many.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Who waits for an answer that is being made joins only if its making began so recently.
const JOINABLE: Duration = Duration::from_millis(500);

/// A writer waits no longer for the reading of what they wrote; if it takes longer, there is trouble.
const CATCH_UP: Duration = Duration::from_millis(500);

/// The cache of a process.
pub struct Cache {
    kept: Option<moka::future::Cache<Key, Arc<Entry>>>,
    shared: Shared,
    journal: Journal,
    clock: Clock,
    /// How old an answer may be that is served while PostgreSQL is away.
    stale: Duration,
    /// Which database the answers in Redis have to be of.
    namespace: RwLock<Arc<str>>,
    flights: Mutex<HashMap<Key, Flight>>,
}

/// An answer that is being made.
struct Flight {
    began: Instant,
    done: watch::Receiver<Landing>,
}

/// How the making of an answer goes.
#[derive(Clone)]
enum Landing {
    Pending,
    Kept(Arc<Entry>),
    /// It cannot be kept, so everybody makes their own.
    NotKept,
}

/// What [`Cache::join`] makes of a request.
pub enum Ticket {
    /// To make the answer for all who ask for it.
    Maker(Maker),
    /// To wait for it.
    Waiter(Waiter),
}

const POISON: &str = "never poisoned: no code panics in it";

impl Cache {
    /// As the configuration says; knows nothing and vouches for nothing until [`Cache::run`].
    pub fn new(config: &Config, redis: redis::Client, clock: Clock) -> Self {
        let stale = Duration::from_secs(config.cache.stale_seconds);
        let bytes = config.cache.bytes;
        let kept = bytes.map(|bytes| {
            moka::future::Cache::builder()
                .max_capacity(bytes)
                .weigher(|_, entry: &Arc<Entry>| entry.size())
                .time_to_live(stale.max(Duration::from_secs(1)))
                .build()
        });
        let prefix = format!("{}:cache", config.redis_prefix);
        Self {
            kept,
            shared: Shared::new(redis, &prefix, bytes.unwrap_or_default(), stale),
            journal: Journal::default(),
            clock,
            stale,
            namespace: RwLock::new("".into()),
            flights: Mutex::default(),
        }
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.kept.is_some()
    }

    /// Reads the log until `stop`, and tells [`crate::db::Db`] whether PostgreSQL is there. Every process that serves
    /// the API runs it once.
    pub async fn run(app: App, stop: CancellationToken) {
        tail::run(app, stop).await;
    }

    /// A fresh answer from this process.
    pub async fn fresh(&self, key: &Key) -> Option<Arc<Entry>> {
        if !self.journal.is_current() {
            return None;
        }
        let entry = self.kept.as_ref()?.get(key).await?;
        self.journal.holds(&entry).then_some(entry)
    }

    /// An answer from either level, whether it is fresh or not, unless it is too old: for when PostgreSQL is away.
    pub async fn stale(&self, key: &Key) -> Option<Arc<Entry>> {
        let kept = self.kept.as_ref()?;
        let young = |entry: &Arc<Entry>| {
            let age = self.clock.now() - entry.filled_at;
            age <= TimeDelta::from_std(self.stale).unwrap_or(TimeDelta::MAX)
        };
        if let Some(entry) = kept.get(key).await {
            return Some(entry).filter(young);
        }
        let entry = Arc::new(self.read_shared(key).await?);
        kept.insert(*key, entry.clone()).await;
        Some(entry).filter(young)
    }

    /// Makes the caller the one who makes the answer, or one of those who wait for it.
    pub fn join(self: &Arc<Self>, key: &Key) -> Ticket {
        let mut flights = self.flights.lock().expect(POISON);
        if let Some(flight) = flights.get(key)
            && flight.began.elapsed() < JOINABLE
        {
            return Ticket::Waiter(Waiter(flight.done.clone()));
        }
        let (landing, done) = watch::channel(Landing::Pending);
        let began = Instant::now();
        flights.insert(*key, Flight { began, done });
        Ticket::Maker(Maker { cache: self.clone(), key: *key, began, landing })
    }

    /// Returns when everything that this process has committed so far was read from the log; soon in any case.
    pub async fn catch_up(&self) {
        if self.is_on() && self.journal.is_current() {
            let _ = tokio::time::timeout(CATCH_UP, self.journal.catch_up()).await;
        }
    }

    /// Brings the gauges up to date.
    pub fn measure(&self) {
        if let Some(kept) = &self.kept {
            metrics::kept(kept.entry_count(), kept.weighted_size());
        }
    }

    /// The database that is read from now on. Answers made from another one are forgotten.
    fn enter(&self, namespace: String) {
        let mut current = self.namespace.write().expect(POISON);
        if **current != *namespace {
            if !current.is_empty()
                && let Some(kept) = &self.kept
            {
                kept.invalidate_all();
            }
            *current = namespace.into();
        }
    }

    async fn read_shared(&self, key: &Key) -> Option<Entry> {
        Entry::decode(self.shared.get(&self.shared_key(key)?).await?)
    }

    fn shared_key(&self, key: &Key) -> Option<String> {
        let namespace = self.namespace.read().expect(POISON).clone();
        if namespace.is_empty() {
            return None;
        }
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("{namespace}:{key}"))
    }
}

/// The right and the duty to make an answer. Dropped without one, it sends those who wait to make their own.
pub struct Maker {
    cache: Arc<Cache>,
    key: Key,
    began: Instant,
    landing: watch::Sender<Landing>,
}

impl Maker {
    /// Another process's answer, if it is fresh.
    pub async fn shared(&self) -> Option<Arc<Entry>> {
        if !self.cache.journal.is_current() {
            return None;
        }
        let entry = Arc::new(self.cache.read_shared(&self.key).await?);
        if !self.cache.journal.admits(&entry) {
            return None;
        }
        self.keep(&entry).await;
        Some(entry)
    }

    /// Where the log stands: to be called before the making begins. None when the log was never read; then the answer
    /// cannot be kept.
    pub fn stamp(&self) -> Option<Stamp> {
        self.cache.journal.stamp(self.cache.clock.now())
    }

    /// Keeps the answer that was made since `stamp`, in both levels, and hands it to those who wait.
    pub async fn made(self, bytes: Bytes, depends: Dependencies, stamp: Stamp) -> Option<Arc<Entry>> {
        metrics::filled(bytes.len() <= MAX_ANSWER_BYTES);
        if bytes.len() > MAX_ANSWER_BYTES {
            return None;
        }
        let entry = Arc::new(Entry::new(bytes, depends, &stamp));
        self.keep(&entry).await;
        if let Some(key) = self.cache.shared_key(&self.key) {
            let (shared, entry, kept) = (self.cache.shared.clone(), entry.clone(), self.cache.stale);
            // Nobody waits for Redis.
            tokio::spawn(async move { shared.put(&key, entry.encode(), kept).await });
        }
        Some(entry)
    }

    /// It cannot be kept.
    pub fn unfit(self) {
        metrics::filled(false);
    }

    async fn keep(&self, entry: &Arc<Entry>) {
        if let Some(kept) = &self.cache.kept {
            kept.insert(self.key, entry.clone()).await;
        }
        self.landing.send_replace(Landing::Kept(entry.clone()));
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        self.landing.send_if_modified(|landing| {
            let pending = matches!(landing, Landing::Pending);
            if pending {
                *landing = Landing::NotKept;
            }
            pending
        });
        let mut flights = self.cache.flights.lock().expect(POISON);
        // A later one may have taken the place.
        if flights.get(&self.key).is_some_and(|flight| flight.began == self.began) {
            flights.remove(&self.key);
        }
    }
}

/// Waits for an answer that another request makes.
pub struct Waiter(watch::Receiver<Landing>);

impl Waiter {
    /// The answer; none when it could not be kept, or its making came to nothing.
    pub async fn wait(mut self) -> Option<Arc<Entry>> {
        match &*self.0.wait_for(|landing| !matches!(landing, Landing::Pending)).await.ok()? {
            Landing::Kept(entry) => Some(entry.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> Arc<Cache> {
        let config = Config::from_lookup(|name| match name {
            "DATABASE_URL" => Some("postgres://localhost/none".into()),
            "REDIS_URL" => Some("redis://127.0.0.1:1".into()),
            _ => None,
        });
        let redis = redis::Client::open("redis://127.0.0.1:1").unwrap();
        Arc::new(Cache::new(&config.unwrap(), redis, Clock::default()))
    }

    #[tokio::test]
    async fn a_maker_that_dies_does_not_hold_up_those_who_wait() {
        let cache = cache();
        let Ticket::Maker(maker) = cache.join(&[1; 32]) else { panic!("the first one makes it") };
        let Ticket::Waiter(waiter) = cache.join(&[1; 32]) else { panic!("the second one waits") };
        let waiting = tokio::spawn(waiter.wait());
        let died = tokio::spawn(async move {
            let _maker = maker;
            panic!("while making it");
        });
        assert!(died.await.is_err());
        assert!(waiting.await.unwrap().is_none());
        assert!(matches!(cache.join(&[1; 32]), Ticket::Maker(_)), "the next one makes it again");
    }

    #[tokio::test]
    async fn nothing_is_vouched_for_before_the_log_was_read() {
        let cache = cache();
        let Ticket::Maker(maker) = cache.join(&[2; 32]) else { panic!("the first one makes it") };
        assert!(maker.stamp().is_none());
        drop(maker);
        assert!(cache.fresh(&[2; 32]).await.is_none());
    }
}
