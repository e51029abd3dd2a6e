//! Who sends a request: from the bearer token to the [`Viewer`].

use std::net::SocketAddr;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use crate::access::{ClientAddr, Viewer};
use crate::app::App;
use crate::error::{Code, Error, Result};

/// A viewer, and until when the token speaks for it.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who asks.
    pub viewer: Viewer,
    /// None for nobody, and for tokens that do not say.
    pub expires_at: Option<DateTime<Utc>>,
    /// None unless a header is configured that tells it, see [`client_addr`].
    pub client: Option<ClientAddr>,
}

impl Identity {
    /// From the header `Authorization`. Nobody without one; `UNAUTHENTICATED` with one that is not valid: who thinks
    /// to be signed in should not be served as a stranger.
    pub async fn of(app: &App, headers: &HeaderMap) -> Result<Self> {
        let identity = match headers.get(header::AUTHORIZATION) {
            None => Self { viewer: Viewer::Anonymous, expires_at: None, client: None },
            Some(value) => Self::from_authorization(app, value.to_str().unwrap_or_default()).await?,
        };
        let header = app.config.http.client_ip_header.as_deref();
        Ok(Self { client: header.and_then(|header| client_addr(headers, header)), ..identity })
    }

    /// From the text of such a header; without the client's address.
    pub async fn from_authorization(app: &App, authorization: &str) -> Result<Self> {
        let token = match authorization.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => "",
        };
        if token.is_empty() {
            let message = "The header Authorization has to be `Bearer` and a token.";
            return Err(Error::request(Code::Unauthenticated, message));
        }
        let viewer = crate::access::authenticate(app, token).await?;
        Ok(Self { viewer, expires_at: expiry(token), client: None })
    }
}

/// The client's address, as the proxy in front of us tells it. Of several addresses the last one counts: that proxy has
/// added it, and what stands before may be the client's invention. The peer of the connection is no substitute, for
/// with a proxy in front it is everybody's.
fn client_addr(headers: &HeaderMap, header: &str) -> Option<ClientAddr> {
    let last = headers.get_all(header).iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim();
    let with_port = || last.parse::<SocketAddr>().ok().map(|addr| addr.ip());
    let plain = last.trim_start_matches('[').trim_end_matches(']').parse().ok();
    plain.or_else(with_port).map(ClientAddr)
}

/// The `exp` of a JWT whose signature was verified already.
fn expiry(token: &str) -> Option<DateTime<Utc>> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    DateTime::from_timestamp(claims.get("exp")?.as_i64()?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_of_the_last_header_is_the_clients() {
        let client = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            client_addr(&headers, "x-forwarded-for").map(|addr| addr.0.to_string())
        };
        assert_eq!(client(&["192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(client(&["10.0.0.1, 192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(client(&["10.0.0.1", "198.51.100.7,192.0.2.1:4711"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(client(&["[2001:db8::1]:443"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(client(&["2001:db8::1"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(client(&["unknown"]), None);
        assert_eq!(client(&[]), None);
    }
}
