//! An operator brings back or cancels all jobs that match a filter.

use crate::access::{Permission, Viewer};
use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};
use crate::ids::JobId;

use super::model::JobState;
use super::queries::matching::{self, Step};
use super::{JobFilter, registry};

/// How many jobs a call changes if it is not told.
pub const DEFAULT_LIMIT: i64 = 1_000;
/// How many jobs a call changes at most.
pub const MAX_LIMIT: i64 = 10_000;
/// Jobs per transaction: short enough that nobody waits for it.
const BATCH: usize = 500;

const RETRYABLE: [JobState; 4] =
    [JobState::Dead, JobState::Canceled, JobState::Retrying, JobState::Scheduled];
const CANCELABLE: [JobState; 4] =
    [JobState::Scheduled, JobState::Ready, JobState::Retrying, JobState::Running];

/// Which jobs, and how many of them.
#[derive(Debug, Clone)]
pub struct Selection {
    /// At least one condition.
    pub filter: JobFilter,
    /// Most jobs that are changed, 1 to [`MAX_LIMIT`].
    pub limit: i64,
    /// Only jobs behind this one: where an earlier call stopped.
    pub after: Option<JobId>,
}

/// What happened to the jobs of a [`Selection`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// How many were changed.
    pub count: i64,
    /// How many were left as they are: another unfinished job has their unique key, or they moved on by themselves.
    pub skipped: i64,
    /// Whether jobs match that the limit kept this call from looking at.
    pub has_more: bool,
    /// The last job that was looked at, or `after`.
    pub last: Option<JobId>,
}

/// Does what [`super::retry`] does to the matching jobs that are DEAD, CANCELED, RETRYING or SCHEDULED, oldest first, in
/// batches of 500 with a transaction each. Each job is looked at once, so one that dies again meanwhile stays dead. A job
/// whose unique key another unfinished job has is skipped. Needs JOBS_MANAGE. Rejects a filter without conditions.
pub async fn retry_matching(conn: &mut Conn, viewer: &Viewer, selection: &Selection) -> Result<Outcome> {
    let registry = registry::all();
    let kinds = registry.kinds();
    let attempts: Vec<_> =
        kinds.iter().map(|kind| registry.handler(kind).map_or(1, |handler| handler.max_attempts)).collect();
    change_matching(conn, viewer, selection, Step::Retry(&kinds, &attempts), &RETRYABLE).await
}

/// Does what [`super::cancel`] does to the matching jobs that are not finished, oldest first, in batches of 500 with a
/// transaction each. One that runs and was asked to end before is not looked at. Needs JOBS_MANAGE. Rejects a filter without
/// conditions.
pub async fn cancel_matching(conn: &mut Conn, viewer: &Viewer, selection: &Selection) -> Result<Outcome> {
    change_matching(conn, viewer, selection, Step::Cancel, &CANCELABLE).await
}

async fn change_matching(
    conn: &mut Conn,
    viewer: &Viewer,
    selection: &Selection,
    step: Step<'_>,
    possible: &[JobState],
) -> Result<Outcome> {
    viewer.require(Permission::JobsManage)?;
    check(selection)?;
    let asked = selection.filter.states.as_deref();
    let states: Vec<_> =
        possible.iter().copied().filter(|state| asked.is_none_or(|asked| asked.contains(state))).collect();
    let filter = JobFilter { states: Some(states.clone()), ..selection.filter.clone() };

    let mut outcome = Outcome { count: 0, skipped: 0, has_more: false, last: selection.after };
    while !states.is_empty() {
        let left = usize::try_from(selection.limit - outcome.count).unwrap_or(0);
        if left == 0 {
            outcome.has_more = !matching::candidates(conn, &filter, outcome.last, 1).await?.is_empty();
            break;
        }
        let ids = matching::candidates(conn, &filter, outcome.last, BATCH as i64).await?;
        let Some(&last) = ids.last() else { break };
        let changed = matching::change(conn, step, &ids, &states, left).await?;
        // What lies behind the last one that the limit allowed was not decided upon.
        let last = if changed.len() == left { changed.last().copied().unwrap_or(last) } else { last };
        let seen = ids.iter().filter(|id| **id <= last).count();
        outcome.count += changed.len() as i64;
        outcome.skipped += (seen - changed.len()) as i64;
        outcome.last = Some(last);
    }
    Ok(outcome)
}

fn check(selection: &Selection) -> Result<()> {
    if selection.filter.is_empty() {
        let why = "Name at least one condition: this would touch every job.";
        return Err(Rejection::new(Reason::Required, why).at(["input", "where"]).into());
    }
    if !(1..=MAX_LIMIT).contains(&selection.limit) {
        let why = format!("The limit is a number from 1 to {MAX_LIMIT}.");
        return Err(Rejection::new(Reason::Invalid, why).at(["input", "limit"]).into());
    }
    Ok(())
}
