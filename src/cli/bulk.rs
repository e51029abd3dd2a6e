//! `ironmonger import FILE` and `ironmonger export`.

use clap::Args;

/// Imports a file and shows a progress bar.
#[derive(Debug, Args)]
pub struct ImportArgs {}

/// Runs `ironmonger import`.
pub async fn import(_args: ImportArgs) -> anyhow::Result<()> {
    Ok(())
}
