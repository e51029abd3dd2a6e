//! The type `Worker`.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use crate::jobs::WorkerRow;

/// A process that runs jobs.
#[derive(Debug, Clone)]
pub struct Worker(pub WorkerRow);

/// A process that runs jobs.
#[Object]
impl Worker {
    /// Identifies this start of the process.
    async fn id(&self) -> ID {
        ID(self.0.id.clone())
    }

    /// The machine that it runs on.
    async fn host(&self) -> &str {
        &self.0.host
    }

    /// The process's number on that machine.
    async fn pid(&self) -> i32 {
        self.0.pid
    }

    /// The version of the program.
    async fn version(&self) -> &str {
        &self.0.version
    }

    /// The queues that it takes jobs from.
    async fn queues(&self) -> &[String] {
        &self.0.queues
    }

    /// Most jobs that it runs at a time.
    async fn concurrency(&self) -> i32 {
        self.0.concurrency
    }

    /// Jobs that it holds now.
    async fn running(&self) -> i32 {
        self.0.running
    }

    /// When it was started.
    async fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// When it last gave a sign of life; it does every few seconds.
    async fn last_seen_at(&self) -> DateTime<Utc> {
        self.0.last_seen_at
    }
}
