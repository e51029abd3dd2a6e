//! `ironmonger jobs …`

use clap::{Args, Subcommand};

use crate::access::Viewer;
use crate::app::App;
use crate::config::Config;
use crate::db::PooledConn;
use crate::ids::JobId;
use crate::jobs::{self, Attempt, JobFilter, JobRow, JobState, QueueCounts};
use crate::pagination::PageArgs;

/// Shows and steers jobs.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Lists jobs, newest first.
    List(ListArgs),
    /// Shows one job with its attempts.
    Show(IdArgs),
    /// Makes dead or canceled jobs ready again, and waiting ones at once.
    Retry(IdsArgs),
    /// Cancels waiting jobs and asks running ones to stop.
    Cancel(IdsArgs),
    /// Begins no job of a queue until it is resumed.
    Pause(QueueArgs),
    /// Begins jobs of a paused queue again.
    Resume(QueueArgs),
    /// Shows queues, workers and schedules.
    Stats(OutputArgs),
}

/// How to print.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Print JSON for programs.
    #[arg(long)]
    json: bool,
}

/// Which jobs to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only these states, such as `dead` or `ready,running`.
    #[arg(long, value_delimiter = ',')]
    state: Vec<JobState>,
    /// Only this queue.
    #[arg(long)]
    queue: Option<String>,
    /// Only this kind, such as `catalog.import`.
    #[arg(long)]
    kind: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    output: OutputArgs,
}

/// One job.
#[derive(Debug, Args)]
pub struct IdArgs {
    /// The job's id.
    id: JobId,
    #[command(flatten)]
    output: OutputArgs,
}

/// Some jobs.
#[derive(Debug, Args)]
pub struct IdsArgs {
    /// The jobs' ids.
    #[arg(required = true)]
    ids: Vec<JobId>,
    #[command(flatten)]
    output: OutputArgs,
}

/// A queue.
#[derive(Debug, Args)]
pub struct QueueArgs {
    /// The queue's name.
    name: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub async fn run(command: JobsCommand) -> anyhow::Result<()> {
    let app = App::without_keys(Config::for_command()?)?;
    let mut conn = app.db.get().await?;
    match command {
        JobsCommand::List(args) => list(&mut conn, args).await,
        JobsCommand::Show(args) => show(&mut conn, args).await,
        JobsCommand::Retry(args) => {
            let mut rows = Vec::new();
            for &id in &args.ids {
                rows.push(jobs::retry(&mut conn, &Viewer::System, id).await?);
            }
            print_jobs(&rows, &args.output)
        }
        JobsCommand::Cancel(args) => {
            let mut rows = Vec::new();
            for &id in &args.ids {
                rows.push(jobs::cancel(&mut conn, &Viewer::System, id).await?);
            }
            print_jobs(&rows, &args.output)
        }
        JobsCommand::Pause(args) => {
            let queue = jobs::pause(&mut conn, &Viewer::System, &args.name).await?;
            print_queues(&[queue], &args.output)
        }
        JobsCommand::Resume(args) => {
            let queue = jobs::resume(&mut conn, &Viewer::System, &args.name).await?;
            print_queues(&[queue], &args.output)
        }
        JobsCommand::Stats(output) => stats(&mut conn, &output).await,
    }
}

async fn list(conn: &mut PooledConn, args: ListArgs) -> anyhow::Result<()> {
    let states = (!args.state.is_empty()).then_some(args.state);
    let filter = JobFilter { states, queue: args.queue, kind: args.kind };
    let mut rows = Vec::new();
    let mut page_args = PageArgs::first(0);
    let mut left = i64::from(args.limit);
    while left > 0 {
        page_args.size = left.min(crate::pagination::MAX_PAGE_SIZE);
        let page = jobs::list(conn, &Viewer::System, &filter, &page_args).await?;
        left = if page.has_next { left - page_args.size } else { 0 };
        page_args.cursor = page.items.last().map(|(cursor, _)| cursor.clone());
        rows.extend(page.items.into_iter().map(|(_, row)| row));
    }
    print_jobs(&rows, &args.output)
}

async fn show(conn: &mut PooledConn, args: IdArgs) -> anyhow::Result<()> {
    let job = jobs::get(conn, &Viewer::System, args.id).await?;
    let job = job.ok_or_else(|| anyhow::anyhow!("there is no job with this id"))?;
    let attempts = jobs::attempts(conn, &job).await?;
    if args.output.json {
        let mut json = job_json(&job);
        json["payload"] = job.payload.clone();
        json["result"] = job.result.clone().unwrap_or_default();
        json["attempts"] = attempts.iter().map(attempt_json).collect();
        return print_json(&json);
    }
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    let total = job.progress_total.map_or(String::new(), |total| format!(" of {total}"));
    let lines = [
        ("id", job.id.to_string()),
        ("kind", job.kind.clone()),
        ("queue", format!("{} (priority {})", job.queue, job.priority)),
        ("state", state_text(&job)),
        ("attempt", format!("{} of {}", job.attempt, job.max_attempts)),
        (
            "progress",
            format!("{}{total} {}", job.progress_done, job.progress_note.clone().unwrap_or_default()),
        ),
        ("created", time(job.created_at)),
        ("due", time(job.run_at)),
        ("started", text(job.started_at.map(time))),
        ("finished", text(job.finished_at.map(time))),
        ("worker", text(job.worker.clone())),
        ("error", text(job.last_error.clone())),
        ("payload", job.payload.to_string()),
        ("result", text(job.result.as_ref().map(ToString::to_string))),
    ];
    for (name, value) in lines {
        println!("{name:<9} {value}");
    }
    if !attempts.is_empty() {
        println!();
        let rows = attempts.into_iter().map(|attempt| {
            let ended = attempt.finished_at.map_or("-".into(), time);
            let error = attempt.error.unwrap_or_else(|| "-".into());
            vec![attempt.number.to_string(), attempt.worker, time(attempt.started_at), ended, error]
        });
        print_table(&["ATTEMPT", "WORKER", "STARTED", "ENDED", "ERROR"], rows);
    }
    Ok(())
}

async fn stats(conn: &mut PooledConn, output: &OutputArgs) -> anyhow::Result<()> {
    let queues = jobs::queues(conn, &Viewer::System).await?;
    let workers = jobs::workers(conn, &Viewer::System).await?;
    let schedules = jobs::schedules(conn, &Viewer::System).await?;
    if output.json {
        let workers: Vec<_> = workers
            .iter()
            .map(|worker| {
                serde_json::json!({
                    "id": worker.id, "host": worker.host, "pid": worker.pid, "version": worker.version,
                    "queues": worker.queues, "concurrency": worker.concurrency, "running": worker.running,
                    "startedAt": worker.started_at, "lastSeenAt": worker.last_seen_at,
                })
            })
            .collect();
        let schedules: Vec<_> = schedules
            .iter()
            .map(|it| {
                serde_json::json!({
                    "name": it.name, "kind": it.kind, "queue": it.queue, "cron": it.cron, "enabled": it.enabled,
                    "lastRunAt": it.last_run_at, "nextRunAt": it.next_run_at,
                })
            })
            .collect();
        let queues: Vec<_> = queues.iter().map(queue_json).collect();
        return print_json(
            &serde_json::json!({ "queues": queues, "workers": workers, "schedules": schedules }),
        );
    }
    print_queues(&queues, output)?;
    println!();
    let rows = workers.into_iter().map(|worker| {
        let load = format!("{}/{}", worker.running, worker.concurrency);
        vec![
            worker.id,
            worker.host,
            worker.pid.to_string(),
            load,
            worker.queues.join(","),
            time(worker.started_at),
        ]
    });
    print_table(&["WORKER", "HOST", "PID", "RUNNING", "QUEUES", "SINCE"], rows);
    println!();
    let rows = schedules.into_iter().map(|it| {
        let next = if it.enabled { it.next_run_at.map_or("-".into(), time) } else { "disabled".into() };
        vec![it.name, it.kind, it.cron, it.last_run_at.map_or("-".into(), time), next]
    });
    print_table(&["SCHEDULE", "KIND", "CRON (UTC)", "LAST", "NEXT"], rows);
    Ok(())
}

fn print_jobs(rows: &[JobRow], output: &OutputArgs) -> anyhow::Result<()> {
    if output.json {
        return print_json(&rows.iter().map(job_json).collect());
    }
    let rows = rows.iter().map(|job| {
        let error = job.last_error.as_deref().unwrap_or("-").chars().take(60).collect();
        let attempt = format!("{}/{}", job.attempt, job.max_attempts);
        vec![
            job.id.to_string(),
            job.kind.clone(),
            job.queue.clone(),
            state_text(job),
            attempt,
            time(job.run_at),
            error,
        ]
    });
    print_table(&["ID", "KIND", "QUEUE", "STATE", "ATTEMPT", "DUE", "LAST ERROR"], rows);
    Ok(())
}

fn print_queues(queues: &[QueueCounts], output: &OutputArgs) -> anyhow::Result<()> {
    if output.json {
        return print_json(&queues.iter().map(queue_json).collect());
    }
    let rows = queues.iter().map(|queue| {
        let name = if queue.paused { format!("{} (paused)", queue.name) } else { queue.name.clone() };
        let counts = queue.by_state().map(|(_, count)| count.to_string());
        let oldest = queue.oldest_ready_age_s.map_or("-".into(), |age| format!("{age:.1} s"));
        [vec![name], counts.to_vec(), vec![oldest]].concat()
    });
    print_table(&["QUEUE", "READY", "RUNNING", "SCHEDULED", "RETRYING", "DEAD", "OLDEST"], rows);
    Ok(())
}

fn state_text(job: &JobRow) -> String {
    let asked = if job.cancel_requested { " (canceling)" } else { "" };
    format!("{}{asked}", job.state.as_str())
}

fn time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn job_json(job: &JobRow) -> serde_json::Value {
    serde_json::json!({
        "id": job.id, "kind": job.kind, "queue": job.queue, "priority": job.priority, "state": job.state,
        "attempt": job.attempt, "maxAttempts": job.max_attempts, "cancelRequested": job.cancel_requested,
        "progress": { "done": job.progress_done, "total": job.progress_total, "note": job.progress_note },
        "lastError": job.last_error, "createdAt": job.created_at, "runAt": job.run_at,
        "startedAt": job.started_at, "finishedAt": job.finished_at,
    })
}

fn attempt_json(attempt: &Attempt) -> serde_json::Value {
    serde_json::json!({
        "number": attempt.number, "worker": attempt.worker, "startedAt": attempt.started_at,
        "finishedAt": attempt.finished_at, "error": attempt.error,
    })
}

fn queue_json(queue: &QueueCounts) -> serde_json::Value {
    serde_json::json!({
        "name": queue.name, "paused": queue.paused, "ready": queue.ready, "running": queue.running,
        "scheduled": queue.scheduled, "retrying": queue.retrying, "dead": queue.dead,
        "oldestReadyAgeSeconds": queue.oldest_ready_age_s,
    })
}

fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Columns as wide as their widest cell; the last one is not padded.
fn print_table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let head = head.iter().map(|&cell| cell.to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..rows[0].len()).map(width).collect();
    for row in &rows {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}
