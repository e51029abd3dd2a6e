//! The processes that are measured: `ironmonger` as it is built beside this program.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ironmonger::dev::services::free_port;

use super::LoadArgs;
use super::http::{Connection, Request};
use crate::report::{Report, percentile};
use crate::servers::{Process, Servers};

/// How long a process may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that listens.
pub struct Server {
    /// Where.
    pub addr: SocketAddr,
    /// The process.
    pub process: Process,
    /// From its start until it answered.
    pub ready_ms: f64,
}

/// The program of this name, built in the same profile.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        bail!("{} is not built: build the whole workspace in the same profile", path.display());
    }
    Ok(path)
}

fn loopback() -> anyhow::Result<SocketAddr> {
    Ok(SocketAddr::from(([127, 0, 0, 1], free_port()?)))
}

/// `ironmonger serve` on these servers, as it is configured by default.
pub async fn api(args: &LoadArgs, servers: &Servers) -> anyhow::Result<Server> {
    api_with(args, servers, &[]).await
}

/// The same without its cache: everything is read from PostgreSQL.
pub async fn api_without_cache(args: &LoadArgs, servers: &Servers) -> anyhow::Result<Server> {
    api_with(args, servers, &[("IRONMONGER_CACHE_BYTES", "off")]).await
}

/// What it logs goes to a file, as it would to a collector.
async fn api_with(args: &LoadArgs, servers: &Servers, variables: &[(&str, &str)]) -> anyhow::Result<Server> {
    let (addr, ops_addr) = (loopback()?, loopback()?);
    let log = std::fs::File::create(servers.folder().join("api.log"))?;
    let mut command = Command::new(program("ironmonger")?);
    command
        .arg("serve")
        .envs(servers.variables())
        .env("IRONMONGER_HTTP_ADDR", addr.to_string())
        .env("IRONMONGER_METRICS_ADDR", ops_addr.to_string())
        // A key is made in the data directory.
        .env("IRONMONGER_DEV", "true")
        .env("IRONMONGER_LOG", "info")
        .envs(variables.iter().copied())
        .envs(args.set.iter().map(|(name, value)| (name, value)))
        .stdout(log.try_clone()?)
        .stderr(log);
    start(command, addr, "/readyz").await
}

/// The bench server on these servers.
pub async fn baseline(servers: &Servers, static_body: &std::path::Path) -> anyhow::Result<Server> {
    let addr = loopback()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("baseline").arg(addr.to_string()).arg(servers.database_url()).arg(static_body);
    start(command, addr, "/ready").await
}

async fn start(command: Command, addr: SocketAddr, ready: &str) -> anyhow::Result<Server> {
    let shown = format!("{command:?}");
    let started = Instant::now();
    let mut process = Process::spawn_to(command)?;
    let request = Request::get(ready);
    loop {
        if let Ok(mut connection) = Connection::open(addr).await
            && let Ok((200, _)) = connection.send(&request).await
        {
            break;
        }
        if let Some(status) = process.ended()? {
            bail!("{shown} ended ({status}) before it was ready");
        }
        if started.elapsed() > PATIENCE {
            bail!("{shown} is not ready");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let ready_ms = started.elapsed().as_secs_f64() * 1000.0;
    Ok(Server { addr, process, ready_ms })
}

impl Server {
    /// The answer to one request.
    pub async fn ask(&self, request: &Request) -> anyhow::Result<serde_json::Value> {
        Connection::open(self.addr).await?.json(request).await.context("a single request failed")
    }
}

/// How long a process takes until it answers, and what it takes of memory when it has nothing to do.
pub async fn measure(args: &LoadArgs, servers: &Servers, report: &mut Report) -> anyhow::Result<()> {
    const STARTS: usize = 10;
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        times.push(api(args, servers).await?.ready_ms);
    }
    let note = format!("from spawning it until /readyz answers; median of {STARTS}");
    report.add("API process, start", percentile(&mut times, 0.5), "ms", note);
    let api = api(args, servers).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let idle = api.process.memory_now_mib().unwrap_or(f64::NAN);
    report.add("API process, memory when idle", idle, "MiB", "resident, 3 s after its start");
    Ok(())
}
