//! The log as this process knows it: the latest changes, in memory, and up to when they are complete.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};

use super::change::Change;
use super::entry::Entry;
use super::snapshot::Snapshot;

/// An answer is vouched for only if the log was read completely within this time. The rest of the second that the
/// cache promises is for the answer's way out.
const CURRENT: Duration = Duration::from_millis(700);

/// Most changes that are remembered, and most ids in them. Answers that nobody asked for since the oldest of them are
/// made anew.
const MAX_CHANGES: usize = 10_000;
const MAX_IDS: usize = 200_000;

/// What one reading of the log brought.
pub struct Reading {
    /// What the reading saw; every change that committed before is in this or an earlier reading.
    pub snapshot: Snapshot,
    /// Changes of transactions before this one may be missing.
    pub horizon: u64,
    /// The changes that the reading before did not see.
    pub changes: Vec<(Origin, Change)>,
    /// Whether changes in between may be missing: there were too many.
    pub gap: bool,
}

/// What made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The commit of this transaction.
    Commit(u64),
    /// The time: something took effect by itself.
    Due(DateTime<Utc>),
}

/// The changes that this process remembers. Positions count them from the start of the process.
pub struct Journal {
    /// The position after the newest change.
    end: AtomicU64,
    /// When the last complete reading began, in microseconds since `started`; 0 for never.
    read_us: AtomicU64,
    started: Instant,
    inner: RwLock<Inner>,
    /// Somebody wants a reading now.
    pub(super) wanted: Notify,
    readings: watch::Sender<u64>,
}

struct Inner {
    changes: VecDeque<(Origin, Change)>,
    /// The position of the first of them.
    first: u64,
    /// How many ids they name.
    ids: usize,
    /// Commits before this transaction may be missing.
    horizon: u64,
    /// What took effect by itself until then may be missing.
    due_horizon: DateTime<Utc>,
    /// What the last reading saw; none before the first one.
    snapshot: Option<Arc<Snapshot>>,
    /// What will take effect by itself.
    pending: BTreeMap<DateTime<Utc>, Vec<Change>>,
}

/// Where the log stood when the making of an answer began: the answer has seen at least this.
#[derive(Clone)]
pub struct Stamp {
    pub(super) position: u64,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) at: DateTime<Utc>,
}

const POISON: &str = "never poisoned: no code panics in it";

impl Default for Journal {
    fn default() -> Self {
        let inner = Inner {
            changes: VecDeque::new(),
            first: 0,
            ids: 0,
            horizon: 0,
            due_horizon: DateTime::UNIX_EPOCH,
            snapshot: None,
            pending: BTreeMap::new(),
        };
        Self {
            end: AtomicU64::new(0),
            read_us: AtomicU64::new(0),
            // A little in the past, so that no reading begins at 0.
            started: Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or_else(Instant::now),
            inner: RwLock::new(inner),
            wanted: Notify::new(),
            readings: watch::channel(0).0,
        }
    }
}

impl Journal {
    /// Whether the log was read a moment ago.
    pub fn is_current(&self) -> bool {
        let read_us = self.read_us.load(Ordering::Acquire);
        read_us != 0 && self.micros(Instant::now()) < read_us + CURRENT.as_micros() as u64
    }

    /// Where the log stands; none before the first reading.
    pub fn stamp(&self, now: DateTime<Utc>) -> Option<Stamp> {
        let inner = self.read();
        let snapshot = inner.snapshot.clone()?;
        Some(Stamp { position: self.end.load(Ordering::Acquire), snapshot, at: now })
    }

    /// What the last reading saw.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.read().snapshot.clone()
    }

    /// Whether nothing of what the log says has touched an answer of this process.
    pub fn holds(&self, entry: &Entry) -> bool {
        let position = entry.position.load(Ordering::Acquire);
        if position == self.end.load(Ordering::Acquire) {
            return true;
        }
        let inner = self.read();
        let Some(known) = position.checked_sub(inner.first) else { return false };
        let Ok(known) = usize::try_from(known) else { return false };
        if known > inner.changes.len() {
            return false;
        }
        if inner.changes.range(known..).any(|(_, change)| entry.depends.touched_by(change)) {
            entry.position.store(Entry::TOUCHED, Ordering::Release);
            return false;
        }
        let _ = entry.position.compare_exchange(
            position,
            inner.first + inner.changes.len() as u64,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        true
    }

    /// The same for an answer of another process, whose positions mean nothing here: by what it had seen.
    pub fn admits(&self, entry: &Entry) -> bool {
        let inner = self.read();
        if entry.snapshot.xmin < inner.horizon || entry.filled_at < inner.due_horizon {
            return false;
        }
        let news = |origin: &Origin| match origin {
            Origin::Commit(xid) => !entry.snapshot.sees(*xid),
            Origin::Due(at) => *at > entry.filled_at,
        };
        let touched = |(origin, change): &(Origin, Change)| news(origin) && entry.depends.touched_by(change);
        if inner.snapshot.is_none() || inner.changes.iter().any(touched) {
            return false;
        }
        entry.position.store(inner.first + inner.changes.len() as u64, Ordering::Release);
        true
    }

    /// Takes in a reading that began at `began`. `now` is the app's time.
    pub fn record(&self, reading: Reading, began: Instant, now: DateTime<Utc>) {
        let mut inner = self.inner.write().expect(POISON);
        let missed = inner.snapshot.as_ref().is_some_and(|last| {
            // The second: the database was set back in time.
            reading.horizon > last.xmin || reading.snapshot.xmax < last.xmax
        });
        if missed || reading.gap {
            inner.forget(reading.snapshot.xmax, now);
        }
        inner.horizon = inner.horizon.max(reading.horizon);
        for (origin, change) in reading.changes {
            match origin {
                Origin::Due(at) if at > now => inner.pending.entry(at).or_default().push(change),
                origin => inner.push(origin, change),
            }
        }
        while let Some(due) = inner.pending.first_entry().filter(|due| *due.key() <= now) {
            let (at, changes) = due.remove_entry();
            changes.into_iter().for_each(|change| inner.push(Origin::Due(at), change));
        }
        inner.trim();
        inner.snapshot = Some(Arc::new(reading.snapshot));
        self.end.store(inner.first + inner.changes.len() as u64, Ordering::Release);
        drop(inner);
        let read_us = self.micros(began);
        self.read_us.store(read_us, Ordering::Release);
        self.readings.send_replace(read_us);
    }

    /// Waits for a reading that begins after this call.
    pub async fn catch_up(&self) {
        let now = self.micros(Instant::now());
        let mut readings = self.readings.subscribe();
        self.wanted.notify_one();
        // The sender lives as long as this.
        let _ = readings.wait_for(|read_us| *read_us > now).await;
    }

    fn micros(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.started).as_micros() as u64
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().expect(POISON)
    }
}

impl Inner {
    fn push(&mut self, origin: Origin, change: Change) {
        self.ids += change.len();
        self.changes.push_back((origin, change));
    }

    /// Changes may be missing: no answer from before can be vouched for.
    fn forget(&mut self, horizon: u64, now: DateTime<Utc>) {
        self.first += self.changes.len() as u64 + 1;
        self.changes.clear();
        self.ids = 0;
        self.horizon = horizon;
        self.due_horizon = now;
    }

    fn trim(&mut self) {
        while self.changes.len() > MAX_CHANGES || self.ids > MAX_IDS {
            let Some((origin, change)) = self.changes.pop_front() else { return };
            self.first += 1;
            self.ids -= change.len();
            match origin {
                Origin::Commit(xid) => self.horizon = self.horizon.max(xid + 1),
                Origin::Due(at) => self.due_horizon = self.due_horizon.max(at),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::super::change::{Dependencies, kind};
    use super::*;

    fn reading(snapshot: &str, changes: Vec<(Origin, Change)>) -> Reading {
        Reading { snapshot: snapshot.parse().unwrap(), horizon: 3, changes, gap: false }
    }

    fn price_of(number: u128) -> Change {
        Change::new(kind::PRICE, Some(vec![Uuid::from_u128(number)]))
    }

    fn answer(stamp: &Stamp, number: u128) -> Entry {
        let ids = [Uuid::from_u128(number)].into();
        Entry::new("{}".into(), Dependencies { any: 0, own: kind::ALL, ids }, stamp)
    }

    #[test]
    fn an_answer_holds_until_a_change_touches_it() {
        let (journal, now) = (Journal::default(), DateTime::UNIX_EPOCH);
        assert!(!journal.is_current());
        assert!(journal.stamp(now).is_none());
        journal.record(reading("10:10:", vec![]), Instant::now(), now);
        assert!(journal.is_current());
        let stamp = journal.stamp(now).unwrap();
        let (one, two) = (answer(&stamp, 1), answer(&stamp, 2));
        journal.record(reading("11:11:", vec![(Origin::Commit(10), price_of(1))]), Instant::now(), now);
        assert!(!journal.holds(&one) && journal.holds(&two));
        assert!(!journal.holds(&one), "it does not come back");
        // Made while the change committed, stored after it was read.
        assert!(!journal.holds(&answer(&stamp, 1)));
        assert!(journal.holds(&answer(&journal.stamp(now).unwrap(), 1)));
    }

    #[test]
    fn an_answer_of_another_process_is_judged_by_what_it_had_seen() {
        let (journal, now) = (Journal::default(), DateTime::UNIX_EPOCH);
        let changes = vec![(Origin::Commit(12), price_of(1)), (Origin::Commit(15), price_of(2))];
        journal.record(Reading { horizon: 11, ..reading("16:16:", changes) }, Instant::now(), now);
        let made = |snapshot: &str, number| {
            let snapshot = Arc::new(snapshot.parse().unwrap());
            answer(&Stamp { position: 0, snapshot, at: now }, number)
        };
        assert!(journal.admits(&made("13:13:", 1)), "it saw the change");
        assert!(!journal.admits(&made("12:13:12", 1)), "the change was under way");
        assert!(!journal.admits(&made("13:13:", 2)));
        assert!(journal.admits(&made("13:13:", 3)));
        assert!(!journal.admits(&made("10:13:10", 3)), "changes that it did not see may be forgotten");
    }

    #[test]
    fn what_takes_effect_by_itself_touches_an_answer_in_time() {
        let (journal, now) = (Journal::default(), DateTime::UNIX_EPOCH);
        let due = now + TimeDelta::seconds(5);
        journal.record(reading("10:10:", vec![(Origin::Due(due), price_of(1))]), Instant::now(), now);
        let one = answer(&journal.stamp(now).unwrap(), 1);
        journal.record(reading("10:10:", vec![]), Instant::now(), due - TimeDelta::milliseconds(1));
        assert!(journal.holds(&one));
        journal.record(reading("10:10:", vec![]), Instant::now(), due);
        assert!(!journal.holds(&one));
        assert!(!journal.admits(&answer(&Stamp { at: now, ..journal.stamp(now).unwrap() }, 1)));
        assert!(journal.admits(&answer(&Stamp { at: due, ..journal.stamp(now).unwrap() }, 1)));
    }

    #[test]
    fn after_a_gap_nothing_from_before_holds() {
        let (journal, now) = (Journal::default(), DateTime::UNIX_EPOCH);
        for gap in [
            Reading { horizon: 12, ..reading("20:20:", vec![]) },
            Reading { gap: true, ..reading("30:30:", vec![]) },
            reading("9:9:", vec![]),
        ] {
            journal.record(reading("10:10:", vec![]), Instant::now(), now);
            let old = answer(&journal.stamp(now).unwrap(), 1);
            assert!(journal.holds(&old));
            journal.record(gap, Instant::now(), now);
            assert!(!journal.holds(&old));
            assert!(journal.holds(&answer(&journal.stamp(now).unwrap(), 1)));
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (journal, now) = (Journal::default(), DateTime::UNIX_EPOCH);
        journal.record(reading("10:10:", vec![]), Instant::now(), now);
        let old = answer(&journal.stamp(now).unwrap(), 1);
        let ids = |from: u128| Some((from..from + 1_000).map(Uuid::from_u128).collect());
        let changes =
            (0..300).map(|n| (Origin::Commit(10 + n), Change::new(kind::PRICE, ids(1_000)))).collect();
        journal.record(reading("400:400:", changes), Instant::now(), now);
        assert!(journal.inner.read().unwrap().ids <= MAX_IDS);
        assert!(!journal.holds(&old), "nobody knows any more");
    }

    #[tokio::test]
    async fn who_has_written_can_wait_until_it_was_read() {
        let journal = Journal::default();
        journal.record(reading("10:10:", vec![]), Instant::now(), DateTime::UNIX_EPOCH);
        let caught_up = journal.catch_up();
        tokio::pin!(caught_up);
        assert!(futures_util::poll!(&mut caught_up).is_pending());
        tokio::time::sleep(Duration::from_millis(2)).await;
        journal.record(reading("10:10:", vec![]), Instant::now(), DateTime::UNIX_EPOCH);
        caught_up.await;
    }
}
