//! Starts everything in order, and stops it in the reverse one.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::addresses::Addresses;
use super::folder::DataDir;
use super::services::{Purpose, Services, Wanted};
use super::{banner, demo, ports, worker};
use crate::app::App;
use crate::config::{Config, LogConfig};

/// Runs the shop until Ctrl-C or SIGTERM. `started` is when the process began, for the time that it shows.
pub async fn run(started: Instant) -> Result<()> {
    crate::telemetry::init(&LogConfig::from_env()?)?;
    let stop = crate::cli::signals::stop_token()?;
    let mut config = Config::for_dev()?;
    let folder = DataDir::open(&config.data_dir)?;
    config.data_dir = folder.path().to_owned();
    ports::check(&config.http)?;

    let wanted = Wanted { postgres: config.database_url.is_empty(), redis: config.redis_url.is_empty() };
    let services = tokio::select! {
        services = Services::start(folder.path(), Purpose::Development, wanted) => services?,
        // What was started gets its signal by being dropped.
        () = stop.cancelled() => return Ok(()),
    };
    if let Some(postgres) = &services.postgres {
        config.database_url = postgres.url();
    }
    if let Some(redis) = &services.redis {
        config.redis_url = redis.url();
    }
    let addresses = Addresses::write(&config)?;
    let outcome = run_on(config, started, stop, services).await;
    drop(addresses);
    drop(folder);
    outcome
}

/// With the services up: everything else. They stop last, whatever happened.
async fn run_on(
    config: Config,
    started: Instant,
    stop: CancellationToken,
    mut services: Services,
) -> Result<()> {
    let services_stop = CancellationToken::new();
    let keeper = {
        let stop = services_stop.clone();
        tokio::spawn(async move {
            services.keep_running(&stop).await;
            services
        })
    };
    let outcome = open_shop(config, started, &stop).await;
    services_stop.cancel();
    keeper.await.context("the services' keeper panicked")?.stop().await;
    outcome
}

async fn open_shop(config: Config, started: Instant, stop: &CancellationToken) -> Result<()> {
    crate::db::migrate(&config.database_url).await?;
    let app = App::new(config.clone())?;
    demo::load(&app).await.context("cannot load the demo store")?;
    let login = demo::login(&app).await?;

    let worker_stop = CancellationToken::new();
    let worker = {
        let (config, worker_stop, stop) = (config.clone(), worker_stop.clone(), stop.clone());
        tokio::spawn(async move {
            let outcome = worker::supervise(config, worker_stop).await;
            // A shop whose worker cannot even be started is of no use: end it and say why.
            stop.cancel();
            outcome
        })
    };
    let announce = {
        let http = config.http.clone();
        tokio::spawn(async move {
            ready(http.metrics_addr).await;
            banner::print(&http, login, started.elapsed());
        })
    };
    // Ends when `stop` says so and the requests are answered; before that only by a failure.
    let outcome = match tokio::spawn(crate::http::serve(app, stop.clone())).await {
        Ok(Ok(())) if !stop.is_cancelled() => Err(anyhow!("the API has ended by itself")),
        Ok(outcome) => outcome,
        Err(error) => Err(error).context("the API panicked"),
    };
    announce.abort();
    worker_stop.cancel();
    worker.await.context("the worker's supervisor panicked")??;
    outcome
}

/// Returns when the API says that it is ready, on its metrics address.
async fn ready(addr: SocketAddr) {
    while !matches!(tokio::time::timeout(Duration::from_secs(1), ask(addr)).await, Ok(Ok(true))) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn ask(addr: SocketAddr) -> std::io::Result<bool> {
    let ip = match addr.ip() {
        ip if !ip.is_unspecified() => ip,
        ip if ip.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
        _ => Ipv6Addr::LOCALHOST.into(),
    };
    let mut stream = TcpStream::connect((ip, addr.port())).await?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split_whitespace().nth(1) == Some("200"))
}
