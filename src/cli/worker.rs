//! `ironmonger-worker`, and every program that runs jobs of its own besides the product's.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::{Config, LogConfig};
use crate::jobs::registry::Registry;
use crate::jobs::{self, WorkerOptions};

/// What a worker process is told.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// The queues to take jobs from, such as `payments,mail`; all of them if not given.
    #[arg(long, value_delimiter = ',', env = "IRONMONGER_WORKER_QUEUES")]
    queues: Vec<String>,
    /// Most jobs that run at a time.
    #[arg(long, default_value_t = 16, env = "IRONMONGER_WORKER_CONCURRENCY", value_parser = parse_concurrency)]
    concurrency: usize,
    /// Shown in the list of workers; the machine's name by default.
    #[arg(long, env = "IRONMONGER_WORKER_NAME")]
    name: Option<String>,
}

fn parse_concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=10_000) => Ok(number),
        _ => Err("a number from 1 to 10000".into()),
    }
}

/// Runs the jobs of `registry` until SIGTERM or SIGINT: then takes no more, lets what runs end for up to 25 s, gives back the
/// rest and returns. A second signal ends the process at once. Begins the log.
pub async fn run(args: WorkerArgs, registry: Registry) -> anyhow::Result<()> {
    crate::telemetry::init(&LogConfig::from_env()?)?;
    let app = App::without_keys(Config::from_env()?)?;
    let stop = super::signals::stop_token()?;
    // Probes and scrapes are answered until the last job is done, and the relay is at work as long.
    let done = CancellationToken::new();
    let ops = match app.config.http.worker_addr {
        Some(addr) => Some(serve_ops(addr, &app, stop.clone(), done.clone()).await?),
        None => None,
    };
    let news = tokio::spawn(app.signals.clone().run(app.config.database_url.clone(), done.clone()));
    let relay = tokio::spawn(jobs::run_relay_with(app.clone(), registry.clone(), done.clone()));
    let options =
        WorkerOptions { queues: args.queues, concurrency: args.concurrency, name: args.name, registry };
    let outcome = jobs::run_worker(app, options, stop).await;
    done.cancel();
    let _ = tokio::join!(news, relay);
    if let Some(ops) = ops {
        let _ = ops.await;
    }
    outcome
}

/// Health and metrics; `/readyz` says so when the worker drains.
async fn serve_ops(
    addr: SocketAddr,
    app: &App,
    stop: CancellationToken,
    done: CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    let listener = TcpListener::bind(addr).await.with_context(|| {
        format!("cannot listen on {addr} (IRONMONGER_WORKER_ADDR: each worker of a machine needs its own, or `off`)")
    })?;
    let router = crate::http::ops_router(app.clone(), stop);
    Ok(tokio::spawn(crate::http::accept(listener, router, done, Duration::from_secs(1))))
}
