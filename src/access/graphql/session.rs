//! Signing in, staying signed in, signing out.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use crate::access::{self, ClientAddr, Tokens};
use crate::graphql::{ContextExt, UserError, outcome};

/// Root mutations of sessions.
#[derive(Default)]
pub struct AccessMutation;

/// What a person signs in with. No `Debug`: it is secret.
#[derive(InputObject)]
pub struct SessionCreateInput {
    /// In any case of its letters.
    email: String,
    /// As it was chosen.
    password: String,
}

/// What goes on with a session. No `Debug`: it is secret.
#[derive(InputObject)]
pub struct SessionRefreshInput {
    /// From the last `sessionCreate` or `sessionRefresh`; good for one use.
    refresh_token: String,
}

/// The tokens of a new session, or why there is none.
#[derive(SimpleObject)]
pub struct SessionCreatePayload {
    /// A JWT; send it as `Authorization: Bearer …`.
    access_token: Option<String>,
    /// When the access token expires. Refresh the session before.
    access_token_expires_at: Option<DateTime<Utc>>,
    /// Good for one `sessionRefresh`. Keep it secret.
    refresh_token: Option<String>,
    /// INVALID_CREDENTIALS or RATE_LIMITED.
    user_errors: Vec<UserError>,
}

/// The next tokens of the session, or why there are none.
#[derive(SimpleObject)]
pub struct SessionRefreshPayload {
    /// A JWT; send it as `Authorization: Bearer …`.
    access_token: Option<String>,
    /// When the access token expires. Refresh the session before.
    access_token_expires_at: Option<DateTime<Utc>>,
    /// Good for one `sessionRefresh`; the one that was sent is spent.
    refresh_token: Option<String>,
    /// INVALID_CREDENTIALS: sign in again.
    user_errors: Vec<UserError>,
}

/// Says that the session has ended.
#[derive(SimpleObject)]
pub struct SessionRevokePayload {
    /// Empty: a session can always be ended.
    user_errors: Vec<UserError>,
}

#[Object]
impl AccessMutation {
    /// Signs in. A wrong email and a wrong password look the same; after 10 failures within 15 minutes an email is
    /// RATE_LIMITED.
    #[graphql(complexity = 50)]
    async fn session_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who signs in.")] input: SessionCreateInput,
    ) -> Result<SessionCreatePayload> {
        let client = ctx.data_opt::<ClientAddr>().copied();
        let signed_in = access::sign_in(ctx.app(), &input.email, &input.password, client).await;
        let (tokens, user_errors) = outcome(signed_in)?;
        let (access_token, access_token_expires_at, refresh_token) = parts(tokens);
        Ok(SessionCreatePayload { access_token, access_token_expires_at, refresh_token, user_errors })
    }

    /// Gives the next tokens of a session for its refresh token, which is spent by it. A spent token that is used
    /// again ends the whole session.
    async fn session_refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The refresh token.")] input: SessionRefreshInput,
    ) -> Result<SessionRefreshPayload> {
        let (tokens, user_errors) = outcome(access::refresh(ctx.app(), &input.refresh_token).await)?;
        let (access_token, access_token_expires_at, refresh_token) = parts(tokens);
        Ok(SessionRefreshPayload { access_token, access_token_expires_at, refresh_token, user_errors })
    }

    /// Signs out: ends the session of the access token that the request carries.
    async fn session_revoke(&self, ctx: &Context<'_>) -> Result<SessionRevokePayload> {
        let (_, user_errors) = outcome(access::revoke(ctx.app(), ctx.viewer()).await)?;
        Ok(SessionRevokePayload { user_errors })
    }
}

fn parts(tokens: Option<Tokens>) -> (Option<String>, Option<DateTime<Utc>>, Option<String>) {
    match tokens {
        Some(tokens) => {
            (Some(tokens.access_token), Some(tokens.access_token_expires_at), Some(tokens.refresh_token))
        }
        None => (None, None, None),
    }
}
