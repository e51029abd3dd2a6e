//! Users, and what a sign-in gives.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::ids::UserId;
use crate::schema::users;

/// A person who signs in.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Unique, whatever the case of its letters.
    pub email: String,
    /// Since when signing in is refused.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// The tokens of a session. No `Debug`: they are secrets.
pub struct Tokens {
    /// The signed access token.
    pub access_token: String,
    /// When it expires; whole seconds.
    pub access_token_expires_at: DateTime<Utc>,
    /// Good for one refresh.
    pub refresh_token: String,
}
