//! The second level: Redis, shared by the processes. Answers and persisted documents lie there for a limited time.
//!
//! Redis may be away or slow: it is waited for briefly, and left alone for a second after a failure. What a process
//! writes there is limited by the budget of its own memory, so that nobody can fill Redis by asking for ever new things.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

/// An answer from PostgreSQL takes a few milliseconds, so waiting longer than this would not pay.
const PATIENCE: Duration = Duration::from_millis(100);
const CONNECTING: Duration = Duration::from_millis(250);

/// After a failure nobody waits again for so long.
const REST: Duration = Duration::from_secs(1);

/// Redis, as a store of bytes. Cheap to clone.
#[derive(Clone)]
pub struct Shared(Arc<Parts>);

struct Parts {
    client: redis::Client,
    prefix: String,
    connection: OnceLock<ConnectionManager>,
    started: Instant,
    /// In milliseconds since `started`.
    rest_until: AtomicU64,
    away: AtomicBool,
    budget: Mutex<Budget>,
}

/// How much may be written: `full` bytes at once, and as much again in the time that it lies there.
struct Budget {
    full: f64,
    left: f64,
    per_second: f64,
    at: Instant,
}

impl Budget {
    fn take(&mut self, bytes: usize) -> bool {
        let now = Instant::now();
        self.left = self.full.min(self.left + (now - self.at).as_secs_f64() * self.per_second);
        self.at = now;
        let enough = self.left >= bytes as f64;
        if enough {
            self.left -= bytes as f64;
        }
        enough
    }
}

impl Shared {
    /// Keys begin with `prefix`. At most `bytes` are written at once and again in every `kept`.
    pub fn new(client: redis::Client, prefix: &str, bytes: u64, kept: Duration) -> Self {
        let full = bytes as f64;
        let per_second = full / kept.as_secs_f64().max(1.0);
        Self(Arc::new(Parts {
            client,
            prefix: prefix.to_owned(),
            connection: OnceLock::new(),
            started: Instant::now(),
            rest_until: AtomicU64::new(0),
            away: AtomicBool::new(false),
            budget: Mutex::new(Budget { full, left: full, per_second, at: Instant::now() }),
        }))
    }

    /// What lies under the key; none as well when Redis does not answer.
    pub async fn get(&self, key: &str) -> Option<Bytes> {
        let mut connection = self.connection()?;
        let key = format!("{}:{key}", self.0.prefix);
        let found: redis::RedisResult<Option<Vec<u8>>> =
            redis::cmd("GET").arg(key).query_async(&mut connection).await;
        self.note(found)?.map(Bytes::from)
    }

    /// Puts it there for `kept`, if Redis answers and the budget allows.
    pub async fn put(&self, key: &str, bytes: Vec<u8>, kept: Duration) {
        let Some(mut connection) = self.connection() else { return };
        let key = format!("{}:{key}", self.0.prefix);
        let size = bytes.len() + key.len() + 100;
        if !self.0.budget.lock().expect("never poisoned: no code panics in it").take(size) {
            return;
        }
        let mut set = redis::cmd("SET");
        set.arg(key).arg(bytes).arg("EX").arg(kept.as_secs().max(1));
        let done: redis::RedisResult<()> = set.query_async(&mut connection).await;
        self.note(done);
    }

    fn connection(&self) -> Option<ConnectionManager> {
        if self.now_ms() < self.0.rest_until.load(Ordering::Relaxed) {
            return None;
        }
        if let Some(connection) = self.0.connection.get() {
            return Some(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(PATIENCE));
        let connection = ConnectionManager::new_lazy_with_config(self.0.client.clone(), config);
        let connection = self.note(connection)?;
        Some(self.0.connection.get_or_init(|| connection).clone())
    }

    /// Tells the log when Redis goes and when it comes back.
    fn note<T>(&self, outcome: redis::RedisResult<T>) -> Option<T> {
        match outcome {
            Ok(value) => {
                if self.0.away.load(Ordering::Relaxed) && self.0.away.swap(false, Ordering::Relaxed) {
                    tracing::info!("answers are shared by Redis again");
                }
                Some(value)
            }
            Err(error) => {
                let rest = self.now_ms() + REST.as_millis() as u64;
                self.0.rest_until.store(rest, Ordering::Relaxed);
                if !self.0.away.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "answers are kept in this process only");
                }
                None
            }
        }
    }

    fn now_ms(&self) -> u64 {
        self.0.started.elapsed().as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_redis_nothing_is_found_and_nobody_waits_twice() {
        let client = redis::Client::open("redis://127.0.0.1:1").unwrap();
        let shared = Shared::new(client, "test", 1_000, Duration::from_secs(60));
        assert!(shared.get("a").await.is_none());
        assert!(shared.connection().is_none(), "it rests");
    }

    #[test]
    fn the_budget_is_spent_and_comes_back() {
        let at = Instant::now();
        let mut budget = Budget { full: 100.0, left: 100.0, per_second: 10.0, at };
        assert!(budget.take(60) && !budget.take(60));
        budget.at = at.checked_sub(Duration::from_secs(3)).unwrap();
        assert!(budget.take(60));
    }
}
