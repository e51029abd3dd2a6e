//! The input of `jobs`.

use async_graphql::InputObject;

use crate::jobs::{JobFilter, JobState};

/// Which jobs; all conditions must hold.
#[derive(Debug, Clone, Default, InputObject)]
pub struct JobWhereInput {
    /// By state.
    state: Option<JobStateFilterInput>,
    /// By queue.
    queue: Option<JobNameFilterInput>,
    /// By kind.
    kind: Option<JobNameFilterInput>,
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

impl From<JobWhereInput> for JobFilter {
    fn from(input: JobWhereInput) -> Self {
        Self {
            states: input.state.and_then(|state| state.one_of),
            queue: input.queue.and_then(|queue| queue.eq),
            kind: input.kind.and_then(|kind| kind.eq),
        }
    }
}
