//! A refresh token against new tokens.

use diesel_async::AsyncConnection;

use crate::app::App;
use crate::error::{Error, Reason, Rejection, Result};

use super::sign_in::issue_tokens;
use super::{Tokens, queries, token};

/// Goes on with a session. The token is spent by this.
///
/// A token that was spent before is either stolen or was stolen from: the whole session ends, tokens of a later
/// refresh included (RFC 9700, section 4.14.2). Of two uses at once exactly one gets tokens, and the session ends.
/// Rejects every token that gives nothing alike (`INVALID_CREDENTIALS`).
pub async fn refresh(app: &App, refresh_token: &str) -> Result<Tokens> {
    let now = app.clock.now();
    let hash = token::refresh_hash(refresh_token.trim());
    let mut conn = app.db.get().await?;
    let tokens = conn
        .transaction(async |conn| {
            let Some(session_id) = queries::spend_refresh_token(conn, &hash, now).await? else {
                // This must be committed, so it is no error of the transaction.
                if let Some(session_id) = queries::find_session_of_spent_token(conn, &hash).await? {
                    let ended = queries::revoke_session(conn, session_id, "refresh token used twice", now).await?;
                    if ended > 0 {
                        tracing::warn!(session = %session_id, "a refresh token was used twice; its session has ended");
                    }
                }
                return Ok(None);
            };
            let Some(session) = queries::find_live_session(conn, session_id, now).await? else {
                return Ok(None);
            };
            Ok::<_, Error>(Some(issue_tokens(app, conn, session_id, &session, now).await?))
        })
        .await?;
    tokens.ok_or_else(|| {
        let message = "The refresh token is not valid. Sign in again.";
        Rejection::new(Reason::InvalidCredentials, message).into()
    })
}
