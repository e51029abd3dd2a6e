//! A small object store that speaks as much of S3 as is used: objects, parts, ranges. It keeps all in memory and checks no
//! signature, but that there is one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use sha2::{Digest, Sha256};

/// A bucket called `shop`.
#[derive(Clone, Default)]
pub struct Bucket(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    objects: HashMap<String, Object>,
    uploads: HashMap<String, (String, Object, Vec<Bytes>)>,
}

#[derive(Clone, Default)]
pub struct Object {
    pub bytes: Bytes,
    pub content_type: String,
    pub cache_control: String,
}

impl Bucket {
    /// Serves it; the endpoint.
    pub async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/shop/{*key}", any(answer)).with_state(self.clone());
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        endpoint
    }

    /// The keys, sorted.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.0.lock().unwrap().objects.keys().cloned().collect();
        keys.sort();
        keys
    }

    /// The object of a key.
    pub fn object(&self, key: &str) -> Option<Object> {
        self.0.lock().unwrap().objects.get(key).cloned()
    }
}

async fn answer(
    State(bucket): State<Bucket>,
    method: Method,
    Path(key): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: header::HeaderName| {
        headers.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    if !text(header::AUTHORIZATION).starts_with("AWS4-HMAC-SHA256 Credential=test-key/") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let new = |bytes| Object {
        bytes,
        content_type: text(header::CONTENT_TYPE),
        cache_control: text(header::CACHE_CONTROL),
    };
    let mut contents = bucket.0.lock().unwrap();
    match (method, query.get("uploadId")) {
        (Method::POST, None) if query.contains_key("uploads") => {
            let id = format!("upload-{}", contents.uploads.len());
            contents.uploads.insert(id.clone(), (key.clone(), new(Bytes::new()), Vec::new()));
            xml(format!(
                "<InitiateMultipartUploadResult><Bucket>shop</Bucket><Key>{key}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            ))
        }
        (Method::PUT, Some(id)) => {
            let number: usize = query["partNumber"].parse().unwrap();
            let parts = &mut contents.uploads.get_mut(id).unwrap().2;
            parts.resize(parts.len().max(number), Bytes::new());
            parts[number - 1] = body.clone();
            ([(header::ETAG, etag(&body))], "").into_response()
        }
        (Method::POST, Some(id)) => {
            let (key, object, parts) = contents.uploads.remove(id).unwrap();
            let bytes: Bytes = parts.concat().into();
            let tag = etag(&bytes);
            contents.objects.insert(key.clone(), Object { bytes, ..object });
            xml(format!(
                "<CompleteMultipartUploadResult><Bucket>shop</Bucket><Key>{key}</Key><ETag>{tag}</ETag></CompleteMultipartUploadResult>"
            ))
        }
        (Method::DELETE, Some(id)) => {
            contents.uploads.remove(id);
            StatusCode::NO_CONTENT.into_response()
        }
        (Method::PUT, None) => {
            let tag = etag(&body);
            contents.objects.insert(key, new(body));
            ([(header::ETAG, tag)], "").into_response()
        }
        (Method::DELETE, None) => {
            contents.objects.remove(&key);
            StatusCode::NO_CONTENT.into_response()
        }
        (Method::GET | Method::HEAD, None) => match contents.objects.get(&key) {
            Some(object) => read(object, &text(header::RANGE)),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        _ => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

fn read(object: &Object, range: &str) -> Response {
    let size = object.bytes.len();
    let headers = [
        (header::ETAG, etag(&object.bytes)),
        (header::CONTENT_TYPE, object.content_type.clone()),
        (header::LAST_MODIFIED, "Tue, 24 Nov 2026 12:00:00 GMT".to_owned()),
    ];
    let Some(range) = range.strip_prefix("bytes=") else {
        return (headers, object.bytes.clone()).into_response();
    };
    let (first, last) = range.split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap_or(size - 1));
    let shown = [(header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}"))];
    (StatusCode::PARTIAL_CONTENT, headers, shown, object.bytes.slice(first..=last)).into_response()
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{:x}\"", Sha256::digest(bytes))
}

fn xml(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/xml")], text).into_response()
}
