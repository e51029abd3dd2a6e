//! Fills a database with the products of a shop.
//!
//! The products go through the reader of JSONL and the writer of imports, so that the rows are those of an import of the
//! same file, in parallel batches.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use ironmonger::bulk::parse_jsonl_line;
use ironmonger::catalog::{ProductDraft, create_products};
use ironmonger::db::Db;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

use super::product::Shop;
use super::{basics, indexes};
use crate::servers::Servers;

/// Fills a private PostgreSQL and keeps it for later runs.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// How many products, of three variants each.
    #[arg(long, default_value_t = 10_000)]
    products: u64,
    /// Another seed makes another shop.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The data directory. `IRONMONGER_DATA_DIR=DIR ironmonger dev` serves what is in it.
    #[arg(long, value_name = "DIR")]
    keep: PathBuf,
}

/// Runs `seed`.
pub async fn run(args: SeedArgs) -> anyhow::Result<()> {
    let servers = open(&args.keep, &Shop::new(args.products, args.seed)).await?;
    servers.stop().await;
    Ok(())
}

/// What a kept folder holds, once it is complete.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    products: u64,
    seed: u64,
}

/// Servers over a folder that holds the shop; it is filled on first use. Fails when it holds something else.
pub async fn open(folder: &Path, shop: &Shop) -> anyhow::Result<Servers> {
    let wanted = Note { products: shop.products(), seed: shop.seed() };
    let path = folder.join("shop.json");
    let noted = std::fs::read(&path).ok();
    if let Some(noted) = noted {
        let noted: Note = serde_json::from_slice(&noted).context("shop.json says nothing")?;
        if noted != wanted {
            bail!("{} holds {noted:?}, not {wanted:?}", folder.display());
        }
        return Servers::start_in(folder).await;
    }
    if folder.join("services").exists() {
        bail!("{} holds an unfinished shop or another's data: delete it first", folder.display());
    }
    std::fs::create_dir_all(folder)?;
    let servers = Servers::start_in(folder).await?;
    fill(&servers, shop).await?;
    std::fs::write(path, serde_json::to_vec(&wanted)?)?;
    Ok(servers)
}

/// So many products go into one transaction.
const BATCH: u64 = 500;
/// From this size on making the indexes in the end is faster than keeping them up.
const WITHOUT_INDEXES_FROM: u64 = 50_000;
/// A crash makes the shop unfinished anyway.
const SESSION: &str = "?options=-c%20synchronous_commit%3Doff";

/// Writes the shop into an empty database.
pub async fn fill(servers: &Servers, shop: &Shop) -> anyhow::Result<()> {
    let started = Instant::now();
    let url = servers.database_url();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let connection = tokio::spawn(connection);
    basics::write(&client).await?;
    let large = shop.products() >= WITHOUT_INDEXES_FROM;
    let dropped = if large {
        // Fewer checkpoints: each makes every page be written twice.
        alter_system(&client, "SET max_wal_size = '16GB'").await?;
        indexes::drop_all(&client).await?
    } else {
        Vec::new()
    };
    write_all(servers, &format!("{url}{SESSION}"), shop).await?;
    if large {
        indexes::make_again(&url, dropped).await?;
        alter_system(&client, "RESET max_wal_size").await?;
    }
    ironmonger::search::count_words(&servers.app()?.db).await?;
    // One by one: these refuse to be part of a transaction.
    client.batch_execute("VACUUM (ANALYZE)").await?;
    client.batch_execute("CHECKPOINT").await?;
    drop(client);
    connection.await??;
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{} products in {seconds:.0} s", shop.products());
    Ok(())
}

async fn alter_system(client: &Client, change: &str) -> anyhow::Result<()> {
    client.batch_execute(&format!("ALTER SYSTEM {change}")).await?;
    client.batch_execute("SELECT pg_reload_conf()").await?;
    Ok(())
}

/// Writes the products by as many tasks as keep all cores busy, PostgreSQL's included.
async fn write_all(servers: &Servers, url: &str, shop: &Shop) -> anyhow::Result<()> {
    let writers = std::thread::available_parallelism()?.get() * 2;
    let app = servers.app()?;
    let db = Db::new(url, writers)?;
    let channel = app.channels.get(&db, None).await?;
    let next = Arc::new(AtomicU64::new(0));
    let shop = Arc::new(Shop::new(shop.products(), shop.seed()));
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        let (app, db, channel, next, shop) =
            (app.clone(), db.clone(), channel.clone(), next.clone(), shop.clone());
        tasks.spawn(async move {
            let mut conn = db.get().await?;
            // Nobody waits for these.
            conn.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
            loop {
                let from = next.fetch_add(BATCH, Ordering::Relaxed);
                let to = (from + BATCH).min(shop.products());
                if from >= to {
                    return anyhow::Ok(());
                }
                let drafts: Vec<ProductDraft> = (from..to)
                    .map(|number| {
                        parse_jsonl_line(&shop.line(number), channel.currency).map_err(anyhow::Error::msg)
                    })
                    .collect::<Result<_, _>>()?;
                let now = app.clock.now();
                conn.transaction(async |conn| create_products(conn, &channel, &drafts, now, "system").await)
                    .await?;
            }
        });
    }
    let mut tell = tokio::time::interval(Duration::from_secs(10));
    tell.tick().await;
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(ended) => ended??,
                None => return Ok(()),
            },
            _ = tell.tick() => eprintln!("{} products", next.load(Ordering::Relaxed).min(shop.products())),
        }
    }
}
