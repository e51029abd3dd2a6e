//! The job platform: a ledger in PostgreSQL that is the truth, and Redis as the road to the workers.
//!
//! A feature declares a job beside itself by implementing [`Job`] and lists it in [`registry`]; a use case calls
//! [`enqueue`] in its transaction. Nothing else is needed for the job to run.

mod context;
mod enqueue;
pub mod graphql;
mod job;
pub mod registry;

pub use context::JobContext;
pub use enqueue::{EnqueueOptions, enqueue};
pub use job::{Job, JobError};

/// Until the relay is here.
pub async fn run_relay(_app: crate::App, _stop: tokio_util::sync::CancellationToken) {}
