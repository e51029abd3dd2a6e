//! Where carts, stock, orders and money meet: placing an order and calling one off, each in one transaction.

mod cancel;
pub mod graphql;
mod place;
mod queries;

pub use cancel::{CancelInput, cancel};
pub use place::{PlaceInput, Placed, place};
