//! Queries that the catalog cache may answer, and what HTTP says about their answers.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;

use crate::access::Viewer;
use crate::cache::metrics::{Source, answered};
use crate::cache::{self, Entry, Key, Maker, Plan, Ticket};
use crate::graphql::{Shown, json};

use super::edge::{Answer, Call, Edge};
use super::media::Media;
use super::outlive::Outliving;

/// Says where an answer came from: `hit`, `miss`, `stale` or `bypass`.
pub const CACHE_HEADER: HeaderName = HeaderName::from_static("ironmonger-cache");

/// What an answer depends on besides the address and the body of the request.
const VARY: HeaderValue =
    HeaderValue::from_static("accept, accept-encoding, accept-language, authorization, ironmonger-channel");

/// How the client wants its answer.
pub struct Wanted {
    /// The media type.
    pub media: Media,
    /// By GET, so that browsers and proxies may keep it.
    pub safe: bool,
    /// With gzip, as far as we are concerned.
    gzip: bool,
    /// The entity tags that it has.
    if_none_match: Option<HeaderValue>,
}

impl Wanted {
    /// As the headers say.
    pub fn of(headers: &HeaderMap, media: Media, safe: bool) -> Self {
        let if_none_match = headers.get(header::IF_NONE_MATCH).filter(|_| safe).cloned();
        Self { media, safe, gzip: accepts_gzip(headers), if_none_match }
    }
}

/// A cacheable query, and the key of its answer.
pub struct Cacheable {
    plan: Arc<Plan>,
    key: Key,
}

impl Cacheable {
    /// None when the call is not for the cache.
    pub fn of(edge: &Edge, call: &Call) -> Option<Self> {
        if call.identity.viewer != Viewer::Anonymous || !edge.app.cache.is_on() {
            return None;
        }
        let plan = call.document.plan(&call.operation, edge.types)?.clone();
        let channel = &call.view.channel;
        let view: [&[u8]; 4] = [
            channel.id.0.as_bytes(),
            &channel.version.to_le_bytes(),
            channel.currency.code().as_bytes(),
            call.view.locale.tag().unwrap_or_default().as_bytes(),
        ];
        let of = (&call.document.digest, call.operation.name.as_deref());
        let key = plan.key(edge.types, of, &call.params.variables, &view);
        Some(Self { plan, key })
    }
}

/// An answer that was kept, or one that was executed for this request alone.
pub enum Served {
    Kept(Arc<Entry>, Source),
    Own(Box<Answer>),
}

/// Answers a cacheable query: from the nearest level that can vouch for it, or by making the answer, once for all who
/// ask for it. While PostgreSQL is away, from any level.
pub async fn answer(edge: &Edge, call: Call, cacheable: Cacheable) -> Served {
    let Cacheable { plan, key } = cacheable;
    let cache = &edge.app.cache;
    if let Some(entry) = cache.fresh(&key).await {
        return kept(entry, Source::Process);
    }
    if edge.app.db.is_away()
        && let Some(entry) = cache.stale(&key).await
    {
        return kept(entry, Source::Stale);
    }
    match cache.join(&key) {
        Ticket::Maker(maker) => {
            // Who waits for it must not depend on this client's patience.
            let (maker_edge, again) = (edge.clone(), call.again());
            let made = async move { make(&maker_edge, again, plan, maker).await };
            match Outliving::new(made, &edge.tasks).await {
                Ok(Served::Own(answer)) => or_stale(edge, &key, *answer).await,
                Ok(served) => served,
                Err(_) => own(edge.execute(call).await),
            }
        }
        Ticket::Waiter(waiter) => match edge.app.db.unless_away(async { Ok(waiter.wait().await) }).await {
            Ok(Some(entry)) => kept(entry, Source::Miss),
            _ => or_stale(edge, &key, edge.execute(call).await).await,
        },
    }
}

fn kept(entry: Arc<Entry>, source: Source) -> Served {
    answered(source);
    Served::Kept(entry, source)
}

fn own(answer: Answer) -> Served {
    Served::Own(Box::new(answer))
}

/// A kept answer of any age takes the place of one that failed because PostgreSQL is away.
async fn or_stale(edge: &Edge, key: &Key, answer: Answer) -> Served {
    if (edge.app.db.is_away() || answer.is_unavailable())
        && let Some(entry) = edge.app.cache.stale(key).await
    {
        return kept(entry, Source::Stale);
    }
    answered(Source::Miss);
    own(answer)
}

/// Gets the answer from Redis or executes the query.
async fn make(edge: &Edge, mut call: Call, plan: Arc<Plan>, maker: Maker) -> Served {
    if let Some(entry) = maker.shared().await {
        return kept(entry, Source::Shared);
    }
    let plain = call.again();
    let Some(stamp) = maker.stamp() else {
        maker.unfit();
        return own(edge.execute(plain).await);
    };
    let variables = call.params.variables.clone();
    let shown = Shown::default();
    call.plan = Some((plan.clone(), shown.clone()));
    let mut response = match edge.execute(call).await {
        Answer::Executed(response) => response,
        Answer::Refused(refusal) if refusal.status == StatusCode::BAD_REQUEST => {
            // The ids that were asked for in addition may have been too much.
            maker.unfit();
            return own(edge.execute(plain).await);
        }
        refused => {
            maker.unfit();
            return own(refused);
        }
    };
    let incomplete = cache::mark::is_incomplete(&response.data);
    let mut ids = cache::mark::take(&mut response.data);
    ids.extend(shown.take());
    let bare =
        response.errors.is_empty() && response.extensions.is_empty() && response.http_headers.is_empty();
    if !bare {
        maker.unfit();
        return own(Answer::Executed(response));
    }
    let bytes = Bytes::from(json::encode(&response));
    let depends = plan.dependencies(&variables, ids, incomplete);
    match maker.made(bytes, depends, stamp).await {
        Some(entry) => kept(entry, Source::Miss),
        None => own(Answer::Executed(response)),
    }
}

/// An answer that was kept, as a response.
pub fn respond(edge: &Edge, entry: &Entry, source: Source, wanted: &Wanted) -> Response {
    let stale = source == Source::Stale;
    let packed = if wanted.gzip && !stale { entry.gzip() } else { None };
    let body = packed.unwrap_or_else(|| entry.body());
    let unchanged = !stale
        && wanted.if_none_match.as_ref().is_some_and(|tags| {
            matches(tags, &entry.body().etag) || packed.is_some_and(|packed| matches(tags, &packed.etag))
        });
    let bytes = if stale { marked_stale(&body.bytes) } else { body.bytes.clone() };
    let mut response = Response::new(if unchanged { Body::empty() } else { Body::from(bytes) });
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(wanted.media.content_type()));
    headers.insert(CACHE_HEADER, HeaderValue::from_static(source.header()));
    headers.insert(header::VARY, VARY);
    if packed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if stale {
        headers.insert(header::AGE, HeaderValue::from(entry.age_seconds(edge.app.clock.now())));
        headers.insert(header::WARNING, HeaderValue::from_static("110 - \"Response is Stale\""));
    }
    if wanted.safe && !stale {
        headers.insert(header::ETAG, body.etag.clone());
        headers.insert(header::CACHE_CONTROL, edge.cache_control.clone());
    } else {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response
}

/// What `Cache-Control` says of the answers to GET: others may keep them for `max_age` seconds without asking, and go on using
/// them while we are away.
pub fn cache_control(max_age: u64, stale: u64) -> HeaderValue {
    let value = format!("public, max-age={max_age}, stale-if-error={stale}");
    HeaderValue::try_from(value).expect("words and digits")
}

/// `{"data":…}` with `"extensions":{"stale":true}`.
fn marked_stale(body: &Bytes) -> Bytes {
    let mut bytes = body[..body.len().saturating_sub(1)].to_vec();
    bytes.extend_from_slice(b",\"extensions\":{\"stale\":true}}");
    bytes.into()
}

/// Whether one of the entity tags is this one; a proxy may have made it weak.
fn matches(tags: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(tags), Ok(etag)) = (tags.to_str(), etag.to_str()) else { return false };
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Whether gzip is welcome, and no worse than brotli, which the compression of all responses would choose otherwise.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).iter();
    codings.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = parts.any(|part| {
            part.strip_prefix("q=").is_some_and(|quality| quality.parse().unwrap_or(0.0_f32) == 0.0)
        });
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::endpoint::CHANNEL_HEADER;

    #[test]
    fn entity_tags_match_weakly() {
        let matches = |tags: &str| matches(&tags.parse().unwrap(), &HeaderValue::from_static("\"ab\""));
        assert!(matches("\"ab\"") && matches("\"x\", W/\"ab\"") && matches("*"));
        assert!(!matches("\"a\"") && !matches("ab") && !matches(""));
    }

    #[test]
    fn gzip_is_used_where_it_is_welcome() {
        let accepts = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            accepts_gzip(&headers)
        };
        assert!(accepts("gzip, deflate, br") && accepts("br;q=1.0, GZIP;q=0.8"));
        assert!(!accepts("br") && !accepts("gzip;q=0") && !accepts("identity"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_stale_answer_says_so() {
        let body = marked_stale(&Bytes::from_static(b"{\"data\":{\"a\":1}}"));
        assert_eq!(body, "{\"data\":{\"a\":1},\"extensions\":{\"stale\":true}}");
    }

    #[test]
    fn the_header_of_the_channel_is_among_those_that_matter() {
        assert!(VARY.to_str().unwrap().contains(CHANNEL_HEADER));
    }
}
