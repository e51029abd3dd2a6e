//! The job that does nothing.

use std::time::{SystemTime, UNIX_EPOCH};

use ironmonger::jobs::registry::Registry;
use ironmonger::jobs::{Job, JobContext, JobError};
use serde::{Deserialize, Serialize};

/// Does nothing, so running it twice is harmless. Its result is how long ago it was enqueued.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Noop {
    /// When it was enqueued, in microseconds since 1970; the processes share a machine and its clock.
    pub sent_at_us: u64,
}

impl Noop {
    /// Enqueued now.
    pub fn now() -> Self {
        Self { sent_at_us: now_us() }
    }
}

impl Job for Noop {
    const KIND: &'static str = "bench.noop";
    const QUEUE: &'static str = "bench";
    type Output = u64;

    async fn run(self, _: JobContext) -> Result<u64, JobError> {
        Ok(now_us().saturating_sub(self.sent_at_us))
    }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// What the worker processes run.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.add::<Noop>();
    registry
}
