//! One job from envelope to record.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tracing::Instrument;

use crate::ids::JobId;
use crate::jobs::ledger::claim::Claimed;
use crate::jobs::ledger::crash::Crash;
use crate::jobs::ledger::finish::{Ending, Finish};
use crate::jobs::registry::Handler;
use crate::jobs::{JobContext, JobError};
use crate::trace::{self, TraceContext};

use super::Engine;
use super::claims::{Claim, Claiming};
use super::gate::Admitted;
use super::held::{Lease, Reason};
use super::isolation;
use super::records::Record;

/// A job that was claimed ahead waits no longer than this for a place to run.
const PATIENCE: Duration = Duration::from_secs(1);
/// A canceled run that does not look at its token is ended after this.
const CANCEL_GRACE: Duration = Duration::from_secs(30);
/// A run is renewed so much longer than its timeout, for what comes before and after it. One that has not ended by then hangs.
const RENEW_GRACE: Duration = Duration::from_secs(30);
/// Enough of an error to understand it.
const ERROR_CHARS: usize = 4_000;

/// What the handler did.
#[derive(Debug)]
pub enum Outcome {
    /// It came to an end.
    Returned(Result<serde_json::Value, JobError>),
    /// With this message.
    Panicked(String),
    /// It took too long.
    TimedOut,
    /// Canceled, and did not end by itself in time.
    Abandoned,
    /// The process cannot wait any longer.
    Aborted,
    /// The process that ran it alone died, in this way.
    Died(String),
    /// That process did not come to run it.
    NotStarted(String),
}

/// What follows from it.
enum Verdict {
    Record(Ending),
    Crashed {
        error: String,
        delay_ms: i64,
    },
    Release,
    /// Somebody else has the job.
    Nothing,
}

/// A job that was taken from the road.
pub struct Delivery {
    /// Under way.
    pub claiming: Claiming,
    /// Its place among what the worker has in hand.
    pub admitted: Admitted,
}

/// Runs and records one job. Whatever happens is in the ledger; there is nothing to report to apalis.
pub async fn deliver(engine: Arc<Engine>, delivery: Delivery) {
    let Delivery { claiming, admitted } = delivery;
    let Ok(Claim { job, lease, turn }) = claiming.await else { return };
    let slot = tokio::select! {
        biased;
        () = engine.stop.cancelled() => None,
        slot = turn => slot.ok(),
        () = tokio::time::sleep(PATIENCE) => {
            engine.gate.crowded();
            None
        }
    };
    let verdict = match slot {
        Some(slot) => {
            let handler = engine.registry.handler(&job.kind).expect("only known kinds are claimed").clone();
            let span = tracing::info_span!(
                "job", kind = %job.kind, id = %JobId(job.id), attempt = job.attempt, traceparent = job.traceparent.as_deref()
            );
            let verdict = run(&engine, &handler, job, &lease).instrument(span).await;
            // The way out does not take the place of another run.
            drop(slot);
            verdict
        }
        None => Verdict::Release,
    };
    let (id, token) = (lease.id, lease.token);
    match verdict {
        Verdict::Record(ending) => {
            if !engine.records.record(Record::Finished(Finish { id, token, ending })).await {
                tracing::warn!(id = %JobId(id), "the run counts for nothing: its lease was lost");
            }
        }
        Verdict::Crashed { error, delay_ms } => {
            isolation::record_crash(&engine, &Crash { id, token, error, delay_ms }).await;
        }
        Verdict::Release => {
            engine.records.record(Record::Released { id, token }).await;
        }
        Verdict::Nothing => {}
    }
    engine.held.remove(&lease);
    drop(admitted);
}

async fn run(engine: &Engine, handler: &Handler, job: Claimed, lease: &Lease) -> Verdict {
    let labels = [("queue", job.queue.clone()), ("kind", job.kind.clone())];
    metrics::counter!("ironmonger_jobs_started_total", &labels).increment(1);
    metrics::histogram!("ironmonger_job_wait_seconds", &labels).record(job.waited_s.max(0.0));
    let trace = TraceContext::continuing(job.traceparent.as_deref());
    let ctx = JobContext {
        app: engine.app.clone(),
        job_id: JobId(job.id),
        attempt: job.attempt,
        created_by: job.created_by,
        trace,
        lease_token: job.lease_token,
        canceled: lease.canceled.clone(),
        pace: Arc::default(),
    };
    let started = Instant::now();
    lease.begin(started + handler.timeout + RENEW_GRACE);
    let (attempt, max_attempts) = (job.attempt, job.max_attempts);
    let (running, patience) = match &engine.isolate {
        Some(isolate) if job.crashes > 0 => {
            let running = async { isolation::run(isolate, &job, handler.timeout, lease).await };
            (running.left_future(), handler.timeout + isolation::START_PATIENCE + Duration::from_secs(5))
        }
        _ => (in_process(handler, job.payload, ctx.clone()).right_future(), handler.timeout),
    };
    let outcome = tokio::select! {
        biased;
        outcome = running => outcome,
        () = tokio::time::sleep(patience) => Outcome::TimedOut,
        () = engine.abort.cancelled() => Outcome::Aborted,
        () = abandoned(lease) => Outcome::Abandoned,
    };
    lease.end();
    let took = started.elapsed();
    engine.gate.ran(took);
    metrics::histogram!("ironmonger_job_run_seconds", &labels).record(took.as_secs_f64());
    let _ = ctx.flush_progress().await;
    let verdict = judge(handler, attempt, max_attempts, outcome, lease.reason());
    let name = match &verdict {
        Verdict::Record(ending) => ending.state(),
        Verdict::Crashed { .. } => "CRASHED",
        Verdict::Release => "RELEASED",
        Verdict::Nothing => "LOST",
    };
    match &verdict {
        Verdict::Record(Ending::Retry { error, delay_ms }) => {
            tracing::warn!(%error, delay_ms, took_ms = took.as_millis() as u64, "the job failed and will be tried again");
        }
        Verdict::Record(Ending::Dead { error }) => tracing::error!(%error, "the job is dead"),
        _ => tracing::debug!(outcome = name, took_ms = took.as_millis() as u64, "the job ended"),
    }
    let [queue, kind] = labels;
    metrics::counter!("ironmonger_jobs_finished_total", &[queue, kind, ("outcome", name.to_lowercase())])
        .increment(1);
    verdict
}

/// Runs the handler here.
pub async fn in_process(handler: &Handler, payload: serde_json::Value, ctx: JobContext) -> Outcome {
    // A payload that makes the handler panic before its first await is caught as well.
    let running = trace::scope(ctx.trace, async { handler.run(payload, ctx).await });
    match AssertUnwindSafe(running).catch_unwind().await {
        Ok(result) => Outcome::Returned(result),
        Err(panic) => Outcome::Panicked(panic_text(&*panic)),
    }
}

async fn abandoned(lease: &Lease) {
    lease.canceled.cancelled().await;
    if lease.reason() == Some(Reason::Stopping) {
        // How long a shutdown may take is decided for all jobs at once.
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(CANCEL_GRACE).await;
}

fn judge(
    handler: &Handler,
    attempt: i32,
    max_attempts: i32,
    outcome: Outcome,
    reason: Option<Reason>,
) -> Verdict {
    if reason == Some(Reason::LeaseLost) {
        return Verdict::Nothing;
    }
    let canceled = reason == Some(Reason::Requested);
    let millis = |delay: Duration| i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    let failed = |error: String, delay: Option<Duration>| {
        let error = clip(error);
        if canceled {
            Verdict::Record(Ending::Canceled)
        } else if attempt >= max_attempts {
            Verdict::Record(Ending::Dead { error })
        } else {
            let delay = delay.unwrap_or_else(|| (handler.backoff)(attempt));
            Verdict::Record(Ending::Retry { error, delay_ms: millis(delay) })
        }
    };
    match outcome {
        Outcome::Returned(Ok(output)) => Verdict::Record(Ending::Succeeded(output)),
        Outcome::Returned(Err(JobError::Retry(error))) => failed(format!("{error:#}"), None),
        Outcome::Returned(Err(JobError::RetryAfter(delay, error))) => {
            failed(format!("{error:#}"), Some(delay))
        }
        Outcome::Returned(Err(JobError::Fail(error))) => {
            Verdict::Record(Ending::Dead { error: clip(format!("{error:#}")) })
        }
        Outcome::Returned(Err(JobError::Canceled)) if reason == Some(Reason::Stopping) => Verdict::Release,
        Outcome::Returned(Err(JobError::Canceled)) | Outcome::Abandoned => Verdict::Record(Ending::Canceled),
        Outcome::Panicked(text) => failed(format!("The handler panicked: {text}"), None),
        Outcome::TimedOut => {
            failed(format!("The run took longer than {} s.", handler.timeout.as_secs_f64()), None)
        }
        Outcome::Aborted => Verdict::Release,
        Outcome::Died(error) => Verdict::Crashed { error, delay_ms: millis((handler.backoff)(attempt)) },
        Outcome::NotStarted(error) => failed(error, None),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Short enough to be stored many times, and without the character that PostgreSQL does not store.
fn clip(error: String) -> String {
    error.chars().filter(|&c| c != '\0').take(ERROR_CHARS).collect()
}
