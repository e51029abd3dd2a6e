//! What this process holds a lease on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Why a run's token is canceled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// An operator asked for it.
    Requested,
    /// Another worker has the job now.
    LeaseLost,
    /// The process shuts down.
    Stopping,
}

/// One lease.
#[derive(Debug)]
pub struct Lease {
    /// The job.
    pub id: Uuid,
    /// Proves that it is ours.
    pub token: Uuid,
    /// Canceled for a [`Reason`].
    pub canceled: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    reason: Option<Reason>,
    /// A run that hangs past its timeout in a way that nothing ends is not renewed for ever.
    renew_until: Option<Instant>,
    ended: bool,
}

impl Lease {
    /// Of a job just claimed.
    pub fn new(id: Uuid, token: Uuid) -> Self {
        Self { id, token, canceled: CancellationToken::new(), state: Mutex::default() }
    }

    /// Why the run should end, if it should.
    pub fn reason(&self) -> Option<Reason> {
        self.state().reason
    }

    /// Tells the run to end. The first reason counts, but a lost lease outweighs the others.
    pub fn cancel(&self, reason: Reason) {
        let mut state = self.state();
        if state.reason.is_none() || reason == Reason::LeaseLost {
            state.reason = Some(reason);
        }
        drop(state);
        self.canceled.cancel();
    }

    /// The run begins, and ends before `until`, whatever the handler does, if only it yields. Renews no longer than that.
    pub fn begin(&self, until: Instant) {
        self.state().renew_until = Some(until);
    }

    /// The run is over; what is left is to record it.
    pub fn end(&self) {
        self.state().ended = true;
    }

    /// Whether a handler has begun and not ended.
    pub fn is_running(&self) -> bool {
        let state = self.state();
        state.renew_until.is_some() && !state.ended
    }

    /// Whether the run should have ended, by itself or by force.
    pub fn is_overdue(&self) -> bool {
        let state = self.state();
        !state.ended && state.renew_until.is_some_and(|until| Instant::now() >= until)
    }

    fn renewable(&self) -> bool {
        let state = self.state();
        state.reason != Some(Reason::LeaseLost)
            && state.renew_until.is_none_or(|until| Instant::now() < until)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this")
    }
}

/// The leases of this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Held(Arc<Mutex<HashMap<Uuid, Arc<Lease>>>>);

impl Held {
    /// Adds a lease.
    pub fn add(&self, lease: Arc<Lease>) {
        self.map().insert(lease.id, lease);
    }

    /// Removes a lease, unless the job was claimed anew in the meantime.
    pub fn remove(&self, lease: &Lease) {
        let mut map = self.map();
        if map.get(&lease.id).is_some_and(|held| held.token == lease.token) {
            map.remove(&lease.id);
        }
    }

    /// The lease on a job.
    pub fn get(&self, id: Uuid) -> Option<Arc<Lease>> {
        self.map().get(&id).cloned()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Lease>> {
        self.map().values().cloned().collect()
    }

    /// Those that are to be renewed.
    pub fn renewable(&self) -> Vec<Arc<Lease>> {
        self.map().values().filter(|lease| lease.renewable()).cloned().collect()
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Arc<Lease>>> {
        self.0.lock().expect("nothing panics while it holds this")
    }
}
