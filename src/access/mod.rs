//! Who somebody is and what they may do: users, roles, permissions, sessions, tokens.
//!
//! Owns sign-in and the [`Viewer`]; the features own the question which permission an operation needs.
//!
//! A sign-in makes a session. Its access token is a short-lived JWT that anybody with the public keys can verify
//! ([`jwks`]); [`authenticate`] also asks the database, so that ending a session or disabling a user takes effect at
//! once. Its refresh token is random, is spent by its first use, and is kept as a hash only.

mod attempts;
mod authenticate;
mod create_user;
mod disable_user;
mod email;
mod keys;
mod list_users;
mod model;
mod passwords;
mod permission;
mod purge;
mod queries;
mod refresh;
mod revoke;
mod sign_in;
mod token;
mod viewer;

pub mod graphql;

pub use attempts::{Attempts, ClientAddr};
pub use authenticate::authenticate;
pub use create_user::{check_credentials, create_user, insert_user};
pub use disable_user::disable_user;
pub use keys::{Keys, jwks};
pub use list_users::{ListedUser, list_users};
pub use model::{Tokens, User};
pub use passwords::Passwords;
pub use permission::{Permission, PermissionSet};
pub use purge::{PurgeSessions, purge_sessions};
pub use queries::find_user;
pub use refresh::refresh;
pub use revoke::revoke;
pub use sign_in::sign_in;
pub use viewer::{SignedIn, Viewer};
