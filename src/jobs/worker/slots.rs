//! Places to run, given out in the order in which jobs were taken: by priority and age.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

/// The places. Cheap to clone.
#[derive(Clone)]
pub struct Slots(Arc<Mutex<Inner>>);

struct Inner {
    free: usize,
    queue: VecDeque<oneshot::Sender<Slot>>,
}

/// A place; dropping it gives it to the next one.
pub struct Slot(Option<Slots>);

impl Slots {
    /// So many places.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner { free: count, queue: VecDeque::new() })))
    }

    /// Gets in line. Whoever drops the answer has left the line.
    pub fn line_up(&self) -> oneshot::Receiver<Slot> {
        let (sender, receiver) = oneshot::channel();
        self.inner().queue.push_back(sender);
        self.give_out();
        receiver
    }

    fn give_out(&self) {
        loop {
            let next = {
                let mut inner = self.inner();
                if inner.free == 0 {
                    return;
                }
                let Some(next) = inner.queue.pop_front() else { return };
                inner.free -= 1;
                next
            };
            if let Err(mut slot) = next.send(Slot(Some(self.clone()))) {
                // It has left the line; its place must not be given out from within the drop, for lines are long.
                slot.0 = None;
                self.inner().free += 1;
            }
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().expect("nothing panics while it holds this")
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(slots) = self.0.take() {
            slots.inner().free += 1;
            slots.give_out();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_out_in_order_past_those_who_left() {
        let slots = Slots::new(1);
        let first = slots.line_up().try_recv().unwrap();
        let gone = slots.line_up();
        let mut second = slots.line_up();
        let mut third = slots.line_up();
        assert!(second.try_recv().is_err());
        drop(gone);
        drop(first);
        let place = second.try_recv().unwrap();
        assert!(third.try_recv().is_err());
        drop(place);
        assert!(third.try_recv().is_ok());
    }
}
