//! Around every request: its id, a place among those in flight, the access log, metrics, and headers for safety.

use std::any::Any;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::ids::UserId;
use crate::trace::{self, TraceContext};

use super::edge::Edge;
use super::limits::LIMIT_EXCEEDED;
use super::media::Media;
use super::metrics;
use super::refusal::Refusal;
use super::request_id::{self, RequestId};

/// Most requests being served at once; beyond it a quick 503 is kinder than a slow answer.
const MAX_IN_FLIGHT: usize = 1024;

/// What a handler of `/graphql` tells the access log, as an extension of its response.
#[derive(Debug, Clone)]
pub struct Served {
    /// query, mutation or subscription.
    pub kind: &'static str,
    /// The operation's name.
    pub name: Option<String>,
    /// Who asked.
    pub user: Option<UserId>,
}

/// On every response that does not say otherwise: no sniffing, no framing, no referrer, and nothing to load.
const SAFETY: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// The outermost layer.
pub async fn observe(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = RequestId::of(request.headers());
    let context = TraceContext::of(request.headers());
    let method = request.method().clone();
    let uri = request.uri().clone();
    let route = route_of(uri.path());
    request.extensions_mut().insert(request_id.clone());

    let mut response = match Place::take(&edge, route) {
        Some(_place) => trace::scope(context, next.run(request)).await,
        None => {
            metrics::shed();
            let message = "Too many requests are being served. Try again shortly.";
            Refusal::http(StatusCode::SERVICE_UNAVAILABLE, LIMIT_EXCEEDED, message)
                .into_response(Media::Json, &request_id)
        }
    };

    let headers = response.headers_mut();
    headers.insert(request_id::HEADER, request_id.to_header());
    for (name, value) in &SAFETY {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    let served = response.extensions_mut().remove::<Served>();
    let took = started.elapsed();
    let status = response.status().as_u16();
    let kind = served.as_ref().map_or("none", |served| served.kind);
    metrics::request(route, kind, status, took);
    if route != "health" {
        tracing::info!(
            target: "ironmonger::access",
            %request_id,
            trace_id = %context.trace_id(),
            %method,
            path = uri.path(),
            status,
            ms = took.as_micros() as f64 / 1000.0,
            kind,
            name = served.as_ref().and_then(|served| served.name.as_deref()),
            user = served.as_ref().and_then(|served| served.user).map(tracing::field::display),
            "request"
        );
    }
    response
}

/// The path with few values, for metrics.
fn route_of(path: &str) -> &'static str {
    match path {
        "/graphql" => "graphql",
        "/livez" | "/readyz" => "health",
        path if path.starts_with("/graphiql") => "graphiql",
        path if path.starts_with("/downloads") => "downloads",
        path if path.starts_with("/media") => "media",
        _ => "other",
    }
}

/// A place among the requests in flight, until dropped.
struct Place<'a>(&'a Edge);

impl<'a> Place<'a> {
    /// None when there are too many. Health is always asked.
    fn take(edge: &'a Edge, route: &'static str) -> Option<Self> {
        let before = edge.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Place(edge);
        metrics::in_flight(before + 1);
        (before < MAX_IN_FLIGHT || route == "health").then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let before = self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        metrics::in_flight(before - 1);
    }
}

/// Answers for a handler that panicked; the panic's own text was printed by the process's hook.
pub fn after_panic(_panic: Box<dyn Any + Send>) -> Response<Body> {
    let request_id = RequestId::new();
    tracing::error!(%request_id, "a handler panicked");
    Refusal::internal().into_response(Media::Json, &request_id)
}
