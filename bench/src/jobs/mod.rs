//! Jobs: throughput and latency through the whole ledger, and what others do.

pub mod apalis;
mod bullmq;
mod ledger;
mod noop;
mod raw_redis;

use clap::{Args, ValueEnum};

use crate::report::Report;
use crate::servers::Servers;

pub use noop::registry;

/// What to measure.
#[derive(Debug, Args)]
pub struct JobsArgs {
    /// Jobs per throughput run.
    #[arg(long, default_value_t = 100_000)]
    jobs: usize,
    /// Only these scenarios.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// No-op jobs through enqueue, ledger, Redis, worker, finish: one worker process, then two.
    Throughput,
    /// From enqueue to start on an idle system.
    Latency,
    /// The cost of a claim with 1,000 and with 1,000,000 jobs waiting.
    Backlog,
    /// 50,000 delayed jobs that are due in the same second.
    Burst,
    /// Baseline: apalis-redis as its makers ship it.
    Apalis,
    /// Baseline: BullMQ of npm, concurrency 64.
    Bullmq,
    /// Baseline: pushes and pops of Redis itself.
    Redis,
}

/// Jobs that a worker process runs at a time, of every contestant.
const CONCURRENCY: usize = 64;

/// Runs the scenarios one after the other and prints the report.
pub async fn run(args: JobsArgs) -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    let mut report = Report::default();
    let wanted = |scenario| args.only.is_empty() || args.only.contains(&scenario);
    if wanted(Scenario::Redis) {
        raw_redis::run(&servers, args.jobs, &mut report).await?;
    }
    if wanted(Scenario::Apalis) {
        apalis::run(&servers, args.jobs.min(50_000), &mut report).await?;
    }
    if wanted(Scenario::Bullmq) {
        bullmq::run(&servers, args.jobs, &mut report).await?;
    }
    if wanted(Scenario::Throughput) {
        for workers in [1, 2] {
            ledger::throughput(&servers, workers, args.jobs, &mut report).await?;
        }
    }
    if wanted(Scenario::Latency) {
        ledger::latency(&servers, 500, &mut report).await?;
    }
    if wanted(Scenario::Backlog) {
        ledger::backlog(&servers, &mut report).await?;
    }
    if wanted(Scenario::Burst) {
        ledger::burst(&servers, 50_000, &mut report).await?;
    }
    report.print(args.json)
}
