//! Payments: from the buyer's token to captured money, and back.
//!
//! Every call to a gateway is written down before it is made, under a key derived from our ids, and its result after. A
//! call whose result was lost is looked up by its key before anything is tried again, so money never moves twice.

mod confirm;
mod expire;
mod gateway;
pub mod graphql;
mod model;
mod queries;
mod refund;
mod release;
mod settle;
mod test_gateway;

pub use confirm::confirm;
pub use expire::ExpireAction;
pub use gateway::{Gateway, GatewayError, Gateways, Operation, OperationKind, Outcome};
pub use model::{Payment, PaymentStatus, Refund, RefundStatus};
pub use refund::{RefundInput, SubmitRefund, refund};
pub use release::{ReleasePayment, release_for};
pub use settle::{NewPayment, SettlePayment, start};
