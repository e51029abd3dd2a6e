//! Ironmonger's own job platform.

use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double};
use diesel_async::RunQueryDsl;
use ironmonger::jobs::{self, EnqueueOptions};
use ironmonger::{App, db};

use crate::report::{Report, percentile};
use crate::servers::{Process, Servers};

use super::CONCURRENCY;
use super::noop::Noop;

/// Jobs per call of `enqueue_all`.
const BATCH: usize = 500;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Double)]
    value: f64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

async fn number(conn: &mut db::Conn, sql: &str) -> anyhow::Result<f64> {
    Ok(diesel::sql_query(sql).get_result::<Number>(conn).await?.value)
}

async fn count(conn: &mut db::Conn, sql: &str) -> anyhow::Result<i64> {
    Ok(diesel::sql_query(sql).get_result::<Count>(conn).await?.value)
}

/// An empty ledger and worker processes that are ready.
async fn workers(servers: &Servers, app: &App, workers: usize) -> anyhow::Result<Vec<Process>> {
    let mut conn = app.db.get().await?;
    diesel::sql_query("TRUNCATE jobs, job_attempts, job_workers").execute(&mut conn).await?;
    let concurrency = CONCURRENCY.to_string();
    let processes: Vec<_> = (0..workers)
        .map(|_| servers.spawn(&["worker", "--concurrency", &concurrency]))
        .collect::<Result<_, _>>()?;
    while count(&mut conn, "SELECT count(*) AS value FROM job_workers").await? < workers as i64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(processes)
}

async fn enqueue(app: &App, jobs: usize, options: &EnqueueOptions) -> anyhow::Result<()> {
    let mut conn = app.db.get().await?;
    for _ in 0..jobs / BATCH {
        let batch: Vec<_> = (0..BATCH).map(|_| Noop::now()).collect();
        jobs::enqueue_all(&mut conn, &batch, options.clone()).await?;
    }
    Ok(())
}

async fn drained(app: &App) -> anyhow::Result<()> {
    let open = "SELECT count(*) AS value FROM (SELECT 1 FROM jobs \
                WHERE state IN ('SCHEDULED', 'READY', 'RUNNING', 'RETRYING') LIMIT 1) AS open";
    let mut conn = app.db.get().await?;
    while count(&mut conn, open).await? > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let other =
        count(&mut conn, "SELECT count(*) AS value FROM jobs WHERE state <> 'SUCCEEDED' OR attempt <> 1");
    anyhow::ensure!(other.await? == 0, "every job succeeds at its first attempt");
    Ok(())
}

/// From the first enqueue to the last finish, everything at the same time.
pub async fn throughput(
    servers: &Servers,
    processes: usize,
    jobs: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let app = servers.app()?;
    let running = workers(servers, &app, processes).await?;
    let started = Instant::now();
    enqueue(&app, jobs, &EnqueueOptions::default()).await?;
    let enqueued = started.elapsed().as_secs_f64();
    drained(&app).await?;
    let took = number(
        &mut *app.db.get().await?,
        "SELECT extract(epoch FROM max(finished_at) - min(created_at))::float8 AS value FROM jobs",
    )
    .await?;
    let memory = running.iter().filter_map(Process::peak_memory_mib).fold(0.0, f64::max);
    report.add(
        format!("Ironmonger, {processes} worker process(es)"),
        jobs as f64 / took,
        "jobs/s",
        format!(
            "{jobs} jobs; enqueued at {:.0}/s meanwhile; worker's peak {memory:.0} MiB",
            jobs as f64 / enqueued
        ),
    );
    Ok(())
}

/// From the call of `enqueue`, commit included, to the start of the handler; one job at a time.
pub async fn latency(servers: &Servers, samples: usize, report: &mut Report) -> anyhow::Result<()> {
    let app = servers.app()?;
    let _running = workers(servers, &app, 1).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut commits = Vec::new();
    for _ in 0..samples {
        let mut conn = app.db.get().await?;
        let started = Instant::now();
        jobs::enqueue(&mut conn, &Noop::now(), EnqueueOptions::default()).await?;
        commits.push(started.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    drained(&app).await?;
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Double)]
        ms: f64,
    }
    let rows: Vec<Row> = diesel::sql_query("SELECT (result #>> '{}')::float8 / 1000 AS ms FROM jobs")
        .load(&mut *app.db.get().await?)
        .await?;
    let mut waits: Vec<_> = rows.into_iter().map(|row| row.ms).collect();
    let commit = percentile(&mut commits, 0.5);
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let note =
            format!("from the call of enqueue, whose commit takes {commit:.2} ms (p50); {samples} jobs");
        report.add(
            format!("Ironmonger, idle start latency {name}"),
            percentile(&mut waits, share),
            "ms",
            note,
        );
    }
    Ok(())
}

/// How many jobs are finished, at a cost that does not grow with them: those of a while ago are counted once.
struct Finished {
    before: String,
    count: i64,
}

impl Finished {
    fn none() -> Self {
        Self { before: "-infinity".into(), count: 0 }
    }

    async fn count(&mut self, conn: &mut db::Conn) -> anyhow::Result<i64> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            before: String,
            #[diesel(sql_type = BigInt)]
            settled: i64,
            #[diesel(sql_type = BigInt)]
            new: i64,
        }
        // A transaction writes its beginning as the time and is seen at its end, a moment later.
        let row: Row = diesel::sql_query(format!(
            "SELECT settled_at::text AS before, count(*) FILTER (WHERE finished_at < settled_at) AS settled, \
                 count(*) FILTER (WHERE finished_at >= settled_at) AS new \
             FROM (SELECT now() - interval '500 ms' AS settled_at) AS line \
             LEFT JOIN jobs ON finished_at >= '{}' AND state = 'SUCCEEDED' GROUP BY settled_at",
            self.before
        ))
        .get_result(conn)
        .await?;
        self.before = row.before;
        self.count += row.settled;
        Ok(self.count + row.new)
    }
}

/// Jobs per second with few and with many waiting behind them, and what Redis holds meanwhile.
pub async fn backlog(servers: &Servers, report: &mut Report) -> anyhow::Result<()> {
    // Long enough for what a process does every ten seconds to weigh as it does over a day.
    const MEASURED: i64 = 300_000;
    let app = servers.app()?;
    let redis = redis::Client::open(servers.redis_url())?;
    let mut redis = redis.get_multiplexed_async_connection().await?;
    // What other contestants left there.
    redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await?;
    let mut per_job = Vec::new();
    for waiting in [1_000_usize, 1_000_000] {
        let mut conn = app.db.get().await?;
        diesel::sql_query("TRUNCATE jobs, job_attempts, job_workers").execute(&mut conn).await?;
        enqueue(&app, waiting, &EnqueueOptions::default()).await?;
        let processes = [servers.spawn(&["worker", "--concurrency", &CONCURRENCY.to_string()])?];
        // The backlog is kept up, so both sizes share the machine with the same work of enqueuing.
        let measured = async {
            let mut finished = Finished::none();
            while finished.count(&mut conn).await? < 1_000 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let (from, started) = (finished.count(&mut conn).await?, Instant::now());
            let mut most_memory = 0.0_f64;
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                most_memory = most_memory.max(used_memory_mib(&mut redis).await?);
                let now = finished.count(&mut conn).await?;
                if now - from >= MEASURED {
                    return anyhow::Ok((started.elapsed().as_secs_f64() / (now - from) as f64, most_memory));
                }
            }
        };
        let top_up = async {
            let mut conn = app.db.get().await?;
            let (mut enqueued, mut finished) = (waiting, Finished::none());
            loop {
                if enqueued as i64 - finished.count(&mut conn).await? >= waiting as i64 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
                enqueue(&app, 2_000, &EnqueueOptions::default()).await?;
                enqueued += 2_000;
            }
            #[allow(unreachable_code)] // Names the type of the error.
            anyhow::Ok(())
        };
        let (seconds, memory) = tokio::select! {
            measured = measured => measured?,
            ended = top_up => { ended?; unreachable!("it goes on for ever") }
        };
        drop(processes);
        per_job.push(seconds);
        report.add(
            format!("Ironmonger, {waiting} jobs waiting"),
            1.0 / seconds,
            "jobs/s",
            format!("{:.0} µs a job; Redis holds {memory:.1} MiB at most", seconds * 1e6),
        );
    }
    report.add("Cost of a job with 1,000,000 waiting against 1,000", per_job[1] / per_job[0], "×", "");
    Ok(())
}

async fn used_memory_mib(conn: &mut redis::aio::MultiplexedConnection) -> anyhow::Result<f64> {
    let info: String = redis::cmd("INFO").arg("memory").query_async(conn).await?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap_or("0");
    Ok(line.trim().parse::<f64>()? / 1024.0 / 1024.0)
}

/// Delayed jobs that become due together.
pub async fn burst(servers: &Servers, jobs: usize, report: &mut Report) -> anyhow::Result<()> {
    let app = servers.app()?;
    let _running = workers(servers, &app, 1).await?;
    let due = std::time::SystemTime::now() + Duration::from_secs(10);
    let options = EnqueueOptions { run_at: Some(due.into()), ..EnqueueOptions::default() };
    enqueue(&app, jobs, &options).await?;
    anyhow::ensure!(std::time::SystemTime::now() < due, "the jobs are in the ledger before they are due");
    drained(&app).await?;
    let mut conn = app.db.get().await?;
    let took = "SELECT extract(epoch FROM max(finished_at) - min(run_at))::float8 AS value FROM jobs";
    let took = number(&mut conn, took).await?;
    let early = "SELECT count(*) AS value FROM jobs WHERE started_at < run_at";
    anyhow::ensure!(count(&mut conn, early).await? == 0, "no job starts before its time");
    let note = format!("{jobs} jobs due in the same second are finished {took:.1} s later, no error");
    report.add("Ironmonger, burst of delayed jobs", jobs as f64 / took, "jobs/s", note);
    Ok(())
}
