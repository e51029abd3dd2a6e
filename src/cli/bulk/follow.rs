//! Waiting for a job and showing how far it is: a bar on a terminal, lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::bail;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::cli::signals;
use crate::ids::JobId;
use crate::jobs::{self, JobRow, JobState, QueueShare, WorkerOptions};

/// How often the job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often a line is printed where there is no terminal.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// A worker takes a job within milliseconds; after this long there is none.
const WORKER_EXPECTED: Duration = Duration::from_secs(5);

/// What a job counts its progress in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Of the file.
    Bytes,
    /// Of the shop.
    Products,
}

impl Unit {
    fn show(self, count: u64) -> String {
        match self {
            Unit::Bytes => HumanBytes(count).to_string(),
            Unit::Products => HumanCount(count).to_string(),
        }
    }
}

/// How the waiting ended.
pub enum Followed {
    /// The job succeeded.
    Succeeded(Box<JobRow>),
    /// Somebody wanted this command to stop; the job stays.
    Interrupted,
}

/// Waits until the job is finished and shows its progress meanwhile. Fails unless it succeeded. A signal ends the waiting, not
/// the job; a worker `here` gives the job back then.
pub async fn follow(app: &App, id: JobId, here: bool, unit: Unit) -> anyhow::Result<Followed> {
    let wish = signals::stop_token()?;
    eprintln!("job {id}");
    let stop = CancellationToken::new();
    let worker = here.then(|| tokio::spawn(work(app.clone(), stop.clone())));
    let working = worker.is_some();
    let mut ended = std::pin::pin!(ended(worker));
    let finished = tokio::select! {
        finished = watch(app, id, unit) => Some(finished),
        outcome = &mut ended => Some(Err(outcome)),
        () = wish.cancelled() => None,
    };
    stop.cancel();
    let Some(finished) = finished else {
        if working {
            eprintln!("stopping after this batch; again to stop at once");
            ended.await;
        }
        eprintln!(
            "job {id} is not canceled: {}",
            match here {
                true => "a worker of the queue bulk goes on where it stopped",
                false => "it goes on without this command",
            }
        );
        eprintln!("  ironmonger jobs show {id}\n  ironmonger jobs cancel {id}");
        return Ok(Followed::Interrupted);
    };
    let job = finished?;
    match job.state {
        JobState::Succeeded => Ok(Followed::Succeeded(Box::new(job))),
        JobState::Canceled => bail!("the job was canceled"),
        _ => bail!("the job failed: {}", job.last_error.as_deref().unwrap_or("no reason was recorded")),
    }
}

/// A worker for this command alone.
async fn work(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    let options =
        WorkerOptions { queues: vec![QueueShare::new("bulk")], concurrency: 1, ..WorkerOptions::default() };
    let relay = jobs::run_relay(app.clone(), stop.clone());
    let (outcome, ()) = tokio::join!(jobs::run_worker(app, options, stop), relay);
    outcome
}

/// Why the worker ended; never, if there is none.
async fn ended(worker: Option<tokio::task::JoinHandle<anyhow::Result<()>>>) -> anyhow::Error {
    match worker {
        Some(worker) => match worker.await {
            Ok(Ok(())) => anyhow::anyhow!("the worker ended before the job"),
            Ok(Err(error)) => error.context("the worker ended"),
            Err(error) => anyhow::Error::new(error).context("the worker ended"),
        },
        None => std::future::pending().await,
    }
}

async fn watch(app: &App, id: JobId, unit: Unit) -> anyhow::Result<JobRow> {
    let mut display = Display::new(unit);
    let since = Instant::now();
    let mut told = false;
    loop {
        // A database that is away for a moment does not end the job, so it does not end the watching.
        let found = match app.db.get().await {
            Ok(mut conn) => jobs::find(&mut conn, id).await.map_err(crate::Error::from),
            Err(error) => Err(error),
        };
        match found {
            Ok(None) => bail!("the job is gone"),
            Ok(Some(job)) if job.state.is_finished() => {
                display.bar.finish_and_clear();
                return Ok(job);
            }
            Ok(Some(job)) => {
                display.show(&job);
                let waits = job.state == JobState::Ready && job.attempt == 0;
                if waits && !told && since.elapsed() > WORKER_EXPECTED {
                    display.bar.suspend(|| {
                        eprintln!("no worker has taken the job yet: start ironmonger-worker, or use --here");
                    });
                    told = true;
                }
            }
            Err(error) => display.bar.set_message(format!("waiting for the database: {error}")),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

struct Display {
    unit: Unit,
    bar: ProgressBar,
    /// When the last line was printed; none on a terminal, which has the bar.
    told_at: Option<Instant>,
}

impl Display {
    fn new(unit: Unit) -> Self {
        let told_at = (!std::io::stderr().is_terminal()).then(Instant::now);
        Self { unit, bar: ProgressBar::new_spinner(), told_at }
    }

    fn show(&mut self, job: &JobRow) {
        let total = job.progress_total.and_then(|total| u64::try_from(total).ok());
        let done = u64::try_from(job.progress_done).unwrap_or(0);
        let note = note(job);
        if let Some(told_at) = self.told_at {
            if told_at.elapsed() >= TELL_EVERY {
                let of = total.map_or_else(String::new, |total| format!(" of {}", self.unit.show(total)));
                eprintln!("{}{of}, {note}", self.unit.show(done));
                self.told_at = Some(Instant::now());
            }
            return;
        }
        if let Some(total) = total
            && self.bar.length() != Some(total)
        {
            let counts = match self.unit {
                Unit::Bytes => "{bytes}/{total_bytes} {bytes_per_sec}",
                Unit::Products => "{human_pos}/{human_len} {per_sec}",
            };
            let template = format!("{{bar:30}} {counts} {{eta}} left, {{msg}}");
            self.bar.set_length(total);
            self.bar.set_style(ProgressStyle::with_template(&template).expect("the template is one of ours"));
        }
        self.bar.set_position(done);
        self.bar.set_message(note);
    }
}

fn note(job: &JobRow) -> String {
    match job.state {
        JobState::Retrying => {
            format!("waits to be tried again: {}", job.last_error.as_deref().unwrap_or_default())
        }
        JobState::Ready | JobState::Scheduled => "waits for a worker".to_owned(),
        _ => job.progress_note.clone().unwrap_or_default(),
    }
}
