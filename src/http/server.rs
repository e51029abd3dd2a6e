//! Listening, serving and draining.

use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::repoll::repolled;

/// How long requests in flight may take once the process was asked to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// How long a connection may take for the head of a request, its idle time included; longer than the 60 seconds for
/// which proxies commonly keep an idle connection, so that it is they who close it.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// Listens on the configured addresses and serves until `stop`, then drains: `/readyz` (on the metrics address) says
/// so, no connection is accepted, WebSockets are closed with 1001, requests in flight have 30 seconds. Also runs the
/// process's background tasks: LISTEN, the reader of catalog changes, and the job relay.
pub async fn serve(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    let http = &app.config.http;
    let listener = bind("IRONMONGER_HTTP_ADDR", http.addr).await?;
    let ops_listener = bind("IRONMONGER_METRICS_ADDR", http.metrics_addr).await?;
    serve_on(app, stop, listener, ops_listener).await
}

async fn bind(variable: &str, addr: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| format!("cannot listen on {addr} ({variable})"))
}

/// [`serve`] on listeners that are there already.
pub async fn serve_on(
    app: App,
    stop: CancellationToken,
    listener: TcpListener,
    ops_listener: TcpListener,
) -> anyhow::Result<()> {
    let addr = listener.local_addr()?;
    let ops_addr = ops_listener.local_addr()?;
    let (router, edge) = super::build(app.clone(), stop.clone());
    tokio::spawn(app.signals.clone().run(app.config.database_url.clone(), stop.clone()));
    tokio::spawn(crate::cache::Cache::run(app.clone(), stop.clone()));
    tokio::spawn(crate::jobs::run_relay(app.clone(), stop.clone()));

    let ops_stop = CancellationToken::new();
    let ops = super::ops_router(app, stop.clone());
    let ops = tokio::spawn(accept(ops_listener, ops, ops_stop.clone(), Duration::from_secs(1)));

    tracing::info!(%addr, metrics = %ops_addr, "serving");
    accept(listener, router, stop, DRAIN).await;
    edge.tasks.close();
    if tokio::time::timeout(DRAIN, edge.tasks.wait()).await.is_err() {
        tracing::warn!(operations = edge.tasks.len(), "stopping while operations still run");
    }
    ops_stop.cancel();
    ops.await?;
    tracing::info!("drained");
    Ok(())
}

/// Serves connections until `stop`, then lets those that are open finish, for at most `drain`. For workers' health and
/// metrics too.
pub async fn accept(listener: TcpListener, router: Router, stop: CancellationToken, drain: Duration) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30));
    builder.http2().enable_connect_protocol();
    let graceful = GracefulShutdown::new();
    loop {
        let Some(stream) = next_connection(&listener, &stop).await else { break };
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off is no news.
            if let Err(error) = repolled(pin!(connection)).await {
                tracing::trace!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("stopping while requests are still being served");
    }
}

/// None when it is time to stop.
async fn next_connection(listener: &TcpListener, stop: &CancellationToken) -> Option<TcpStream> {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                // Answers are written at once, not held back for more.
                let _ = stream.set_nodelay(true);
                return Some(stream);
            }
            Err(error) => {
                // Out of file descriptors, most likely: trying again at once would only burn the processor.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
