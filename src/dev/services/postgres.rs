//! A private PostgreSQL.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::{SysconfVar, sysconf};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::binaries::{self, PostgresPrograms};
use super::{Home, POLL, Purpose, START_TIMEOUT, choose_port, log_file, new_port, tail};
use crate::dev::child::{Child, Program, end_leftover};

/// The superuser, and its database.
const NAME: &str = "ironmonger";

/// SIGINT is PostgreSQL's fast shutdown: sessions end, data is written, nothing needs recovery.
const FAST_SHUTDOWN: Signal = Signal::SIGINT;

/// How long a fast shutdown may take before it is killed; the next start then recovers.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(10);

/// A running PostgreSQL. Dropping it asks for a fast shutdown.
pub struct Postgres {
    child: Child,
    port: u16,
    purpose: Purpose,
    home: Home,
    programs: PostgresPrograms,
}

impl Postgres {
    /// Starts it, on first use with an empty database. Returns when the database can be connected to.
    pub(super) async fn start(home: &Home, purpose: Purpose) -> Result<Self> {
        let data = data_dir(home);
        let made_by = match std::fs::read_to_string(data.join("PG_VERSION")) {
            Ok(version) => Some(version.trim().parse().context("PG_VERSION is no number")?),
            Err(_) => None,
        };
        let programs = {
            let data = data.clone();
            tokio::task::spawn_blocking(move || binaries::postgres(made_by, &data)).await??
        };
        if made_by.is_none() {
            initialize(home, &programs, purpose).await?;
        }
        let port_note = home.path().join("postgres.port");
        let mut port = choose_port(&port_note)?;
        let mut attempts_left = 3;
        loop {
            match launch(home, &programs, purpose, port).await {
                Ok(child) => return Ok(Self { child, port, purpose, home: home.clone(), programs }),
                Err(StartError::PortTaken) if attempts_left > 0 => {
                    attempts_left -= 1;
                    port = new_port(&port_note)?;
                }
                Err(StartError::PortTaken) => bail!("PostgreSQL found no free port on 127.0.0.1"),
                Err(StartError::Other(error)) => return Err(error),
            }
        }
    }

    /// How to connect to the database.
    pub fn url(&self) -> String {
        url(self.port, NAME)
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended without being told to.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Sends a signal to the postmaster, for tests of what happens then.
    pub fn signal(&mut self, signal: Signal) {
        self.child.signal(signal);
    }

    /// Starts it again on its port; stops it first if it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.child.stop(FAST_SHUTDOWN, SHUTDOWN_PATIENCE).await?;
        match launch(&self.home, &self.programs, self.purpose, self.port).await {
            Ok(child) => self.child = child,
            Err(StartError::PortTaken) => {
                bail!("PostgreSQL's port {} has been taken in the meantime", self.port)
            }
            Err(StartError::Other(error)) => return Err(error),
        }
        Ok(())
    }

    /// Shuts it down; returns when it has ended.
    pub(super) async fn stop(mut self) {
        if let Err(error) = self.child.stop(FAST_SHUTDOWN, SHUTDOWN_PATIENCE).await {
            tracing::warn!(%error, "cannot stop PostgreSQL");
        }
    }
}

fn data_dir(home: &Home) -> PathBuf {
    home.path().join("postgres")
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{NAME}@127.0.0.1:{port}/{database}")
}

fn program(home: &Home, path: &Path) -> Program {
    // The working directory may be one that the account cannot enter.
    Program::new(path)
        .bare_env()
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .account(home.account())
        .current_dir("/")
        .dies_by(FAST_SHUTDOWN)
}

/// Makes the data directory under another name and renames it, so that an interrupted run leaves nothing half done.
async fn initialize(home: &Home, programs: &PostgresPrograms, purpose: Purpose) -> Result<()> {
    let log = home.path().join("initdb.log");
    let unfinished = home.path().join("postgres.new");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished)?;
    }
    home.folder("postgres.new")?;
    // Upper and lower case work beyond ASCII, order is that of the bytes, and every system has the locale.
    let locale: &[&str] =
        if cfg!(target_os = "macos") { &["--locale=C", "--lc-ctype=UTF-8"] } else { &["--locale=C.UTF-8"] };
    let status = program(home, &programs.initdb)
        .args(["--auth=trust", "--encoding=UTF8", "--no-sync", "--username", NAME])
        .args(locale)
        .args([Path::new("--pgdata"), &unfinished])
        .output(log_file(&log)?)
        .spawn()
        .with_context(|| format!("cannot start {}", programs.initdb.display()))?
        .wait()
        .await?;
    if !status.success() {
        bail!("initdb failed ({status}):\n{}", tail(&log));
    }
    if purpose == Purpose::Development {
        // In the file, not on the command line, which would win over whatever somebody sets later. After a checkpoint the first
        // change to each page writes all of it to the log: with rarer ones and these buffers an import of 100,000 products took
        // an eighth less time.
        let mut file = OpenOptions::new().append(true).open(unfinished.join("postgresql.conf"))?;
        let buffers = shared_buffers_mb();
        write!(
            file,
            "\nshared_buffers = {buffers}MB\nmax_wal_size = 4GB\ncheckpoint_timeout = 15min\nwal_buffers = 64MB\nwal_writer_delay = 20ms\n"
        )?;
    }
    std::fs::rename(&unfinished, data_dir(home))?;
    Ok(())
}

enum StartError {
    PortTaken,
    Other(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for StartError {
    fn from(error: E) -> Self {
        StartError::Other(error.into())
    }
}

async fn launch(
    home: &Home,
    programs: &PostgresPrograms,
    purpose: Purpose,
    port: u16,
) -> Result<Child, StartError> {
    let data = data_dir(home);
    let pid_file = data.join("postmaster.pid");
    if let Some(pid) = first_line(&pid_file).and_then(|line| line.parse().ok())
        && !end_leftover(pid, "postgres", FAST_SHUTDOWN, SHUTDOWN_PATIENCE).await
    {
        return Err(anyhow::anyhow!(
            "another PostgreSQL (process {pid}) uses {}: stop it first",
            data.display()
        ))?;
    }
    remove_dead_pid_file(&data, &pid_file).await?;
    let log = home.path().join("postgres.log");
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        // A socket's path may have 107 bytes, which a folder deep in somebody's home exceeds.
        "unix_socket_directories=".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
    ];
    let tuning: &[&str] = match purpose {
        Purpose::Development => &["max_connections=200"],
        Purpose::Tests => &[
            "max_connections=500",
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
            "max_wal_size=4GB",
            "checkpoint_timeout=1h",
            "autovacuum=off",
        ],
    };
    settings.extend(tuning.iter().map(ToString::to_string));
    let mut child = program(home, &programs.postgres)
        .args([Path::new("-D"), &data])
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .output(log_file(&log)?)
        .spawn()
        .with_context(|| format!("cannot start {}", programs.postgres.display()))?;
    let deadline = Instant::now() + START_TIMEOUT;
    while !is_ready(&pid_file, child.id()) {
        if let Some(status) = child.try_wait()? {
            let log = tail(&log);
            if log.contains("Address already in use") || log.contains("could not create any TCP/IP sockets") {
                return Err(StartError::PortTaken);
            }
            return Err(anyhow::anyhow!("PostgreSQL ended while starting ({status}):\n{log}"))?;
        }
        if Instant::now() > deadline {
            return Err(anyhow::anyhow!(
                "PostgreSQL is not ready after {} seconds:\n{}",
                START_TIMEOUT.as_secs(),
                tail(&log)
            ))?;
        }
        tokio::time::sleep(POLL).await;
    }
    ensure_database(port).await?;
    Ok(child)
}

/// An eighth of the memory that there is for us, which PostgreSQL only takes as it fills it: at least its default, and at most
/// what a shop of a million products works in.
fn shared_buffers_mb() -> i64 {
    let pages = sysconf(SysconfVar::_PHYS_PAGES).ok().flatten().unwrap_or(0);
    let page_size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(0);
    // Of a container; "max" where it has no limit.
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|limit| limit.trim().parse().ok()).unwrap_or(i64::MAX);
    ((pages * page_size).min(limit) / (8 << 20)).clamp(128, 2048)
}

/// A killed postmaster whose parent never looks for its end stays in the process table, and PostgreSQL takes it for
/// alive. Its file goes once no process works in the data directory any more; sessions end soon after their postmaster.
async fn remove_dead_pid_file(data: &Path, pid_file: &Path) -> Result<()> {
    let deadline = Instant::now() + SHUTDOWN_PATIENCE;
    while cfg!(target_os = "linux") && pid_file.exists() {
        if !is_worked_in(data) {
            std::fs::remove_file(pid_file)?;
        } else if Instant::now() > deadline {
            bail!("processes of an earlier PostgreSQL still use {}: end them first", data.display());
        } else {
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

fn is_worked_in(folder: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut folders = processes.filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok());
    folders.any(|current| current == folder)
}

/// The postmaster writes its state into the eighth line; the process id guards against a file left by an earlier one.
fn is_ready(pid_file: &Path, pid: u32) -> bool {
    let text = std::fs::read_to_string(pid_file).unwrap_or_default();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.first() == Some(&pid.to_string().as_str()) && lines.get(7) == Some(&"ready")
}

fn first_line(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()?.lines().next().map(|line| line.trim().to_owned())
}

async fn ensure_database(port: u16) -> Result<()> {
    match tokio_postgres::connect(&url(port, NAME), NoTls).await {
        Ok(_) => return Ok(()),
        Err(error) if error.code() == Some(&SqlState::INVALID_CATALOG_NAME) => {}
        Err(error) => return Err(error).context("PostgreSQL started, but cannot be connected to"),
    }
    let (client, connection) = tokio_postgres::connect(&url(port, "template1"), NoTls).await?;
    let connection = tokio::spawn(connection);
    // initdb made an empty database; to copy it instead of renaming it would cost the first start and stop half a second.
    let rename = format!("ALTER DATABASE postgres RENAME TO {NAME}");
    client.batch_execute(&rename).await.context("cannot make the database")?;
    drop(client);
    let _ = connection.await;
    Ok(())
}
