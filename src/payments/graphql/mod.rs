//! GraphQL of payments.

mod mutation;
mod payment;

pub use mutation::PaymentMutation;
pub use payment::{Payment, PaymentsOf, Refund};
