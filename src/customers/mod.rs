//! Buyers: who they are. Owns registration; signing in belongs to `access`, and what they bought to `orders`.

pub mod graphql;
mod model;
mod queries;
mod register;

pub use model::Customer;
pub use register::{Registration, register};
