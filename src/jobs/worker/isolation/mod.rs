//! Jobs that took their worker down before run in a process of their own, so that the next crash takes nobody along.
//!
//! When a worker dies, nobody knows which of its jobs did it, so each of them has a crash on its record and is a suspect from
//! then on. `parent` starts this program again for one job, keeps its lease, passes a cancellation on, ends it at the timeout and
//! records the end; a process that ends without a word is a crash of that job alone. `child` builds the same
//! [`App`](crate::App), runs the handler, and tells what came of it.
//!
//! They talk in lines of JSON: the parent writes a [`Task`] to the child's standard input, and `cancel`; the child
//! writes [`Message`]s to its standard output, each behind the task's mark, for the handler may print there as well. The end
//! of its input tells the child that the parent is gone.

mod child;
mod parent;

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::UserId;

pub use child::run_isolated;
pub(super) use parent::{START_PATIENCE, record_crash, run};

/// How a process for one job is started.
#[derive(Debug, Clone)]
pub struct Isolate {
    /// Usually this program.
    pub program: PathBuf,
    /// With these it calls [`run_isolated`].
    pub args: Vec<OsString>,
}

/// What the child is to do.
#[derive(Debug, Serialize, Deserialize)]
struct Task {
    /// Begins the lines of the child that are meant for the parent.
    mark: String,
    job_id: Uuid,
    lease_token: Uuid,
    kind: String,
    attempt: i32,
    payload: serde_json::Value,
    created_by: Option<UserId>,
    traceparent: Option<String>,
}

/// A line of the parent while the job runs: an operator canceled the job, its lease is lost, or the worker stops.
const CANCEL: &str = "cancel";

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
enum Message {
    /// The handler begins: from here on a death is the job's.
    Began,
    /// How it ended, and the last word.
    Ended { report: Report },
}

/// What the handler did, as far as it can be told by itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Report {
    Returned { output: serde_json::Value },
    Retry { error: String },
    RetryAfter { delay_ms: u64, error: String },
    Failed { error: String },
    Canceled,
    Panicked { text: String },
}
