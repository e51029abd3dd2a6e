//! `ironmonger jobs …`

use clap::Subcommand;

/// Shows and steers jobs.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {}

/// Runs the command.
pub async fn run(command: JobsCommand) -> anyhow::Result<()> {
    match command {}
}
