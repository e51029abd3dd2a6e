//! A request that is answered without being executed, and the errors that clients see.

use std::fmt;

use async_graphql::{Pos, ServerError};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::{Code, Error, INTERNAL};

use super::media::Media;
use super::request_id::RequestId;

/// The document is not GraphQL.
pub const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
/// The document does not fit the schema.
pub const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
/// A parameter or a value cannot be read.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// It took longer than a request may take.
pub const TIMEOUT: &str = "TIMEOUT";

/// Longest message that leaves: a validator may quote the document, which may be long.
const MAX_MESSAGE_CHARS: usize = 200;

/// A response without data.
#[derive(Debug)]
pub struct Refusal {
    /// For HTTP.
    pub status: StatusCode,
    /// True when the request was well-formed and only its document or variables were not: then clients that ask for
    /// `application/json` get 200, as the GraphQL-over-HTTP specification wants it for that media type.
    pub well_formed: bool,
    /// Never empty.
    pub errors: Vec<ServerError>,
}

impl Refusal {
    /// The HTTP request cannot be served.
    pub fn http(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, well_formed: false, errors: vec![error(code, message, Vec::new())] }
    }

    /// The document cannot be executed.
    pub fn document(code: &str, message: impl Into<String>, locations: Vec<Pos>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            well_formed: true,
            errors: vec![error(code, message, locations)],
        }
    }

    /// A parameter of the HTTP request cannot be read.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::http(StatusCode::BAD_REQUEST, BAD_USER_INPUT, message)
    }

    /// A use case of the edge itself failed (authentication, the channel). Logs a fault.
    pub fn from_error(error: Error, request_id: &RequestId) -> Self {
        match error {
            Error::Request { code, message } => {
                let status = match code {
                    Code::Unauthenticated => StatusCode::UNAUTHORIZED,
                    Code::Forbidden => StatusCode::FORBIDDEN,
                    Code::BadUserInput | Code::LimitExceeded => StatusCode::BAD_REQUEST,
                    Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                };
                Self::http(status, code.as_str(), message)
            }
            Error::Rejected(_) => Self::bad_request(error.to_string()),
            Error::Fault(fault) => {
                tracing::error!(%request_id, fault = format!("{fault:#}"), "a request failed");
                Self::internal()
            }
        }
    }

    /// Our fault, already logged.
    pub fn internal() -> Self {
        Self::http(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, "Something went wrong on our side.")
    }

    /// The database is away.
    pub fn unavailable(message: &str) -> Self {
        Self::http(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable.as_str(), message)
    }

    /// Says where in the document.
    pub fn at(mut self, pos: Pos) -> Self {
        for error in &mut self.errors {
            error.locations = vec![pos];
        }
        self
    }

    /// As JSON: `{"errors": […]}`, without `data`.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            errors: &'a [ServerError],
        }
        serde_json::to_string(&Body { errors: &self.errors }).expect("errors are plain data")
    }

    /// As an HTTP response of the media type.
    pub fn into_response(mut self, media: Media, request_id: &RequestId) -> Response {
        for error in &mut self.errors {
            finish(error, request_id);
        }
        let status = match media {
            Media::Json if self.well_formed => StatusCode::OK,
            _ => self.status,
        };
        let content_type = match media {
            Media::EventStream => Media::Json.content_type(),
            media => media.content_type(),
        };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let mut response = (status, headers, self.to_json()).into_response();
        let extra = match self.status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "1")),
            StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "GET, POST")),
            _ => None,
        };
        if let Some((name, value)) = extra {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.errors[0].message)
    }
}

fn error(code: &str, message: impl Into<String>, locations: Vec<Pos>) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.locations = locations;
    error.extensions.get_or_insert_default().set("code", code);
    error
}

/// The last touch on every top-level error: its request id, and a message of bounded length.
pub fn finish(error: &mut ServerError, request_id: &RequestId) {
    if let Some((end, _)) = error.message.char_indices().nth(MAX_MESSAGE_CHARS) {
        error.message.truncate(end);
        error.message.push('…');
    }
    error.extensions.get_or_insert_default().set("requestId", request_id.as_str());
}
