//! Tokens: the signed access token, and the opaque refresh token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, Header, Validation};
use rand::TryRngCore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::ids::{SessionId, UserId};

use super::keys::Keys;

/// Who issues the tokens and whom they are for: this system, and nobody else.
const ISSUER: &str = "ironmonger";

/// The type of access tokens (RFC 9068); keeps a JWT that was made for another purpose from being one.
const TYPE: &str = "at+jwt";

/// Lets people and secret scanners recognize a leaked refresh token.
const REFRESH_PREFIX: &str = "imrt_";

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
}

/// A signed token for the session. `expires_at` is cut to whole seconds.
pub(super) fn issue(
    keys: &Keys,
    user_id: UserId,
    session_id: SessionId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<String> {
    let signing = keys
        .signing
        .as_ref()
        .ok_or_else(|| Error::Fault(anyhow::anyhow!("this process has no key to sign tokens with")))?;
    let claims = Claims {
        iss: ISSUER.into(),
        aud: ISSUER.into(),
        sub: user_id,
        sid: session_id,
        iat: now.timestamp(),
        exp: expires_at.timestamp(),
    };
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.into());
    header.kid = Some(signing.key_id.clone());
    jsonwebtoken::encode(&header, &claims, &signing.key).map_err(Error::fault)
}

/// The claims of a token that one of our keys signed and that has not expired; `None` for any other text.
pub(super) fn verify(keys: &Keys, token: &str, now: DateTime<Utc>) -> Option<Claims> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    // The key is chosen by its id and fixes the algorithm; what the token says about that is only compared.
    if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
        return None;
    }
    let verifying = keys.find(&header.kid?)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Compared below, with the app's clock.
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Claims>(token, &verifying.key, &validation).ok()?.claims;
    (now.timestamp() < claims.exp).then_some(claims)
}

/// A new refresh token: 256 random bits. The client gets the text, the database its [`refresh_hash`].
pub(super) fn new_refresh_token() -> Result<String> {
    let mut secret = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut secret).map_err(Error::fault)?;
    Ok(format!("{REFRESH_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret)))
}

/// What is stored of a refresh token. A plain hash is enough, for there is nothing to guess in 256 random bits; and
/// the look-up by hash tells nothing about the token by its timing.
pub(super) fn refresh_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}
