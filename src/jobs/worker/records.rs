//! How runs ended, recorded in batches: one statement for whatever is there.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::jobs::ledger::finish::{self, Ending, Finish};
use crate::jobs::ledger::{BATCH, Durability, Session, answered, release};

/// What is to be recorded about a lease.
#[derive(Debug, Clone)]
pub enum Record {
    /// The run ended.
    Finished(Finish),
    /// The job is given back, as if it had not been claimed.
    Released {
        /// The job.
        id: Uuid,
        /// Our lease.
        token: Uuid,
    },
}

/// Takes records. Cheap to clone.
#[derive(Clone)]
pub struct Records(mpsc::UnboundedSender<(Record, oneshot::Sender<bool>)>);

impl Records {
    /// Starts the task that writes; it ends when every clone is dropped. `abort` ends the waiting for a database that is
    /// away.
    pub fn start(database_url: &str, abort: CancellationToken) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let session = Session::new(database_url, Durability::Durable);
        tokio::spawn(write(session, receiver, abort));
        Self(sender)
    }

    /// Records; false when the lease was lost, and with it the run.
    pub async fn record(&self, record: Record) -> bool {
        let (reply, answer) = oneshot::channel();
        if self.0.send((record, reply)).is_err() {
            return false;
        }
        answer.await.unwrap_or(false)
    }
}

async fn write(
    mut session: Session,
    mut records: mpsc::UnboundedReceiver<(Record, oneshot::Sender<bool>)>,
    abort: CancellationToken,
) {
    let mut batch = Vec::new();
    while records.recv_many(&mut batch, BATCH).await > 0 {
        let mut finishes = Vec::new();
        let mut waiting = Vec::new();
        let mut released = Vec::new();
        for (record, reply) in batch.drain(..) {
            match record {
                Record::Finished(finish) => {
                    waiting.push((finish.id, reply));
                    finishes.push(finish);
                }
                Record::Released { id, token } => released.push((id, token, reply)),
            }
        }
        if !finishes.is_empty() {
            let recorded = finish_all(&mut session, finishes, &abort).await;
            for (id, reply) in waiting {
                let _ = reply.send(recorded.contains(&id));
            }
        }
        if !released.is_empty() {
            let ids: Vec<_> = released.iter().map(|(id, ..)| *id).collect();
            let tokens: Vec<_> = released.iter().map(|(_, token, _)| *token).collect();
            release_all(&mut session, &ids, &tokens).await;
            for (_, _, reply) in released {
                let _ = reply.send(true);
            }
        }
    }
}

/// Tries until it works or the process ends; the leases are renewed meanwhile. What the database refuses for its data is
/// found by recording one by one.
async fn finish_all(
    session: &mut Session,
    finishes: Vec<Finish>,
    abort: &CancellationToken,
) -> HashSet<Uuid> {
    let mut wait = Duration::from_millis(100);
    loop {
        match try_finish(session, &finishes).await {
            Ok(ids) => return ids.into_iter().collect(),
            Err(error) if is_refusal(&error) && finishes.len() > 1 => {
                let mut recorded = HashSet::new();
                for finish in finishes {
                    recorded.extend(Box::pin(finish_all(session, vec![finish], abort)).await);
                }
                return recorded;
            }
            Err(error) if is_refusal(&error) && !matches!(finishes[0].ending, Ending::Dead { .. }) => {
                let reason = format!("how the run ended could not be stored: {error:#}");
                let ending = Ending::Dead { error: reason };
                return Box::pin(finish_all(session, vec![Finish { ending, ..finishes[0].clone() }], abort))
                    .await;
            }
            Err(error) => tracing::warn!(error = %format!("{error:#}"), "finished jobs cannot be recorded"),
        }
        tokio::select! {
            () = abort.cancelled() => {
                // One last try: the lease runs out otherwise, and the work is done again.
                return try_finish(session, &finishes).await.unwrap_or_default().into_iter().collect();
            }
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(Duration::from_secs(2));
    }
}

async fn try_finish(session: &mut Session, finishes: &[Finish]) -> anyhow::Result<Vec<Uuid>> {
    let outcome = match session.conn().await {
        Ok(conn) => answered(finish::finish(conn, finishes)).await,
        Err(error) => Err(error),
    };
    session.settle(outcome)
}

/// Whether PostgreSQL answered that it cannot store this, as opposed to not being there.
fn is_refusal(error: &anyhow::Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error};
    match error.downcast_ref::<Error>() {
        Some(Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _)) => false,
        Some(Error::DatabaseError(_, info)) => {
            let message = info.message();
            message.contains("Unicode") || message.contains("encoding") || message.contains("too large")
        }
        _ => false,
    }
}

async fn release_all(session: &mut Session, ids: &[Uuid], tokens: &[Uuid]) {
    let outcome = match session.conn().await {
        Ok(conn) => answered(release::leases(conn, ids, tokens)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = session.settle(outcome) {
        tracing::warn!(error = %format!("{error:#}"), "jobs could not be given back; their leases will run out");
    }
}
