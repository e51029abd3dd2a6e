//! The relay: pushes due jobs onto the road, and brings back what got lost on it.
//!
//! Runs in every process. One of them, the one that holds an advisory lock, answers to NOTIFY at once; the others look once a
//! second and would do the same work, side by side, if the first one hung. Whatever happens to Redis, the ledger
//! stays as it is and the relay tries again.

mod clock;
mod pass;

use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::signals::Signal;

use super::Figures;
use super::ledger::{Durability, Session, answered, dispatch, presence, reap};
use super::registry::{self, Registry};
use super::transport::Road;

use pass::{Pass, Progress};

/// How long the leader sleeps at most: a fallback, for NOTIFY wakes it and it knows when the next delayed job is due.
const TICK: Duration = Duration::from_millis(200);
/// How often the others look.
const STANDBY: Duration = Duration::from_secs(1);
/// How often leases and schedules are looked at.
const CHORES: Duration = Duration::from_secs(1);
/// How often dead workers are taken off the list.
const RARE_CHORES: Duration = Duration::from_secs(10);
/// Leases are reaped only on a connection that has held for so long: when PostgreSQL was away, the workers get the time
/// to renew first.
const SETTLED: Duration = Duration::from_secs(5);
/// Rows per statement of the reaper.
const REAP: i64 = 500;
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Relays the product's jobs until `stop`. Waits out the absence of PostgreSQL and of Redis.
pub async fn run_relay(app: App, stop: CancellationToken) {
    run_relay_with(app, registry::all(), stop).await;
}

/// The same with other schedules and queues, for tests.
pub async fn run_relay_with(app: App, registry: Registry, stop: CancellationToken) {
    let figures = app.job_figures.clone();
    let relay = Relay {
        news: app.signals.subscribe(),
        road: Road::new(app.redis.clone(), &app.config.redis_prefix),
        ledger: Session::new(app.db.url(), Durability::Relaxed),
        registry,
        figures: figures.clone(),
        pass: Pass::default(),
        leads: false,
        declared: false,
        wait: TICK,
    };
    // Dropping the future half-way is safe: every statement stands for itself, and what was taken and not pushed is found
    // by the reaper. But that takes half a minute, so the relay gets the time to end its pass.
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(LONGEST_WAIT).await;
    };
    tokio::select! {
        () = late => {}
        () = relay.run(&stop) => {}
        () = figures.keep(&app) => {}
    }
}

struct Relay {
    news: broadcast::Receiver<Signal>,
    road: Road,
    ledger: Session,
    registry: Registry,
    figures: Figures,
    pass: Pass,
    leads: bool,
    declared: bool,
    wait: Duration,
}

impl Relay {
    /// Until `stop`, and to the end of what it is at then.
    async fn run(mut self, stop: &CancellationToken) {
        let mut chores_at = Instant::now();
        let mut rare_at = Instant::now();
        while !stop.is_cancelled() {
            if Instant::now() >= chores_at {
                chores_at = Instant::now() + CHORES;
                let outcome = self.chores().await;
                self.settle(outcome);
            }
            if Instant::now() >= rare_at {
                rare_at = Instant::now() + RARE_CHORES;
                let outcome = self.rare_chores().await;
                self.settle(outcome);
            }
            self.figures.lead(self.leads);
            let mut idle = false;
            let outcome = self.pass.run(&mut self.ledger, &mut self.road).await;
            match outcome {
                Ok(Progress::Pushed) => self.wait = Duration::ZERO,
                // Workers have enough to do; they take a while to make room.
                Ok(Progress::Full) => self.wait = (self.wait * 2).clamp(Duration::from_millis(2), TICK / 2),
                Ok(Progress::Idle { next }) => {
                    let tick = if self.leads { TICK } else { STANDBY };
                    self.wait = next.unwrap_or(tick).clamp(Duration::from_millis(1), tick);
                    idle = true;
                }
                Err(error) => {
                    self.settle(Err(error));
                }
            }
            // The shortest way for a job that nothing stands before.
            if let Some(Some(queue)) = stop.run_until_cancelled(self.sleep()).await
                && idle
            {
                let outcome = self.pass.hurry(&mut self.ledger, &mut self.road, queue).await;
                self.settle(outcome);
            }
        }
    }

    /// Until there may be something to do; if a notice says so, in which queue.
    async fn sleep(&mut self) -> Option<String> {
        if self.wait.is_zero() {
            tokio::task::yield_now().await;
            return None;
        }
        let until = Instant::now() + self.wait;
        loop {
            let signal = tokio::select! {
                () = tokio::time::sleep_until(until) => return None,
                signal = self.news.recv() => signal,
            };
            let queue = match signal {
                Ok(Signal::Due(queue)) => Some(queue),
                Ok(Signal::Resync) | Err(broadcast::error::RecvError::Lagged(_)) => None,
                Ok(_) => continue,
                Err(broadcast::error::RecvError::Closed) => {
                    tokio::time::sleep_until(until).await;
                    return None;
                }
            };
            if self.leads {
                // What else there is is covered by the same look.
                while let Ok(_) | Err(broadcast::error::TryRecvError::Lagged(_)) = self.news.try_recv() {}
                return queue;
            }
        }
    }

    /// After a failure: a longer wait each time, and, if it was PostgreSQL's, a new connection and the lead to be won again.
    /// Without Redis the reaper goes on.
    fn settle(&mut self, outcome: anyhow::Result<()>) {
        let Err(error) = outcome else { return };
        self.wait = (self.wait * 2).clamp(TICK, LONGEST_WAIT);
        tracing::warn!(error = %format!("{error:#}"), wait_ms = self.wait.as_millis() as u64, "the relay waits");
        if !error.is::<redis::RedisError>() {
            self.leads = false;
            let _ = self.ledger.settle::<()>(Err(error));
        }
    }

    async fn chores(&mut self) -> anyhow::Result<()> {
        if !self.declared {
            clock::declare(&mut self.ledger, &self.registry).await?;
            self.declared = true;
        }
        if !self.leads || self.ledger.age().is_zero() {
            self.leads = answered(dispatch::try_lead(self.ledger.conn().await?)).await?;
        }
        clock::fire(&mut self.ledger, &self.registry).await?;
        if self.ledger.age() >= SETTLED {
            let conn = self.ledger.conn().await?;
            for job in answered(reap::expired(conn, REAP)).await? {
                let id = crate::ids::JobId(job.id);
                tracing::warn!(%id, kind = job.kind, state = job.state, "a worker died with a job in its hands");
                let labels = [("queue", job.queue), ("kind", job.kind), ("outcome", "crashed".to_owned())];
                metrics::counter!("ironmonger_jobs_finished_total", &labels).increment(1);
            }
        }
        let conn = self.ledger.conn().await?;
        answered(reap::stale_envelopes(conn, REAP)).await?;
        Ok(())
    }

    async fn rare_chores(&mut self) -> anyhow::Result<()> {
        answered(presence::forget_dead(self.ledger.conn().await?)).await?;
        Ok(())
    }
}
