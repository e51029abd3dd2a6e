//! The messages of `graphql-transport-ws`.

use std::collections::HashMap;

use async_graphql::{Response, ServerError, Variables};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::graphql::json;
use crate::http::params::RequestExtensions;

/// Longest id that a client may give an operation.
pub const MAX_ID_BYTES: usize = 128;

/// From the client.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Received {
    /// The first message.
    ConnectionInit {
        #[serde(default)]
        payload: Option<ConnectionParams>,
    },
    /// May come at any time; wants a pong.
    Ping {
        #[serde(default)]
        payload: Option<HashMap<String, serde_json::Value>>,
    },
    /// Answers a ping, or just says hello.
    Pong {
        #[serde(default)]
        #[expect(dead_code, reason = "read for its type only")]
        payload: Option<HashMap<String, IgnoredAny>>,
    },
    /// Starts an operation.
    Subscribe { id: String, payload: SubscribePayload },
    /// Ends an operation.
    Complete { id: String },
}

/// The `connectionParams` of a client.
pub type ConnectionParams = HashMap<String, serde_json::Value>;

/// What to execute.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscribePayload {
    #[serde(default)]
    pub query: Option<String>,
    #[serde(default)]
    pub document_id: Option<String>,
    #[serde(default)]
    pub operation_name: Option<String>,
    #[serde(default)]
    pub variables: Option<Variables>,
    #[serde(default)]
    pub extensions: Option<RequestExtensions>,
}

impl SubscribePayload {
    /// Whether it says in some way what to execute.
    pub fn names_document(&self) -> bool {
        self.query.is_some() || self.document_id.is_some() || self.extensions.is_some()
    }
}

/// To the client.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Sent<'a> {
    ConnectionAck,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<HashMap<String, serde_json::Value>>,
    },
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
}

impl Sent<'_> {
    /// As the text of a frame.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a message is plain data")
    }
}

/// The message `next` as the text of a frame.
pub fn next(id: &str, payload: &Response) -> String {
    let id = serde_json::to_string(id).expect("a text is plain data");
    format!(r#"{{"type":"next","id":{id},"payload":{}}}"#, json::encode_text(payload))
}

/// Finds a connection parameter as clients write it: `Authorization`, `authorization`.
pub fn parameter<'a>(params: &'a ConnectionParams, name: &str) -> Option<&'a str> {
    let (_, value) = params.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())?;
    // What is not text is not a token either, and must not pass for a missing one.
    Some(value.as_str().unwrap_or_default())
}
