//! Real processes are killed, stopped and restarted under load, and no job is lost or done twice.
//!
//! Each test ends in [`Counts`]: what was enqueued has ended as it should, and left one effect.

mod handlers;
mod servers;
mod time;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use ironmonger::App;
use ironmonger::jobs::{self, EnqueueOptions, Job};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::{Shop, Work};

/// Leases take 30 s to run out, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(150);

/// Seeded anew each time; TEST_SEED repeats a run.
fn random() -> StdRng {
    let given = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    println!("TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

async fn enqueue<J: Job>(shop: &Shop, jobs: &[J]) {
    let mut conn = shop.app().db.get().await.unwrap();
    jobs::enqueue_all(&mut conn, jobs, EnqueueOptions::default()).await.unwrap();
}

/// Work with the keys `name 0`, `name 1`, …, of up to so many milliseconds.
fn work(name: &str, count: usize, rng: &mut StdRng, most_ms: u64) -> Vec<Work> {
    let one = |n| Work { key: format!("{name} {n}"), wait_ms: rng.random_range(0..=most_ms), failures: 0 };
    (0..count).map(one).collect()
}

/// Enqueues without pause, in the background, and tries again whatever fails.
struct Load {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicI64>,
    task: tokio::task::JoinHandle<()>,
}

impl Load {
    /// `batch` jobs every 100 ms, of up to `most_ms` milliseconds.
    fn start(shop: &Shop, mut rng: StdRng, batch: usize, most_ms: u64) -> Self {
        let (stop, count) = (Arc::<AtomicBool>::default(), Arc::<AtomicI64>::default());
        let (app, stopped, counter) = (shop.app().clone(), stop.clone(), count.clone());
        let task = tokio::spawn(async move {
            for round in 0.. {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                let jobs = work(&format!("load {round}"), batch, &mut rng, most_ms);
                while let Err(error) = Self::enqueue(&app, &jobs).await {
                    println!("enqueueing failed, and is tried again: {error:#}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                counter.fetch_add(batch as i64, Ordering::AcqRel);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { stop, count, task }
    }

    /// Looks first whether an earlier try was committed and only its answer lost.
    async fn enqueue(app: &App, jobs: &[Work]) -> anyhow::Result<()> {
        use diesel_async::RunQueryDsl;
        let mut conn = app.db.get().await?;
        let there = diesel::sql_query("SELECT 1 FROM jobs WHERE payload->>'key' = $1")
            .bind::<diesel::sql_types::Text, _>(&jobs[0].key)
            .execute(&mut conn)
            .await?;
        if there == 0 {
            jobs::enqueue_all(&mut conn, jobs, EnqueueOptions::default()).await?;
        }
        Ok(())
    }

    fn so_far(&self) -> i64 {
        self.count.load(Ordering::Acquire)
    }

    /// How many were enqueued.
    async fn stop(self) -> i64 {
        self.stop.store(true, Ordering::Release);
        self.task.await.unwrap();
        self.count.load(Ordering::Acquire)
    }
}

/// What the ledger and the effects say about the tests' kinds, but for those that run by the clock.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    enqueued: i64,
    succeeded: i64,
    dead: i64,
    /// Neither, nor canceled.
    unfinished: i64,
    effects: i64,
}

async fn counts(shop: &Shop) -> Counts {
    let jobs = |condition: &str| {
        format!(
            "SELECT count(*) FROM jobs WHERE kind LIKE 'chaos.%' AND kind <> 'chaos.tick' AND ({condition})"
        )
    };
    Counts {
        enqueued: shop.sql_count(&jobs("true")).await,
        succeeded: shop.sql_count(&jobs("state = 'SUCCEEDED'")).await,
        dead: shop.sql_count(&jobs("state = 'DEAD'")).await,
        unfinished: shop.sql_count(&jobs("finished_at IS NULL")).await,
        effects: shop.sql_count("SELECT count(*) FROM effects").await,
    }
}

/// Waits until nothing is left to do, and checks that of `enqueued` jobs all but `dead` left their one effect, and that no
/// handler was begun without a claim of its own.
async fn all_done(shop: &Shop, enqueued: i64, dead: i64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let unfinished = counts(shop).await.unfinished;
        if unfinished == 0 {
            break;
        }
        if Instant::now() > deadline {
            let left = "SELECT string_agg(j, E'\\n') FROM (SELECT concat_ws(' ', state, kind, 'attempt', attempt, 'crashes', \
                            crashes, 'dispatched', dispatched_at, 'lease', lease_until, last_error) AS j FROM jobs \
                            WHERE finished_at IS NULL AND kind LIKE 'chaos.%' LIMIT 20) AS some";
            panic!("{unfinished} jobs are left: {}", shop.sql_text(left).await);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let succeeded = enqueued - dead;
    let expected = Counts { enqueued, succeeded, dead, unfinished: 0, effects: succeeded };
    let found = counts(shop).await;
    if found != expected {
        let dead = "SELECT coalesce(string_agg(concat_ws(' ', id, crashes, attempt, last_error), E'\\n'), '') \
                    FROM jobs WHERE state = 'DEAD'";
        println!("{}", shop.sql_text(dead).await);
    }
    assert_eq!(found, expected);
    let unclaimed = "SELECT count(*) FROM (SELECT key, count(*) AS begun FROM runs WHERE kind <> 'chaos.tick' GROUP BY key) AS r \
                     JOIN jobs ON payload->>'key' = key WHERE begun > attempt";
    assert_eq!(shop.sql_count(unclaimed).await, 0, "a handler was begun more often than its job was claimed");
}
