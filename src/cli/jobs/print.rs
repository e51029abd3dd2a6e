//! How jobs, queues and schedules are printed.

use crate::jobs::{Attempt, JobRow, QueueCounts, Rate, ScheduleRow};

use super::OutputArgs;

/// Prints jobs as a table or as JSON.
pub fn print_jobs(rows: &[JobRow], output: &OutputArgs) -> anyhow::Result<()> {
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

/// Prints queues as a table or as JSON.
pub fn print_queues(queues: &[QueueCounts], output: &OutputArgs) -> anyhow::Result<()> {
    if output.json {
        return print_json(&queues.iter().map(queue_json).collect());
    }
    let rows = queues.iter().map(|queue| {
        let name = if queue.paused { format!("{} (paused)", queue.name) } else { queue.name.clone() };
        let counts = queue.by_state().map(|(_, count)| count.to_string());
        let oldest = queue.oldest_ready_age_s.map_or("-".into(), |age| format!("{age:.1} s"));
        let most = queue.max_running.map_or("-".into(), |most| most.to_string());
        let rate = queue.rate().map_or("-".into(), rate_text);
        [vec![name], counts.to_vec(), vec![oldest, most, rate]].concat()
    });
    let head =
        ["QUEUE", "READY", "RUNNING", "SCHEDULED", "RETRYING", "DEAD", "OLDEST", "MAX RUNNING", "RATE"];
    print_table(&head, rows);
    Ok(())
}

fn rate_text(rate: Rate) -> String {
    format!("{}/{} s", rate.jobs, rate.period_seconds)
}

/// Prints schedules as a table or as JSON.
pub fn print_schedules(rows: &[ScheduleRow], output: &OutputArgs) -> anyhow::Result<()> {
    if output.json {
        return print_json(&rows.iter().map(schedule_json).collect());
    }
    let rows = rows.iter().map(|it| {
        let next = if it.enabled { it.next_run_at.map_or("-".into(), time) } else { "disabled".into() };
        let last = it.last_run_at.map_or("-".into(), time);
        vec![it.name.clone(), it.kind.clone(), it.cron.clone(), last, next]
    });
    print_table(&["SCHEDULE", "KIND", "CRON (UTC)", "LAST", "NEXT"], rows);
    Ok(())
}

/// The state, and whether the job was asked to stop.
pub fn state_text(job: &JobRow) -> String {
    let asked = if job.cancel_requested { " (canceling)" } else { "" };
    format!("{}{asked}", job.state.as_str())
}

/// To the second, in UTC.
pub fn time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A job without payload and result.
pub fn job_json(job: &JobRow) -> serde_json::Value {
    serde_json::json!({
        "id": job.id, "kind": job.kind, "queue": job.queue, "priority": job.priority, "state": job.state,
        "attempt": job.attempt, "maxAttempts": job.max_attempts, "cancelRequested": job.cancel_requested,
        "progress": { "done": job.progress_done, "total": job.progress_total, "note": job.progress_note },
        "lastError": job.last_error, "createdAt": job.created_at, "runAt": job.run_at,
        "startedAt": job.started_at, "finishedAt": job.finished_at,
    })
}

/// An attempt at a job.
pub fn attempt_json(attempt: &Attempt) -> serde_json::Value {
    serde_json::json!({
        "number": attempt.number, "worker": attempt.worker, "startedAt": attempt.started_at,
        "finishedAt": attempt.finished_at, "error": attempt.error,
    })
}

/// A queue with its counts and limits.
pub fn queue_json(queue: &QueueCounts) -> serde_json::Value {
    serde_json::json!({
        "name": queue.name, "paused": queue.paused, "ready": queue.ready, "running": queue.running,
        "scheduled": queue.scheduled, "retrying": queue.retrying, "dead": queue.dead,
        "oldestReadyAgeSeconds": queue.oldest_ready_age_s, "maxRunning": queue.max_running,
        "rateLimit": queue.rate(),
    })
}

/// A schedule.
pub fn schedule_json(it: &ScheduleRow) -> serde_json::Value {
    serde_json::json!({
        "name": it.name, "kind": it.kind, "queue": it.queue, "cron": it.cron, "enabled": it.enabled,
        "lastRunAt": it.last_run_at, "nextRunAt": it.next_run_at,
    })
}

/// Prints JSON for people to read as well.
pub fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Columns as wide as their widest cell; the last one is not padded.
pub fn print_table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let head = head.iter().map(|&cell| cell.to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..rows[0].len()).map(width).collect();
    for row in &rows {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}
