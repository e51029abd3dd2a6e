//! Email and password against tokens.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use diesel_async::AsyncConnection;

use crate::app::App;
use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};
use crate::ids::{SessionId, UserId};

use super::passwords::Verdict;
use super::queries::{self, LiveSession};
use super::{ClientAddr, Tokens, email, token};

/// Begins a session.
///
/// Rejects alike, in words and in time, an email that nobody has, a wrong password and a disabled user
/// (`INVALID_CREDENTIALS`); and any try after too many failures (`RATE_LIMITED`).
pub async fn sign_in(app: &App, email: &str, password: &str, client: Option<ClientAddr>) -> Result<Tokens> {
    let attempt = app.attempts.of(email, client);
    // Before the queue, so that who is shut out takes no place in it.
    app.attempts.check(&attempt).await?;
    let turn = app.passwords.turn().await?;
    // And again with the turn, which is held until a failure is counted: tries that are sent all at once get no more
    // guesses than tries in a row, but for one per turn.
    app.attempts.check(&attempt).await?;

    let found = match email::parse(email) {
        Some(email) => queries::find_credentials(&mut *app.db.get().await?, email).await?,
        None => None,
    };
    let hash = found.as_ref().map(|user| user.password_hash.clone());
    let (turn, verdict) = turn.verify(password.to_owned(), hash).await?;
    let user = match found {
        Some(user) if verdict != Verdict::Wrong && user.disabled_at.is_none() => user,
        _ => {
            app.attempts.failed(&attempt).await;
            let message = "Email and password do not belong together.";
            return Err(Rejection::new(Reason::InvalidCredentials, message).into());
        }
    };
    app.attempts.succeeded(&attempt).await;

    if verdict == Verdict::RightButOutdated {
        let hash = turn.hash(password.to_owned()).await?;
        queries::replace_hash(&mut *app.db.get().await?, user.id, &user.password_hash, &hash).await?;
    }
    begin_session(app, user.id).await
}

async fn begin_session(app: &App, user_id: UserId) -> Result<Tokens> {
    let now = app.clock.now();
    let session_id = SessionId::new();
    let session =
        LiveSession { user_id, expires_at: now + TimeDelta::seconds(app.config.auth.session_seconds) };
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        queries::insert_session(conn, session_id, &session, now).await?;
        issue_tokens(app, conn, session_id, &session, now).await
    })
    .await
}

/// New tokens of a session, in the caller's transaction. One statement.
pub(super) async fn issue_tokens(
    app: &App,
    conn: &mut Conn,
    session_id: SessionId,
    session: &LiveSession,
    now: DateTime<Utc>,
) -> Result<Tokens> {
    let refresh_token = token::new_refresh_token()?;
    let hash = token::refresh_hash(&refresh_token);
    queries::insert_refresh_token(conn, &hash, session_id, now, session.expires_at).await?;
    let expires_at = (now + TimeDelta::seconds(app.config.auth.access_token_seconds)).min(session.expires_at);
    let expires_at = expires_at.duration_trunc(TimeDelta::seconds(1)).map_err(crate::Error::fault)?;
    Ok(Tokens {
        access_token: token::issue(&app.keys, session.user_id, session_id, now, expires_at)?,
        access_token_expires_at: expires_at,
        refresh_token,
    })
}
