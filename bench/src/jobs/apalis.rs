//! apalis-redis as its makers ship it, with the settings under which it does not lose its way: polled every 5 ms, as many tasks at a time as it takes, not locked, and
//! never 8,000 tasks due at once.

use std::time::{Duration, Instant};

use apalis::prelude::{BackendExt, BoxDynError, ParallelizeExt, TaskSink, WorkerBuilder};
use apalis_redis::{Config, RedisStorage};
use serde::{Deserialize, Serialize};

use crate::report::Report;
use crate::servers::Servers;

const MOST_WAITING: usize = 4_000;
const BATCH: usize = 500;

#[derive(Debug, Serialize, Deserialize)]
struct Noop {
    n: usize,
}

fn config() -> Config {
    Config::default().queue("bench").batch_size(100).lock_tasks(false).emit_events(false)
}

/// The worker process.
pub async fn work(redis_url: &str) -> anyhow::Result<()> {
    let conn = apalis_redis::connect(redis_url).await?;
    let storage = RedisStorage::<Noop>::new(conn).with_config(config());
    let worker = WorkerBuilder::new(format!("bench-{}", std::process::id()))
        .backend(storage.poll_with_interval(Duration::from_millis(5)))
        .parallelize(tokio::spawn)
        .build(async |_: Noop| Ok::<(), BoxDynError>(()));
    worker.run().await.map_err(|error| anyhow::anyhow!("{error}"))
}

/// From the first push to the last acknowledgement.
pub async fn run(servers: &Servers, jobs: usize, report: &mut Report) -> anyhow::Result<()> {
    let _worker = servers.spawn(&["apalis-worker", &servers.redis_url()])?;
    let mut conn = apalis_redis::connect(servers.redis_url()).await?;
    let mut storage = RedisStorage::<Noop>::new(conn.clone()).with_config(config());
    // The worker is up when it has done one.
    storage.push(Noop { n: 0 }).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let done_set = config().done_jobs_set();
    let mut done = 0;
    while done < 1 {
        done = redis::cmd("SCARD").arg(&done_set).query_async(&mut conn).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let started = Instant::now();
    let mut pushed = 1;
    while done <= jobs {
        if pushed <= jobs && pushed - done < MOST_WAITING {
            let batch = (0..BATCH).map(|n| Noop { n }).collect();
            storage.push_bulk(batch).await.map_err(|error| anyhow::anyhow!("{error}"))?;
            pushed += BATCH;
        } else {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        done = redis::cmd("SCARD").arg(&done_set).query_async(&mut conn).await?;
        anyhow::ensure!(
            started.elapsed() < Duration::from_secs(120),
            "apalis-redis stands still at {done} jobs"
        );
    }
    let rate = jobs as f64 / started.elapsed().as_secs_f64();
    report.add(
        "Raw apalis-redis, 1 worker process",
        rate,
        "jobs/s",
        format!("{jobs} jobs; nothing outlives Redis"),
    );
    Ok(())
}
