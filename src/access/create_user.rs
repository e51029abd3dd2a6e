//! Makes users.

use diesel_async::AsyncConnection;

use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::UserId;

use super::{email, queries};

/// Fewest characters of a password (NIST SP 800-63B asks for at least 8).
const MIN_PASSWORD_CHARS: usize = 8;

/// Most characters of a password; room for any passphrase, and a bound on the work.
const MAX_PASSWORD_CHARS: usize = 256;

/// Makes a user who may sign in, with the named roles.
///
/// Rejects an email or password that cannot be used (`INVALID`), an email that is taken (`TAKEN`), and a role that
/// does not exist (`NOT_FOUND`).
pub async fn create_user(app: &App, email: &str, password: &str, roles: &[&str]) -> Result<UserId> {
    let (email, problems) = check_credentials(email, password);
    if !problems.is_empty() {
        return Err(Error::Rejected(problems));
    }
    let hash = app.passwords.turn().await?.hash(password.to_owned()).await?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let found = queries::list_roles(conn, roles).await?;
        if let Some(missing) = roles.iter().find(|name| !found.iter().any(|(_, found)| found == *name)) {
            let message = format!("There is no role {missing:?}.");
            return Err(Rejection::new(Reason::NotFound, message).at(["input", "roles"]).into());
        }
        let user_id = insert_user(app, conn, email, &hash).await?;
        if !found.is_empty() {
            queries::give_roles(conn, user_id, found.into_iter().map(|(id, _)| id)).await?;
        }
        Ok(user_id)
    })
    .await
}

/// The trimmed email, and what is wrong with the two (empty when they can be used).
pub fn check_credentials<'a>(email: &'a str, password: &str) -> (&'a str, Vec<Rejection>) {
    let mut problems = Vec::new();
    let parsed = email::parse(email);
    if parsed.is_none() {
        let message = "This is not an email address that mail can be sent to.";
        problems.push(Rejection::new(Reason::Invalid, message).at(["input", "email"]));
    }
    if !(MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&password.chars().count()) {
        let message = format!(
            "A password has at least {MIN_PASSWORD_CHARS} and at most {MAX_PASSWORD_CHARS} characters."
        );
        problems.push(Rejection::new(Reason::Invalid, message).at(["input", "password"]));
    }
    (parsed.unwrap_or_default(), problems)
}

/// Makes a user without roles in the caller's transaction, from a checked email and a password's hash. Rejects an
/// email that is taken. One statement.
pub async fn insert_user(app: &App, conn: &mut Conn, email: &str, password_hash: &str) -> Result<UserId> {
    let id = UserId::new();
    if queries::insert_user(conn, id, email, password_hash, app.clock.now()).await? {
        return Ok(id);
    }
    let message = "There is an account with this email already.";
    Err(Rejection::new(Reason::Taken, message).at(["input", "email"]).into())
}
