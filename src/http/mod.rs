//! The HTTP edge: router, middleware, the GraphQL endpoint, WebSocket and SSE, health, metrics.
//!
//! A request to `/graphql` goes through `observe` (its id, the log, metrics, load shedding), CORS and compression to
//! `endpoint`, which negotiates (`media`), authenticates (`identity`) and reads it (`params`, `multipart`, `persisted`); `documents`
//! and `limits` refuse what is too large before it is executed; `cached` answers from the catalog cache what it can; `edge`
//! executes. `sse` and `websocket` stream the same
//! executions. Errors leave as `refusal` says.
//!
//! Business rules are not here: this module knows no feature but `access` and `channels`.

mod cached;
mod documents;
mod edge;
mod endpoint;
mod graphiql;
mod health;
mod identity;
mod jobs_page;
pub mod limits;
mod linger;
mod media;
mod metrics;
mod multipart;
mod observe;
mod outlive;
mod params;
mod persisted;
mod refusal;
mod request_id;
mod server;
mod sse;
mod websocket;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router, middleware};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::App;
use edge::Edge;
use health::Health;
use media::Media;
use refusal::Refusal;
use request_id::RequestId;

pub use persisted::TrustedDocuments;
pub use server::{accept, serve, serve_on};

/// Smaller responses are not worth the work of compressing them.
const COMPRESS_ABOVE_BYTES: u64 = 1024;

/// The router, for a test or a server to serve. `stop` ends subscriptions when the process drains.
pub fn router(app: App, stop: CancellationToken) -> Router {
    build(app, stop).0
}

/// The router, and the state that a drain waits for.
fn build(app: App, stop: CancellationToken) -> (Router, Edge) {
    metrics::recorder();
    let edge = Edge::new(app.clone(), stop.clone());
    let router = Router::new()
        .route("/graphql", any(endpoint::handle))
        .route("/", get(home))
        .route("/.well-known/jwks.json", get(jwks))
        .merge(graphiql::routes())
        .merge(jobs_page::routes())
        .with_state(edge.clone())
        .merge(health_routes(app.clone(), stop))
        .merge(crate::bulk::download_router(app.clone()))
        .merge(crate::media::media_router(app.clone()))
        .route("/demo/images/{name}", get(demo_image).with_state(app.clone()))
        .fallback(not_found)
        // The outermost first. Together they are one service; one by one, axum would box and clone each for every request.
        .layer((
            middleware::from_fn_with_state(edge.clone(), observe::observe),
            cors(&app.config.http.cors_origins),
            compression(),
            CatchPanicLayer::custom(observe::after_panic),
        ));
    (router, edge)
}

/// `/livez`, `/readyz` and `/metrics`, for a port of their own; worker processes serve it too. `stop` turns
/// `/readyz` to 503.
pub fn ops_router(app: App, stop: CancellationToken) -> Router {
    metrics::recorder();
    Router::new()
        .route("/metrics", get(metrics::render))
        .with_state(app.clone())
        .merge(health_routes(app, stop))
}

fn health_routes(app: App, stop: CancellationToken) -> Router {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .with_state(Health { app, stop })
}

/// Browsers may call from these origins. There are no cookies, so no credentials.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    let named = [endpoint::CHANNEL_HEADER].into_iter().chain(endpoint::PREFLIGHT_HEADERS);
    let headers = [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, request_id::HEADER]
        .into_iter()
        .chain(named.map(HeaderName::from_static));
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::OPTIONS])
        .allow_headers(headers.collect::<Vec<_>>())
        .expose_headers([
            request_id::HEADER,
            header::RETRY_AFTER,
            header::ETAG,
            header::AGE,
            cached::CACHE_HEADER,
        ])
        .max_age(std::time::Duration::from_secs(3600))
}

fn compression() -> CompressionLayer<impl Predicate> {
    let worthwhile =
        SizeAbove::new(COMPRESS_ABOVE_BYTES).and(NotForContentType::SSE).and(NotForContentType::IMAGES);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worthwhile)
}

/// People go to the playground, programs get the addresses.
async fn home(headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/html")) {
        return Redirect::to("/graphiql").into_response();
    }
    Json(serde_json::json!({
        "name": "ironmonger",
        "version": env!("CARGO_PKG_VERSION"),
        "graphql": "/graphql",
        "graphiql": "/graphiql",
        "jobs": "/jobs",
        "jwks": "/.well-known/jwks.json",
        "livez": "/livez",
        "readyz": "/readyz",
    }))
    .into_response()
}

/// The public keys of our tokens.
async fn jwks(State(edge): State<Edge>) -> Response {
    let cache = (header::CACHE_CONTROL, "public, max-age=300");
    ([cache], Json(crate::access::jwks(&edge.app))).into_response()
}

/// The demo store's pictures; in development only.
async fn demo_image(State(app): State<App>, Path(name): Path<String>, id: Extension<RequestId>) -> Response {
    match crate::dev::demo_image(&name).filter(|_| app.config.dev) {
        Some(image) => {
            let headers =
                [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=3600")];
            (headers, image).into_response()
        }
        None => not_found(id).await,
    }
}

async fn not_found(Extension(request_id): Extension<RequestId>) -> Response {
    let message = "There is nothing at this address. The API is at /graphql.";
    Refusal::http(StatusCode::NOT_FOUND, "NOT_FOUND", message).into_response(Media::Json, &request_id)
}
