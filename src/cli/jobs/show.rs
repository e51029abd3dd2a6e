//! `ironmonger jobs show` and `ironmonger jobs stats`.

use crate::access::Viewer;
use crate::db::PooledConn;
use crate::jobs;

use super::print::{
    attempt_json, job_json, print_json, print_queues, print_schedules, print_table, queue_json,
    schedule_json, state_text, time,
};
use super::{IdArgs, OutputArgs};

/// Shows one job with its attempts.
pub async fn show(conn: &mut PooledConn, args: IdArgs) -> anyhow::Result<()> {
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

/// Shows queues, workers and schedules.
pub async fn stats(conn: &mut PooledConn, output: &OutputArgs) -> anyhow::Result<()> {
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
        let schedules: Vec<_> = schedules.iter().map(schedule_json).collect();
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
    print_schedules(&schedules, output)
}
