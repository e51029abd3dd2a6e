//! What Redis itself can do: one LPUSH and one BRPOP per job, nothing kept, nothing run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::report::Report;
use crate::servers::Servers;

use super::CONCURRENCY;

/// Pushes and pops at the same time, each over its own connection with as many calls under way as others run jobs.
pub async fn run(servers: &Servers, jobs: usize, report: &mut Report) -> anyhow::Result<()> {
    let client = redis::Client::open(servers.redis_url())?;
    let producer = client.get_multiplexed_async_connection().await?;
    let started = Instant::now();
    let (pushed, popped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    let consumer = client.get_multiplexed_async_connection().await?;
    for n in 0..CONCURRENCY {
        let (mut conn, pushed) = (producer.clone(), pushed.clone());
        tasks.spawn(async move {
            while pushed.fetch_add(1, Ordering::Relaxed) < jobs {
                let payload = format!("{{\"job\":\"{n:036}\"}}");
                let _: i64 =
                    redis::cmd("LPUSH").arg("bench:list").arg(payload).query_async(&mut conn).await?;
            }
            anyhow::Ok(())
        });
        let (mut conn, popped) = (consumer.clone(), popped.clone());
        tasks.spawn(async move {
            while popped.load(Ordering::Relaxed) < jobs {
                let one: Option<String> = redis::cmd("RPOP").arg("bench:list").query_async(&mut conn).await?;
                match one {
                    Some(_) => _ = popped.fetch_add(1, Ordering::Relaxed),
                    None => tokio::task::yield_now().await,
                }
            }
            Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let rate = jobs as f64 / started.elapsed().as_secs_f64();
    report.add(
        "Raw Redis, LPUSH and RPOP",
        rate,
        "jobs/s",
        format!("{jobs} jobs; {CONCURRENCY} calls under way each"),
    );
    Ok(())
}
