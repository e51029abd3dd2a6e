//! `/jobs`: the queues in the browser, for staff. Plain files that are built into the binary; no third-party host is asked
//! for anything.
//!
//! The page is for everybody and shows nothing by itself: what it knows it gets from `/graphql`, with the token of
//! whoever signs in, so the guards are those of the API.

use std::sync::OnceLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("jobs_page/index.html");

/// Everything from here, nothing from elsewhere, no script or style but in files, and no text that turns into markup.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);

struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($name:literal: $content_type:literal,)*) => {
        const ASSETS: &[Asset] = &[$(Asset {
            name: $name,
            content_type: $content_type,
            text: include_str!(concat!("jobs_page/", $name)),
        },)*];
    };
}

assets! {
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "main.js": "text/javascript; charset=utf-8",
    "session.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "dom.js": "text/javascript; charset=utf-8",
    "text.js": "text/javascript; charset=utf-8",
    "dialogs.js": "text/javascript; charset=utf-8",
    "queues.js": "text/javascript; charset=utf-8",
    "workers.js": "text/javascript; charset=utf-8",
    "schedules.js": "text/javascript; charset=utf-8",
    "jobs.js": "text/javascript; charset=utf-8",
    "job.js": "text/javascript; charset=utf-8",
}

/// The page and its assets.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/jobs", get(page)).route("/jobs/assets/{name}", get(asset))
}

async fn page(request: HeaderMap) -> Response {
    answer(&request, "text/html; charset=utf-8", PAGE)
}

async fn asset(Path(name): Path<String>, request: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => answer(&request, asset.content_type, asset.text),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Browsers keep a file but ask whether it is still the same: after an upgrade no page runs on files of two versions.
fn answer(request: &HeaderMap, content_type: &'static str, text: &'static str) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
    set(header::ETAG, etag().clone());
    set(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if request.get_all(header::IF_NONE_MATCH).iter().any(|known| known == etag()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    set(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    (headers, text).into_response()
}

/// Of all files together. Weak, because they may go out compressed.
fn etag() -> &'static HeaderValue {
    static ETAG: OnceLock<HeaderValue> = OnceLock::new();
    ETAG.get_or_init(|| {
        let mut hash = Sha256::new_with_prefix(PAGE);
        ASSETS.iter().for_each(|asset| hash.update(asset.text));
        let hex: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        HeaderValue::from_str(&format!("W/\"{hex}\"")).expect("a hash is fit for a header")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
        ASSETS.iter().map(|asset| (asset.name, asset.text)).chain([("index.html", PAGE)])
    }

    #[test]
    fn every_file_that_is_asked_for_is_there() {
        for (file, text) in files() {
            let linked = text.split("/jobs/assets/").skip(1);
            let imported = text.split("from './").skip(1);
            for rest in linked.chain(imported) {
                let name = rest.split(['"', '\'']).next().unwrap();
                assert!(ASSETS.iter().any(|asset| asset.name == name), "{file} asks for {name}");
            }
        }
        assert_eq!(PAGE.matches("/jobs/assets/").count(), 3, "the style, the icon and the script");
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        for (file, text) in files() {
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for there in ["http://", "https://", "ws://", "wss://", "\"//", "'//"] {
                // The socket's address is made from the page's own.
                assert!(!text.contains(there), "{file}: {there}");
            }
        }
    }

    #[test]
    fn what_jobs_say_is_never_taken_for_markup() {
        let risky = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "srcdoc",
            "javascript:",
        ];
        for (file, text) in files() {
            for word in risky {
                assert!(!text.contains(word), "{file}: {word}");
            }
            assert!(
                !text.contains(" style=\"") && !text.contains(" onclick="),
                "{file}: the policy forbids it"
            );
        }
    }
}
