//! The HTTP edge: router, middleware, the GraphQL endpoint, WebSocket and SSE, health, metrics.

use tokio_util::sync::CancellationToken;

use crate::app::App;

/// The router, for a test or a server to serve. `stop` ends subscriptions when the process drains.
pub fn router(_app: App, _stop: CancellationToken) -> axum::Router {
    axum::Router::new()
}

/// Listens on the configured addresses and serves until `stop`, then drains. Also runs the process's background
/// tasks: LISTEN and the job relay.
pub async fn serve(_app: App, _stop: CancellationToken) -> anyhow::Result<()> {
    Ok(())
}
