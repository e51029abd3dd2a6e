//! A connection of the job platform's own, outside the pool, so that handlers which use up the pool cannot keep the
//! platform from claiming, renewing and recording.

use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

use crate::db::Conn;

/// A statement that takes longer has lost its server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether a commit waits until it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// For records that must not be lost: how a job ended.
    Durable,
    /// For records whose loss in a crash of PostgreSQL only means that something is done again: a dispatch, a claim (its
    /// finish is then refused), a renewal.
    Relaxed,
}

/// One connection that reconnects when it is used after a failure.
pub struct Session {
    url: String,
    durability: Durability,
    conn: Option<AsyncPgConnection>,
    connected_at: Instant,
}

impl Session {
    /// Connects when first used.
    pub fn new(url: &str, durability: Durability) -> Self {
        Self { url: url.to_owned(), durability, conn: None, connected_at: Instant::now() }
    }

    /// How long this connection has held without a failure; zero when there is none.
    pub fn age(&self) -> Duration {
        if self.conn.is_some() { self.connected_at.elapsed() } else { Duration::ZERO }
    }

    /// The connection; connects first if need be.
    pub async fn conn(&mut self) -> anyhow::Result<&mut Conn> {
        if self.conn.is_none() {
            self.conn = Some(self.connect().await?);
            self.connected_at = Instant::now();
        }
        Ok(self.conn.as_mut().expect("it was just connected"))
    }

    /// Passes the outcome of statements on. After any failure the connection is dropped: a statement of the platform
    /// does not fail but for a broken connection or data that it cannot store.
    pub fn settle<T>(&mut self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        if outcome.is_err() {
            self.conn = None;
        }
        outcome
    }

    async fn connect(&self) -> anyhow::Result<AsyncPgConnection> {
        let settings = match self.durability {
            Durability::Durable => SETTINGS.to_owned(),
            Durability::Relaxed => format!("{SETTINGS}; SET synchronous_commit = off"),
        };
        let connecting = async {
            let mut conn = AsyncPgConnection::establish(&self.url).await?;
            conn.batch_execute(&settings).await?;
            anyhow::Ok(conn)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connecting).await?
    }
}

/// The platform's statements touch few rows and wait for nobody long. Each has an index made for it. On a table that grows
/// by a million rows within minutes the statistics are always wrong, and a scan of the table is what the planner falls for; a
/// plan kept from when the table was empty took a minute for 200 rows. So each run is planned anew (half a millisecond for a
/// batch), by the table's present size, and without scans.
const SETTINGS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                        SET plan_cache_mode = force_custom_plan; SET jit = off; \
                        SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
                        SET idle_in_transaction_session_timeout = '10s'; SET timezone = 'UTC'; \
                        SET application_name = 'ironmonger jobs'";

/// Gives statements on a [`Session`] a limit; give the outcome to [`Session::settle`].
pub async fn answered<T>(statements: impl Future<Output = QueryResult<T>>) -> anyhow::Result<T> {
    Ok(tokio::time::timeout(ANSWER_TIMEOUT, statements).await??)
}
