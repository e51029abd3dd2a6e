//! `ironmonger import FILE` and `ironmonger export FILE`: the same use cases as the API, followed to their end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use crate::access::Viewer;
use crate::app::App;
use crate::bulk::jobs::{ExportOutcome, ImportOutcome};
use crate::bulk::{self, CatalogFormat, NewImport};
use crate::catalog::OnConflict;
use crate::config::Config;
use crate::ids::JobId;
use crate::jobs::{self, JobRow, JobState, QueueShare, WorkerOptions};

/// How often the job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A worker takes a job within milliseconds; after this long there is none.
const WORKER_EXPECTED: Duration = Duration::from_secs(5);

/// Imports products from a file and shows how far it is. The import is a job: it goes on when this command is ended.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Shopify's product CSV or our JSONL, also compressed with gzip. See docs/IMPORT.md.
    file: PathBuf,
    /// What the file is; by default its name tells.
    #[arg(long)]
    format: Option<FormatArg>,
    /// What happens to products that exist.
    #[arg(long, default_value = "update")]
    on_conflict: OnConflictArg,
    /// The slug of the channel; the default channel if not given.
    #[arg(long)]
    channel: Option<String>,
    /// Runs a worker in this process, for as long as the import takes.
    #[arg(long)]
    here: bool,
}

/// Exports the products of a channel to a file.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Written when the export is complete; an existing file is replaced.
    file: PathBuf,
    /// What to write; by default the file's name tells.
    #[arg(long)]
    format: Option<FormatArg>,
    /// The slug of the channel; the default channel if not given.
    #[arg(long)]
    channel: Option<String>,
    /// Runs a worker in this process, for as long as the export takes.
    #[arg(long)]
    here: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// Shopify's product CSV.
    ShopifyCsv,
    /// One JSON object per line and product.
    Jsonl,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnConflictArg {
    /// Make them equal to the file.
    Update,
    /// Leave them as they are.
    Skip,
}

/// Runs `ironmonger import`. Fails when the file is refused or the job does not succeed.
pub async fn import(args: ImportArgs) -> anyhow::Result<()> {
    let app = App::without_keys(Config::for_command()?)?;
    let file = tokio::fs::File::open(&args.file).await;
    let new = NewImport {
        file: file.with_context(|| format!("cannot open {}", args.file.display()))?,
        file_name: args.file.display().to_string(),
        format: format(args.format, &args.file)?,
        on_conflict: match args.on_conflict {
            OnConflictArg::Update => OnConflict::Update,
            OnConflictArg::Skip => OnConflict::Skip,
        },
    };
    let channel = app.channels.get(&app.db, args.channel.as_deref()).await?;
    let id = bulk::import(&app, &Viewer::System, &channel, new).await?;
    let started = Instant::now();
    let job = follow(&app, id, args.here, Unit::Bytes).await?;
    let outcome: ImportOutcome = result(&job)?;
    print_import(&outcome, started.elapsed());
    Ok(())
}

/// Runs `ironmonger export`. Fails when the job does not succeed.
pub async fn export(args: ExportArgs) -> anyhow::Result<()> {
    let app = App::without_keys(Config::for_command()?)?;
    let channel = app.channels.get(&app.db, args.channel.as_deref()).await?;
    let id = bulk::export(&app, &Viewer::System, &channel, format(args.format, &args.file)?).await?;
    let job = follow(&app, id, args.here, Unit::Products).await?;
    let outcome: ExportOutcome = result(&job)?;
    save(&app, id, &args.file).await.with_context(|| format!("cannot write {}", args.file.display()))?;
    println!("{} products, {}", outcome.products, HumanBytes(u64::try_from(outcome.size_bytes).unwrap_or(0)));
    if outcome.left_out > 0 {
        println!("{} products left out: a variant has no price in this channel", outcome.left_out);
    }
    Ok(())
}

fn format(given: Option<FormatArg>, file: &Path) -> anyhow::Result<CatalogFormat> {
    match given {
        Some(FormatArg::ShopifyCsv) => Ok(CatalogFormat::ShopifyCsv),
        Some(FormatArg::Jsonl) => Ok(CatalogFormat::Jsonl),
        None => CatalogFormat::guess(&file.to_string_lossy())
            .context("the file's name does not tell its format: add --format shopify-csv or --format jsonl"),
    }
}

/// What a job counts its progress in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    Products,
}

/// Waits until the job is finished and shows its progress meanwhile. Fails unless it succeeded.
async fn follow(app: &App, id: JobId, here: bool, unit: Unit) -> anyhow::Result<JobRow> {
    eprintln!("job {id}");
    let stop = CancellationToken::new();
    let worker = here.then(|| tokio::spawn(work(app.clone(), stop.clone())));
    let finished = tokio::select! {
        finished = watch(app, id, unit) => finished,
        ended = ended(worker) => ended,
    };
    stop.cancel();
    let job = finished?;
    match job.state {
        JobState::Succeeded => Ok(job),
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

/// The end of a worker that was not told to end; never, if there is none.
async fn ended(worker: Option<tokio::task::JoinHandle<anyhow::Result<()>>>) -> anyhow::Result<JobRow> {
    match worker {
        Some(worker) => match worker.await? {
            Ok(()) => bail!("the worker ended before the job"),
            Err(error) => Err(error.context("the worker ended")),
        },
        None => std::future::pending().await,
    }
}

async fn watch(app: &App, id: JobId, unit: Unit) -> anyhow::Result<JobRow> {
    let bar = ProgressBar::new_spinner();
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
                bar.finish_and_clear();
                return Ok(job);
            }
            Ok(Some(job)) => {
                show(&bar, &job, unit);
                if job.state == JobState::Ready
                    && job.attempt == 0
                    && !told
                    && since.elapsed() > WORKER_EXPECTED
                {
                    bar.suspend(|| {
                        eprintln!("no worker has taken the job yet: start ironmonger-worker, or use --here");
                    });
                    told = true;
                }
            }
            Err(error) => bar.set_message(format!("waiting for the database: {error}")),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn show(bar: &ProgressBar, job: &JobRow, unit: Unit) {
    if let Some(total) = job.progress_total.and_then(|total| u64::try_from(total).ok())
        && bar.length() != Some(total)
    {
        let counts = match unit {
            Unit::Bytes => "{bytes}/{total_bytes}",
            Unit::Products => "{human_pos}/{human_len}",
        };
        let template = format!("{{bar:40}} {counts} {{elapsed_precise}} {{msg}}");
        bar.set_length(total);
        bar.set_style(ProgressStyle::with_template(&template).expect("the template is one of ours"));
    }
    bar.set_position(u64::try_from(job.progress_done).unwrap_or(0));
    let note = match job.state {
        JobState::Retrying => {
            format!("waits to be tried again: {}", job.last_error.as_deref().unwrap_or_default())
        }
        JobState::Ready | JobState::Scheduled => "waits for a worker".to_owned(),
        _ => job.progress_note.clone().unwrap_or_default(),
    };
    bar.set_message(note);
}

fn result<T: serde::de::DeserializeOwned>(job: &JobRow) -> anyhow::Result<T> {
    let result = job.result.clone().context("the job left no result")?;
    serde_json::from_value(result).context("the job's result is of another version")
}

fn print_import(outcome: &ImportOutcome, took: Duration) {
    for (name, count) in [
        ("products", outcome.products),
        ("  created", outcome.created),
        ("  updated", outcome.updated),
        ("  unchanged", outcome.unchanged),
        ("  skipped", outcome.skipped),
        ("rows", outcome.rows),
        ("  rejected", outcome.rejected),
    ] {
        println!("{name:<12} {count:>10}");
    }
    println!("{:<12} {:>8.1} s", "took", took.as_secs_f64());
    for row in &outcome.rejections {
        let column =
            if row.column.is_empty() { String::new() } else { format!(" {}:", harmless(&row.column)) };
        println!("line {}:{column} {}", row.line, harmless(&row.reason));
    }
    let more = outcome.rejected - outcome.rejections.len() as i64;
    if more > 0 {
        println!("and {more} more");
    }
}

/// Names of columns come from the file: a terminal must not act on them.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Copies what the export wrote; the file appears when it is whole.
async fn save(app: &App, id: JobId, path: &Path) -> anyhow::Result<()> {
    let mut stored = bulk::exported_file(app, &Viewer::System, id).await?;
    let mut name = path.file_name().context("it has no file name")?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = tokio::fs::File::create(&part).await?;
    tokio::io::copy(&mut stored.reader, &mut file).await?;
    file.flush().await?;
    file.sync_all().await?;
    tokio::fs::rename(&part, path).await?;
    Ok(())
}
