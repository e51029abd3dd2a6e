//! Shuts a user out.

use diesel_async::AsyncConnection;

use crate::app::App;
use crate::error::{Reason, Rejection, Result};
use crate::ids::UserId;

use super::queries;

/// Ends every session of the user and refuses further sign-ins, both at once. Doing it twice changes nothing.
/// Rejects an email that nobody has (`NOT_FOUND`). For the operator: checks no permission.
pub async fn disable_user(app: &App, email: &str) -> Result<UserId> {
    let now = app.clock.now();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let user_id = queries::find_user_id(conn, email.trim()).await?.ok_or_else(|| {
            Rejection::new(Reason::NotFound, "Nobody has this email.").at(["input", "email"])
        })?;
        queries::disable_user(conn, user_id, now).await?;
        queries::revoke_sessions_of(conn, user_id, "user disabled", now).await?;
        Ok(user_id)
    })
    .await
}
