//! The process that runs one job.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use nix::sys::resource::{Resource, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::app::App;
use crate::ids::JobId;
use crate::jobs::registry::Registry;
use crate::jobs::worker::run::{Outcome, in_process};
use crate::jobs::{JobContext, JobError};
use crate::trace::TraceContext;

use super::{CANCEL, Message, Report, Task};

/// Nobody waits for the job any more.
const ORPHANED: i32 = 75;

/// Runs the one job that comes on standard input, writes what came of it to standard output, and returns. For a process that
/// a worker starts, see [`super::Isolate`]. More memory than `IRONMONGER_JOB_MEMORY_MB` ends the process.
pub async fn run_isolated(app: App, registry: Registry) -> anyhow::Result<()> {
    // A service manager signals all processes of a service at once. What it means for this job is the parent's to say.
    let _ignored = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    if let Some(limit_mb) = app.config.job_memory_mb {
        let bytes = limit_mb.saturating_mul(1024 * 1024);
        setrlimit(Resource::RLIMIT_DATA, bytes, bytes).context("the memory cannot be limited")?;
    }
    let canceled = CancellationToken::new();
    let task = listen(canceled.clone()).await.context("no job came on standard input")?;
    let handler = registry.handler(&task.kind).context("the kind of the job is not known")?.clone();
    let ctx = JobContext {
        app,
        job_id: JobId(task.job_id),
        attempt: task.attempt,
        created_by: task.created_by,
        trace: TraceContext::continuing(task.traceparent.as_deref()),
        lease_token: task.lease_token,
        canceled,
        pace: Arc::default(),
    };
    let span = tracing::info_span!(
        "job", kind = %task.kind, id = %ctx.job_id, attempt = task.attempt, traceparent = task.traceparent.as_deref()
    );
    say(&task.mark, &Message::Began)?;
    let outcome = in_process(&handler, task.payload, ctx.clone()).instrument(span).await;
    let _ = ctx.flush_progress().await;
    let report = match outcome {
        Outcome::Returned(Ok(output)) => Report::Returned { output },
        Outcome::Returned(Err(JobError::Retry(error))) => Report::Retry { error: format!("{error:#}") },
        Outcome::Returned(Err(JobError::RetryAfter(delay, error))) => {
            let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            Report::RetryAfter { delay_ms, error: format!("{error:#}") }
        }
        Outcome::Returned(Err(JobError::Fail(error))) => Report::Failed { error: format!("{error:#}") },
        Outcome::Returned(Err(JobError::Canceled)) => Report::Canceled,
        Outcome::Panicked(text) => Report::Panicked { text },
        other => anyhow::bail!("a handler does not end as {other:?}"),
    };
    say(&task.mark, &Message::Ended { report })
}

/// Reads the task, and goes on listening on a thread of its own, which a handler that hogs the runtime cannot silence.
async fn listen(canceled: CancellationToken) -> anyhow::Result<Task> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name("parent".into()).spawn(move || {
        let mut lines = std::io::stdin().lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        if sender.send(first).is_ok() {
            for line in lines.map_while(Result::ok) {
                if line == CANCEL {
                    canceled.cancel();
                }
            }
        }
        std::process::exit(ORPHANED);
    })?;
    Ok(serde_json::from_str(&receiver.await?)?)
}

fn say(mark: &str, message: &Message) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    // The handler may have left a line unfinished.
    write!(stdout, "\n{mark}{}\n", serde_json::to_string(message)?)?;
    Ok(stdout.flush()?)
}
