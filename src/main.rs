//! The `ironmonger` command.

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the GraphQL schema.
    Schema,
    /// Manages people.
    #[command(subcommand)]
    User(ironmonger::cli::user::UserCommand),
    /// Shows and steers jobs.
    #[command(subcommand)]
    Jobs(ironmonger::cli::jobs::JobsCommand),
    /// Imports products from a file.
    Import(ironmonger::cli::bulk::ImportArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Schema => print!("{}", ironmonger::graphql::schema().sdl()),
        Command::User(command) => ironmonger::cli::user::run(command).await?,
        Command::Jobs(command) => ironmonger::cli::jobs::run(command).await?,
        Command::Import(args) => ironmonger::cli::bulk::import(args).await?,
    }
    Ok(())
}
