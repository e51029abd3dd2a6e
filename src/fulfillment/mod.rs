//! Parcels: what was sent of an order.

mod create;
pub mod graphql;
mod model;
mod notice;
mod queries;

pub use create::{CreateInput, LineInput, create};
pub use model::{Fulfillment, FulfillmentState};
pub use notice::SendShippingNotice;
