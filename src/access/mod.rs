//! Who somebody is and what they may do: users, roles, permissions, sessions, tokens.
//!
//! Owns sign-in and the [`Viewer`]; the features own the question which permission an operation needs.

mod permission;
mod viewer;

pub mod graphql;

pub use permission::{Permission, PermissionSet};
pub use viewer::{SignedIn, Viewer};
