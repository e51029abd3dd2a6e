//! What the ledger holds, for Prometheus: jobs by queue, kind and state, the age of the oldest, and each queue's backlog.
//!
//! Only the process whose relay leads looks, and only it reports: with a hundred workers the ledger is counted once, and
//! nobody adds up the same jobs twice. What a process itself does (runs, waits, outcomes) is counted where it happens.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use diesel_async::AsyncConnection;
use metrics::{describe_counter, describe_gauge, describe_histogram};

use crate::app::App;

use super::JobState;
use super::queries::figures::{self, KindFigures, QueueLimits};

/// How often the leader looks at the most.
const PAUSE: Duration = Duration::from_secs(10);
/// A long backlog takes long to count: one part in so many of the time may be spent on it.
const SHARE: u32 = 50;
/// How long it takes to notice that this process has come to lead.
const NOTICE: Duration = Duration::from_secs(1);

/// The latest figures of this process, if it leads. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Figures(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    leads: AtomicBool,
    look: Mutex<Option<Look>>,
}

/// What the leader saw.
#[derive(Debug)]
struct Look {
    kinds: Vec<KindFigures>,
    queues: Vec<QueueFigures>,
}

/// A queue as the view `job_backlog` tells of it, without counting the ledger a second time.
#[derive(Debug)]
struct QueueFigures {
    queue: String,
    paused: bool,
    backlog: i64,
    oldest_ready_age_s: f64,
}

impl QueueFigures {
    fn of(limits: QueueLimits, kinds: &[KindFigures]) -> Self {
        let QueueLimits { queue, paused, max_running } = limits;
        let kinds: Vec<_> = kinds.iter().filter(|row| row.queue == queue).collect();
        let count = |state: JobState| -> i64 {
            kinds.iter().filter(|row| row.state == state.as_str()).map(|row| row.count).sum()
        };
        let (ready, running) = (count(JobState::Ready), count(JobState::Running));
        let backlog = match paused {
            true => running,
            false => (ready + running).min(max_running.map_or(i64::MAX, i64::from)),
        };
        let oldest_ready_age_s = kinds.iter().filter_map(|row| row.oldest_age_s).fold(0.0, f64::max);
        Self { queue, paused, backlog, oldest_ready_age_s }
    }
}

impl Figures {
    /// Whether this process's relay leads.
    pub(super) fn lead(&self, leads: bool) {
        self.0.leads.store(leads, Ordering::Relaxed);
    }

    /// Looks at the ledger as long as this process leads, beside the relay, which must not wait for it.
    pub(super) async fn keep(&self, app: &App) {
        loop {
            let mut pause = NOTICE;
            if self.0.leads.load(Ordering::Relaxed) {
                let started = Instant::now();
                let seen = Look::take(app).await;
                pause = (started.elapsed() * SHARE).max(PAUSE);
                if let Err(error) = &seen {
                    tracing::warn!(%error, "the ledger cannot be counted for the metrics");
                }
                *self.look() = seen.ok();
            } else {
                *self.look() = None;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// In Prometheus's text format; empty where another process leads.
    pub fn render(&self) -> String {
        if !self.0.leads.load(Ordering::Relaxed) {
            return String::new();
        }
        self.look().as_ref().map(Look::render).unwrap_or_default()
    }

    fn look(&self) -> MutexGuard<'_, Option<Look>> {
        self.0.look.lock().expect("nothing panics while it holds this")
    }
}

impl Look {
    /// One statement over the ledger; its cost grows with the jobs that are not finished.
    async fn take(app: &App) -> crate::error::Result<Self> {
        let mut conn = app.db.get().await?;
        let looking = conn.transaction(async |conn| {
            diesel::QueryResult::Ok((figures::by_kind(conn).await?, figures::queues(conn).await?))
        });
        let (kinds, queues) = looking.await?;
        let queues = queues.into_iter().map(|limits| QueueFigures::of(limits, &kinds)).collect();
        Ok(Self { kinds, queues })
    }

    fn render(&self) -> String {
        let mut text = String::new();
        let by_state = self.kinds.iter().map(|row| {
            let state = row.state.to_lowercase();
            (labels(&[("queue", &row.queue), ("kind", &row.kind), ("state", &state)]), row.count as f64)
        });
        let name = "ironmonger_jobs";
        gauge(
            &mut text,
            name,
            "Jobs that are not finished, and dead ones, by queue, kind and state",
            by_state,
        );
        let ages = self.kinds.iter().filter_map(|row| {
            Some((labels(&[("queue", &row.queue), ("kind", &row.kind)]), row.oldest_age_s?))
        });
        let name = "ironmonger_job_oldest_ready_age_seconds";
        gauge(&mut text, name, "How long the oldest ready job has been due, by queue and kind", ages);
        let queue = |row: &QueueFigures| labels(&[("queue", &row.queue)]);
        let backlogs = self.queues.iter().map(|row| (queue(row), row.backlog as f64));
        let name = "ironmonger_job_backlog";
        gauge(&mut text, name, "Jobs that want a worker now: what to scale workers by", backlogs);
        let ages = self.queues.iter().map(|row| (queue(row), row.oldest_ready_age_s));
        let name = "ironmonger_job_queue_latency_seconds";
        gauge(&mut text, name, "How long the oldest ready job of a queue has been due; 0 without one", ages);
        let paused = self.queues.iter().map(|row| (queue(row), f64::from(u8::from(row.paused))));
        gauge(&mut text, "ironmonger_job_queue_paused", "1 where an operator paused the queue", paused);
        text
    }
}

fn gauge(text: &mut String, name: &str, help: &str, samples: impl Iterator<Item = (String, f64)>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{{{labels}}} {value}");
    }
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    pairs.collect::<Vec<_>>().join(",")
}

/// What a process counts by itself.
pub fn describe() {
    describe_counter!("ironmonger_jobs_started_total", "Runs that this process began, by queue and kind");
    describe_counter!(
        "ironmonger_jobs_finished_total",
        "Runs that ended, by queue, kind and outcome: succeeded, retrying, dead, canceled, crashed, released, lost"
    );
    describe_histogram!("ironmonger_job_wait_seconds", "From being due to the start of the run");
    describe_histogram!("ironmonger_job_run_seconds", "From the start of a run to its end");
    describe_gauge!("ironmonger_worker_jobs_in_hand", "Jobs that this worker holds, running or about to");
    describe_gauge!("ironmonger_worker_concurrency", "Most jobs that this worker runs at a time");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let kind = |state: &str, oldest_age_s| KindFigures {
            queue: "bulk".into(),
            kind: "odd\"kind\\".into(),
            state: state.into(),
            count: 3,
            oldest_age_s,
        };
        let kinds = vec![kind("READY", Some(1.5)), kind("RUNNING", None), kind("DEAD", None)];
        let backlog = |paused, max_running| {
            QueueFigures::of(QueueLimits { queue: "bulk".into(), paused, max_running }, &kinds).backlog
        };
        assert_eq!([backlog(false, None), backlog(false, Some(5)), backlog(true, Some(5))], [6, 5, 3]);
        let limits = ["bulk", "idle"].map(|queue| QueueLimits {
            queue: queue.into(),
            paused: queue == "bulk",
            max_running: None,
        });
        let queues = limits.into_iter().map(|limits| QueueFigures::of(limits, &kinds)).collect();
        let figures = Figures::default();
        assert_eq!(figures.render(), "");
        *figures.look() = Some(Look { kinds, queues });
        assert_eq!(figures.render(), "", "another process leads");
        figures.lead(true);
        let text = figures.render();
        for line in [
            "# TYPE ironmonger_jobs gauge",
            r#"ironmonger_jobs{queue="bulk",kind="odd\"kind\\",state="ready"} 3"#,
            r#"ironmonger_job_oldest_ready_age_seconds{queue="bulk",kind="odd\"kind\\"} 1.5"#,
            r#"ironmonger_job_backlog{queue="bulk"} 3"#,
            r#"ironmonger_job_queue_latency_seconds{queue="bulk"} 1.5"#,
            r#"ironmonger_job_backlog{queue="idle"} 0"#,
            r#"ironmonger_job_queue_latency_seconds{queue="idle"} 0"#,
            r#"ironmonger_job_queue_paused{queue="bulk"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
