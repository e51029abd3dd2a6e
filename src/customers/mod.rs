//! customers.

pub mod graphql;
