//! carts.

pub mod graphql;
