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
use crate::jobs::{self, Isolate, QueueOrder, QueueShare, WorkerOptions};

/// What a worker process is told.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// The queues to take jobs from, with weights if they differ, such as `payments:6,mail:3,bulk`; all of them if not given.
    #[arg(long, value_delimiter = ',', env = "IRONMONGER_WORKER_QUEUES")]
    queues: Vec<QueueShare>,
    /// Take from a queue only when the ones given before it are empty.
    #[arg(long, env = "IRONMONGER_WORKER_STRICT")]
    strict: bool,
    /// Most jobs that run at a time.
    #[arg(long, default_value_t = 16, env = "IRONMONGER_WORKER_CONCURRENCY", value_parser = parse_concurrency)]
    concurrency: usize,
    /// Shown in the list of workers; the machine's name by default.
    #[arg(long, env = "IRONMONGER_WORKER_NAME")]
    name: Option<String>,
    /// Run the one job that comes on standard input: how a worker starts itself for a job that took a worker down.
    #[arg(long, hide = true)]
    isolated: bool,
    #[arg(skip)]
    isolate: Option<Isolate>,
}

impl WorkerArgs {
    /// How to start the process for a job that took its worker down before, where it is not this program with
    /// `--isolated`; it has to call [`run_isolated`].
    pub fn isolate_by(mut self, isolate: Isolate) -> Self {
        self.isolate = Some(isolate);
        self
    }
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
    if args.isolated {
        return run_isolated(registry).await;
    }
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
    let isolate = match args.isolate {
        Some(isolate) => isolate,
        None => Isolate { program: std::env::current_exe()?, args: vec!["--isolated".into()] },
    };
    let options = WorkerOptions {
        queues: args.queues,
        order: if args.strict { QueueOrder::Strict } else { QueueOrder::Weighted },
        concurrency: args.concurrency,
        name: args.name,
        registry,
        isolate: Some(isolate),
    };
    let outcome = jobs::run_worker(app, options, stop).await;
    done.cancel();
    let _ = tokio::join!(news, relay);
    if let Some(ops) = ops {
        let _ = ops.await;
    }
    outcome
}

/// Runs the one job that a worker hands over on standard input, see [`Isolate`]. Begins the log.
pub async fn run_isolated(registry: Registry) -> anyhow::Result<()> {
    crate::telemetry::init(&LogConfig::from_env()?)?;
    jobs::run_isolated(App::without_keys(Config::from_env()?)?, registry).await
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
