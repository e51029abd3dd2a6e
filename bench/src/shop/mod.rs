//! A shop of any size, the same on every machine: what the load scenarios sell.
//!
//! [`Shop::line`] makes one product from its number and the seed alone, so a file is written as a stream and a database
//! is filled by many tasks at once.

mod basics;
mod dice;
mod indexes;
mod product;
#[cfg(test)]
mod same_rows;
mod seed;
mod words;

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

pub use basics::write as write_basics;
pub use product::Shop;
pub use seed::{SeedArgs, fill, open, run as seed};

/// Writes products as JSONL, as `ironmonger import` takes them.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// How many products, of three variants each.
    #[arg(long, default_value_t = 10_000)]
    products: u64,
    /// Another seed makes another shop.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The file; standard output if not given.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Runs `generate`.
pub fn generate(args: GenerateArgs) -> anyhow::Result<()> {
    let shop = Shop::new(args.products, args.seed);
    let out: Box<dyn Write> = match &args.out {
        Some(path) => {
            let file =
                std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Box::new(file)
        }
        None => Box::new(std::io::stdout().lock()),
    };
    let mut out = BufWriter::with_capacity(1 << 20, out);
    for number in 0..args.products {
        out.write_all(&shop.line(number))?;
    }
    out.flush()?;
    Ok(())
}
