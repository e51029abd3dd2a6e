//! `ironmonger jobs …`

mod limit;
mod matching;
mod print;
mod schedules;
mod show;

use clap::{Args, Subcommand};

use crate::access::Viewer;
use crate::app::App;
use crate::config::Config;
use crate::db::PooledConn;
use crate::ids::JobId;
use crate::jobs;
use crate::pagination::PageArgs;

use limit::LimitArgs;
use matching::{Action, FilterArgs, SelectArgs};
use print::{print_jobs, print_queues};
use schedules::SchedulesArgs;

/// Shows and steers jobs.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Lists jobs, newest first.
    List(ListArgs),
    /// Shows one job with its attempts.
    Show(IdArgs),
    /// Makes dead or canceled jobs ready again, and waiting ones at once.
    Retry(SelectArgs),
    /// Cancels waiting jobs and asks running ones to stop.
    Cancel(SelectArgs),
    /// Begins no job of a queue until it is resumed.
    Pause(QueueArgs),
    /// Begins jobs of a paused queue again.
    Resume(QueueArgs),
    /// Limits how many jobs of a queue run or begin, on all workers together.
    Limit(LimitArgs),
    /// Shows and steers what runs by the clock.
    Schedules(SchedulesArgs),
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
    #[command(flatten)]
    filter: FilterArgs,
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
        JobsCommand::Show(args) => show::show(&mut conn, args).await,
        JobsCommand::Retry(args) => matching::run(&mut conn, Action::Retry, args).await,
        JobsCommand::Cancel(args) => matching::run(&mut conn, Action::Cancel, args).await,
        JobsCommand::Pause(args) => {
            let queue = jobs::pause(&mut conn, &Viewer::System, &args.name).await?;
            print_queues(&[queue], &args.output)
        }
        JobsCommand::Resume(args) => {
            let queue = jobs::resume(&mut conn, &Viewer::System, &args.name).await?;
            print_queues(&[queue], &args.output)
        }
        JobsCommand::Limit(args) => limit::run(&mut conn, args).await,
        JobsCommand::Schedules(args) => schedules::run(&mut conn, args).await,
        JobsCommand::Stats(output) => show::stats(&mut conn, &output).await,
    }
}

async fn list(conn: &mut PooledConn, args: ListArgs) -> anyhow::Result<()> {
    let filter = args.filter.into();
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
