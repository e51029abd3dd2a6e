//! orders.

pub mod graphql;
