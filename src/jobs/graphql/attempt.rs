//! The type `JobAttempt`.

use std::collections::HashMap;

use async_graphql::Object;
use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};

use crate::graphql::BatchReader;
use crate::ids::JobId;
use crate::jobs::{Attempt as AttemptRow, queries};

/// The recorded attempts of a job. Whoever has the job may read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptsOf(pub JobId);

impl Loader<AttemptsOf> for BatchReader {
    type Value = Vec<AttemptRow>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[AttemptsOf]) -> async_graphql::Result<HashMap<AttemptsOf, Vec<AttemptRow>>> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let mut conn = self.app.db.get().await?;
        let mut by_job: HashMap<_, Vec<_>> = HashMap::new();
        for attempt in queries::attempts(&mut conn, &ids).await.map_err(crate::Error::from)? {
            by_job.entry(AttemptsOf(attempt.job_id)).or_default().push(attempt);
        }
        Ok(by_job)
    }
}

/// One attempt at a job.
#[derive(Debug, Clone)]
pub struct Attempt(pub AttemptRow);

/// One attempt at a job.
#[Object(name = "JobAttempt")]
impl Attempt {
    /// Counts from 1.
    async fn number(&self) -> i32 {
        self.0.number
    }

    /// The worker that ran it.
    async fn worker(&self) -> &str {
        &self.0.worker
    }

    /// When it began.
    async fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// When it ended; null while it runs.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// Why it failed; null if it did not.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }
}
