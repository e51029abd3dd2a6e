//! The command line: one file per command, all on the same use cases as GraphQL.

pub mod bulk;
pub mod jobs;
pub mod migrate;
pub mod search;
pub mod serve;
pub mod signals;
pub mod user;
pub mod worker;
