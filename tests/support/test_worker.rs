//! Worker processes with the tests' own kinds of jobs, to be killed.
//!
//! The process is this test binary, started again for one `#[ignore]`d "test" that is the worker; it is the product's worker
//! but for its registry. What its handlers do is in two tables: `effects`, written under the fence in one transaction, and `runs`,
//! a row for every handler that was begun.

use std::time::Duration;

use clap::Parser;
use diesel_async::{AsyncConnection, RunQueryDsl};
use ironmonger::cli::worker::{self, WorkerArgs};
use ironmonger::dev::child::Program;
use ironmonger::jobs::registry::{self, Registry};
use ironmonger::jobs::{Isolate, Job, JobContext, JobError};
use serde::{Deserialize, Serialize};

use super::{Process, Shop};

/// Tells the process which registry it has; without it the ignored tests do nothing.
const VERSION: &str = "TEST_WORKER_VERSION";
/// JSON list of the worker's arguments.
const ARGS: &str = "TEST_WORKER_ARGS";
/// The schedule of [`Tick`]; none if not set.
const TICKS: &str = "TEST_WORKER_TICKS";

/// How a test worker is started.
pub struct TestWorker<'a> {
    /// `v1` does not know [`Newer`], `v2` does.
    pub version: &'a str,
    pub name: &'a str,
    pub concurrency: usize,
    /// When [`Tick`] runs; never if not given. Six fields.
    pub ticks: &'a str,
    pub variables: &'a [(&'a str, &'a str)],
}

impl Default for TestWorker<'_> {
    fn default() -> Self {
        Self { version: "v2", name: "test", concurrency: 4, ticks: "", variables: &[] }
    }
}

impl Shop {
    /// Makes the tables that the test workers' handlers write to.
    pub async fn record_effects(&self) {
        self.sql(
            "CREATE TABLE effects (key text PRIMARY KEY);
             CREATE TABLE runs (seq bigserial PRIMARY KEY, key text NOT NULL, kind text NOT NULL, worker text NOT NULL,
                 at timestamptz NOT NULL DEFAULT clock_timestamp());",
        )
        .await;
    }

    /// Starts a worker process with the tests' kinds; returns when its health port listens.
    pub async fn spawn_test_worker(&self, options: TestWorker<'_>) -> Process {
        let TestWorker { version, name, concurrency, ticks, variables } = options;
        let program = Program::new(std::env::current_exe().unwrap()).args(process_args("worker_process"));
        let args = serde_json::json!(["worker", "--concurrency", concurrency.to_string(), "--name", name]);
        let args = args.to_string();
        let own = [(VERSION, version), (ARGS, &args), (TICKS, ticks), ("IRONMONGER_WORKER_NAME", name)];
        let variables = [&own[..], &[("IRONMONGER_LOG", "info")], variables].concat();
        let (listens_by, also_by) = ("IRONMONGER_WORKER_ADDR", "IRONMONGER_HTTP_ADDR");
        self.spawn_program(name, program, listens_by, also_by, &variables).await
    }
}

fn process_args(test: &str) -> Vec<String> {
    let path = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    ["--exact", &path, "--ignored", "--nocapture", "--test-threads", "1"].map(str::to_owned).into()
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    worker: WorkerArgs,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "this is a process that other tests start"]
async fn worker_process() {
    let (Ok(version), Ok(args)) = (std::env::var(VERSION), std::env::var(ARGS)) else { return };
    let args: Vec<String> = serde_json::from_str(&args).unwrap();
    let isolate = Isolate {
        program: std::env::current_exe().unwrap(),
        args: process_args("isolated_process").into_iter().map(Into::into).collect(),
    };
    let args = Cli::parse_from(args).worker.isolate_by(isolate);
    let outcome = worker::run(args, test_registry(&version)).await;
    // As in the product: a handler that never yields must not keep the process.
    std::process::exit(outcome.inspect_err(|error| eprintln!("{error:?}")).is_err().into());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "this is a process that a test worker starts"]
async fn isolated_process() {
    let Ok(version) = std::env::var(VERSION) else { return };
    worker::run_isolated(test_registry(&version)).await.unwrap();
}

fn test_registry(version: &str) -> Registry {
    let mut registry = registry::all();
    registry.add::<Work>();
    registry.add::<Hazard>();
    registry.add::<Tick>();
    if version == "v2" {
        registry.add::<Newer>();
    }
    if let Some(cron) = std::env::var(TICKS).ok().filter(|cron| !cron.is_empty()) {
        registry.schedule("chaos.tick", cron.leak(), &Tick {});
    }
    registry
}

/// Takes a while and leaves an effect. Twice is harmless: the effect is there once.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Work {
    pub key: String,
    /// Until it is canceled, or for so long.
    #[serde(default)]
    pub wait_ms: u64,
    /// Fails so often before it succeeds.
    #[serde(default)]
    pub failures: i32,
}

impl Job for Work {
    const KIND: &'static str = "chaos.work";
    const QUEUE: &'static str = "chaos";
    const MAX_ATTEMPTS: i32 = 20;
    type Output = ();

    fn backoff(_: i32) -> Duration {
        Duration::from_millis(300)
    }

    async fn run(self, ctx: JobContext) -> Result<(), JobError> {
        begin(&ctx, &self.key, Self::KIND).await?;
        let wait = Duration::from_millis(self.wait_ms);
        if tokio::time::timeout(wait, ctx.canceled().cancelled()).await.is_ok() {
            return Err(JobError::Canceled);
        }
        if ctx.attempt <= self.failures {
            return Err(JobError::retry(std::io::Error::other("not yet")));
        }
        effect(&ctx, &self.key).await
    }
}

/// A kind that came with version 2, on the queue of [`Work`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Newer {
    pub key: String,
}

impl Job for Newer {
    const KIND: &'static str = "chaos.newer";
    const QUEUE: &'static str = "chaos";
    type Output = ();

    async fn run(self, ctx: JobContext) -> Result<(), JobError> {
        begin(&ctx, &self.key, Self::KIND).await?;
        effect(&ctx, &self.key).await
    }
}

/// Runs by the clock.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tick {}

impl Job for Tick {
    const KIND: &'static str = "chaos.tick";
    const QUEUE: &'static str = "chaos-ticks";
    type Output = ();

    async fn run(self, ctx: JobContext) -> Result<(), JobError> {
        begin(&ctx, "tick", Self::KIND).await
    }
}

/// What a handler should not do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Hazard {
    /// Takes its process down.
    Abort { key: String },
    /// Takes memory, up to 2 GiB.
    Eat { key: String },
    /// Keeps its thread for two minutes, the first so many attempts; then succeeds.
    Block { key: String, attempts: i32 },
}

impl Job for Hazard {
    const KIND: &'static str = "chaos.hazard";
    const QUEUE: &'static str = "chaos";
    const TIMEOUT: Duration = Duration::from_secs(2);
    type Output = ();

    fn backoff(_: i32) -> Duration {
        Duration::from_millis(300)
    }

    async fn run(self, ctx: JobContext) -> Result<(), JobError> {
        let key = match &self {
            Hazard::Abort { key } | Hazard::Eat { key } | Hazard::Block { key, .. } => key,
        };
        begin(&ctx, key, Self::KIND).await?;
        match &self {
            Hazard::Abort { .. } => std::process::abort(),
            Hazard::Eat { .. } => {
                let mut eaten = Vec::new();
                for _ in 0..128 {
                    eaten.push(std::hint::black_box(vec![1_u8; 16 << 20]));
                }
            }
            Hazard::Block { attempts, .. } => {
                if ctx.attempt <= *attempts {
                    std::thread::sleep(Duration::from_secs(120));
                }
            }
        }
        effect(&ctx, key).await
    }
}

async fn begin(ctx: &JobContext, key: &str, kind: &str) -> Result<(), JobError> {
    let worker = std::env::var("IRONMONGER_WORKER_NAME").unwrap_or_default();
    let mut conn = ctx.app.db.get().await?;
    diesel::sql_query("INSERT INTO runs (key, kind, worker) VALUES ($1, $2, $3)")
        .bind::<diesel::sql_types::Text, _>(key)
        .bind::<diesel::sql_types::Text, _>(kind)
        .bind::<diesel::sql_types::Text, _>(worker)
        .execute(&mut conn)
        .await?;
    Ok(())
}

async fn effect(ctx: &JobContext, key: &str) -> Result<(), JobError> {
    let mut conn = ctx.app.db.get().await?;
    conn.transaction(async |conn| {
        ctx.fence(conn).await?;
        diesel::sql_query("INSERT INTO effects (key) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind::<diesel::sql_types::Text, _>(key)
            .execute(conn)
            .await?;
        Ok::<_, JobError>(())
    })
    .await
}
