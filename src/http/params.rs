//! The parameters of a GraphQL request: from a query string, from JSON, or from JSON inside a form.

use std::time::Duration;

use async_graphql::{UploadValue, Value, Variables};
use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use futures_util::StreamExt;
use serde::Deserialize;

use super::limits::LIMIT_EXCEEDED;
use super::refusal::Refusal;

/// How the executor marks a variable that stands for a file of the request.
const UPLOAD_MARK: &str = "#__graphql_file__:";

/// Longest silence of a client in the middle of its body.
pub const BODY_IDLE: Duration = Duration::from_secs(20);

/// What to execute.
#[derive(Default)]
pub struct Params {
    /// The document; empty when it is named by a hash or an id alone, until [`super::persisted`] has found it.
    pub query: String,
    /// SHA-256 of the document, as Apollo's automatic persisted queries send it: lower-case hexadecimal.
    pub hash: Option<String>,
    /// The id of a trusted document.
    pub document_id: Option<String>,
    /// Which of its operations; none for the only one.
    pub operation_name: Option<String>,
    /// By name.
    pub variables: Variables,
    /// The files, each with the paths of the variables that it stands for, such as `variables.input.file`.
    pub uploads: Vec<(UploadValue, Vec<String>)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonParams {
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    document_id: Option<String>,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Variables>,
    #[serde(default)]
    extensions: Option<RequestExtensions>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UrlParams {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// The `extensions` of a request. Others than these are passed over, but anything that is not a map is a mistake.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestExtensions {
    #[serde(default)]
    persisted_query: Option<PersistedQuery>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PersistedQuery {
    version: u32,
    sha256_hash: String,
}

impl Params {
    /// From a JSON object. An array (a batch) is refused.
    pub fn from_json(json: &[u8]) -> Result<Self, Refusal> {
        if json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            return Err(Refusal::bad_request("Batches are not supported: send one object per request."));
        }
        let params: JsonParams = serde_json::from_slice(json)
            .map_err(|error| Refusal::bad_request(format!("The body is not a GraphQL request: {error}.")))?;
        let JsonParams { query, document_id, operation_name, variables, extensions } = params;
        Self::new(query, operation_name, variables)?.named_by(document_id, extensions)
    }

    /// From the query string of a GET.
    pub fn from_uri(uri: &Uri) -> Result<Self, Refusal> {
        let Query(params) = Query::<UrlParams>::try_from_uri(uri)
            .map_err(|_| Refusal::bad_request("The query string cannot be read."))?;
        let read_variables = |json: String| {
            serde_json::from_str::<Option<Variables>>(&json).map_err(|error| {
                Refusal::bad_request(format!("The parameter `variables` is not a JSON object: {error}."))
            })
        };
        let variables =
            params.variables.filter(|json| !json.is_empty()).map(read_variables).transpose()?.flatten();
        let read_extensions = |json: String| {
            serde_json::from_str::<Option<RequestExtensions>>(&json)
                .map_err(|_| Refusal::bad_request("The parameter `extensions` is not a JSON object."))
        };
        let extensions =
            params.extensions.filter(|json| !json.is_empty()).map(read_extensions).transpose()?.flatten();
        Self::new(params.query, params.operation_name, variables)?.named_by(params.document_id, extensions)
    }

    /// With what names the document. Something has to.
    pub fn named_by(
        mut self,
        document_id: Option<String>,
        extensions: Option<RequestExtensions>,
    ) -> Result<Self, Refusal> {
        self.document_id = document_id.filter(|id| !id.is_empty());
        if let Some(persisted) = extensions.and_then(|extensions| extensions.persisted_query) {
            if persisted.version != 1 {
                return Err(Refusal::bad_request("Of persisted queries only version 1 is known."));
            }
            self.hash = Some(persisted.sha256_hash);
        }
        if self.query.is_empty() && self.hash.is_none() && self.document_id.is_none() {
            return Err(Refusal::bad_request("The parameter `query` is missing."));
        }
        Ok(self)
    }

    /// From its parts.
    pub fn new(
        query: Option<String>,
        operation_name: Option<String>,
        variables: Option<Variables>,
    ) -> Result<Self, Refusal> {
        let query = query.unwrap_or_default();
        let variables = variables.unwrap_or_default();
        if variables.values().any(names_upload) {
            return Err(Refusal::bad_request("A file has to be sent as a part of a form."));
        }
        let operation_name = operation_name.filter(|name| !name.is_empty());
        Ok(Self { query, operation_name, variables, ..Self::default() })
    }
}

/// Whether a variable pretends to be a file of the request. The executor would look for one that is not there.
fn names_upload(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with(UPLOAD_MARK),
        Value::List(items) => items.iter().any(names_upload),
        Value::Object(fields) => fields.values().any(names_upload),
        _ => false,
    }
}

/// The whole body, at most `limit` bytes of it.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let mut chunks = body.into_data_stream();
    // Nearly every body comes in one piece, which then needs no copy.
    let Some(first) = next_chunk(&mut chunks).await? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(too_large(limit));
    }
    let Some(second) = next_chunk(&mut chunks).await? else { return Ok(first) };
    let mut whole = first.to_vec();
    let mut next = Some(second);
    while let Some(chunk) = next {
        if whole.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&chunk);
        next = next_chunk(&mut chunks).await?;
    }
    Ok(whole.into())
}

async fn next_chunk(chunks: &mut axum::body::BodyDataStream) -> Result<Option<Bytes>, Refusal> {
    match tokio::time::timeout(BODY_IDLE, chunks.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(_))) => Err(Refusal::bad_request("The body ended early.")),
        Err(_) => Err(body_timeout()),
    }
}

/// The client stopped in the middle of its body.
pub fn body_timeout() -> Refusal {
    Refusal::http(StatusCode::REQUEST_TIMEOUT, super::refusal::TIMEOUT, "The body did not arrive in time.")
}

/// The body is longer than it may be.
pub fn too_large(limit: usize) -> Refusal {
    let message = format!("The body is larger than {limit} bytes.");
    Refusal::http(StatusCode::PAYLOAD_TOO_LARGE, LIMIT_EXCEEDED, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: Result<Params, Refusal>) -> String {
        result.err().expect("it is not a request").to_string()
    }

    #[test]
    fn json_is_read_strictly() {
        let params =
            Params::from_json(br#"{"query":"{a}","operationName":"","variables":{"n":1},"extensions":null}"#);
        let params = params.ok().unwrap();
        assert_eq!((params.query.as_str(), params.operation_name, params.variables.len()), ("{a}", None, 1));
        for body in [
            "",
            "[]",
            "[{\"query\":\"{a}\"}]",
            "{\"query\":1}",
            "{\"query\":\"{a}\",\"variables\":[]}",
            "{\"query\":\"{a}\",\"extensions\":\"x\"}",
        ] {
            assert!(Params::from_json(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_variable_cannot_pretend_to_be_a_file() {
        let body = br##"{"query":"{a}","variables":{"x":[{"y":"#__graphql_file__:7"}]}}"##;
        assert!(message(Params::from_json(body)).contains("form"));
    }

    #[test]
    fn a_query_string_is_read_strictly() {
        let uri = |text: &str| -> Uri { text.parse().unwrap() };
        let params =
            Params::from_uri(&uri("/graphql?query=%7Ba%7D&operationName=A&variables=%7B%22n%22%3A1%7D"))
                .unwrap();
        assert_eq!((params.query.as_str(), params.operation_name.as_deref()), ("{a}", Some("A")));
        assert!(message(Params::from_uri(&uri("/graphql"))).contains("`query`"));
        assert!(message(Params::from_uri(&uri("/graphql?query=a&variables=3"))).contains("`variables`"));
    }
}
