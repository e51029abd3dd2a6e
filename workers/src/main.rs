//! `ironmonger-worker`: takes jobs from the queues it is told to and runs them.
//!
//! SIGTERM or SIGINT: takes no more, lets what runs end for up to 25 s, gives back the rest, exits 0. A second signal: exits
//! at once; what ran is run again elsewhere when its lease ends. Everything else that ends the worker is an error.

use clap::Parser;
use ironmonger::cli::worker::{self, WorkerArgs};
use ironmonger::jobs::registry;

/// Runs jobs of an Ironmonger store. Configured by the same environment as `ironmonger serve`.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    worker: WorkerArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    worker::run(Cli::parse().worker, registry::all()).await
}
