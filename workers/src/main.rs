//! `ironmonger-worker`: takes jobs from the queues it is told to and runs them.
//!
//! SIGTERM or SIGINT: takes no more, lets what runs end for up to 25 s, gives back the rest, exits 0. A second signal: exits
//! at once; what ran is run again elsewhere when its lease ends. Everything else that ends the worker is an error.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use ironmonger::App;
use ironmonger::config::Config;
use ironmonger::jobs::{self, WorkerOptions};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Runs jobs of an Ironmonger store. Configured by the same environment as `ironmonger serve`.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    // TELEMETRY: ironmonger::telemetry::init() goes here, before anything logs.
    let app = App::new(Config::from_env()?)?;
    let stop = CancellationToken::new();
    watch_signals(stop.clone())?;
    // Answers to readiness probes and scrapes until the last job is done.
    let done = CancellationToken::new();
    if let Some(addr) = app.config.http.worker_addr {
        serve_ops(addr, &app, done.clone()).await?;
    }
    let news = tokio::spawn(app.signals.clone().run(app.config.database_url.clone(), done.clone()));
    let relay = tokio::spawn(jobs::run_relay(app.clone(), done.clone()));
    let options = WorkerOptions {
        queues: cli.queues,
        concurrency: cli.concurrency,
        name: cli.name,
        ..WorkerOptions::default()
    };
    let outcome = jobs::run_worker(app, options, stop).await;
    done.cancel();
    let _ = tokio::join!(news, relay);
    outcome
}

/// Cancels `stop` at the first signal and ends the process at the second.
fn watch_signals(stop: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for first in [true, false] {
            let code = tokio::select! {
                _ = terminate.recv() => 143,
                _ = interrupt.recv() => 130,
            };
            if first {
                tracing::info!("stopping: running jobs get 25 s to end; another signal ends them now");
                stop.cancel();
            } else {
                std::process::exit(code);
            }
        }
    });
    Ok(())
}

/// Health and metrics.
async fn serve_ops(addr: SocketAddr, app: &App, done: CancellationToken) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(addr).await.with_context(|| {
        format!("cannot listen on {addr} (IRONMONGER_WORKER_ADDR; give each worker of a machine its own, or `off`)")
    })?;
    // OPS: ironmonger::http::ops_router(app.clone()) is served here.
    let _ = (listener, app, done);
    Ok(())
}
