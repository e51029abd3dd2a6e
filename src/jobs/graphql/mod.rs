//! GraphQL of the job platform.

mod attempt;
mod board;
mod filter;
mod job;
mod matching;
mod mutation;
mod query;
mod queue;
mod queue_limit;
mod schedule;
mod schedule_mutation;
mod subscription;
mod worker;

pub use board::BoardSubscription;
pub use job::Job;
pub use matching::JobMatchingMutation;
pub use mutation::JobMutation;
pub use query::JobQuery;
pub use queue_limit::QueueLimitMutation;
pub use schedule_mutation::ScheduleMutation;
pub use subscription::JobSubscription;
