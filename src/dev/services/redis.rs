//! A private Redis.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::{
    Home, POLL, Purpose, START_TIMEOUT, binaries, choose_port, log_file, new_port, tail, write_note,
};
use crate::dev::child::{Child, Program, end_leftover};

/// How long a shutdown may take before it is killed; the append-only file survives that as well.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// A running Redis. Dropping it asks for its shutdown.
pub struct Redis {
    child: Child,
    port: u16,
    purpose: Purpose,
    home: Home,
    program: PathBuf,
}

impl Redis {
    /// Starts it. Returns when it answers.
    pub(super) async fn start(home: &Home, purpose: Purpose) -> Result<Self> {
        let program = binaries::redis()?;
        home.folder("redis")?;
        let port_note = home.path().join("redis.port");
        let mut port = choose_port(&port_note)?;
        let mut attempts_left = 3;
        loop {
            match launch(home, &program, purpose, port).await? {
                Some(child) => return Ok(Self { child, port, purpose, home: home.clone(), program }),
                None if attempts_left > 0 => {
                    attempts_left -= 1;
                    port = new_port(&port_note)?;
                }
                None => bail!("Redis found no free port on 127.0.0.1"),
            }
        }
    }

    /// How to connect.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended without being told to.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Sends a signal, for tests of what happens then.
    pub fn signal(&mut self, signal: Signal) {
        self.child.signal(signal);
    }

    /// Starts it again on its port; stops it first if it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.child.stop(Signal::SIGTERM, SHUTDOWN_PATIENCE).await?;
        match launch(&self.home, &self.program, self.purpose, self.port).await? {
            Some(child) => self.child = child,
            None => bail!("Redis's port {} has been taken in the meantime", self.port),
        }
        Ok(())
    }

    /// Shuts it down; returns when it has ended.
    pub(super) async fn stop(mut self) {
        if let Err(error) = self.child.stop(Signal::SIGTERM, SHUTDOWN_PATIENCE).await {
            tracing::warn!(%error, "cannot stop Redis");
        }
    }
}

/// `None` when the port was taken.
async fn launch(home: &Home, program: &Path, purpose: Purpose, port: u16) -> Result<Option<Child>> {
    let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let pid_file = home.path().join("redis.pid");
    let leftover = std::fs::read_to_string(&pid_file).ok().and_then(|pid| pid.trim().parse().ok());
    if let Some(pid) = leftover
        && !end_leftover(pid, name, Signal::SIGTERM, SHUTDOWN_PATIENCE).await
    {
        bail!("another Redis (process {pid}) uses {}: stop it first", home.path().display());
    }
    let log = home.path().join("redis.log");
    let append_only = match purpose {
        Purpose::Development => "yes",
        Purpose::Tests => "no",
    };
    let mut child = Program::new(program)
        .bare_env()
        .env("LC_ALL", "C")
        .account(home.account())
        .current_dir("/")
        .dies_by(Signal::SIGTERM)
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
        .args(["--appendonly", append_only, "--appendfsync", "everysec", "--dir"])
        .args([home.path().join("redis")])
        .output(log_file(&log)?)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    write_note(&pid_file, &child.id().to_string())?;
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
    let deadline = Instant::now() + START_TIMEOUT;
    while !answers(&client, child.id()).await {
        if let Some(status) = child.try_wait()? {
            let log = tail(&log);
            if log.contains("Address already in use") {
                return Ok(None);
            }
            bail!("Redis ended while starting ({status}):\n{log}");
        }
        if Instant::now() > deadline {
            bail!("Redis is not ready after {} seconds:\n{}", START_TIMEOUT.as_secs(), tail(&log));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(Some(child))
}

/// Whether the process that listens is ours and has read its data.
async fn answers(client: &redis::Client, pid: u32) -> bool {
    let asked = async {
        let mut conn = client.get_multiplexed_async_connection().await?;
        let _: String = redis::cmd("PING").query_async(&mut conn).await?;
        redis::cmd("INFO").arg("server").query_async::<String>(&mut conn).await
    };
    let Ok(Ok(info)) = tokio::time::timeout(Duration::from_secs(1), asked).await else {
        return false;
    };
    info.lines().any(|line| line.trim() == format!("process_id:{pid}"))
}
