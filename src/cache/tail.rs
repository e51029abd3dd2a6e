//! Reads the log, on a connection of its own, and finds out by that whether PostgreSQL is there.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, NoTls, Row};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;

use super::change::Change;
use super::journal::{Origin, Reading};
use super::snapshot::Snapshot;

/// A reading at least this often, also when nobody was told of a change.
const EVERY: Duration = Duration::from_millis(250);

/// Commits that come close together are read together.
const GATHER: Duration = Duration::from_millis(5);

/// A reading that takes longer means trouble: it looks up an index.
const READING: Duration = Duration::from_millis(1_000);

/// So does a connection.
const CONNECTING: Duration = Duration::from_millis(700);

/// Between attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// More changes at once are not worth to be looked at one by one.
const MAX_ROWS: usize = 5_000;

/// How long changes stay in the log, and how often older ones are removed.
const KEPT: Duration = Duration::from_secs(600);
const SWEEP: Duration = Duration::from_secs(60);

/// Most rows of one sweep, which must not hold up the readings.
const SWEPT: i64 = 10_000;

/// Changes that took effect by themselves stay longer than any answer in Redis.
const DUE_KEPT: TimeDelta = TimeDelta::days(1);

/// Reads the log until `stop`; connects again by itself.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let mut trouble = false;
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = follow(&app, &mut trouble) => outcome,
        };
        let Err(error) = outcome;
        if !std::mem::replace(&mut trouble, true) {
            tracing::warn!(error = format!("{error:#}"), "the log of catalog changes cannot be read");
        }
        // Whatever ended this connection may have ended those of the pool.
        app.db.renew();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn follow(app: &App, trouble: &mut bool) -> anyhow::Result<Infallible> {
    let link = match timeout(CONNECTING, Link::open(app.db.url())).await {
        Ok(Ok(link)) => link,
        Ok(Err(error)) => {
            if !is_serving(&error) {
                app.db.gone();
            }
            return Err(error.into());
        }
        Err(_) => {
            app.db.lost();
            anyhow::bail!("no connection within {CONNECTING:?}");
        }
    };
    app.db.found();
    let namespace = timeout(READING, link.namespace()).await??;
    app.cache.enter(namespace);
    read(app, &link, true).await?;
    if std::mem::take(trouble) {
        tracing::info!("the log of catalog changes is read again");
    }
    let mut seen: VecDeque<(Instant, u64)> = VecDeque::new();
    let mut swept = Instant::now();
    loop {
        tokio::select! {
            () = link.told.notified() => tokio::time::sleep(GATHER).await,
            () = app.cache.journal.wanted.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
        read(app, &link, false).await?;
        if swept.elapsed() >= SWEEP {
            swept = Instant::now();
            seen.extend(app.cache.journal.snapshot().map(|snapshot| (swept, snapshot.xmin)));
            while let Some(&(_, xmin)) = seen.front().filter(|(at, _)| at.elapsed() >= KEPT) {
                timeout(READING, link.sweep(xmin)).await??;
                seen.pop_front();
            }
        }
    }
}

/// One reading. The first one on a connection also looks for what is still to take effect.
async fn read(app: &App, link: &Link, first: bool) -> anyhow::Result<()> {
    let journal = &app.cache.journal;
    let known = journal.snapshot();
    let since = known.as_deref().cloned().unwrap_or_else(Snapshot::blind);
    let began = Instant::now();
    let mut due = Vec::new();
    if first {
        due = timeout(READING, link.due(app.clock.now() - DUE_KEPT)).await??;
    }
    let mut reading = timeout(READING, link.read(&since)).await??;
    due.append(&mut reading.changes);
    reading.changes = due;
    super::metrics::changes(reading.changes.len());
    if first || reading.changes.iter().any(|(_, change)| change.is_of_everything()) {
        app.channels.forget();
    }
    journal.record(reading, began, app.clock.now());
    Ok(())
}

/// Whether the server refuses this connection only, and may well serve those of the pool.
fn is_serving(error: &tokio_postgres::Error) -> bool {
    const GONE: [SqlState; 3] =
        [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
    error.code().is_some_and(|code| !GONE.contains(code))
}

/// A connection that listens.
struct Link {
    client: Client,
    /// Rings when a transaction that changed the catalog has committed.
    told: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    async fn open(url: &str) -> Result<Self, tokio_postgres::Error> {
        let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
        let told = Arc::new(Notify::new());
        let bell = told.clone();
        let task = tokio::spawn(async move {
            // Its end shows at the next statement.
            while let Some(Ok(message)) =
                futures_util::future::poll_fn(|context| connection.poll_message(context)).await
            {
                if let AsyncMessage::Notification(_) = message {
                    bell.notify_one();
                }
            }
        });
        let link = Self { client, told, task };
        link.client.batch_execute("SET statement_timeout = '5s'; LISTEN ironmonger_catalog").await?;
        Ok(link)
    }

    /// Names the database and its timeline: what answers in Redis were made from.
    async fn namespace(&self) -> Result<String, tokio_postgres::Error> {
        let query = "SELECT (SELECT oid::text FROM pg_database WHERE datname = current_database()) \
                     || '.' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";
        Ok(self.client.query_one(query, &[]).await?.get(0))
    }

    /// What is visible now and was not to `since`.
    async fn read(&self, since: &Snapshot) -> anyhow::Result<Reading> {
        let query = format!(
            "SELECT pg_current_snapshot()::text, (SELECT xid::text FROM catalog_changes_horizon), \
             c.xid::text, c.kinds, c.ids::text, (extract(epoch FROM c.due) * 1000000)::bigint \
             FROM (VALUES (1)) AS one LEFT JOIN (SELECT * FROM catalog_changes \
                 WHERE xid >= $1::text::xid8 AND NOT pg_visible_in_snapshot(xid, $2::text::pg_snapshot) \
                 ORDER BY id DESC LIMIT {}) AS c ON true",
            MAX_ROWS + 1
        );
        let (xmin, since) = (since.xmin.to_string(), since.to_string());
        let rows = self.client.query_typed(&query, &[(&xmin, Type::TEXT), (&since, Type::TEXT)]).await?;
        let head = rows.first().ok_or_else(|| anyhow::anyhow!("a reading without a row"))?;
        let snapshot: Snapshot = head.get::<_, &str>(0).parse()?;
        let horizon = head.get::<_, &str>(1).parse()?;
        let gap = rows.len() > MAX_ROWS;
        let mut changes = Vec::new();
        for row in rows.iter().rev() {
            if let Some(xid) = row.get::<_, Option<&str>>(2) {
                let due = row.get::<_, Option<i64>>(5).and_then(DateTime::from_timestamp_micros);
                // After a gap only what is still to come matters.
                if due.is_some() || !gap {
                    let origin = due.map_or(Origin::Commit(xid.parse()?), Origin::Due);
                    changes.push((origin, change(row)?));
                }
            }
        }
        Ok(Reading { snapshot, horizon, changes, gap })
    }

    /// What takes effect by itself after `since`.
    async fn due(&self, since: DateTime<Utc>) -> anyhow::Result<Vec<(Origin, Change)>> {
        let query = "SELECT NULL, NULL, NULL, kinds, ids::text, (extract(epoch FROM due) * 1000000)::bigint \
                     FROM catalog_changes WHERE due > to_timestamp($1::bigint / 1000000.0) ORDER BY due";
        let since = since.timestamp_micros();
        let rows = self.client.query_typed(query, &[(&since, Type::INT8)]).await?;
        let due = |row: &Row| DateTime::from_timestamp_micros(row.get(5)).unwrap_or_default();
        rows.iter().map(|row| Ok((Origin::Due(due(row)), change(row)?))).collect()
    }

    /// Removes what no process waits for any more.
    async fn sweep(&self, before: u64) -> Result<(), tokio_postgres::Error> {
        let query = format!(
            "WITH moved AS (UPDATE catalog_changes_horizon SET xid = $1::text::xid8 WHERE xid < $1::text::xid8) \
             DELETE FROM catalog_changes WHERE id IN (SELECT id FROM catalog_changes \
                 WHERE xid < $1::text::xid8 AND (due IS NULL OR due < now() - interval '1 day') LIMIT {SWEPT})"
        );
        let before = before.to_string();
        self.client.query_typed(&query, &[(&before, Type::TEXT)]).await?;
        Ok(())
    }
}

/// Kinds and ids of a row; PostgreSQL writes the array as `{…,…}`.
fn change(row: &Row) -> anyhow::Result<Change> {
    let ids = row.get::<_, Option<&str>>(4).map(|ids| {
        let ids = ids.trim_matches(['{', '}']).split(',').filter(|id| !id.is_empty());
        ids.map(str::parse::<Uuid>).collect::<Result<Vec<_>, _>>()
    });
    Ok(Change::new(row.get::<_, i32>(3).cast_unsigned(), ids.transpose()?))
}
