//! GraphQL over WebSocket: the protocol `graphql-transport-ws`, with its close codes.
//!
//! [`upgrade`] decides whether there is a socket, `session` speaks the protocol, `message` is its vocabulary.

mod message;
mod session;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::edge::Edge;
use super::endpoint::CHANNEL_HEADER;
use super::identity::Identity;
use super::limits::LIMIT_EXCEEDED;
use super::media::Media;
use super::refusal::{BAD_USER_INPUT, Refusal};
use super::request_id::RequestId;

/// The only subprotocol that is spoken.
const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Whether a request wants to become a WebSocket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers the handshake, and serves the socket in a task that a drain waits for.
pub async fn upgrade(edge: Edge, request: Request, request_id: RequestId) -> Response {
    let (mut parts, _) = request.into_parts();
    let refuse = |refusal: Refusal| refusal.into_response(Media::Json, &request_id);
    if !is_welcome(&parts.headers, &edge.app.config.http.cors_origins) {
        let message = "This origin may not connect: see IRONMONGER_CORS_ORIGINS.";
        return refuse(Refusal::http(StatusCode::FORBIDDEN, "FORBIDDEN", message));
    }
    let identity = match Identity::of(&edge.app, &parts.headers).await {
        Ok(identity) => identity,
        Err(error) => return refuse(Refusal::from_error(error, &request_id)),
    };
    let Ok(mut upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await else {
        return refuse(Refusal::http(
            StatusCode::BAD_REQUEST,
            BAD_USER_INPUT,
            "This is not a WebSocket handshake.",
        ));
    };
    let Some(slot) = edge.open_stream() else {
        let message = "Too many sockets are open. Try again shortly.";
        return refuse(Refusal::http(StatusCode::SERVICE_UNAVAILABLE, LIMIT_EXCEEDED, message));
    };
    let limit = edge.app.config.http.body_limit_bytes;
    let spoken = upgrade.requested_protocols().any(|protocol| protocol == SUBPROTOCOL);
    if spoken {
        upgrade.set_selected_protocol(HeaderValue::from_static(SUBPROTOCOL));
    }
    let text =
        |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
    let wanted = session::Wanted {
        channel: text(CHANNEL_HEADER),
        accept_language: text(header::ACCEPT_LANGUAGE.as_str()),
    };
    upgrade.max_message_size(limit).max_frame_size(limit).on_upgrade(move |socket| {
        let tasks = edge.tasks.clone();
        tasks.track_future(async move {
            let _held = slot;
            if spoken {
                session::Session::new(edge, socket, identity, wanted, request_id).run().await;
            } else {
                close(socket, 4406, "Subprotocol not acceptable").await;
            }
        })
    })
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    // The peer may be gone; then it needs no reason.
    let _ = socket.send(Message::Close(Some(frame))).await;
    let closed = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(2), closed).await;
}

/// Browsers let any page open a socket to anybody, and say which page it is. Programs say nothing.
fn is_welcome(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let same = headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(|host| {
        origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
    });
    same || allowed.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_page_is_not_welcome() {
        let allowed = ["https://shop.example".to_owned()];
        let welcome = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "api.example:8080".parse().unwrap());
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            is_welcome(&headers, &allowed)
        };
        assert!(welcome("http://api.example:8080"));
        assert!(welcome("https://shop.example"));
        assert!(!welcome("https://evil.example"));
        assert!(!welcome("https://shop.example.evil.example"));
        assert!(!welcome("null"));
        assert!(is_welcome(&HeaderMap::new(), &allowed));
    }
}
