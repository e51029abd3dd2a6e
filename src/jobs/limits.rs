//! An operator limits a queue, everywhere together.

use crate::access::{Permission, Viewer};
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};

use super::model::{QueueCounts, Rate};
use super::queries;

/// More than any shop runs at a time; beyond it a limit limits nothing.
const MAX_RUNNING: i32 = 1_000_000;
/// More than the platform begins in any second.
const MAX_RATE_JOBS: i32 = 1_000_000;
/// From a millisecond to 31 days.
const RATE_PERIOD_SECONDS: std::ops::RangeInclusive<f64> = 0.001..=2_678_400.0;

/// What changes: `None` leaves a limit as it is, `Some(None)` removes it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LimitChange {
    /// Most jobs of the queue that run at a time.
    pub max_running: Option<Option<i32>>,
    /// Most jobs of the queue that are begun per period.
    pub rate: Option<Option<Rate>>,
}

/// Changes the limits of a queue. A rate that is set begins with a full bucket, also if it is the same as before. Jobs that
/// run already go on. Needs JOBS_MANAGE. Rejects an unknown queue and values out of range.
pub async fn set_limits(
    conn: &mut Conn,
    viewer: &Viewer,
    name: &str,
    change: LimitChange,
) -> Result<QueueCounts> {
    viewer.require(Permission::JobsManage)?;
    let rejections = check(change);
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    let missing =
        || Rejection::new(Reason::NotFound, "There is no queue with this name.").at(["input", "name"]);
    if !queries::set_limits(conn, name, change).await? {
        return Err(missing().into());
    }
    queries::queue(conn, name).await?.ok_or_else(|| missing().into())
}

fn check(change: LimitChange) -> Vec<Rejection> {
    let invalid = |why: String, field: &[&str]| {
        Rejection::new(Reason::Invalid, why).at(["input"].iter().chain(field).copied())
    };
    let mut found = Vec::new();
    if let Some(Some(most)) = change.max_running
        && !(1..=MAX_RUNNING).contains(&most)
    {
        let why = format!("The most jobs at a time is a number from 1 to {MAX_RUNNING}.");
        found.push(invalid(why, &["maxRunning"]));
    }
    if let Some(Some(rate)) = change.rate {
        if !(1..=MAX_RATE_JOBS).contains(&rate.jobs) {
            let why = format!("The jobs of a rate are a number from 1 to {MAX_RATE_JOBS}.");
            found.push(invalid(why, &["rate", "jobs"]));
        }
        if !RATE_PERIOD_SECONDS.contains(&rate.period_seconds) {
            let why = "The period of a rate lies between 0.001 and 2,678,400 seconds (31 days).".to_owned();
            found.push(invalid(why, &["rate", "periodSeconds"]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_to_be_a_number_in_range() {
        let fields = |jobs, period_seconds| {
            let rate = Rate { jobs, period_seconds };
            let change = LimitChange { max_running: None, rate: Some(Some(rate)) };
            check(change).iter().map(|rejection| rejection.field.join(".")).collect::<Vec<_>>()
        };
        assert!(fields(1, 0.001).is_empty());
        assert_eq!(fields(1, f64::NAN), ["input.rate.periodSeconds"]);
        assert_eq!(fields(0, 0.0), ["input.rate.jobs", "input.rate.periodSeconds"]);
        assert!(check(LimitChange { max_running: Some(None), rate: Some(None) }).is_empty());
    }
}
