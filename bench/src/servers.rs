//! PostgreSQL and Redis of a run's own, as durable as in production, and the processes that use them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::Context;
use ironmonger::App;
use ironmonger::config::Config;
use ironmonger::dev::services::{Purpose, Services, Wanted};

/// The servers of a run. They end with this process.
pub struct Servers {
    services: Services,
    folder: PathBuf,
    /// The folder, if it goes with the run.
    _temporary: Option<tempfile::TempDir>,
}

impl Servers {
    /// Starts both in a folder that is removed in the end, and migrates.
    pub async fn start() -> anyhow::Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let servers = Self::start_in(folder.path()).await?;
        Ok(Self { _temporary: Some(folder), ..servers })
    }

    /// Starts both in a folder that stays, and migrates.
    pub async fn start_in(folder: &Path) -> anyhow::Result<Self> {
        let wanted = Wanted { postgres: true, redis: true };
        let services = Services::start(folder, Purpose::Development, wanted).await?;
        let servers = Self { services, folder: folder.canonicalize()?, _temporary: None };
        ironmonger::db::migrate(&servers.database_url()).await?;
        Ok(servers)
    }

    /// Stops both; returns when all is on disk.
    pub async fn stop(self) {
        self.services.stop().await;
    }

    /// Of PostgreSQL.
    pub fn database_url(&self) -> String {
        self.services.postgres.as_ref().map(|it| it.url()).unwrap_or_default()
    }

    /// Of Redis.
    pub fn redis_url(&self) -> String {
        self.services.redis.as_ref().map(|it| it.url()).unwrap_or_default()
    }

    /// A process's App on these servers.
    pub fn app(&self) -> anyhow::Result<App> {
        let variables = self.variables();
        let lookup =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        App::without_keys(Config::from_lookup(lookup)?)
    }

    /// What a process needs to find them.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DATABASE_URL", self.database_url()),
            ("REDIS_URL", self.redis_url()),
            ("IRONMONGER_DATA_DIR", self.folder.join("data").display().to_string()),
            ("IRONMONGER_WORKER_ADDR", "off".into()),
            ("IRONMONGER_LOG", "warn".into()),
        ]
    }

    /// Starts this program again with these arguments, on these servers.
    pub fn spawn(&self, args: &[&str]) -> anyhow::Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(args).envs(self.variables());
        Process::spawn(command)
    }

    /// Where their files are.
    pub fn folder(&self) -> PathBuf {
        self.folder.clone()
    }
}

/// A process, killed when dropped.
pub struct Process(Child);

impl Process {
    /// Starts it; it writes to our standard error.
    pub fn spawn(mut command: Command) -> anyhow::Result<Self> {
        command.stdout(Stdio::inherit());
        Self::spawn_to(command)
    }

    /// Starts it; it writes to where its command says.
    pub fn spawn_to(mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self(child))
    }

    /// Most memory that it had in use so far, in MiB.
    pub fn peak_memory_mib(&self) -> Option<f64> {
        self.memory_mib("VmHWM:")
    }

    /// Memory that it has in use now, in MiB.
    pub fn memory_now_mib(&self) -> Option<f64> {
        self.memory_mib("VmRSS:")
    }

    fn memory_mib(&self, what: &str) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with(what))?;
        Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
