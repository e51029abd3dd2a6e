//! `ironmonger user …`

use clap::Subcommand;

/// Manages people.
#[derive(Debug, Subcommand)]
pub enum UserCommand {}

/// Runs the command.
pub async fn run(command: UserCommand) -> anyhow::Result<()> {
    match command {}
}
