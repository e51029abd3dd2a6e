//! The queues, the workers and the schedules as they move, for everybody who watches them in this process.
//!
//! However many watch, one task reads the ledger for all of them, and only while somebody does. What a reading costs grows
//! with the backlog (it counts entries of indexes), so the more it costs, the longer the next one waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::signals::Signal;

use super::model::{QueueCounts, ScheduleRow, WorkerRow};
use super::queries;

/// Between two readings at least: a busy shop changes all the time, and people read no faster.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
/// Not every change is announced (see `ledger::finish`), so without news the ledger is read this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A pause is so many times as long as the reading before it: reading takes a twentieth of one connection at most.
const PAUSE_PER_READING: u32 = 19;
/// Whatever a reading took, people want to see that the figures live.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is seen at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// All queues.
    pub queues: Vec<QueueCounts>,
    /// The workers that are alive.
    pub workers: Vec<WorkerRow>,
    /// What runs by the clock.
    pub schedules: Vec<ScheduleRow>,
    /// When the newest job was enqueued.
    pub last_enqueued_at: Option<DateTime<Utc>>,
    /// When a job was last over.
    pub last_finished_at: Option<DateTime<Utc>>,
}

impl Snapshot {
    /// Whether nothing but the clock has moved.
    fn is_like(&self, other: &Self) -> bool {
        let ageless = |queue: &QueueCounts| QueueCounts { oldest_ready_age_s: None, ..queue.clone() };
        self.queues.iter().map(ageless).eq(other.queues.iter().map(ageless))
            && self.workers == other.workers
            && self.schedules == other.schedules
            && self.last_enqueued_at == other.last_enqueued_at
            && self.last_finished_at == other.last_finished_at
    }
}

/// What the last reading gave.
#[derive(Debug, Clone)]
enum Latest {
    /// There was none since somebody watches.
    Unread,
    Read(Arc<Snapshot>),
    Failed,
}

/// The board of a process. Cheap to clone.
#[derive(Clone)]
pub struct Board(Arc<Shared>);

struct Shared {
    latest: watch::Sender<Latest>,
    /// The task that reads. Locked by who comes and by the task when it leaves, so that neither misses the other.
    reader: Mutex<Option<JoinHandle<()>>>,
    readings: AtomicU64,
}

impl Default for Board {
    fn default() -> Self {
        let (latest, _) = watch::channel(Latest::Unread);
        Self(Arc::new(Shared { latest, reader: Mutex::default(), readings: AtomicU64::new(0) }))
    }
}

impl Board {
    /// How often the ledger was read.
    pub fn readings(&self) -> u64 {
        self.0.readings.load(Ordering::Relaxed)
    }

    /// Whether the ledger is being read, because somebody watches.
    pub fn is_reading(&self) -> bool {
        self.reader().as_ref().is_some_and(|reader| !reader.is_finished())
    }

    fn join(&self, app: &App) -> watch::Receiver<Latest> {
        let mut reader = self.reader();
        let mut seen = self.0.latest.subscribe();
        seen.mark_changed();
        // One that is finished without having left has panicked.
        if reader.as_ref().is_none_or(JoinHandle::is_finished) {
            *reader = Some(tokio::spawn(self.clone().read_on(app.clone())));
        }
        seen
    }

    /// Reads until nobody watches.
    async fn read_on(self, app: App) {
        let mut news = app.signals.subscribe();
        loop {
            let started = Instant::now();
            let outcome = read(&app).await;
            self.0.readings.fetch_add(1, Ordering::Relaxed);
            self.publish(outcome);
            let pause = pause_after(started.elapsed());
            // Also when everybody leaves: who comes back meanwhile gets what was read, and causes no reading.
            tokio::time::sleep(pause).await;
            tokio::select! {
                () = self.0.latest.closed() => {}
                () = news_or(LOOK_AGAIN.saturating_sub(pause), &mut news) => {}
            }
            let mut reader = self.reader();
            if self.0.latest.receiver_count() == 0 {
                // Whoever comes next gets nothing old.
                self.0.latest.send_replace(Latest::Unread);
                *reader = None;
                return;
            }
        }
    }

    /// Wakes those who watch, if there is something new.
    fn publish(&self, outcome: Result<Snapshot>) {
        self.0.latest.send_if_modified(|latest| match (&*latest, outcome) {
            (Latest::Read(before), Ok(now)) if before.is_like(&now) => false,
            (Latest::Failed, Err(_)) => false,
            (_, Ok(now)) => {
                *latest = Latest::Read(Arc::new(now));
                true
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "cannot read the queues for those who watch them");
                *latest = Latest::Failed;
                true
            }
        });
    }

    fn reader(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        // Nothing that is done under the lock can be left half done.
        self.0.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The board as it is, then every change, some times a second at most. While the ledger cannot be read it says so once
/// (`UNAVAILABLE`), and goes on when it can. Never ends. Needs JOBS_READ.
pub fn watch_board(app: &App, viewer: &Viewer) -> Result<impl Stream<Item = Result<Arc<Snapshot>>> + use<>> {
    viewer.require(Permission::JobsRead)?;
    Ok(stream::unfold(app.board.join(app), |mut latest| async {
        loop {
            latest.changed().await.ok()?;
            let now = latest.borrow_and_update().clone();
            match now {
                Latest::Unread => {}
                Latest::Read(snapshot) => return Some((Ok(snapshot), latest)),
                Latest::Failed => {
                    let message = "The queues cannot be read at the moment. News follows when they can.";
                    return Some((Err(Error::request(Code::Unavailable, message)), latest));
                }
            }
        }
    }))
}

async fn read(app: &App) -> Result<Snapshot> {
    let mut conn = app.db.get().await?;
    // All of one moment.
    let mut moment = conn.build_transaction().read_only().repeatable_read();
    let snapshot = moment.run(async |conn| {
        let (last_enqueued_at, last_finished_at) = queries::latest_times(conn).await?;
        Ok::<_, diesel::result::Error>(Snapshot {
            queues: queries::queue_counts(conn).await?,
            workers: queries::workers(conn).await?,
            schedules: queries::schedules(conn).await?,
            last_enqueued_at,
            last_finished_at,
        })
    });
    Ok(snapshot.await?)
}

fn pause_after(reading: Duration) -> Duration {
    reading.saturating_mul(PAUSE_PER_READING).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

/// Until there is news of jobs, also from before this was asked, or that time is over.
async fn news_or(time: Duration, news: &mut Receiver<Signal>) {
    let heard = async {
        loop {
            match news.recv().await {
                Ok(Signal::Job(_) | Signal::Due(_) | Signal::Resync) | Err(RecvError::Lagged(_)) => return,
                Ok(Signal::Event { .. }) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    // Either way the ledger is read now.
    let _ = tokio::time::timeout(time, heard).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_that_takes_long_is_followed_by_a_long_pause() {
        assert_eq!(pause_after(Duration::from_millis(1)), SHORTEST_PAUSE);
        assert_eq!(pause_after(Duration::from_millis(100)), Duration::from_millis(1900));
        assert_eq!(pause_after(Duration::from_secs(30)), LONGEST_PAUSE);
    }

    #[test]
    fn that_the_oldest_job_has_aged_is_no_news() {
        let queue = QueueCounts {
            name: "mail".into(),
            paused: false,
            ready: 1,
            running: 0,
            scheduled: 0,
            retrying: 0,
            dead: 0,
            oldest_ready_age_s: Some(1.0),
            oldest_ready_at: DateTime::from_timestamp(1, 0),
            max_running: None,
            rate_limit: None,
            rate_period_seconds: None,
        };
        let snapshot = |queue: &QueueCounts| Snapshot {
            queues: vec![queue.clone()],
            workers: Vec::new(),
            schedules: Vec::new(),
            last_enqueued_at: None,
            last_finished_at: None,
        };
        let aged = QueueCounts { oldest_ready_age_s: Some(2.0), ..queue.clone() };
        let other = QueueCounts { oldest_ready_at: DateTime::from_timestamp(2, 0), ..aged.clone() };
        assert!(snapshot(&queue).is_like(&snapshot(&aged)));
        assert!(!snapshot(&queue).is_like(&snapshot(&other)));
    }
}
