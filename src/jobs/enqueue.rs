//! Putting a job into the ledger.

use chrono::{DateTime, Utc};

use crate::db::Conn;
use crate::error::Result;
use crate::ids::{JobId, UserId};

use super::Job;
use super::ledger::insert::{self, Policy};

/// What differs from the job's own policy.
#[derive(Debug, Clone, Default)]
pub struct EnqueueOptions {
    /// Not before this time.
    pub run_at: Option<DateTime<Utc>>,
    /// Instead of the job's own priority.
    pub priority: Option<i16>,
    /// May read this job without JOBS_READ.
    pub created_by: Option<UserId>,
    /// The W3C trace context that the run belongs to, instead of that of whoever enqueues it, see [`crate::trace`].
    pub traceparent: Option<String>,
}

/// Inserts the job's row in the caller's transaction and tells the relays at commit. Nothing else, so it works while
/// Redis is down. One statement; with a unique key that an unfinished job has, answers with that job's id, by a second one.
pub async fn enqueue<J: Job>(conn: &mut Conn, job: &J, options: EnqueueOptions) -> Result<JobId> {
    let ids = enqueue_all(conn, std::slice::from_ref(job), options).await?;
    Ok(ids.into_iter().next().expect("one job gives one id"))
}

/// The same for many jobs of one kind, in one statement. The ids are in the order of the jobs.
pub async fn enqueue_all<J: Job>(conn: &mut Conn, jobs: &[J], options: EnqueueOptions) -> Result<Vec<JobId>> {
    let traceparent =
        options.traceparent.or_else(|| crate::trace::current().map(|context| context.to_string()));
    let policy = Policy {
        kind: J::KIND,
        queue: J::QUEUE,
        priority: options.priority.unwrap_or(J::PRIORITY),
        max_attempts: J::MAX_ATTEMPTS,
        run_at: options.run_at,
        traceparent: traceparent.as_deref(),
        created_by: options.created_by,
    };
    let payloads: Vec<_> =
        jobs.iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(crate::Error::fault)?;
    let keys: Vec<_> = jobs.iter().map(Job::unique_key).collect();
    let mut ids: Vec<_> = jobs.iter().map(|_| JobId::new()).collect();
    let uuids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let inserted = insert::insert(conn, &policy, &uuids, &payloads, &keys).await?;
    if inserted.len() < jobs.len() {
        let inserted: std::collections::HashSet<_> = inserted.into_iter().collect();
        for (position, id) in ids.iter_mut().enumerate().filter(|(_, id)| !inserted.contains(&id.0)) {
            let key = keys[position].as_deref().expect("only a unique key keeps a job out");
            *id = join(conn, &policy, *id, &payloads[position], key).await?;
        }
    }
    Ok(ids)
}

/// The id of the unfinished job with this key; if it finished just now, the job is inserted after all.
async fn join(
    conn: &mut Conn,
    policy: &Policy<'_>,
    id: JobId,
    payload: &serde_json::Value,
    key: &str,
) -> Result<JobId> {
    loop {
        if let Some(existing) = insert::find_by_key(conn, key).await? {
            return Ok(JobId(existing));
        }
        let payload = std::slice::from_ref(payload);
        if !insert::insert(conn, policy, &[id.0], payload, &[Some(key.to_owned())]).await?.is_empty() {
            return Ok(id);
        }
    }
}
