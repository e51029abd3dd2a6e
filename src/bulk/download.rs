//! `GET /downloads/<token>/<file name>`: exported files.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use tokio_util::io::ReaderStream;

use crate::app::App;
use crate::error::{Error, Result};
use crate::storage::{FileKey, StoredFile};

use super::format::CatalogFormat;
use super::queries::{self, Export};

/// How much of a file is read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// Serves exported files. The token in the path is the right to read; without a valid one, or after its time, the answer is
/// 404 and says nothing more.
pub fn download_router(app: App) -> Router {
    Router::new().route("/downloads/{token}/{file_name}", get(download)).with_state(app)
}

async fn download(State(app): State<App>, Path((token, file_name)): Path<(String, String)>) -> Response {
    match find(&app, &token, &file_name).await {
        Ok(Some((export, file))) => respond(export, file),
        Ok(None) => {
            (StatusCode::NOT_FOUND, "There is no such file, or the link has expired.\n").into_response()
        }
        Err(Error::Request { message, .. }) => (StatusCode::SERVICE_UNAVAILABLE, message).into_response(),
        Err(error) => {
            tracing::error!(%error, "a download failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.\n").into_response()
        }
    }
}

async fn find(app: &App, token: &str, file_name: &str) -> Result<Option<(Export, StoredFile)>> {
    let hash = Sha256::digest(token.as_bytes());
    let found = queries::find_export(&mut *app.db.get().await?, &hash).await?;
    let Some(export) = found else { return Ok(None) };
    let key = FileKey::stored(&export.file_key);
    let (Some(key), false, true) = (key, export.expires_at <= app.clock.now(), export.file_name == file_name)
    else {
        return Ok(None);
    };
    match app.storage.open(&key).await {
        Ok(file) => Ok(Some((export, file))),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(Error::fault(error)),
    }
}

fn respond(export: Export, file: StoredFile) -> Response {
    // The report of rejected rows is a CSV as well.
    let content_type =
        CatalogFormat::from_stored(&export.format).unwrap_or(CatalogFormat::ShopifyCsv).content_type();
    let disposition = format!("attachment; filename=\"{}\"", export.file_name);
    let disposition = HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment"));
    let body = Body::from_stream(ReaderStream::with_capacity(file.reader, CHUNK_BYTES));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.size_bytes));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
