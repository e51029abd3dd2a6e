//! GraphQL of the job platform.

mod attempt;
mod filter;
mod job;
mod mutation;
mod query;
mod queue;
mod schedule;
mod subscription;
mod worker;

pub use job::Job;
pub use mutation::JobMutation;
pub use query::JobQuery;
pub use subscription::JobSubscription;
