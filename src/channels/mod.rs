//! Sales channels: a currency, prices and publication of their own. One is the default.

mod directory;
pub mod graphql;
mod model;

pub use directory::Directory;
pub use model::Channel;
