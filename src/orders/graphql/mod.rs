//! GraphQL of orders.

mod event;
mod filter;
mod loaders;
mod order;
mod query;
mod subscription;

pub use event::Event;
pub use filter::OrderWhereInput;
pub use order::{Order, OrderLine};
pub use query::OrderQuery;
pub(crate) use query::connection;
pub use subscription::OrderSubscription;
