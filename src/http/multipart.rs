//! Uploads, as in the GraphQL multipart request specification: a form with the parts `operations`, `map`, and the files.
//!
//! A file goes to a temporary file that has no name, piece by piece, so an upload of any size costs little memory, and
//! nothing is left behind whatever happens.

use std::collections::HashMap;
use std::io::{Seek, SeekFrom};

use async_graphql::{UploadValue, Value, Variables};
use axum::body::Body;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::StatusCode;
use tokio::io::AsyncWriteExt;

use crate::config::HttpConfig;

use super::params::{BODY_IDLE, Params, body_timeout, too_large};
use super::refusal::Refusal;

/// Most files of one request.
const MAX_FILES: usize = 10;

impl Params {
    /// From a form. The parts have to come in the order of the specification.
    pub async fn from_form(mut request: Request<Body>, config: &HttpConfig) -> Result<Self, Refusal> {
        DefaultBodyLimit::max(config.upload_limit_bytes).apply(&mut request);
        let mut form = Multipart::from_request(request, &())
            .await
            .map_err(|_| Refusal::bad_request("The content type names no boundary."))?;
        let limits = Limits { json: config.body_limit_bytes, upload: config.upload_limit_bytes };

        let operations = expect_part(&mut form, "operations", limits).await?;
        let mut params = Params::from_json(&operations)?;
        let map = expect_part(&mut form, "map", limits).await?;
        let mut map: HashMap<String, Vec<String>> = serde_json::from_slice(&map)
            .map_err(|_| Refusal::bad_request("The part `map` is not a JSON object of lists of paths."))?;
        if map.len() > MAX_FILES {
            return Err(Refusal::bad_request(format!("A request carries at most {MAX_FILES} files.")));
        }
        let leads_nowhere = |paths: &Vec<String>| {
            paths.is_empty() || !paths.iter().all(|path| is_place_of_file(&params.variables, path))
        };
        if map.values().any(leads_nowhere) {
            return Err(Refusal::bad_request(
                "The `map` has to name variables that are null, such as `variables.input.file`.",
            ));
        }

        while let Some(field) = next_field(&mut form, limits).await? {
            let name = field.name().unwrap_or_default();
            let Some(paths) = map.remove(name) else {
                return Err(Refusal::bad_request("A part of the form is not in its `map`."));
            };
            params.uploads.push((receive(field, limits).await?, paths));
        }
        if map.is_empty() { Ok(params) } else { Err(Refusal::bad_request("A file of the `map` is missing.")) }
    }
}

/// Whether a path such as `variables.input.images.0.file` leads to a null.
fn is_place_of_file(variables: &Variables, path: &str) -> bool {
    let mut keys = path.split('.');
    let first = keys.next().filter(|root| *root == "variables").and_then(|_| variables.get(keys.next()?));
    fn step<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
        match value {
            Value::List(items) => items.get(key.parse::<usize>().ok()?),
            Value::Object(fields) => fields.get(key),
            _ => None,
        }
    }
    first.and_then(|first| keys.try_fold(first, step)) == Some(&Value::Null)
}

#[derive(Clone, Copy)]
struct Limits {
    json: usize,
    upload: usize,
}

async fn next_field<'a>(form: &'a mut Multipart, limits: Limits) -> Result<Option<Field<'a>>, Refusal> {
    match tokio::time::timeout(BODY_IDLE, form.next_field()).await {
        Ok(field) => field.map_err(|error| unreadable(&error, limits)),
        Err(_) => Err(body_timeout()),
    }
}

async fn next_chunk(field: &mut Field<'_>, limits: Limits) -> Result<Option<axum::body::Bytes>, Refusal> {
    match tokio::time::timeout(BODY_IDLE, field.chunk()).await {
        Ok(chunk) => chunk.map_err(|error| unreadable(&error, limits)),
        Err(_) => Err(body_timeout()),
    }
}

/// The bytes of the next part, which must have this name and be as small as a JSON body.
async fn expect_part(form: &mut Multipart, name: &str, limits: Limits) -> Result<Vec<u8>, Refusal> {
    let missing = || {
        let message =
            format!("The form has to begin with the parts `operations` and `map`; `{name}` is missing.");
        Refusal::bad_request(message)
    };
    let mut field = next_field(form, limits).await?.ok_or_else(missing)?;
    if field.name() != Some(name) {
        return Err(missing());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = next_chunk(&mut field, limits).await? {
        if bytes.len() + chunk.len() > limits.json {
            return Err(too_large(limits.json));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Writes one file to disk.
async fn receive(mut field: Field<'_>, limits: Limits) -> Result<UploadValue, Refusal> {
    let filename = field.file_name().unwrap_or_default().to_owned();
    let content_type = field.content_type().map(str::to_owned);
    let file = tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(fault)?.map_err(fault)?;
    let mut file = tokio::fs::File::from_std(file);
    while let Some(chunk) = next_chunk(&mut field, limits).await? {
        file.write_all(&chunk).await.map_err(fault)?;
    }
    file.flush().await.map_err(fault)?;
    let mut content = file.into_std().await;
    content.seek(SeekFrom::Start(0)).map_err(fault)?;
    Ok(UploadValue { filename, content_type, content })
}

fn unreadable(error: &axum::extract::multipart::MultipartError, limits: Limits) -> Refusal {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(limits.upload),
        _ => Refusal::bad_request("The form cannot be read."),
    }
}

fn fault(error: impl std::error::Error) -> Refusal {
    tracing::error!(%error, "an upload cannot be stored");
    Refusal::internal()
}
