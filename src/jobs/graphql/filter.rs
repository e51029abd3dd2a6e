//! The input of `jobs`, `jobsRetry` and `jobsCancel`.

use async_graphql::InputObject;
use chrono::{DateTime, Utc};

use crate::jobs::{JobFilter, JobState, TimeRange};

/// Which jobs; all conditions must hold.
#[derive(Debug, Clone, Default, InputObject)]
pub struct JobWhereInput {
    /// By state.
    state: Option<JobStateFilterInput>,
    /// By queue.
    queue: Option<JobNameFilterInput>,
    /// By kind.
    kind: Option<JobNameFilterInput>,
    /// By why the latest failed attempt failed.
    last_error: Option<JobErrorFilterInput>,
    /// By when they were enqueued.
    created_at: Option<JobTimeFilterInput>,
    /// By when they succeeded, died or were canceled; those that are not finished do not match.
    finished_at: Option<JobTimeFilterInput>,
}

/// A condition on the state.
#[derive(Debug, Clone, InputObject)]
pub struct JobStateFilterInput {
    /// One of these.
    #[graphql(name = "in")]
    one_of: Option<Vec<JobState>>,
}

/// A condition on a name.
#[derive(Debug, Clone, InputObject)]
pub struct JobNameFilterInput {
    /// Exactly this.
    eq: Option<String>,
}

/// A condition on the text of an error.
#[derive(Debug, Clone, InputObject)]
pub struct JobErrorFilterInput {
    /// Has this in it, in upper or lower case.
    contains: Option<String>,
}

/// A condition on a time.
#[derive(Debug, Clone, InputObject)]
pub struct JobTimeFilterInput {
    /// Then or later.
    gte: Option<DateTime<Utc>>,
    /// Then or earlier.
    lte: Option<DateTime<Utc>>,
}

impl From<JobTimeFilterInput> for TimeRange {
    fn from(input: JobTimeFilterInput) -> Self {
        Self { from: input.gte, to: input.lte }
    }
}

impl From<JobWhereInput> for JobFilter {
    fn from(input: JobWhereInput) -> Self {
        Self {
            states: input.state.and_then(|state| state.one_of),
            queue: input.queue.and_then(|queue| queue.eq),
            kind: input.kind.and_then(|kind| kind.eq),
            error_contains: input.last_error.and_then(|error| error.contains),
            created_at: input.created_at.map(TimeRange::from).unwrap_or_default(),
            finished_at: input.finished_at.map(TimeRange::from).unwrap_or_default(),
        }
    }
}
