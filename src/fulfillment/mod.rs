//! fulfillment.

pub mod graphql;
