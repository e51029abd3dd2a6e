//! inventory.

pub mod graphql;
