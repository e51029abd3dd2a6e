//! bulk.

pub mod graphql;
