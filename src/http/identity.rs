//! Who sends a request: from the bearer token to the [`Viewer`].

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use crate::access::Viewer;
use crate::app::App;
use crate::error::{Code, Error, Result};

/// A viewer, and until when the token speaks for it.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who asks.
    pub viewer: Viewer,
    /// None for nobody, and for tokens that do not say.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Identity {
    /// From the header `Authorization`. Nobody without one; `UNAUTHENTICATED` with one that is not valid: who thinks
    /// to be signed in should not be served as a stranger.
    pub async fn of(app: &App, headers: &HeaderMap) -> Result<Self> {
        match headers.get(header::AUTHORIZATION) {
            None => Ok(Self { viewer: Viewer::Anonymous, expires_at: None }),
            Some(value) => Self::from_authorization(app, value.to_str().unwrap_or_default()).await,
        }
    }

    /// From the text of such a header.
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
        Ok(Self { viewer, expires_at: expiry(token) })
    }
}

/// The `exp` of a JWT whose signature was verified already.
fn expiry(token: &str) -> Option<DateTime<Utc>> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    DateTime::from_timestamp(claims.get("exp")?.as_i64()?, 0)
}
