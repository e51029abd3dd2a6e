//! The pool, session settings, migrations, and the statement counter.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use deadpool::managed::{Metrics, QueueMode};
use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel_async::pooled_connection::deadpool::{Hook, HookError, Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures_util::FutureExt;
use tokio::sync::watch;

use crate::error::{Error, Result};

/// The migrations, built into the binary.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// A connection, as use cases and queries take it.
pub type Conn = AsyncPgConnection;

/// A connection that goes back to the pool when dropped.
pub type PooledConn = Object<AsyncPgConnection>;

/// How long a request waits for a connection before it is told that the database is too busy.
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that has answered a statement within this time is not away, whatever a connection of its own may find.
const ALIVE: Duration = Duration::from_millis(1_000);

/// Those on top are used first, those below wait for the next rush. Whatever lies between here and the server may have
/// forgotten a connection by then without telling.
const MAX_IDLE: Duration = Duration::from_secs(300);

/// Settings of every session. A statement or an idle transaction that runs longer is ended by PostgreSQL, so that
/// a canceled request cannot hold locks. A misspelled word is compared with those that share 0.2 of its trigrams: at the
/// default of 0.3 two letters of a short word that changed places are too much. Compiling a plan costs more than any
/// statement here takes.
const SESSION_SETTINGS: &str = "SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s'; \
                                SET lock_timeout = '10s'; SET timezone = 'UTC'; \
                                SET pg_trgm.similarity_threshold = 0.2; SET jit = off";

const POISON: &str = "never poisoned: no code panics in it";

/// The database: a pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<AsyncPgConnection>,
    url: Arc<str>,
    state: Arc<State>,
}

/// What is known about the server.
struct State {
    statements: AtomicU64,
    /// When the last statement was answered, in milliseconds since `started`.
    answered_ms: AtomicU64,
    started: Instant,
    away: watch::Sender<bool>,
    /// Connections that were made before are not used again.
    renewed_at: RwLock<Instant>,
}

impl Db {
    /// Builds the pool; connects to nothing yet.
    pub fn new(url: &str, max_connections: usize) -> anyhow::Result<Self> {
        let started = Instant::now();
        let state = Arc::new(State {
            statements: AtomicU64::new(0),
            answered_ms: AtomicU64::new(0),
            started,
            away: watch::Sender::new(false),
            renewed_at: RwLock::new(started),
        });
        let (counter, renewal) = (state.clone(), state.clone());
        let mut config = ManagerConfig::default();
        // A broken connection shows at its first statement; a SELECT 1 per checkout would cost a quarter of the
        // throughput.
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |url| {
            let counter = counter.clone();
            let url = url.to_owned();
            Box::pin(async move {
                let mut conn = AsyncPgConnection::establish(&url).await?;
                conn.batch_execute(SESSION_SETTINGS)
                    .await
                    .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                conn.set_instrumentation(StatementCounter(counter));
                Ok(conn)
            })
        });
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(url, config);
        let pool = Pool::builder(manager)
            .max_size(max_connections)
            // The one that was used last has a server process with warm caches.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(CHECKOUT_TIMEOUT))
            .create_timeout(Some(CHECKOUT_TIMEOUT))
            .pre_recycle(Hook::sync_fn(move |_, metrics| {
                check_age(metrics, *renewal.renewed_at.read().expect(POISON)).map_err(HookError::message)
            }))
            .runtime(deadpool::Runtime::Tokio1)
            .build()?;
        Ok(Self { pool, url: url.into(), state })
    }

    /// A connection from the pool. Hold it briefly, and never across another call of this. `UNAVAILABLE` at once while
    /// the server is away.
    pub async fn get(&self) -> Result<PooledConn> {
        if self.is_away() {
            return Err(Error::unavailable());
        }
        // On the heap, for the future of every query has room for this.
        self.unless_away(async { Ok(self.pool.get().await?) }.boxed()).await
    }

    /// The server is silent: nobody waits for it from now on. Passed over when it has just answered a statement, for
    /// then only the caller's connection is in trouble.
    pub fn lost(&self) {
        let answered = Duration::from_millis(self.state.answered_ms.load(Ordering::Relaxed));
        let lately = !answered.is_zero() && self.state.started.elapsed().saturating_sub(answered) < ALIVE;
        if !lately {
            self.gone();
        }
    }

    /// There is no server: nobody waits for it from now on.
    pub fn gone(&self) {
        if !self.state.away.send_replace(true) {
            tracing::warn!("PostgreSQL is away");
        }
    }

    /// The server answers again.
    pub fn found(&self) {
        if self.is_away() {
            self.renew();
            self.state.away.send_replace(false);
            tracing::info!("PostgreSQL is back");
        }
    }

    /// Takes no connection again that was made before: they may be dead without knowing it.
    pub fn renew(&self) {
        *self.state.renewed_at.write().expect(POISON) = Instant::now();
    }

    /// Whether the server was found to be away. Known in processes that run [`crate::cache::Cache::run`].
    pub fn is_away(&self) -> bool {
        *self.state.away.borrow()
    }

    /// Returns when the server is away.
    pub async fn away(&self) {
        let mut away = self.state.away.subscribe();
        // The sender lives as long as this.
        let _ = away.wait_for(|away| *away).await;
    }

    /// What `answer` becomes, or `UNAVAILABLE` as soon as the server is away.
    pub async fn unless_away<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            answer = answer => answer,
            () = self.away() => Err(Error::unavailable()),
        }
    }

    /// How many SQL statements this pool has run, transaction control included.
    pub fn statement_count(&self) -> u64 {
        self.state.statements.load(Ordering::Relaxed)
    }

    /// The URL, for connections outside the pool (LISTEN).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Connections in use, idle, and the most there may be.
    pub fn pool_status(&self) -> (usize, usize, usize) {
        let status = self.pool.status();
        (status.size - status.available, status.available, status.max_size)
    }
}

/// Refuses connections that may be dead without knowing it.
fn check_age(metrics: &Metrics, renewed_at: Instant) -> Result<(), &'static str> {
    if metrics.created < renewed_at {
        Err("made before a failure")
    } else if metrics.last_used() > MAX_IDLE {
        Err("idle for too long")
    } else {
        Ok(())
    }
}

/// Counts statements: a test holds hot operations to a number of them, and `/metrics` shows the total.
struct StatementCounter(Arc<State>);

impl Instrumentation for StatementCounter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        // BEGIN and COMMIT come as queries too.
        match event {
            InstrumentationEvent::StartQuery { .. } => {
                self.0.statements.fetch_add(1, Ordering::Relaxed);
            }
            InstrumentationEvent::FinishQuery { error: None, .. } => {
                let now = self.0.started.elapsed().as_millis() as u64;
                self.0.answered_ms.store(now.max(1), Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// Runs the migrations that are pending; returns their names. Two processes may do it at once: an advisory lock
/// lets one in.
pub async fn migrate(url: &str) -> anyhow::Result<Vec<String>> {
    on_migration_connection(url, |harness| {
        let applied = harness.run_pending_migrations(MIGRATIONS).map_err(|error| anyhow::anyhow!(error))?;
        Ok(applied.iter().map(ToString::to_string).collect())
    })
    .await
}

/// Reverts every migration; returns their names. For the check that each can be undone.
pub async fn revert_all(url: &str) -> anyhow::Result<Vec<String>> {
    on_migration_connection(url, |harness| {
        let reverted = harness.revert_all_migrations(MIGRATIONS).map_err(|error| anyhow::anyhow!(error))?;
        Ok(reverted.iter().map(ToString::to_string).collect())
    })
    .await
}

/// Arbitrary, fixed: the advisory lock that serializes migrations.
const MIGRATION_LOCK: i64 = 0x1201_0066;

async fn on_migration_connection<R: Send + 'static>(
    url: &str,
    run: impl FnOnce(&mut AsyncMigrationHarness<AsyncPgConnection>) -> anyhow::Result<R> + Send + 'static,
) -> anyhow::Result<R> {
    let mut conn = AsyncPgConnection::establish(url).await.context("cannot connect to the database")?;
    conn.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).await?;
    // The harness blocks its thread, so it gets one of its own. The lock ends with the connection.
    tokio::task::spawn_blocking(move || {
        let mut harness = AsyncMigrationHarness::new(conn);
        run(&mut harness)
    })
    .await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_connections_are_not_taken_again() {
        let (now, long_ago) = (Instant::now(), Instant::now() - MAX_IDLE * 2);
        let metrics = |created, recycled| Metrics { created, recycled, recycle_count: 1 };
        assert_eq!(check_age(&metrics(long_ago, Some(now)), long_ago), Ok(()));
        assert_eq!(check_age(&metrics(long_ago, Some(now)), now), Err("made before a failure"));
        assert_eq!(check_age(&metrics(long_ago, None), long_ago), Err("idle for too long"));
        assert_eq!(check_age(&metrics(now, None), long_ago), Ok(()));
    }
}
