//! GraphQL of sign-in and the viewer.

mod session;
mod viewer;

pub use session::AccessMutation;
pub use viewer::{AccessQuery, ViewerObject};
