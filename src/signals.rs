//! Signals: news of commits, from PostgreSQL's NOTIFY to whoever waits in this process.
//!
//! One LISTEN connection per process feeds a broadcast channel. A signal carries ids only; the receiver reads the
//! state. After a reconnect everybody gets [`Signal::Resync`], because news may have been missed.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::broadcast;
use tokio_postgres::{AsyncMessage, NoTls};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Channels that are listened to. `ironmonger_events` carries "aggregate:uuid" and `ironmonger_jobs` carries job ids (both
/// comma-separated); `ironmonger_due` the name of a queue that has new due jobs.
const CHANNELS: [&str; 3] = ["ironmonger_events", "ironmonger_jobs", "ironmonger_due"];

/// What a slow receiver may fall behind before it is told to resync.
const BACKLOG: usize = 4096;

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// An event was appended to this aggregate.
    Event {
        /// `order`, `product`, …
        aggregate: String,
        /// Its id.
        id: Uuid,
    },
    /// A job changed its state or progress.
    Job(Uuid),
    /// A queue has new due jobs.
    Due(String),
    /// News may have been missed: read everything again.
    Resync,
}

/// The receivers' side. Cheap to clone.
#[derive(Clone)]
pub struct Signals {
    sender: broadcast::Sender<Signal>,
}

impl Default for Signals {
    fn default() -> Self {
        Self { sender: broadcast::channel(BACKLOG).0 }
    }
}

impl Signals {
    /// News from now on. `Err(Lagged)` means the same as [`Signal::Resync`].
    pub fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.sender.subscribe()
    }

    /// Listens until `stop`; reconnects by itself.
    pub async fn run(self, database_url: String, stop: CancellationToken) {
        let mut wait = Duration::from_millis(100);
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.listen(&database_url, &mut wait) => outcome,
            };
            if let Err(error) = outcome {
                tracing::warn!(%error, wait_ms = wait.as_millis() as u64, "the LISTEN connection ended");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(Duration::from_secs(5));
        }
    }

    async fn listen(&self, database_url: &str, wait: &mut Duration) -> Result<(), tokio_postgres::Error> {
        let (client, mut connection) = tokio_postgres::connect(database_url, NoTls).await?;
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        let statements = CHANNELS.map(|channel| format!("LISTEN {channel};")).concat();
        let listening = client.batch_execute(&statements);
        tokio::pin!(listening);
        let mut ready = false;
        loop {
            tokio::select! {
                done = &mut listening, if !ready => {
                    done?;
                    ready = true;
                    *wait = Duration::from_millis(100);
                    self.send(Signal::Resync);
                }
                message = messages.next() => match message {
                    Some(Ok(AsyncMessage::Notification(note))) => self.publish(note.channel(), note.payload()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                    None => return Ok(()),
                },
            }
        }
    }

    fn publish(&self, channel: &str, payload: &str) {
        match channel {
            "ironmonger_events" => {
                for (aggregate, id) in payload.split(',').filter_map(|name| name.split_once(':')) {
                    if let Ok(id) = id.parse() {
                        self.send(Signal::Event { aggregate: aggregate.to_owned(), id });
                    }
                }
            }
            "ironmonger_jobs" => {
                for id in payload.split(',').filter_map(|id| id.parse().ok()) {
                    self.send(Signal::Job(id));
                }
            }
            _ => self.send(Signal::Due(payload.to_owned())),
        }
    }

    fn send(&self, signal: Signal) {
        // No receiver is fine.
        let _ = self.sender.send(signal);
    }
}
