//! Content negotiation as in the GraphQL-over-HTTP specification.

use axum::http::{HeaderMap, header};

/// What a response can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/json`: for old clients; errors in the document are 200.
    Json,
    /// `application/graphql-response+json`: the status says what happened.
    GraphqlResponse,
    /// `text/event-stream`: the graphql-sse protocol in its mode of distinct connections.
    EventStream,
}

impl Media {
    /// The best that the client accepts; none when it accepts nothing that we have. Without `Accept`, and for `*/*`,
    /// it is JSON; an event stream has to be asked for by name.
    pub fn negotiate(headers: &HeaderMap) -> Option<Media> {
        let mut best: Option<(u16, Media)> = None;
        let mut asked = false;
        for value in headers.get_all(header::ACCEPT) {
            let Ok(value) = value.to_str() else { continue };
            for range in value.split(',').map(str::trim).filter(|range| !range.is_empty()) {
                asked = true;
                let Some((media, quality)) = read_range(range) else { continue };
                // Among equals the first one named wins.
                if quality > best.map_or(0, |(quality, _)| quality) {
                    best = Some((quality, media));
                }
            }
        }
        if asked { best.map(|(_, media)| media) } else { Some(Media::Json) }
    }

    /// With its encoding.
    pub fn content_type(self) -> &'static str {
        match self {
            Media::Json => "application/json; charset=utf-8",
            Media::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Media::EventStream => "text/event-stream; charset=utf-8",
        }
    }
}

/// The media type that a range stands for, and its quality in thousandths.
fn read_range(range: &str) -> Option<(Media, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?;
    let media = [
        ("application/graphql-response+json", Media::GraphqlResponse),
        ("application/json", Media::Json),
        ("application/*", Media::Json),
        ("*/*", Media::Json),
        ("text/event-stream", Media::EventStream),
    ]
    .into_iter()
    .find(|(known, _)| name.eq_ignore_ascii_case(known))?
    .1;
    let quality = parts
        .find_map(|parameter| parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q=")))
        .map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0_f32))
        .clamp(0.0, 1.0);
    Some((media, (quality * 1000.0) as u16))
}

/// What a POST can be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// `application/json` in UTF-8.
    Json,
    /// `multipart/form-data`.
    Multipart,
}

impl ContentType {
    /// From `Content-Type`; none when it is missing or another.
    pub fn of(headers: &HeaderMap) -> Option<ContentType> {
        let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let mut parts = value.split(';').map(str::trim);
        let name = parts.next()?;
        if name.eq_ignore_ascii_case("multipart/form-data") {
            return Some(ContentType::Multipart);
        }
        let utf8 = parts.all(|parameter| match parameter.split_once('=') {
            Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
                charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        });
        (name.eq_ignore_ascii_case("application/json") && utf8).then_some(ContentType::Json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(accept: &str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Media::negotiate(&headers)
    }

    #[test]
    fn the_best_accepted_media_type_is_taken() {
        assert_eq!(Media::negotiate(&HeaderMap::new()), Some(Media::Json));
        for (accept, media) in [
            ("*/*", Some(Media::Json)),
            ("application/json", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::GraphqlResponse)),
            (
                "application/graphql-response+json; charset=utf-8, application/json; q=0.9",
                Some(Media::GraphqlResponse),
            ),
            ("application/json;q=0.5, application/graphql-response+json", Some(Media::GraphqlResponse)),
            ("application/json, application/graphql-response+json", Some(Media::Json)),
            ("multipart/mixed;deferSpec=20220824, application/json", Some(Media::Json)),
            ("text/event-stream", Some(Media::EventStream)),
            ("TEXT/Event-Stream", Some(Media::EventStream)),
            ("text/html, */*;q=0.1", Some(Media::Json)),
            ("application/json;q=0", None),
            ("text/html", None),
            ("application/cbor, image/*", None),
        ] {
            assert_eq!(negotiate(accept), media, "{accept}");
        }
    }

    #[test]
    fn only_json_in_utf_8_and_forms_are_read() {
        for (value, expected) in [
            ("application/json", Some(ContentType::Json)),
            ("Application/JSON; charset=\"UTF-8\"", Some(ContentType::Json)),
            ("application/json; charset=latin1", None),
            ("text/plain", None),
            ("application/graphql", None),
            ("multipart/form-data; boundary=x", Some(ContentType::Multipart)),
            ("multipart/mixed; boundary=x", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(ContentType::of(&headers), expected, "{value}");
        }
    }
}
