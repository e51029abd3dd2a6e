//! search.

pub mod graphql;
