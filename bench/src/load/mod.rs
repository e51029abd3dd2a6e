//! The catalog and the order path under load, beside what the same machine does at most in the same minutes.

pub mod baseline;
mod contest;
mod documents;
mod http;
mod import;
mod order;
mod process;
mod reads;
mod redis_rate;
mod rows_again;
mod same;
mod scale;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::report::Report;
use crate::servers::Servers;
use crate::shop::{self, Shop};

/// What to measure.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// How many products the shop has.
    #[arg(long, default_value_t = 10_000)]
    products: u64,
    /// Where the shop is kept between runs; a temporary folder if not given.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The kept folder of a larger shop, for the scenario `scale`.
    #[arg(long, value_name = "DIR")]
    large: Option<PathBuf>,
    /// How many products the larger shop has.
    #[arg(long, default_value_t = 1_000_000)]
    large_products: u64,
    /// Only these scenarios.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Connections at a time.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
    concurrency: Vec<usize>,
    /// How long each contestant is measured in a turn.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many turns each contestant has.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A variable of the environment of the API processes; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    set: Vec<(String, String)>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// How long an API process takes to start, and what it takes of memory.
    Process,
    /// GETs of the list's bytes from Redis itself.
    Redis,
    /// The newest 20 products.
    List,
    /// The page of a product.
    Detail,
    /// The first 20 products of a collection.
    Collection,
    /// A frequent word, a rare one, a misspelled one, with facets.
    Search,
    /// A new cart, and one more line.
    Cart,
    /// `orderPlace`, beside pgbench with the same statements.
    Order,
    /// Reads at two sizes of the shop.
    Scale,
    /// `ironmonger import`.
    Import,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a variable is given as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl LoadArgs {
    fn rules(&self, concurrency: usize) -> contest::Rules {
        contest::Rules {
            concurrency,
            rounds: self.rounds,
            turn: Duration::from_secs_f64(self.seconds),
            warm_up: Duration::from_secs(1),
        }
    }

    fn wants(&self, scenario: Scenario) -> bool {
        self.only.is_empty() || self.only.contains(&scenario)
    }

    async fn shop(&self) -> anyhow::Result<Servers> {
        let shop = Shop::new(self.products, 1);
        match &self.keep {
            Some(folder) => shop::open(folder, &shop).await,
            None => {
                let servers = Servers::start().await?;
                shop::fill(&servers, &shop).await?;
                Ok(servers)
            }
        }
    }
}

/// Runs the scenarios one after the other and prints the report.
pub async fn run(args: LoadArgs) -> anyhow::Result<()> {
    let mut report = Report::default();
    let of_shop = [
        Scenario::Process,
        Scenario::Redis,
        Scenario::List,
        Scenario::Detail,
        Scenario::Collection,
        Scenario::Search,
        Scenario::Cart,
        Scenario::Order,
    ];
    if of_shop.into_iter().any(|scenario| args.wants(scenario)) {
        let servers = args.shop().await?;
        if args.wants(Scenario::Process) {
            process::measure(&args, &servers, &mut report).await?;
        }
        reads::run(&args, &servers, &mut report).await?;
        if args.wants(Scenario::Cart) {
            order::carts(&args, &servers, &mut report).await?;
        }
        if args.wants(Scenario::Order) {
            order::place(&args, &servers, &mut report).await?;
        }
        servers.stop().await;
    }
    // Among all of them only where there is a larger shop to compare with.
    if args.wants(Scenario::Scale) && (args.large.is_some() || !args.only.is_empty()) {
        scale::run(&args, &mut report).await?;
    }
    if args.wants(Scenario::Import) {
        import::run(args.products, &mut report).await?;
    }
    report.print(args.json)
}
