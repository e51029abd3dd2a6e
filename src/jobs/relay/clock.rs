//! Schedules: jobs that are enqueued by the clock, once however many processes run.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use uuid::Uuid;

use crate::db::Conn;
use crate::jobs::ledger::insert::{self, Policy};
use crate::jobs::ledger::schedule::{self, DueSchedule};
use crate::jobs::ledger::{Session, answered};
use crate::jobs::registry::Registry;

/// Enters queues and schedules of this version.
pub async fn declare(ledger: &mut Session, registry: &Registry) -> anyhow::Result<()> {
    let conn = ledger.conn().await?;
    answered(schedule::declare_queues(conn, &registry.queues())).await?;
    for it in registry.schedules() {
        answered(schedule::declare(conn, it.name, it.kind, it.queue, it.cron, &it.payload)).await?;
    }
    Ok(())
}

/// Enqueues the jobs whose time has come. What was missed while no process ran is run once, not as often as it was
/// missed.
pub async fn fire(ledger: &mut Session, registry: &Registry) -> anyhow::Result<()> {
    let conn = ledger.conn().await?;
    answered(conn.transaction(async |conn| {
        for due in schedule::lock_due(conn, &registry.kinds()).await? {
            fire_one(conn, registry, &due).await?;
        }
        Ok(())
    }))
    .await
}

async fn fire_one(conn: &mut Conn, registry: &Registry, due: &DueSchedule) -> diesel::QueryResult<()> {
    let fired_at = due.next_run_at.map(|_| due.now);
    if let (Some(_), Some(handler)) = (fired_at, registry.handler(&due.kind)) {
        let policy = Policy {
            kind: handler.kind,
            queue: handler.queue,
            priority: handler.priority,
            max_attempts: handler.max_attempts,
            run_at: None,
            traceparent: None,
            created_by: None,
        };
        // The key leaves this run out while the last one is unfinished.
        let key = Some(format!("schedule:{}", due.name));
        insert::insert(conn, &policy, &[Uuid::now_v7()], std::slice::from_ref(&due.payload), &[key]).await?;
    }
    schedule::advance(conn, &due.name, fired_at, next(&due.cron, due.now)).await
}

/// The next time after `now`; none when the expression never comes true again or cannot be read.
fn next(cron: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match cron::Schedule::from_str(cron) {
        Ok(schedule) => schedule.after(&now).next(),
        Err(error) => {
            tracing::error!(cron, %error, "a schedule cannot be read");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_lies_after_now() {
        let now = "2026-11-01T10:17:00Z".parse().unwrap();
        assert_eq!(next("0 17 * * * *", now), Some("2026-11-01T11:17:00Z".parse().unwrap()));
        assert_eq!(next("never", now), None);
    }
}
