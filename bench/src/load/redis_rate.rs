//! What Redis itself answers.

use std::time::Instant;

use super::LoadArgs;
use crate::report::Report;
use crate::servers::Servers;

/// GETs of the list's bytes, over as many connections as there are calls at a time.
pub async fn run(args: &LoadArgs, servers: &Servers, body: &[u8], report: &mut Report) -> anyhow::Result<()> {
    let client = redis::Client::open(servers.redis_url())?;
    let mut conn = client.get_multiplexed_async_connection().await?;
    let _: () = redis::cmd("SET").arg("bench:body").arg(body).query_async(&mut conn).await?;
    for &concurrency in &args.concurrency {
        let turn = args.rules(concurrency).turn;
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..concurrency {
            let mut conn = client.get_multiplexed_async_connection().await?;
            tasks.spawn(async move {
                let mut count = 0_u64;
                while started.elapsed() < turn {
                    let _: Vec<u8> = redis::cmd("GET").arg("bench:body").query_async(&mut conn).await?;
                    count += 1;
                }
                anyhow::Ok(count)
            });
        }
        let mut count = 0;
        while let Some(ended) = tasks.join_next().await {
            count += ended??;
        }
        let rate = count as f64 / started.elapsed().as_secs_f64();
        let note = format!("{} bytes each", body.len());
        report.add(format!("Raw Redis GET of the list, {concurrency} at a time"), rate, "requests/s", note);
    }
    Ok(())
}
