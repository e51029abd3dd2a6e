//! How much a worker has in hand: at most its concurrency, and, while jobs are short, some more on the way in and out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

/// While jobs are shorter than this, the way through the ledger takes longer than the run.
const SHORT: Duration = Duration::from_millis(20);
/// What is taken ahead is run within about this time.
const AHEAD: Duration = Duration::from_millis(50);
/// Most jobs taken ahead.
const MOST_AHEAD: usize = 400;

/// Counts what is in hand. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    concurrency: usize,
    limit: AtomicUsize,
    inside: AtomicUsize,
    left: Notify,
    average_s: Mutex<Option<f64>>,
}

/// A place in hand, given back when dropped.
#[derive(Debug)]
pub struct Admitted(Gate);

impl Gate {
    /// For a worker that runs so many jobs at a time.
    pub fn new(concurrency: usize) -> Self {
        Self(Arc::new(Inner {
            concurrency,
            limit: AtomicUsize::new(concurrency),
            inside: AtomicUsize::new(0),
            left: Notify::new(),
            average_s: Mutex::new(None),
        }))
    }

    /// How many places are free; waits until there is one. For one waiter.
    pub async fn room(&self) -> usize {
        loop {
            let left = self.0.left.notified();
            let room =
                self.0.limit.load(Ordering::Acquire).saturating_sub(self.0.inside.load(Ordering::Acquire));
            if room > 0 {
                return room;
            }
            left.await;
        }
    }

    /// Takes a place.
    pub fn admit(&self) -> Admitted {
        self.0.inside.fetch_add(1, Ordering::AcqRel);
        Admitted(self.clone())
    }

    /// A run took so long: short ones allow more to be taken ahead.
    pub fn ran(&self, took: Duration) {
        let mut average_s = self.0.average_s.lock().expect("nothing panics while it holds this");
        let took_s = took.as_secs_f64();
        let average = average_s.map_or(took_s, |average| average + (took_s - average) * 0.1);
        *average_s = Some(average);
        self.set_ahead(average);
    }

    /// A job that was taken ahead found no place to run: nothing is taken ahead until runs are short again.
    pub fn crowded(&self) {
        let mut average_s = self.0.average_s.lock().expect("nothing panics while it holds this");
        *average_s = Some(1.0);
        self.set_ahead(1.0);
    }

    fn set_ahead(&self, average_s: f64) {
        let ahead = if average_s >= SHORT.as_secs_f64() {
            0
        } else {
            let runs = AHEAD.as_secs_f64() / average_s.max(0.000_1);
            ((self.0.concurrency as f64 * runs) as usize).min(MOST_AHEAD)
        };
        self.0.limit.store(self.0.concurrency + ahead, Ordering::Release);
        self.0.left.notify_one();
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.0.inside.fetch_sub(1, Ordering::AcqRel);
        self.0.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn short_runs_allow_more_in_hand_and_long_ones_do_not() {
        let gate = Gate::new(4);
        let places: Vec<_> = (0..3).map(|_| gate.admit()).collect();
        assert_eq!(gate.room().await, 1);
        gate.ran(Duration::from_micros(10));
        assert_eq!(gate.room().await, 1 + MOST_AHEAD);
        gate.crowded();
        assert_eq!(gate.room().await, 1);
        drop(places);
        assert_eq!(gate.room().await, 4);
    }
}
