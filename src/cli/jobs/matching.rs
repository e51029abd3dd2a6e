//! `ironmonger jobs retry` and `ironmonger jobs cancel`: jobs by id, or all that match.

use chrono::{DateTime, Utc};
use clap::Args;

use crate::access::Viewer;
use crate::db::PooledConn;
use crate::ids::JobId;
use crate::jobs::{self, JobFilter, JobState, Outcome, Selection, TimeRange};

use super::OutputArgs;
use super::print::{print_jobs, print_json};

/// Conditions on jobs; all must hold.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Only these states, such as `dead` or `ready,running`.
    #[arg(long, value_delimiter = ',')]
    state: Vec<JobState>,
    /// Only this queue.
    #[arg(long)]
    queue: Option<String>,
    /// Only this kind, such as `catalog.import`.
    #[arg(long)]
    kind: Option<String>,
    /// Only those whose last error has this text in it.
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Only those enqueued at this time or later, such as `2026-11-23T08:00:00Z`.
    #[arg(long, value_name = "TIME")]
    created_after: Option<DateTime<Utc>>,
    /// Only those enqueued at this time or earlier.
    #[arg(long, value_name = "TIME")]
    created_before: Option<DateTime<Utc>>,
    /// Only those finished at this time or later.
    #[arg(long, value_name = "TIME")]
    finished_after: Option<DateTime<Utc>>,
    /// Only those finished at this time or earlier.
    #[arg(long, value_name = "TIME")]
    finished_before: Option<DateTime<Utc>>,
}

impl From<FilterArgs> for JobFilter {
    fn from(args: FilterArgs) -> Self {
        Self {
            states: (!args.state.is_empty()).then_some(args.state),
            queue: args.queue,
            kind: args.kind,
            error_contains: args.error,
            created_at: TimeRange { from: args.created_after, to: args.created_before },
            finished_at: TimeRange { from: args.finished_after, to: args.finished_before },
        }
    }
}

/// Jobs by their ids, or by conditions: one of both.
#[derive(Debug, Args)]
pub struct SelectArgs {
    /// The jobs' ids.
    #[arg(
        required_unless_present_any = CONDITIONS,
        conflicts_with_all = CONDITIONS,
    )]
    ids: Vec<JobId>,
    #[command(flatten)]
    filter: FilterArgs,
    /// At most so many of those that match; all if absent.
    #[arg(long, conflicts_with = "ids", value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,
    #[command(flatten)]
    output: OutputArgs,
}

const CONDITIONS: [&str; 8] = [
    "state",
    "queue",
    "kind",
    "error",
    "created_after",
    "created_before",
    "finished_after",
    "finished_before",
];

/// What is done to the jobs.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// Ready again.
    Retry,
    /// Canceled.
    Cancel,
}

/// Does it.
pub async fn run(conn: &mut PooledConn, action: Action, args: SelectArgs) -> anyhow::Result<()> {
    if !args.ids.is_empty() {
        let mut rows = Vec::new();
        for &id in &args.ids {
            rows.push(match action {
                Action::Retry => jobs::retry(conn, &Viewer::System, id).await?,
                Action::Cancel => jobs::cancel(conn, &Viewer::System, id).await?,
            });
        }
        return print_jobs(&rows, &args.output);
    }
    let done = all(conn, action, args.filter.into(), args.limit).await?;
    if args.output.json {
        let (count, skipped) = (done.count, done.skipped);
        return print_json(
            &serde_json::json!({ "count": count, "skipped": skipped, "hasMore": done.has_more }),
        );
    }
    let (verb, why) = match action {
        Action::Retry => ("made ready again", "another unfinished job does the same work"),
        Action::Cancel => ("canceled or asked to stop", "they moved on in the meantime"),
    };
    println!("{verb}: {}", done.count);
    if done.skipped > 0 {
        println!("skipped, for {why}: {}", done.skipped);
    }
    if done.has_more {
        println!("more jobs match; the limit is reached");
    }
    Ok(())
}

/// Goes on behind the last job of the call before until nothing is left, or `limit` jobs are changed.
async fn all(
    conn: &mut PooledConn,
    action: Action,
    filter: JobFilter,
    limit: Option<i64>,
) -> anyhow::Result<Outcome> {
    let mut selection = Selection { filter, limit: jobs::DEFAULT_LIMIT, after: None };
    let mut total = Outcome { count: 0, skipped: 0, has_more: true, last: None };
    while total.has_more {
        let left = limit.map_or(i64::MAX, |limit| limit - total.count);
        if left == 0 {
            break;
        }
        selection.limit = left.min(jobs::DEFAULT_LIMIT);
        selection.after = total.last;
        let done = match action {
            Action::Retry => jobs::retry_matching(conn, &Viewer::System, &selection).await?,
            Action::Cancel => jobs::cancel_matching(conn, &Viewer::System, &selection).await?,
        };
        total.count += done.count;
        total.skipped += done.skipped;
        total.has_more = done.has_more;
        total.last = done.last;
    }
    Ok(total)
}
