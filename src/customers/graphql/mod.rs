//! GraphQL of customers.

mod customer;
mod register;

pub use customer::Customer;
pub use register::CustomerMutation;
