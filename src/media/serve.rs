//! `GET /media/images/<name>`: stored images.
//!
//! The database is not asked: a name is made of a UUID that nobody can guess, and says what the file is. A file of a
//! name never changes, so it may be kept for ever. Browsers are told to take it for nothing but that image: a file may be
//! an image and something else at once.

use std::ops::Range;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_util::io::ReaderStream;

use crate::app::App;
use crate::storage::{CACHE_FOREVER, FileInfo, FileKey, StoredReader};

use super::model::FOLDER;

/// How much of a file is read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// On every image.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CACHE_CONTROL, HeaderValue::from_static(CACHE_FOREVER)),
    (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    (header::CONTENT_DISPOSITION, HeaderValue::from_static("inline")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
    ),
    // Shops show them on pages of their own.
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
];

/// Serves stored images, whether they lie in a folder or in a bucket.
pub fn media_router(app: App) -> Router {
    Router::new().route("/media/{folder}/{name}", get(serve)).with_state(app)
}

async fn serve(
    State(app): State<App>,
    Path((folder, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let key = FileKey::stored(&format!("{folder}/{name}")).filter(|key| key.folder() == FOLDER);
    let Some((key, content_type)) = key.and_then(|key| key.content_type().map(|is| (key, is))) else {
        return not_found();
    };
    match answer(&app, &key, &method, &headers).await {
        Ok(mut response) => {
            for (name, value) in HEADERS {
                response.headers_mut().insert(name, value);
            }
            let content_type = HeaderValue::from_static(content_type);
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
            response
        }
        Err(object_store::Error::NotFound { .. }) => not_found(),
        Err(error) => {
            tracing::error!(%error, file = %key, "an image cannot be read");
            let headers = [(header::RETRY_AFTER, "1"), (header::CACHE_CONTROL, "no-store")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, "The image cannot be read now.\n").into_response()
        }
    }
}

fn not_found() -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store")];
    (StatusCode::NOT_FOUND, headers, "There is no such image.\n").into_response()
}

/// As RFC 9110 has it, sections 13 and 14.
async fn answer(
    app: &App,
    key: &FileKey,
    method: &Method,
    headers: &HeaderMap,
) -> object_store::Result<Response> {
    let asked = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let if_none_match = asked(header::IF_NONE_MATCH);
    let range = asked(header::RANGE).filter(|_| method == Method::GET);
    if method == Method::GET && if_none_match.is_none() && range.is_none() {
        let file = app.storage.open(key).await?;
        let info = FileInfo { size_bytes: file.size_bytes, etag: file.etag };
        return Ok(respond(StatusCode::OK, &info, info.size_bytes, Some(file.reader)));
    }
    let info = app.storage.stat(key).await?;
    if let (Some(asked), Some(etag)) = (if_none_match, &info.etag)
        && names(asked, etag)
    {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        set(&mut response, header::ETAG, etag);
        return Ok(response);
    }
    if method == Method::HEAD {
        return Ok(respond(StatusCode::OK, &info, info.size_bytes, None));
    }
    let unchanged = asked(header::IF_RANGE).is_none_or(|asked| Some(asked) == info.etag.as_deref());
    match range.filter(|_| unchanged).and_then(|range| read_range(range, info.size_bytes)) {
        Some(Ok(range)) => {
            let shown = format!("bytes {}-{}/{}", range.start, range.end - 1, info.size_bytes);
            let len = range.end - range.start;
            let file = app.storage.open_range(key, Some(range)).await?;
            let mut response = respond(StatusCode::PARTIAL_CONTENT, &info, len, Some(file.reader));
            set(&mut response, header::CONTENT_RANGE, &shown);
            Ok(response)
        }
        Some(Err(Unsatisfiable)) => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", info.size_bytes));
            Ok(response)
        }
        None => {
            let file = app.storage.open(key).await?;
            Ok(respond(StatusCode::OK, &info, file.size_bytes, Some(file.reader)))
        }
    }
}

fn respond(status: StatusCode, info: &FileInfo, len: u64, reader: Option<StoredReader>) -> Response {
    let body = match reader {
        Some(reader) => Body::from_stream(ReaderStream::with_capacity(reader, CHUNK_BYTES)),
        None => Body::empty(),
    };
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(len));
    if let Some(etag) = &info.etag {
        set(&mut response, header::ETAG, etag);
    }
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Whether an `If-None-Match` names the tag; weak ones count.
fn names(asked: &str, etag: &str) -> bool {
    asked.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// No byte of the file is in the range.
#[derive(Debug, PartialEq, Eq)]
struct Unsatisfiable;

/// The only range of a `Range`; none if there are several, or it is not understood: then the whole file answers.
fn read_range(range: &str, size: u64) -> Option<Result<Range<u64>, Unsatisfiable>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |digits: &str| digits.trim().parse::<u64>().ok();
    let range = match (first.trim(), last.trim()) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if range.start < range.end { Ok(range) } else { Err(Unsatisfiable) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_served_and_others_are_passed_over() {
        let read = |text| read_range(text, 1000);
        assert_eq!(read("bytes=0-499"), Some(Ok(0..500)));
        assert_eq!(read("bytes=990-2000"), Some(Ok(990..1000)));
        assert_eq!(read("bytes=500-"), Some(Ok(500..1000)));
        assert_eq!(read("bytes=-100"), Some(Ok(900..1000)));
        assert_eq!(read("bytes=-5000"), Some(Ok(0..1000)));
        assert_eq!(read("bytes=0-18446744073709551615"), Some(Ok(0..1000)));
        for text in ["bytes=1000-", "bytes=-0", "bytes=1000-1001"] {
            assert_eq!(read(text), Some(Err(Unsatisfiable)), "{text}");
        }
        for text in ["bytes=0-1,5-6", "bytes=5-1", "bytes=", "bytes=x-1", "lines=0-1", "bytes=-"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_tag_is_found_in_a_list() {
        assert!(names("\"a\", W/\"b\"", "\"b\"") && names("*", "\"b\""));
        assert!(!names("\"a\"", "\"b\""));
    }
}
