//! Claims in batches: one statement for whatever envelopes are there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::jobs::ledger::claim::{self, Claimed};
use crate::jobs::ledger::{BATCH, Durability, Session, answered, release};
use crate::jobs::registry::Registry;

use super::held::{Held, Lease};

type Reply = oneshot::Sender<Option<(Claimed, Arc<Lease>)>>;

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
    /// Ends the waiting for a database that is away.
    pub abort: CancellationToken,
}

impl Claims {
    /// Starts the task that claims; it ends when every clone is dropped.
    pub fn start(claimer: Claimer) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(claimer.run(receiver));
        Self(sender)
    }

    /// Claims a job. None: somebody else has it, it was canceled, or it is not for us.
    pub async fn claim(&self, id: Uuid) -> Option<(Claimed, Arc<Lease>)> {
        let (reply, answer) = oneshot::channel();
        self.0.send((id, reply)).ok()?;
        answer.await.ok().flatten()
    }
}

impl Claimer {
    async fn run(self, mut requests: mpsc::UnboundedReceiver<(Uuid, Reply)>) {
        let mut session = Session::new(&self.database_url, Durability::Relaxed);
        let kinds = self.registry.kinds();
        let mut batch = Vec::new();
        while requests.recv_many(&mut batch, BATCH).await > 0 {
            let ids: Vec<_> = batch.iter().map(|(id, _)| *id).collect();
            let tokens: Vec<_> = ids.iter().map(|_| Uuid::new_v4()).collect();
            let claimed = self.claim(&mut session, &ids, &tokens, &kinds).await;
            let mut replies: HashMap<_, _> = tokens.into_iter().zip(batch.drain(..)).collect();
            let mut refused = Vec::new();
            for job in claimed {
                let Some((_, reply)) = replies.remove(&job.lease_token) else { continue };
                let lease = Arc::new(Lease::new(job.id, job.lease_token));
                self.held.add(lease.clone());
                if let Err(Some((job, lease))) = reply.send(Some((job, lease))) {
                    self.held.remove(&lease);
                    refused.push((job.id, job.lease_token));
                }
            }
            let left: Vec<_> = replies.into_values().map(|(id, reply)| (id, reply.send(None)).0).collect();
            self.clean_up(&mut session, &left, &refused, &kinds).await;
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
    async fn clean_up(&self, session: &mut Session, left: &[Uuid], refused: &[(Uuid, Uuid)], kinds: &[&str]) {
        if left.is_empty() && refused.is_empty() {
            return;
        }
        let (ids, tokens): (Vec<_>, Vec<_>) = refused.iter().copied().unzip();
        let outcome = match session.conn().await {
            Ok(conn) => {
                answered(async {
                    claim::pass_on(conn, left, kinds).await?;
                    if !ids.is_empty() {
                        release::leases(conn, &ids, &tokens).await?;
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
