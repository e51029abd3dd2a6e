//! A worker: takes envelopes, claims, runs, records, and keeps its leases meanwhile.
//!
//! The way of a job: [`crate::jobs::transport`] hands over an envelope → `claims` turns it into a lease → its turn in `slots`, one
//! of `concurrency` → the handler → `records`. `keeper` renews what is held. `gate` bounds how much is in hand. A job that took
//! a worker down before runs in a process of its own: `isolation`.

mod claims;
mod gate;
mod held;
mod isolation;
mod keeper;
mod records;
mod run;
mod slots;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;

use super::ledger::presence::Presence;
use super::ledger::{Durability, Session, answered, release, schedule};
use super::order::{Plan, QueueOrder, QueueShare};
use super::registry::{self, Registry};
use super::transport::{self, Consumer};

use claims::{Claimer, Claims};
pub(super) use gate::Gate;
use held::{Held, Lease, Reason};
pub use isolation::{Isolate, run_isolated};
use keeper::{Keeper, Keeping};
use records::Records;
use run::Delivery;
use slots::Slots;

/// How long running jobs may take to end when the worker is told to stop.
const DRAIN: Duration = Duration::from_secs(25);
/// How long after that they may take to notice. A handler that never yields does not.
const LAST_CALL: Duration = Duration::from_secs(3);

/// What a worker is told.
#[derive(Clone)]
pub struct WorkerOptions {
    /// The queues to take from; empty means all that the registry knows.
    pub queues: Vec<QueueShare>,
    /// Which of them comes first.
    pub order: QueueOrder,
    /// Most handlers that run at a time.
    pub concurrency: usize,
    /// Shown in the list of workers; the machine's name by default.
    pub name: Option<String>,
    /// What it can run.
    pub registry: Registry,
    /// How to run jobs that took their worker down before; without it they run like the others, and may do it again.
    pub isolate: Option<Isolate>,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            queues: Vec::new(),
            order: QueueOrder::default(),
            concurrency: 16,
            name: None,
            registry: registry::all(),
            isolate: None,
        }
    }
}

/// What every delivery needs.
struct Engine {
    app: App,
    registry: Registry,
    isolate: Option<Isolate>,
    records: Records,
    held: Held,
    gate: Gate,
    /// No more runs are begun.
    stop: CancellationToken,
    /// Runs end now, wherever they are.
    abort: CancellationToken,
}

/// Runs jobs until `stop`; then takes no more, lets those that run end for up to 25 s, and gives back the rest. PostgreSQL
/// and Redis may go and come back meanwhile. When it returns, end the process without waiting for the runtime: a thread of it
/// may be in the grip of a handler that never yields. The job of such a handler is left to the reaper.
///
/// Fails when a handler has not come to an end long after its timeout, for then only the end of the process helps. Fails at once if the queues or their order cannot be, and when apalis ends without being told to.
pub async fn run_worker(app: App, options: WorkerOptions, stop: CancellationToken) -> anyhow::Result<()> {
    let WorkerOptions { queues, order, concurrency, name, registry, isolate } = options;
    anyhow::ensure!(concurrency > 0, "a worker runs at least one job at a time");
    let plan = Plan::new(&registry, queues, order)?;
    let queues = plan.names();
    let host = nix::unistd::gethostname()
        .map_or_else(|_| "unknown".into(), |host| host.to_string_lossy().into_owned());
    let start = Uuid::new_v4().simple().to_string();
    let worker = format!("{}-{}", name.as_deref().unwrap_or(&host), &start[..8]);
    let database_url = app.db.url().to_owned();
    declare_queues(&database_url, &registry, &stop).await;

    let (abort, hung) = (CancellationToken::new(), CancellationToken::new());
    let stop = stop.child_token();
    let held = Held::default();
    let gate = Gate::new(concurrency);
    let claimer = Claimer {
        database_url: database_url.clone(),
        registry: registry.clone(),
        worker: worker.clone(),
        held: held.clone(),
        slots: Slots::new(concurrency),
        abort: abort.clone(),
    };
    let presence = Presence {
        id: worker.clone(),
        host,
        pid: i32::try_from(std::process::id()).unwrap_or_default(),
        queues: queues.clone(),
        concurrency: i32::try_from(concurrency).unwrap_or(i32::MAX),
    };
    let keeping =
        Keeper { database_url: database_url.clone(), held: held.clone(), presence, hung: hung.clone() }
            .start()?;
    let follower = CancellationToken::new();
    let news = app.signals.subscribe();
    tokio::spawn(Keeping::follow(keeping.checks(), held.clone(), news, follower.clone()));
    let engine = Arc::new(Engine {
        records: Records::start(&database_url, abort.clone()),
        gate: gate.clone(),
        held: held.clone(),
        registry,
        isolate,
        stop: stop.clone(),
        abort: abort.clone(),
        app,
    });
    tracing::info!(%worker, queues = queues.join(","), concurrency, "the worker takes jobs");

    let drain = tokio::spawn(drain(stop.clone(), held, abort.clone()));
    let (hangs, stopping) = (hung.clone(), stop.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = hangs.cancelled() => stopping.cancel(),
            () = stopping.cancelled() => {}
        }
    });
    let consumer = Consumer {
        client: engine.app.redis.clone(),
        prefix: engine.app.config.redis_prefix.clone(),
        plan,
        worker: worker.clone(),
        gate: gate.clone(),
    };
    let (claims, claiming) = Claims::start(claimer);
    let accept = move |job_id| Delivery { claiming: claims.claim(job_id), admitted: gate.admit() };
    let handle = {
        let engine = engine.clone();
        move |delivery| run::deliver(engine.clone(), delivery)
    };
    let outcome = tokio::select! {
        outcome = transport::consume(consumer, stop, accept, handle) => outcome,
        () = last_call(&abort) => Ok(()),
    };
    drain.abort();
    abort.cancel();
    follower.cancel();
    let _ = claiming.await;
    // What was claimed and never came to its turn. What runs still has not noticed that it should not, and may do so until the
    // process is gone.
    let (running, waiting): (Vec<_>, Vec<_>) =
        engine.held.all().into_iter().partition(|lease| lease.is_running());
    give_back(&database_url, &waiting).await;
    keeping.end().await;
    tracing::info!(%worker, hanging = running.len(), "the worker ended");
    anyhow::ensure!(!hung.is_cancelled(), "a handler never yields; another process has to take over");
    outcome
}

/// So that queues are listed before their first job. Not needed for anything else, so a failure is only logged.
async fn declare_queues(database_url: &str, registry: &Registry, stop: &CancellationToken) {
    let mut session = Session::new(database_url, Durability::Relaxed);
    let declaring = async {
        let conn = session.conn().await?;
        answered(schedule::declare_queues(conn, &registry.queues())).await
    };
    tokio::select! {
        () = stop.cancelled() => {}
        outcome = declaring => {
            if let Err(error) = outcome {
                tracing::warn!(error = %format!("{error:#}"), "the queues could not be entered in the ledger");
            }
        }
    }
}

/// Tells the runs when to end.
async fn drain(stop: CancellationToken, held: Held, abort: CancellationToken) {
    stop.cancelled().await;
    let deadline = tokio::time::Instant::now() + DRAIN;
    // A claim may still be under way when the signal comes.
    while tokio::time::Instant::now() < deadline {
        for lease in held.all().iter().filter(|lease| lease.reason().is_none()) {
            lease.cancel(Reason::Stopping);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tracing::warn!(running = held.all().len(), "jobs did not end in time and are given back");
    abort.cancel();
}

async fn last_call(abort: &CancellationToken) {
    abort.cancelled().await;
    tokio::time::sleep(LAST_CALL).await;
}

async fn give_back(database_url: &str, leases: &[Arc<Lease>]) {
    if leases.is_empty() {
        return;
    }
    let ids: Vec<_> = leases.iter().map(|lease| lease.id).collect();
    let tokens: Vec<_> = leases.iter().map(|lease| lease.token).collect();
    let mut session = Session::new(database_url, Durability::Relaxed);
    let outcome = match session.conn().await {
        Ok(conn) => answered(release::leases(conn, &ids, &tokens)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        tracing::warn!(error = %format!("{error:#}"), "jobs could not be given back; their leases will run out");
    }
}
