//! `ironmonger search`.

use clap::{Args, Subcommand};

use crate::config::Config;
use crate::db::Db;
use crate::ids::ProductId;

/// Looks after what products are found by.
#[derive(Debug, Subcommand)]
pub enum SearchCommand {
    /// Makes the search index of every product anew, beside live traffic.
    Rebuild(RebuildArgs),
}

/// The arguments of `ironmonger search rebuild`.
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// Goes on after this product: the last one that an interrupted run told.
    #[arg(long)]
    after: Option<ProductId>,
}

/// A line is printed after so many products.
const TOLD_EVERY: u64 = 10_000;

/// Runs the command.
pub async fn run(command: SearchCommand) -> anyhow::Result<()> {
    let SearchCommand::Rebuild(RebuildArgs { after }) = command;
    let config = Config::from_env()?;
    let db = Db::new(&config.database_url, 1)?;
    let progress = |done: u64, last: ProductId| {
        if done.is_multiple_of(TOLD_EVERY) {
            println!("{done} products, the last of them {last}");
        }
    };
    crate::search::rebuild(&db, after, progress).await?;
    println!("done");
    Ok(())
}
