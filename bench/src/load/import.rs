//! `ironmonger import` of a generated file, done by a worker process of its own, beside the same rows inserted by bare SQL.

use std::io::{BufWriter, Write};
use std::process::Command;
use std::time::Instant;

use anyhow::ensure;
use tokio_postgres::NoTls;

use super::process::program;
use super::rows_again;
use crate::report::Report;
use crate::servers::{Process, Servers};
use crate::shop::{Shop, write_basics};

/// Imports a shop of this size into an empty database.
pub async fn run(products: u64, report: &mut Report) -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    let (client, connection) = tokio_postgres::connect(&servers.database_url(), NoTls).await?;
    let connection = tokio::spawn(connection);
    write_basics(&client).await?;
    drop(client);
    connection.await??;
    let path = servers.folder().join("shop.jsonl");
    let shop = Shop::new(products, 1);
    let mut file = BufWriter::new(std::fs::File::create(&path)?);
    for number in 0..products {
        file.write_all(&shop.line(number))?;
    }
    file.into_inner()?.sync_all()?;
    let size_mib = path.metadata()?.len() as f64 / f64::from(1 << 20);

    let mut command = Command::new(program("ironmonger-worker")?);
    command.args(["--queues", "bulk", "--concurrency", "1"]).envs(servers.variables());
    let worker = Process::spawn(command)?;
    let mut command = Command::new(program("ironmonger")?);
    command.arg("import").arg(&path).envs(servers.variables());
    let started = Instant::now();
    let status = tokio::task::spawn_blocking(move || command.status()).await??;
    ensure!(status.success(), "the import failed");
    let rate = products as f64 / started.elapsed().as_secs_f64();
    let note = format!("{products} products of 3 variants, {size_mib:.0} MiB of JSONL");
    report.add("Import", rate, "products/s", note);
    let bare = rows_again::run(&servers.database_url()).await?;
    report.add(
        "Import, beside its rows inserted by bare SQL",
        rate / bare,
        "× baseline",
        format!("{bare:.0}/s"),
    );
    let peak = worker.peak_memory_mib().unwrap_or(f64::NAN);
    report.add("Import, memory of the worker", peak, "MiB", format!("most, at {products} products"));
    Ok(())
}
