//! Measures Ironmonger on this machine, each figure beside a baseline in the same run. See bench/README.md.

mod jobs;
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
    /// Writes the products of a generated shop as JSONL.
    Generate(shop::GenerateArgs),
    /// Fills a database with a generated shop.
    Seed(shop::SeedArgs),
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
        Command::Generate(args) => shop::generate(args),
        Command::Seed(args) => shop::seed(args).await,
        Command::Worker { worker } => ironmonger::cli::worker::run(worker, jobs::registry()).await,
        Command::ApalisWorker { redis_url } => jobs::apalis::work(&redis_url).await,
    }
}
