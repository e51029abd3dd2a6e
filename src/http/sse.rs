//! Operations as server-sent events: the graphql-sse protocol in its mode of distinct connections. Every response is
//! one event `next`, the end is an event `complete`.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};

use crate::graphql::json;

use super::edge::{Answer, Call, Edge};
use super::limits::LIMIT_EXCEEDED;
use super::refusal::{self, Refusal};
use super::request_id::RequestId;

/// How often a silent stream says that it lives; proxies cut silent connections after a minute or so.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Starts the operation and streams its responses. Ends when the token expires and when the process drains; the
/// client then connects again.
pub fn respond(edge: &Edge, call: Call, expires_at: Option<DateTime<Utc>>) -> Result<Response, Refusal> {
    let Some(slot) = edge.open_stream() else {
        let message = "Too many streams are open. Try again shortly.";
        return Err(Refusal::http(StatusCode::SERVICE_UNAVAILABLE, LIMIT_EXCEEDED, message));
    };
    let request_id = call.request_id.clone();
    let end = end_of(edge, expires_at);
    let events = edge
        .stream(call)
        .map(move |answer| Event::default().event("next").data(to_json(answer, &request_id)))
        .chain(stream::once(async { Event::default().event("complete").data("") }))
        .take_until(Box::pin(end))
        .map(move |event| {
            // The place is given back when the stream is dropped.
            let _held = &slot;
            Ok::<_, Infallible>(event)
        });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// Resolves when the stream has to end, whatever the operation does.
fn end_of(edge: &Edge, expires_at: Option<DateTime<Utc>>) -> impl Future<Output = ()> + Send + use<> {
    let stop = edge.stop.clone().cancelled_owned();
    let expired = expires_in(edge, expires_at);
    async move {
        tokio::select! {
            () = stop => {}
            () = expired => {}
        }
    }
}

/// Resolves when the token is no longer valid: never without a limit.
pub fn expires_in(edge: &Edge, expires_at: Option<DateTime<Utc>>) -> impl Future<Output = ()> + Send + use<> {
    let left = expires_at.map(|at| (at - edge.app.clock.now()).to_std().unwrap_or_default());
    async move {
        match left {
            Some(left) => tokio::time::sleep(left).await,
            None => std::future::pending().await,
        }
    }
}

fn to_json(answer: Answer, request_id: &RequestId) -> String {
    match answer {
        Answer::Executed(response) => json::encode_text(&response),
        Answer::Refused(mut refusal) => {
            refusal.errors.iter_mut().for_each(|error| refusal::finish(error, request_id));
            refusal.to_json()
        }
    }
}
