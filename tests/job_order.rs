//! From which queue a worker takes first.

use std::time::Duration;

use ironmonger::jobs::registry::Registry;
use ironmonger::jobs::{self, EnqueueOptions, Job, JobContext, JobError, QueueOrder, WorkerOptions};
use serde::{Deserialize, Serialize};

use crate::support::{Shop, binary};

/// A job of one of three queues.
#[derive(Clone, Serialize, Deserialize)]
struct Noted<const QUEUE: usize> {}

const QUEUES: [&str; 3] = ["order-a", "order-b", "order-c"];

impl<const QUEUE: usize> Job for Noted<QUEUE> {
    const KIND: &'static str = ["test.order-a", "test.order-b", "test.order-c"][QUEUE];
    const QUEUE: &'static str = QUEUES[QUEUE];
    type Output = ();

    async fn run(self, ctx: JobContext) -> Result<(), JobError> {
        use diesel_async::RunQueryDsl;
        let mut conn = ctx.app.db.get().await?;
        diesel::sql_query("INSERT INTO noted (queue) VALUES ($1)")
            .bind::<diesel::sql_types::Text, _>(Self::QUEUE)
            .execute(&mut conn)
            .await?;
        Ok(())
    }
}

const EACH: i64 = 300;

/// Fills the queues, runs a worker that takes one job at a time until all are done, and answers with how many of each queue
/// were among the first so many.
async fn run_all(queues: &[&str], order: QueueOrder, first: i64) -> [i64; 3] {
    let shop = Shop::start().await;
    shop.sql("CREATE TABLE noted (seq bigserial, queue text)").await;
    let mut registry = Registry::default();
    registry.add::<Noted<0>>().add::<Noted<1>>().add::<Noted<2>>();
    let app = shop.app().clone();
    {
        let mut conn = app.db.get().await.unwrap();
        let none = EnqueueOptions::default;
        jobs::enqueue_all(&mut conn, &vec![Noted::<0> {}; EACH as usize], none()).await.unwrap();
        jobs::enqueue_all(&mut conn, &vec![Noted::<1> {}; EACH as usize], none()).await.unwrap();
        jobs::enqueue_all(&mut conn, &vec![Noted::<2> {}; EACH as usize], none()).await.unwrap();
    }
    tokio::spawn(jobs::run_relay_with(app.clone(), registry.clone(), shop.stopping()));
    let pushed = "SELECT count(*) FROM jobs WHERE dispatched_at IS NOT NULL";
    shop.wait_until(|| async { (shop.sql_count(pushed).await == 3 * EACH).then_some(()) }).await;
    let queues = queues.iter().map(|queue| queue.parse().unwrap()).collect();
    let options = WorkerOptions { queues, order, concurrency: 1, registry, ..WorkerOptions::default() };
    tokio::spawn(jobs::run_worker(app, options, shop.stopping()));
    let done = "SELECT count(*) FROM jobs WHERE state = 'SUCCEEDED'";
    shop.wait_until(|| async { (shop.sql_count(done).await == 3 * EACH).then_some(()) }).await;
    let mut counts = [0; 3];
    for (queue, count) in QUEUES.iter().zip(&mut counts) {
        let query = format!(
            "SELECT count(*) FROM (SELECT queue FROM noted ORDER BY seq LIMIT {first}) AS first WHERE queue = '{queue}'"
        );
        *count = shop.sql_count(&query).await;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn full_queues_share_a_worker_by_weight_and_none_starves() {
    let [a, b, c] = run_all(&["order-a", "order-b:3", "order-c:6"], QueueOrder::Weighted, 250).await;
    // 25, 75 and 150 in the mean, taken in shares of whole batches.
    assert!((100..=200).contains(&c) && (40..=120).contains(&b) && (5..=60).contains(&a), "{a} {b} {c}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_order_empties_the_first_queue_first() {
    let counts = run_all(&["order-b", "order-c", "order-a"], QueueOrder::Strict, 250).await;
    assert_eq!(counts, [0, 250, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_nonsense_about_queues_says_so_and_ends() {
    let shop = Shop::start().await;
    for (args, complaint) in [
        (&["--queues", "mail:0"][..], "from 1 to 1000"),
        (&["--queues", "mail,nothing"], "there is no queue"),
        (&["--queues", "mail,payments,mail:2"], "named twice"),
        (&["--queues", "mail:2,payments", "--strict"], "weights mean nothing"),
        (&["--strict"], "--queues"),
    ] {
        let mut command = tokio::process::Command::new(binary("ironmonger-worker"));
        command.args(args).envs(shop.env()).env("IRONMONGER_WORKER_ADDR", "off").kill_on_drop(true);
        let output = tokio::time::timeout(Duration::from_secs(20), command.output()).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(complaint), "{args:?}: {text}");
    }
}
