//! Keeps the leases, says that the worker is alive, and learns of cancellations.
//!
//! Runs on a thread of its own: handlers that hog the worker's threads lose their time, not their leases. From there it also
//! keeps the worker's runtime awake.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::ids::JobId;
use crate::jobs::ledger::presence::{self, Presence};
use crate::jobs::ledger::{Durability, LEASE, Session, answered, lease};
use crate::signals::Signal;

use super::held::{Held, Reason};

const BEAT: Duration = Duration::from_secs(5);
/// After a failure, so that a database that comes back finds the leases renewed before a reaper looks.
const RETRY: Duration = Duration::from_millis(500);

/// How long a handler that hogs a thread can keep the news of all sockets and timers from the other threads.
const NUDGE: Duration = Duration::from_millis(100);

/// What the keeper's thread has.
pub struct Keeper {
    /// Where the ledger is.
    pub database_url: String,
    /// What to renew.
    pub held: Held,
    /// What to say.
    pub presence: Presence,
    /// Canceled when a handler hangs in a way that nothing but the end of the process ends.
    pub hung: CancellationToken,
}

/// The running thread.
pub struct Keeping {
    quit: CancellationToken,
    checks: mpsc::UnboundedSender<Vec<Uuid>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread.
    pub fn start(self) -> anyhow::Result<Keeping> {
        let quit = CancellationToken::new();
        let (checks, receiver) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let token = quit.clone();
        let workers = tokio::runtime::Handle::current();
        let thread = std::thread::Builder::new().name("job-leases".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = self.keep(receiver, token) => {}
                    () = nudge(workers) => {}
                }
            });
        })?;
        Ok(Keeping { quit, checks, thread: Some(thread) })
    }

    async fn keep(self, mut checks: mpsc::UnboundedReceiver<Vec<Uuid>>, quit: CancellationToken) {
        let mut session = Session::new(&self.database_url, Durability::Relaxed);
        let mut renew_at = Instant::now() + LEASE / 3;
        let mut beat_at = Instant::now();
        let mut overdue = HashSet::new();
        loop {
            tokio::select! {
                biased;
                () = quit.cancelled() => break,
                () = tokio::time::sleep_until(renew_at) => {
                    self.look_for_hung(&mut overdue);
                    let outcome = self.renew(&mut session).await;
                    renew_at = Instant::now() + if outcome.is_ok() { LEASE / 3 } else { RETRY };
                    log(session.settle(outcome), "leases cannot be renewed");
                }
                () = tokio::time::sleep_until(beat_at) => {
                    let outcome = self.beat(&mut session).await;
                    beat_at = Instant::now() + BEAT;
                    log(session.settle(outcome), "the worker cannot say that it is alive");
                }
                Some(mut ids) = checks.recv() => {
                    while let Ok(more) = checks.try_recv() {
                        ids.extend(more);
                    }
                    let outcome = self.check(&mut session, &ids).await;
                    log(session.settle(outcome), "cancellations cannot be read");
                }
            }
        }
        let outcome = match session.conn().await {
            Ok(conn) => answered(presence::leave(conn, &self.presence.id)).await,
            Err(error) => Err(error),
        };
        log(outcome, "the worker could not say goodbye");
    }

    /// A handler that hogs its thread may have anything in its grip, such as a connection that others wait for. The first time
    /// it may also be that this process stood still and has only begun to go on.
    fn look_for_hung(&self, overdue: &mut HashSet<Uuid>) {
        let before = std::mem::take(overdue);
        for lease in self.held.all().iter().filter(|lease| lease.is_overdue()) {
            overdue.insert(lease.token);
            if before.contains(&lease.token) && !self.hung.is_cancelled() {
                tracing::error!(id = %JobId(lease.id), "the handler of a job never yields; the worker ends because of it");
                self.hung.cancel();
            }
        }
    }

    async fn renew(&self, session: &mut Session) -> anyhow::Result<()> {
        let leases = self.held.renewable();
        if leases.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = leases.iter().map(|lease| lease.id).collect();
        let tokens: Vec<_> = leases.iter().map(|lease| lease.token).collect();
        let renewed = answered(lease::renew(session.conn().await?, &ids, &tokens)).await?;
        for lease in leases {
            match renewed.iter().find(|renewed| renewed.id == lease.id) {
                Some(renewed) if renewed.cancel_requested => lease.cancel(Reason::Requested),
                Some(_) => {}
                // It may have finished while the statement ran; then nothing listens to this.
                None => lease.cancel(Reason::LeaseLost),
            }
        }
        Ok(())
    }

    async fn beat(&self, session: &mut Session) -> anyhow::Result<()> {
        let running = i32::try_from(self.held.all().len()).unwrap_or(i32::MAX);
        metrics::gauge!("ironmonger_worker_jobs_in_hand").set(f64::from(running));
        metrics::gauge!("ironmonger_worker_concurrency").set(f64::from(self.presence.concurrency));
        answered(presence::beat(session.conn().await?, &self.presence, running)).await
    }

    async fn check(&self, session: &mut Session, ids: &[Uuid]) -> anyhow::Result<()> {
        for id in answered(lease::canceled(session.conn().await?, ids)).await? {
            if let Some(lease) = self.held.get(id) {
                lease.cancel(Reason::Requested);
            }
        }
        Ok(())
    }
}

impl Keeping {
    /// Follows the news of this process: which of the jobs in hand changed, and therefore may be canceled. Until `quit`.
    pub async fn follow(
        checks: mpsc::UnboundedSender<Vec<Uuid>>,
        held: Held,
        mut news: broadcast::Receiver<Signal>,
        quit: CancellationToken,
    ) {
        loop {
            let signal = tokio::select! {
                () = quit.cancelled() => return,
                signal = news.recv() => signal,
            };
            let ids = match signal {
                Ok(Signal::Job(id)) => held.get(id).map(|lease| vec![lease.id]).unwrap_or_default(),
                Ok(Signal::Resync) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    held.all().iter().map(|lease| lease.id).collect()
                }
                Ok(_) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            };
            if !ids.is_empty() && checks.send(ids).is_err() {
                return;
            }
        }
    }

    /// Where [`Keeping::follow`] sends.
    pub fn checks(&self) -> mpsc::UnboundedSender<Vec<Uuid>> {
        self.checks.clone()
    }

    /// Ends the thread, which takes the worker off the list.
    pub async fn end(mut self) {
        self.quit.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.quit.cancel();
    }
}

/// One thread of a runtime waits for sockets and timers, and the others wait for it. If it finds one task and that never yields,
/// all of them wait. A task from outside wakes another thread, which takes over.
async fn nudge(runtime: tokio::runtime::Handle) {
    loop {
        tokio::time::sleep(NUDGE).await;
        runtime.spawn(async {});
    }
}

fn log(outcome: anyhow::Result<()>, what: &'static str) {
    if let Err(error) = outcome {
        tracing::warn!(error = %format!("{error:#}"), "{what}");
    }
}
