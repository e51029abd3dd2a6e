//! The worker process under the supervisor.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use tokio_util::sync::CancellationToken;

use super::child::{Child, Program};
use crate::config::Config;

/// How long a worker may finish its jobs before it is killed; the ledger gives them to the next one.
const DRAIN: Duration = Duration::from_secs(10);

/// The wait before a worker that ended at once is started again: doubled from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// A run of this length was no failure to start.
const HEALTHY_RUN: Duration = Duration::from_secs(10);

/// Keeps one `ironmonger-worker` running until `stop`, then lets it finish and returns.
pub(super) async fn supervise(config: Config, stop: CancellationToken) -> Result<()> {
    let mut wait = BACKOFF.0;
    loop {
        let started = Instant::now();
        let mut child = start(&config)?;
        tokio::select! {
            () = stop.cancelled() => {
                child.stop(Signal::SIGTERM, DRAIN).await?;
                return Ok(());
            }
            status = child.wait() => {
                if started.elapsed() > HEALTHY_RUN {
                    wait = BACKOFF.0;
                }
                tracing::warn!(status = %status?, wait_ms = wait.as_millis() as u64, "the worker ended; starting it again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(BACKOFF.1);
    }
}

fn start(config: &Config) -> Result<Child> {
    let path = std::env::current_exe()?.with_file_name("ironmonger-worker");
    Program::new(&path)
        .env("DATABASE_URL", &config.database_url)
        .env("REDIS_URL", &config.redis_url)
        .env("IRONMONGER_DATA_DIR", &config.data_dir)
        .env("IRONMONGER_DEV", "true")
        .spawn()
        .with_context(|| format!("cannot start {} (built by `cargo build --workspace`)", path.display()))
}
