//! `/graphiql`: the playground, from files that are built into the binary. No third-party host is asked for anything.

use std::io::Read;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Changes whenever an asset does, and is part of every asset's address: so assets can be kept for ever.
const VERSION: &str = include_str!("graphiql/version.txt");

const PAGE: &str = include_str!("graphiql/index.html");

/// Everything from here, nothing from elsewhere. Monaco sets styles on elements and starts its workers from blobs.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; \
     img-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

struct Asset {
    name: &'static str,
    content_type: &'static str,
    /// As a brotli stream.
    brotli: &'static [u8],
}

macro_rules! assets {
    ($($name:literal: $content_type:literal,)*) => {
        const ASSETS: &[Asset] = &[$(Asset {
            name: $name,
            content_type: $content_type,
            brotli: include_bytes!(concat!("graphiql/", $name, ".br")),
        },)*];
    };
}

assets! {
    "graphiql.js": "text/javascript; charset=utf-8",
    "graphiql.css": "text/css; charset=utf-8",
    "editor.worker.js": "text/javascript; charset=utf-8",
    "graphql.worker.js": "text/javascript; charset=utf-8",
    "json.worker.js": "text/javascript; charset=utf-8",
    "codicon.ttf": "font/ttf",
    "licenses.txt": "text/plain; charset=utf-8",
}

/// The page and its assets.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/graphiql", get(page)).route("/graphiql/assets/{name}", get(asset))
}

async fn page() -> Response {
    static FILLED: OnceLock<String> = OnceLock::new();
    let page = FILLED.get_or_init(|| PAGE.replace("{{version}}", VERSION.trim())).as_str();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, page).into_response()
}

async fn asset(Path(name): Path<String>, request: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{}\"", VERSION.trim());
    let etag = HeaderValue::from_str(&etag).expect("a hash is fit for a header");
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
    set(header::ETAG, etag.clone());
    set(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    set(header::VARY, HeaderValue::from_static("accept-encoding"));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    if request.get_all(header::IF_NONE_MATCH).iter().any(|known| known == etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    set(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if accepts_brotli(&request) {
        set(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        return (headers, asset.brotli).into_response();
    }
    match tokio::task::spawn_blocking(|| decompress(asset.brotli)).await {
        Ok(Ok(bytes)) => (headers, bytes).into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn accepts_brotli(request: &HeaderMap) -> bool {
    request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|coding| {
            let (name, quality) = coding.split_once(';').unwrap_or((coding, "q=1"));
            let refused = quality.trim().strip_prefix("q=").is_some_and(|quality| quality.parse() == Ok(0.0));
            name.trim().eq_ignore_ascii_case("br") && !refused
        })
    })
}

fn decompress(brotli: &[u8]) -> std::io::Result<Vec<u8>> {
    const BUFFER_BYTES: usize = 64 * 1024;
    let mut bytes = Vec::with_capacity(brotli.len() * 4);
    brotli_decompressor::Decompressor::new(brotli, BUFFER_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_a_whole_brotli_stream() {
        for asset in ASSETS {
            let bytes = decompress(asset.brotli).unwrap();
            assert!(bytes.len() > asset.brotli.len(), "{}", asset.name);
        }
    }

    #[test]
    fn the_page_asks_for_assets_that_are_there_and_for_nothing_else() {
        let asked: Vec<_> =
            PAGE.split("/graphiql/assets/").skip(1).filter_map(|rest| rest.split('?').next()).collect();
        assert!(!asked.is_empty());
        for name in asked {
            assert!(ASSETS.iter().any(|asset| asset.name == name), "{name}");
        }
        assert!(!PAGE.replace("http://www.w3.org/2000/svg", "").contains("://"));
    }
}
