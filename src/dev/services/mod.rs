//! A private PostgreSQL and a private Redis for `ironmonger dev` and for the tests.
//!
//! They listen on loopback only, keep their files in one folder and die with this process. As root they run as an
//! unprivileged account, because PostgreSQL refuses root.

mod binaries;
mod home;
mod postgres;
mod redis;

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

pub use home::Home;
pub use postgres::Postgres;
pub use redis::Redis;

/// How often a starting service is asked whether it is ready.
const POLL: Duration = Duration::from_millis(5);

/// How long a service may take to get ready; a PostgreSQL that was killed first replays its log.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// What the services are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Data stays, as durable as in production.
    Development,
    /// Data is thrown away: fast, nothing is synced.
    Tests,
}

/// Which of the two are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Start PostgreSQL.
    pub postgres: bool,
    /// Start Redis.
    pub redis: bool,
}

/// The running services.
pub struct Services {
    /// If wanted.
    pub postgres: Option<Postgres>,
    /// If wanted.
    pub redis: Option<Redis>,
}

impl Services {
    /// Starts what is wanted, both at the same time, with their files under `data_dir`. Returns when they answer.
    pub async fn start(data_dir: &Path, purpose: Purpose, wanted: Wanted) -> Result<Self> {
        if !wanted.postgres && !wanted.redis {
            return Ok(Self { postgres: None, redis: None });
        }
        let home = Home::open(data_dir).await?;
        let postgres = async {
            if wanted.postgres { Postgres::start(&home, purpose).await.map(Some) } else { Ok(None) }
        };
        let redis =
            async { if wanted.redis { Redis::start(&home, purpose).await.map(Some) } else { Ok(None) } };
        let (postgres, redis) = tokio::try_join!(postgres, redis)?;
        Ok(Self { postgres, redis })
    }

    /// Starts a service again, on its old port, whenever it ends; returns when `stop` says so.
    pub async fn keep_running(&mut self, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
            if let Some(postgres) = &mut self.postgres
                && postgres.has_ended()
            {
                tracing::warn!("PostgreSQL has ended; starting it again");
                if let Err(error) = postgres.restart().await {
                    tracing::error!("{error:#}");
                }
            }
            if let Some(redis) = &mut self.redis
                && redis.has_ended()
            {
                tracing::warn!("Redis has ended; starting it again");
                if let Err(error) = redis.restart().await {
                    tracing::error!("{error:#}");
                }
            }
        }
    }

    /// Stops Redis, then PostgreSQL; returns when both have ended.
    pub async fn stop(self) {
        if let Some(redis) = self.redis {
            redis.stop().await;
        }
        if let Some(postgres) = self.postgres {
            postgres.stop().await;
        }
    }
}

/// A port of the loopback interface: the one noted in `note` if it is free, else a new one, which is noted.
fn choose_port(note: &Path) -> Result<u16> {
    let noted: Option<u16> = std::fs::read_to_string(note).ok().and_then(|text| text.trim().parse().ok());
    if let Some(port) = noted
        && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    {
        return Ok(port);
    }
    new_port(note)
}

fn new_port(note: &Path) -> Result<u16> {
    let port = free_port()?;
    write_note(note, &port.to_string())?;
    Ok(port)
}

/// A port of the loopback interface that is free now.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no loopback port is free")?;
    Ok(listener.local_addr()?.port())
}

/// The end of a log, for an error message.
fn tail(log: &Path) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

/// A new empty file. The old one goes first: it may be root's, from a run as root.
fn log_file(path: &Path) -> Result<File> {
    let _ = std::fs::remove_file(path);
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

fn write_note(path: &Path, text: &str) -> Result<()> {
    log_file(path)?.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}
