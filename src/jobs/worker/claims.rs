//! Claims in batches: one statement for whatever envelopes are there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::jobs::ledger::claim::{self, Claimed};
use crate::jobs::ledger::{BATCH, Durability, Session, answered, release};
use crate::jobs::registry::Registry;

use super::held::{Held, Lease};
use super::slots::{Slot, Slots};

type Reply = oneshot::Sender<Claim>;

/// A job that this process holds, and its place in the line of those that are to be run.
pub struct Claim {
    /// What to run.
    pub job: Claimed,
    /// What makes it ours.
    pub lease: Arc<Lease>,
    /// When it may be run.
    pub turn: oneshot::Receiver<Slot>,
}

/// A claim that was asked for. Fails when there is nothing to run: somebody else has the job, it was canceled, or it is
/// not for us.
pub type Claiming = oneshot::Receiver<Claim>;

/// Asks for claims. Cheap to clone.
#[derive(Clone)]
pub struct Claims(mpsc::UnboundedSender<(Uuid, Reply)>);

/// Who claims.
pub struct Claimer {
    /// Where the ledger is.
    pub database_url: String,
    /// Which kinds can be run.
    pub registry: Registry,
    /// As the ledger knows this process.
    pub worker: String,
    /// Where leases go.
    pub held: Held,
    /// Where jobs line up, in the order in which they were asked for.
    pub slots: Slots,
    /// Ends the waiting for a database that is away.
    pub abort: CancellationToken,
}

impl Claims {
    /// Starts the task that claims; it ends when every clone is dropped.
    pub fn start(claimer: Claimer) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(claimer.run(receiver));
        (Self(sender), task)
    }

    /// Asks for a job. Dropping the answer gives it back.
    pub fn claim(&self, id: Uuid) -> Claiming {
        let (reply, claiming) = oneshot::channel();
        // Without the task the answer is that there is nothing to run.
        let _ = self.0.send((id, reply));
        claiming
    }
}

impl Claimer {
    async fn run(self, mut requests: mpsc::UnboundedReceiver<(Uuid, Reply)>) {
        let mut session = Session::new(&self.database_url, Durability::Relaxed);
        let kinds = self.registry.kinds();
        let mut batch = Vec::new();
        while requests.recv_many(&mut batch, BATCH).await > 0 {
            let (wanted, dropped): (Vec<_>, Vec<_>) =
                batch.drain(..).partition(|(_, reply)| !reply.is_closed());
            let ids: Vec<_> = wanted.iter().map(|(id, _)| *id).collect();
            let tokens: Vec<_> = ids.iter().map(|_| Uuid::new_v4()).collect();
            let claimed = self.claim(&mut session, &ids, &tokens, &kinds).await;
            let mut claimed: HashMap<_, _> = claimed.into_iter().map(|job| (job.lease_token, job)).collect();
            let mut left =
                Left { dropped: dropped.into_iter().map(|(id, _)| id).collect(), ..Left::default() };
            for (token, (id, reply)) in tokens.into_iter().zip(wanted) {
                let Some(job) = claimed.remove(&token) else {
                    left.unclaimed.push(id);
                    continue;
                };
                let lease = Arc::new(Lease::new(id, token));
                self.held.add(lease.clone());
                let claim = Claim { job, lease, turn: self.slots.line_up() };
                if let Err(claim) = reply.send(claim) {
                    self.held.remove(&claim.lease);
                    left.refused.push((id, token));
                }
            }
            self.clean_up(&mut session, left, &kinds).await;
        }
    }

    /// Waits for the database as long as it takes: the envelopes in hand are not lost by that.
    async fn claim(
        &self,
        session: &mut Session,
        ids: &[Uuid],
        tokens: &[Uuid],
        kinds: &[&str],
    ) -> Vec<Claimed> {
        if ids.is_empty() {
            return Vec::new();
        }
        let mut wait = Duration::from_millis(100);
        loop {
            let outcome = match session.conn().await {
                Ok(conn) => answered(claim::claim(conn, ids, tokens, kinds, &self.worker)).await,
                Err(error) => Err(error),
            };
            match session.settle(outcome) {
                Ok(claimed) => return claimed,
                Err(error) => tracing::warn!(error = %format!("{error:#}"), "jobs cannot be claimed"),
            }
            tokio::select! {
                () = self.abort.cancelled() => return Vec::new(),
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(Duration::from_secs(2));
        }
    }

    /// What was not claimed goes where it belongs; what nobody waits for any more is given back. If this fails, the
    /// reaper does it later.
    async fn clean_up(&self, session: &mut Session, left: Left, kinds: &[&str]) {
        if left.unclaimed.is_empty() && left.refused.is_empty() && left.dropped.is_empty() {
            return;
        }
        let (ids, tokens): (Vec<_>, Vec<_>) = left.refused.into_iter().unzip();
        let outcome = match session.conn().await {
            Ok(conn) => {
                answered(async {
                    if !left.unclaimed.is_empty() {
                        claim::pass_on(conn, &left.unclaimed, kinds).await?;
                    }
                    if !ids.is_empty() {
                        release::leases(conn, &ids, &tokens).await?;
                    }
                    if !left.dropped.is_empty() {
                        release::envelopes(conn, &left.dropped).await?;
                    }
                    Ok(())
                })
                .await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = session.settle(outcome) {
            tracing::warn!(error = %format!("{error:#}"), "envelopes could not be passed on; the reaper will do it");
        }
    }
}

/// What of a batch does not run here.
#[derive(Default)]
struct Left {
    /// Duplicates, canceled jobs, and jobs that are not for us.
    unclaimed: Vec<Uuid>,
    /// Claimed, but nobody waits for them.
    refused: Vec<(Uuid, Uuid)>,
    /// Not even claimed: nobody waited by then.
    dropped: Vec<Uuid>,
}
