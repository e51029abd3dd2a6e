//! Orders: snapshots of what was bought, and their life from placed to completed or canceled.
//!
//! Owns the order, its lines and where their units are reserved. Placing and canceling
//! belong to [`crate::checkout`], money to
//! [`crate::payments`], parcels to [`crate::fulfillment`].

mod confirmation;
pub mod graphql;
mod lifecycle;
mod model;
mod queries;

pub use confirmation::SendConfirmation;
pub use lifecycle::{Move, Units, apply_move, cancel_in};
pub use model::{FulfillmentStatus, Order, OrderLine, OrderStatus, PaymentStatus};
pub use queries::{
    NewOrder, NewOrderLine, OrderFilter, allocations, count, find, find_by_token, insert, insert_lines, list,
    lock, mail_was_sent, record_mail, set_allocations, shop_name, token_hash,
};
