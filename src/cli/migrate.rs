//! `ironmonger migrate`.

use clap::Args;

use crate::config::Config;

/// Brings the database's tables up to date.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Undoes every migration instead. All data is lost.
    #[arg(long)]
    revert_all: bool,
}

/// Runs the command; prints one line per migration.
pub async fn run(args: MigrateArgs) -> anyhow::Result<()> {
    let config = Config::from_env()?;
    let (done, names) = if args.revert_all {
        ("reverted", crate::db::revert_all(&config.database_url).await?)
    } else {
        ("applied", crate::db::migrate(&config.database_url).await?)
    };
    if names.is_empty() {
        println!("nothing to do");
    }
    for name in names {
        println!("{done} {name}");
    }
    Ok(())
}
