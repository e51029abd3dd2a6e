//! Sales channels: a currency, prices and publication of their own. One is the default.

mod directory;
mod edit;
pub mod graphql;
mod model;

pub use directory::{Directory, Known};
pub use edit::{ChannelChange, NewChannel, create, update};
pub use model::Channel;
