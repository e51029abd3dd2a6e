//! The job platform: a ledger in PostgreSQL that is the truth, and Redis as the road to the workers.
//!
//! A feature declares a job beside itself by implementing [`Job`] and lists it in [`registry`]; a use case calls
//! [`enqueue`] in its transaction. Nothing else is needed for the job to run.
//!
//! The way of a job: [`enqueue`] writes a row → the [`run_relay`] of some process pushes an envelope with its id → a
//! [`run_worker`] takes it, claims the row under a lease, runs the handler, and records the end under the same lease. Redis may
//! lose envelopes or double them: a claim is what counts, and what was not claimed is pushed again. `ledger` holds the
//! statements of that machinery, `transport` everything about Redis and apalis; the other files are what people do with
//! jobs.

mod board;
mod cancel;
mod context;
mod enqueue;
mod figures;
pub mod graphql;
mod job;
mod ledger;
mod limits;
mod maintenance;
mod matching;
mod model;
mod order;
mod queries;
mod queues;
mod read;
pub mod registry;
mod relay;
mod retry;
mod schedules;
mod transport;
mod worker;

pub use board::{Board, Snapshot, watch_board};
pub use cancel::cancel;
pub use context::JobContext;
pub use enqueue::{EnqueueOptions, enqueue, enqueue_all};
pub use figures::{Figures, describe as describe_metrics};
pub use job::{Job, JobError};
pub use limits::{LimitChange, set_limits};
pub use maintenance::Prune;
pub use matching::{DEFAULT_LIMIT, Outcome, Selection, cancel_matching, retry_matching};
pub use model::{Attempt, JobRow, JobState, QueueCounts, Rate, ScheduleRow, WorkerRow};
pub use order::{QueueOrder, QueueShare};
pub use queries::find;
pub use queues::{pause, queues, resume, schedules, workers};
pub use read::{JobFilter, TimeRange, attempts, count, get, list};
pub use relay::{run_relay, run_relay_with};
pub use retry::retry;
pub use schedules::{disable_schedule, enable_schedule, run_schedule};
pub use worker::{Isolate, WorkerOptions, run_isolated, run_worker};
