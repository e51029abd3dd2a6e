//! `/graphql`, as in the GraphQL-over-HTTP specification.
//!
//! A request that a foreign page could make a browser send without asking (a form, plain text, a GET) cannot write:
//! POST takes JSON, or a form with a header that needs a preflight; GET takes queries only.

use async_graphql::Value;
use async_graphql::parser::types::OperationType;
use async_graphql_axum::GraphQLResponse;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::access::Viewer;
use crate::cache::metrics::{Source, answered};
use crate::error::{Code, Error};
use crate::graphql::json;

use super::cached::{self, Cacheable, Wanted};
use super::edge::{Answer, Call, Edge, View};
use super::identity::Identity;
use super::media::{ContentType, Media};
use super::observe::Served;
use super::params::{self, Params};
use super::refusal::{BAD_USER_INPUT, Refusal};
use super::request_id::RequestId;
use super::{linger, sse, websocket};

/// Names the sales channel that a request is about.
pub const CHANNEL_HEADER: &str = "ironmonger-channel";

/// Any of these shows that the sender is a program, or a page that passed a CORS preflight.
pub const PREFLIGHT_HEADERS: [&str; 3] =
    ["graphql-require-preflight", "apollo-require-preflight", "x-requested-with"];

/// Serves one request to `/graphql`, whatever its transport.
pub async fn handle(State(edge): State<Edge>, request: Request) -> Response {
    let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_default();
    if websocket::is_upgrade(request.headers()) {
        return websocket::upgrade(edge, request, request_id).await;
    }
    if is_person(&request) {
        return Redirect::to("/graphiql").into_response();
    }
    let Some(media) = Media::negotiate(request.headers()) else {
        let message =
            "We answer with application/graphql-response+json, application/json or text/event-stream.";
        return Refusal::http(StatusCode::NOT_ACCEPTABLE, BAD_USER_INPUT, message)
            .into_response(Media::Json, &request_id);
    };
    match serve(&edge, request, media, &request_id).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(media, &request_id),
    }
}

/// A person who opens the endpoint in a browser.
fn is_person(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    request.method() == Method::GET
        && request.uri().query().is_none()
        && accept.is_some_and(|accept| accept.contains("text/html"))
}

async fn serve(
    edge: &Edge,
    request: Request,
    media: Media,
    request_id: &RequestId,
) -> Result<Response, Refusal> {
    let safe = request.method() == Method::GET;
    let wanted = Wanted::of(request.headers(), media, safe);
    let request = linger::lingering(request);
    let Received { mut params, identity, view } = read(edge, request, request_id).await?;
    edge.resolve(&mut params, &identity.viewer).await?;
    let (user, expires_at) = (identity.viewer.user_id(), identity.expires_at);
    let call = edge.prepare(params, identity, view, request_id.clone())?;
    let served = Served { kind: call.operation.kind_name(), name: call.operation.name.clone(), user };
    let mut response = match check_transport(&call, safe, media) {
        Err(refusal) => refusal.into_response(media, request_id),
        Ok(()) if media == Media::EventStream => sse::respond(edge, call, expires_at)?,
        Ok(()) => run(edge, call, &wanted).await,
    };
    response.extensions_mut().insert(served);
    Ok(response)
}

/// Answers a query or a mutation, a query from the cache if that may be.
async fn run(edge: &Edge, call: Call, wanted: &Wanted) -> Response {
    let (request_id, locale) = (call.request_id.clone(), call.view.locale.clone());
    let mut response = match Cacheable::of(edge, &call) {
        Some(cacheable) => match cached::answer(edge, call, cacheable).await {
            cached::Served::Kept(entry, source) => cached::respond(edge, &entry, source, wanted),
            cached::Served::Own(answer) => respond(*answer, wanted.media, &request_id, Source::Miss),
        },
        None => {
            // Staff who write and then look at the shop as a shopper want to see what they wrote.
            let waits = call.operation.kind == OperationType::Mutation && user_writes(&call);
            if call.operation.kind == OperationType::Query {
                answered(Source::Bypass);
            }
            let answer = edge.execute(call).await;
            if waits {
                edge.app.cache.catch_up().await;
            }
            respond(answer, wanted.media, &request_id, Source::Bypass)
        }
    };
    if let Some(tag) = locale.tag().and_then(|tag| HeaderValue::from_str(tag).ok()) {
        response.headers_mut().insert(header::CONTENT_LANGUAGE, tag);
    }
    response
}

fn user_writes(call: &Call) -> bool {
    call.identity.viewer.signed_in().is_ok_and(|user| !user.permissions.is_empty())
}

/// What a request brought.
struct Received {
    params: Params,
    identity: Identity,
    view: View,
}

async fn read(edge: &Edge, request: Request, request_id: &RequestId) -> Result<Received, Refusal> {
    let app = &edge.app;
    let fail = |error| Refusal::from_error(error, request_id);
    let params = match *request.method() {
        Method::GET => {
            let identity = identity_of(edge, request.headers()).await.map_err(fail)?;
            let view = view_of(edge, request.headers()).await.map_err(fail)?;
            return Ok(Received { params: Params::from_uri(request.uri())?, identity, view });
        }
        Method::POST => ContentType::of(request.headers()),
        _ => {
            return Err(Refusal::http(
                StatusCode::METHOD_NOT_ALLOWED,
                BAD_USER_INPUT,
                "Use POST, or GET for queries.",
            ));
        }
    };
    let identity = identity_of(edge, request.headers()).await.map_err(fail)?;
    let view = view_of(edge, request.headers()).await.map_err(fail)?;
    let params = match params {
        Some(ContentType::Json) => {
            let limit = app.config.http.body_limit_bytes;
            check_length(request.headers(), limit)?;
            Params::from_json(&params::read_body(request.into_body(), limit).await?)?
        }
        Some(ContentType::Multipart) => {
            check_upload(request.headers(), &identity.viewer).map_err(fail)?;
            check_length(request.headers(), app.config.http.upload_limit_bytes)?;
            Params::from_form(request, &app.config.http).await?
        }
        None => {
            let message = "The content type has to be application/json in UTF-8, or multipart/form-data.";
            return Err(Refusal::http(StatusCode::UNSUPPORTED_MEDIA_TYPE, BAD_USER_INPUT, message));
        }
    };
    Ok(Received { params, identity, view })
}

async fn identity_of(edge: &Edge, headers: &HeaderMap) -> crate::error::Result<Identity> {
    edge.app.db.unless_away(Identity::of(&edge.app, headers)).await
}

async fn view_of(edge: &Edge, headers: &HeaderMap) -> crate::error::Result<View> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    edge.view(text(CHANNEL_HEADER), text(header::ACCEPT_LANGUAGE.as_str())).await
}

/// Refuses by its length what need not be read.
fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), Refusal> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) if length > limit as u64 => Err(params::too_large(limit)),
        _ => Ok(()),
    }
}

/// A browser sends a form for any page, and a form may be large: it needs a header that a page cannot set without
/// being asked, and a person to whom the upload belongs.
fn check_upload(headers: &HeaderMap, viewer: &Viewer) -> crate::error::Result<()> {
    if !PREFLIGHT_HEADERS.iter().any(|&name| headers.get(name).is_some_and(|value| !value.is_empty())) {
        let message = "A form needs the header GraphQL-Require-Preflight, with any value.";
        return Err(Error::request(Code::Forbidden, message));
    }
    viewer.signed_in().map(|_| ())
}

/// What this way of asking allows.
fn check_transport(call: &Call, safe: bool, media: Media) -> Result<(), Refusal> {
    match call.operation.kind {
        OperationType::Query => Ok(()),
        OperationType::Subscription if media == Media::EventStream => Ok(()),
        OperationType::Subscription => {
            let message = "A subscription needs a WebSocket, or `Accept: text/event-stream`.";
            Err(Refusal::http(StatusCode::NOT_ACCEPTABLE, BAD_USER_INPUT, message))
        }
        OperationType::Mutation if safe => {
            let message = "GET runs queries only: send a mutation by POST.";
            Err(Refusal::http(StatusCode::METHOD_NOT_ALLOWED, BAD_USER_INPUT, message))
        }
        OperationType::Mutation => Ok(()),
    }
}

fn respond(answer: Answer, media: Media, request_id: &RequestId, source: Source) -> Response<Body> {
    let unavailable = answer.is_unavailable();
    match answer {
        Answer::Refused(refusal) => refusal.into_response(media, request_id),
        Answer::Executed(mut result) => {
            let body = json::encode(&result);
            // The library knows the headers, we the body.
            result.data = Value::Null;
            let mut response = GraphQLResponse::from(result).into_response();
            *response.body_mut() = Body::from(body);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
            headers.insert(cached::CACHE_HEADER, HeaderValue::from_static(source.header()));
            headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
            if unavailable {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        }
    }
}
