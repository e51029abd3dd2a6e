//! `ironmonger import FILE` and `ironmonger export FILE`: the same use cases as the API, followed to their end.

mod files;
mod follow;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{HumanBytes, HumanCount};

use crate::access::Viewer;
use crate::app::App;
use crate::bulk::jobs::{ExportOutcome, ImportOutcome};
use crate::bulk::{self, NewImport};
use crate::catalog::OnConflict;
use crate::config::Config;
use crate::jobs::JobRow;

use follow::{Followed, Unit, follow};

/// The import is over, but some rows could not be used.
const SOME_REJECTED: u8 = 3;
/// As shells call a command that a signal ended.
const INTERRUPTED: u8 = 130;

/// Imports products from a file and shows how far it is. The import is a job: it goes on when this command is ended.
///
/// Exits with 0 when everything is in, 3 when rows were rejected and the rest is in, 1 when it failed.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Shopify's product CSV or our JSONL, also compressed with gzip; `-` is standard input. See docs/IMPORT.md.
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

/// Exports the products of a channel, or as JSONL the whole catalog, to a file.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Written when the export is complete, compressed if the name ends with .gz; an existing file is replaced. `-` is
    /// standard output.
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
    /// One JSON object per line.
    Jsonl,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnConflictArg {
    /// Change them as the file says.
    Update,
    /// Leave them as they are.
    Skip,
}

/// Runs `ironmonger import`. Fails when the file is refused or the job does not succeed.
pub async fn import(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let format = files::format(args.format, &args.file)?;
    let app = App::without_keys(Config::for_command()?)?;
    let new = NewImport {
        file: files::open(&args.file).await?,
        file_name: args.file.display().to_string(),
        format,
        on_conflict: match args.on_conflict {
            OnConflictArg::Update => OnConflict::Update,
            OnConflictArg::Skip => OnConflict::Skip,
        },
    };
    let channel = app.channels.get(&app.db, args.channel.as_deref()).await?;
    let id = bulk::import(&app, &Viewer::System, &channel, new).await?;
    let started = Instant::now();
    let job = match follow(&app, id, args.here, Unit::Bytes).await? {
        Followed::Succeeded(job) => job,
        Followed::Interrupted => return Ok(ExitCode::from(INTERRUPTED)),
    };
    let outcome: ImportOutcome = result(&job)?;
    print_import(&outcome, started.elapsed());
    Ok(if outcome.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_REJECTED) })
}

/// Runs `ironmonger export`. Fails when the job does not succeed.
pub async fn export(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let format = files::format(args.format, &args.file)?;
    files::check_target(&args.file)?;
    let app = App::without_keys(Config::for_command()?)?;
    let channel = app.channels.get(&app.db, args.channel.as_deref()).await?;
    let id = bulk::export(&app, &Viewer::System, &channel, format).await?;
    let started = Instant::now();
    let job = match follow(&app, id, args.here, Unit::Products).await? {
        Followed::Succeeded(job) => job,
        Followed::Interrupted => return Ok(ExitCode::from(INTERRUPTED)),
    };
    let outcome: ExportOutcome = result(&job)?;
    let saved = files::save(&app, id, &args.file).await;
    saved.with_context(|| format!("cannot write {}", args.file.display()))?;
    // Standard output may be the file.
    let size = HumanBytes(u64::try_from(outcome.size_bytes).unwrap_or(0));
    eprintln!("{} products, {size}{}", outcome.products, rate(outcome.products, started.elapsed()));
    if outcome.left_out > 0 {
        eprintln!("{} products left out: a variant has no price in this channel", outcome.left_out);
    }
    Ok(ExitCode::SUCCESS)
}

fn result<T: serde::de::DeserializeOwned>(job: &JobRow) -> anyhow::Result<T> {
    let result = job.result.clone().context("the job left no result")?;
    serde_json::from_value(result).context("the job's result is of another version")
}

fn rate(products: i64, took: Duration) -> String {
    let per_second = products as f64 / took.as_secs_f64().max(0.001);
    format!(" in {:.1} s ({} per second)", took.as_secs_f64(), HumanCount(per_second as u64))
}

/// Prints what became of the file. Whoever reads it may have seen enough before its end.
fn print_import(outcome: &ImportOutcome, took: Duration) {
    let mut text = String::new();
    for (name, count) in [
        ("products", outcome.products),
        ("  created", outcome.created),
        ("  updated", outcome.updated),
        ("  unchanged", outcome.unchanged),
        ("  skipped", outcome.skipped),
        ("others", outcome.others),
        ("rows", outcome.rows),
        ("  rejected", outcome.rejected),
    ] {
        text += &format!("{name:<12} {count:>10}\n");
    }
    text += &format!("{} products{}\n", outcome.products, rate(outcome.products, took));
    for row in &outcome.rejections {
        let column =
            if row.column.is_empty() { String::new() } else { format!(" {}:", harmless(&row.column)) };
        text += &format!("line {}:{column} {}\n", row.line, harmless(&row.reason));
    }
    let more = outcome.rejected - outcome.rejections.len() as i64;
    if more > 0 {
        text += &format!("and {more} more\n");
    }
    if let Some(report) = &outcome.report {
        text += &format!("rejected rows until {}: {}\n", report.expires_at, report.url);
    }
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Names of columns come from the file: a terminal must not act on them.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
