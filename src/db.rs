//! The pool, session settings, migrations, and the statement counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::Result;

/// The migrations, built into the binary.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// A connection, as use cases and queries take it.
pub type Conn = AsyncPgConnection;

/// A connection that goes back to the pool when dropped.
pub type PooledConn = Object<AsyncPgConnection>;

/// How long a request waits for a connection before it is told that the database is too busy.
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings of every session. A statement or an idle transaction that runs longer is ended by PostgreSQL, so that
/// a canceled request cannot hold locks. A misspelled word is compared with those that share 0.2 of its trigrams: at the
/// default of 0.3 two letters of a short word that changed places are too much. Compiling a plan costs more than any
/// statement here takes.
const SESSION_SETTINGS: &str = "SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s'; \
                                SET lock_timeout = '10s'; SET timezone = 'UTC'; \
                                SET pg_trgm.similarity_threshold = 0.2; SET jit = off";

/// The database: a pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<AsyncPgConnection>,
    url: Arc<str>,
    statements: Arc<AtomicU64>,
}

impl Db {
    /// Builds the pool; connects to nothing yet.
    pub fn new(url: &str, max_connections: usize) -> anyhow::Result<Self> {
        let statements = Arc::new(AtomicU64::new(0));
        let counter = statements.clone();
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
            .wait_timeout(Some(CHECKOUT_TIMEOUT))
            .create_timeout(Some(CHECKOUT_TIMEOUT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()?;
        Ok(Self { pool, url: url.into(), statements })
    }

    /// A connection from the pool. Hold it briefly, and never across another call of this.
    pub async fn get(&self) -> Result<PooledConn> {
        Ok(self.pool.get().await?)
    }

    /// How many SQL statements this pool has run, transaction control included.
    pub fn statement_count(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
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

/// Counts statements: a test holds hot operations to a number of them, and `/metrics` shows the total.
struct StatementCounter(Arc<AtomicU64>);

impl Instrumentation for StatementCounter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        // BEGIN and COMMIT come as queries too.
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
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
