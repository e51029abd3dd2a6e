//! Measures Ironmonger on this machine, each figure beside a baseline in the same run. See bench/README.md.

mod jobs;
mod load;
mod report;
mod servers;
mod shop;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The job platform beside raw apalis-redis, BullMQ and raw Redis.
    Jobs(jobs::JobsArgs),
    /// The catalog and the order path under load, beside hand-written routes and pgbench.
    Load(load::LoadArgs),
    /// Writes the products of a generated shop as JSONL.
    Generate(shop::GenerateArgs),
    /// Fills a database with a generated shop.
    Seed(shop::SeedArgs),
    /// The bench server: bare routes that the API is held against.
    #[command(hide = true)]
    Baseline(load::baseline::BaselineArgs),
    /// A worker process of the job scenarios.
    #[command(hide = true)]
    Worker {
        #[command(flatten)]
        worker: ironmonger::cli::worker::WorkerArgs,
    },
    /// A worker process of the apalis-redis baseline.
    #[command(hide = true)]
    ApalisWorker {
        /// Where Redis is.
        redis_url: String,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Jobs(args) => jobs::run(args).await,
        Command::Load(args) => load::run(args).await,
        Command::Baseline(args) => load::baseline::run(args).await,
        Command::Generate(args) => shop::generate(args),
        Command::Seed(args) => shop::seed(args).await,
        Command::Worker { worker } => ironmonger::cli::worker::run(worker, jobs::registry()).await,
        Command::ApalisWorker { redis_url } => jobs::apalis::work(&redis_url).await,
    }
}
