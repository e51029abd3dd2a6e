//! From a bearer token to the viewer.

use crate::app::App;
use crate::error::{Code, Error, Result};

use super::{SignedIn, Viewer, queries, token};

/// Who the bearer of an access token is now. One SQL statement, none for a token that is not ours.
///
/// `UNAUTHENTICATED` for a token that is malformed, forged or expired, whose session has ended, or whose user is
/// disabled.
pub async fn authenticate(app: &App, token: &str) -> Result<Viewer> {
    let refused = || Error::request(Code::Unauthenticated, "The access token is not valid or has expired.");
    let now = app.clock.now();
    let claims = token::verify(&app.keys, token, now).ok_or_else(refused)?;
    let (session_id, user_id) = (claims.sid, claims.sub);
    let standing = queries::find_standing(&mut *app.db.get().await?, session_id, user_id, now).await?;
    let standing = standing.ok_or_else(refused)?;
    Ok(Viewer::User(SignedIn {
        user_id,
        session_id,
        customer_id: standing.customer_id,
        permissions: standing.permissions,
    }))
}
