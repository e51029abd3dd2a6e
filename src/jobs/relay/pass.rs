//! One look at the ledger and one push.

use std::time::Duration;

use diesel_async::AsyncConnection;
use uuid::Uuid;

use crate::jobs::ledger::dispatch::{self, Dispatched};
use crate::jobs::ledger::{Session, answered};
use crate::jobs::transport::{Envelope, Road, Survey};

/// Most envelopes that wait in Redis per queue. Enough for a tenth of a second at 10,000 jobs a second; few enough that
/// Redis stays small and a pause takes effect.
const WINDOW: usize = 1_000;
/// Most envelopes per queue and push.
const PUSH: i32 = 500;
/// Delayed jobs made ready at a time.
const PROMOTE: i64 = 1_000;

/// Most envelopes of a push that follows a notice.
const FEW: i32 = 16;

/// What a pass did.
pub enum Progress {
    /// Something; look again at once.
    Pushed,
    /// Jobs wait in the ledger, but enough envelopes wait in Redis.
    Full,
    /// There is nothing to push; a delayed job is due in `next`.
    Idle {
        /// Absent when there is no delayed job.
        next: Option<Duration>,
    },
}

/// What the relay remembers from pass to pass.
#[derive(Default)]
pub struct Pass {
    epoch: Option<Uuid>,
}

impl Pass {
    /// Looks and pushes. Without Redis the ledger is left as it is.
    pub async fn run(&mut self, ledger: &mut Session, road: &mut Road) -> anyhow::Result<Progress> {
        let conn = ledger.conn().await?;
        let mut due = answered(dispatch::look(conn)).await?;
        if due.next_in_s.is_some_and(|seconds| seconds <= 0.0) {
            answered(dispatch::promote(conn, PROMOTE)).await?;
            due = answered(dispatch::look(conn)).await?;
        }
        // Also when nothing is due: what Redis lost is due, and only this shows it.
        let survey = road.survey(&due.queues).await?;
        let Some(epoch) = self.epoch.filter(|&epoch| survey.epoch == Some(epoch)) else {
            self.epoch = Some(reconcile(ledger, road).await?);
            return Ok(Progress::Pushed);
        };
        let mut next = due.next_in_s.unwrap_or(f64::INFINITY);
        let mut pushed = false;
        for queue in &due.limited {
            let conn = ledger.conn().await?;
            let taking = conn.transaction(async |conn| dispatch::take_limited(conn, queue, PUSH).await);
            let Some(taken) = answered(taking).await? else { continue };
            next = next.min(taken.next_in_s.unwrap_or(f64::INFINITY));
            if !taken.jobs.is_empty() {
                self.push(ledger, road, epoch, queue, &taken.jobs).await?;
                pushed = true;
            }
        }
        let rooms = rooms(&survey, due.queues.len());
        let full = !due.queues.is_empty() && rooms.iter().all(|&room| room == 0);
        if !due.queues.is_empty() && !full {
            let taken = answered(dispatch::take(ledger.conn().await?, &due.queues, &rooms)).await?;
            for queue in &due.queues {
                self.push(ledger, road, epoch, queue, &taken).await?;
            }
            // None when another relay was faster.
            pushed |= !taken.is_empty();
        }
        Ok(match (pushed, full) {
            (true, _) => Progress::Pushed,
            (false, true) => Progress::Full,
            (false, false) => {
                let next = next.is_finite().then(|| Duration::from_secs_f64(next.clamp(0.0, 3600.0)));
                Progress::Idle { next }
            }
        })
    }

    /// Pushes what was just enqueued in a system that had nothing to do, without looking around first. A pass has to
    /// follow: this one leaves out queues with limits, and whatever is more than a few.
    pub async fn hurry(
        &mut self,
        ledger: &mut Session,
        road: &mut Road,
        queue: String,
    ) -> anyhow::Result<()> {
        let Some(epoch) = self.epoch else { return Ok(()) };
        let queues = std::slice::from_ref(&queue);
        let taken = answered(dispatch::take(ledger.conn().await?, queues, &[FEW])).await?;
        self.push(ledger, road, epoch, &queue, &taken).await
    }

    async fn push(
        &mut self,
        ledger: &mut Session,
        road: &mut Road,
        epoch: Uuid,
        queue: &str,
        taken: &[Dispatched],
    ) -> anyhow::Result<()> {
        let envelopes: Vec<_> = taken
            .iter()
            .filter(|job| job.queue == queue)
            .map(|job| Envelope { job_id: job.id, priority: job.priority, due_second: job.due_second })
            .collect();
        if envelopes.is_empty() {
            return Ok(());
        }
        let pushed = road.push(epoch, queue, &envelopes).await;
        if matches!(pushed, Ok(true)) {
            return Ok(());
        }
        // If this fails too, or the push arrived after all, no harm is done: the reaper, or a claim, sets it right.
        let ids: Vec<_> = envelopes.iter().map(|envelope| envelope.job_id).collect();
        answered(dispatch::put_back(ledger.conn().await?, &ids)).await?;
        pushed?;
        Ok(())
    }
}

/// How many to push to each queue. Small rooms wait until they have grown, as long as the workers have something to do.
fn rooms(survey: &Survey, queues: usize) -> Vec<i32> {
    let room = |&waiting: &usize| match WINDOW.saturating_sub(waiting) {
        room if waiting > 0 && room < WINDOW / 4 => 0,
        room => i32::try_from(room).unwrap_or(PUSH).min(PUSH),
    };
    survey.waiting.iter().take(queues).map(room).collect()
}

/// Finds the epoch that ledger and Redis agree on. Redis without it was emptied: everything that was pushed becomes due
/// again. One process does this while the others wait for the row.
async fn reconcile(ledger: &mut Session, road: &mut Road) -> anyhow::Result<Uuid> {
    let conn = ledger.conn().await?;
    let known = tokio::time::timeout(
        Duration::from_secs(10),
        conn.transaction(async |conn| {
            let known = dispatch::lock_epoch(conn).await?;
            if road.survey(&[]).await?.epoch == Some(known) {
                return Ok(known);
            }
            let epoch = Uuid::new_v4();
            let lost = dispatch::forget_pushed(conn, epoch).await?;
            // Before the commit: if that fails, Redis and ledger differ and the next pass does it again.
            road.set_epoch(epoch).await?;
            if lost > 0 {
                tracing::warn!(jobs = lost, "Redis was emptied; what it held is pushed again");
            }
            Ok::<_, anyhow::Error>(epoch)
        }),
    )
    .await??;
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_filled_in_large_steps() {
        let survey = Survey { epoch: None, waiting: vec![0, 100, WINDOW - 10, WINDOW + 5] };
        assert_eq!(rooms(&survey, 4), vec![500, 500, 0, 0]);
    }
}
