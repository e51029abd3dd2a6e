//! Handlers that do what they should not.

use std::time::Duration;

use super::{PATIENCE, all_done, enqueue, random, work};
use crate::support::{Hazard, Shop, TestWorker};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_aborts_its_process_dies_alone() {
    const NEIGHBORS: usize = 200;
    let mut rng = random();
    let shop = Shop::start().await;
    shop.record_effects().await;
    let mut neighbors = work("neighbor", NEIGHBORS, &mut rng, 400);
    let rest = neighbors.split_off(NEIGHBORS / 4);
    enqueue(&shop, &neighbors).await;
    enqueue(&shop, &[Hazard::Abort { key: "poison".into() }]).await;
    enqueue(&shop, &rest).await;
    let options = || TestWorker { concurrency: 16, ..TestWorker::default() };
    let mut worker = shop.spawn_test_worker(options()).await;
    let mut deaths = 0;
    let dead = "SELECT count(*) FROM jobs WHERE kind = 'chaos.hazard' AND state = 'DEAD'";
    while shop.sql_count(dead).await == 0 {
        if worker.has_ended() {
            deaths += 1;
            worker = shop.spawn_test_worker(options()).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    all_done(&shop, NEIGHBORS as i64 + 1, 1).await;
    assert_eq!(deaths, 1, "only the first crash took a worker down:\n{}", worker.log());
    let poison = "SELECT concat_ws('; ', attempt, crashes, last_error) FROM jobs WHERE kind = 'chaos.hazard'";
    assert_eq!(
        shop.sql_text(poison).await,
        "3; 3; The worker died 3 times while it ran this job. The process that ran this job was killed by signal 6 (SIGABRT)."
    );
    let second =
        "SELECT error FROM job_attempts JOIN jobs ON id = job_id WHERE kind = 'chaos.hazard' AND number = 2";
    assert_eq!(
        shop.sql_text(second).await,
        "The process that ran this job was killed by signal 6 (SIGABRT)."
    );
    let suspects = "SELECT count(*) FROM jobs WHERE kind = 'chaos.work' AND crashes > 0";
    assert!(shop.sql_count(suspects).await > 0, "no neighbor was in hand when the worker died");
    let worst = "SELECT max(crashes)::bigint FROM jobs WHERE kind = 'chaos.work'";
    assert_eq!(shop.sql_count(worst).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn suspects_run_apart_and_are_limited_in_memory_and_time_and_can_be_canceled() {
    let mut rng = random();
    let shop = Shop::start().await;
    shop.record_effects().await;
    enqueue(&shop, &[Hazard::Eat { key: "glutton".into() }]).await;
    enqueue(&shop, &[Hazard::Block { key: "stubborn".into(), attempts: 1 }]).await;
    enqueue(&shop, &work("innocent", 6, &mut rng, 100)).await;
    let mut late = work("canceled", 1, &mut rng, 0);
    late[0].wait_ms = 60_000;
    enqueue(&shop, &late).await;
    // As after the death of a worker that had them all.
    shop.sql("UPDATE jobs SET crashes = 1").await;
    let variables = [("IRONMONGER_JOB_MEMORY_MB", "256")];
    let mut worker =
        shop.spawn_test_worker(TestWorker { variables: &variables, ..TestWorker::default() }).await;
    let begun = "SELECT count(*) FROM runs WHERE key = 'canceled 0'";
    shop.wait_until(|| async { (shop.sql_count(begun).await == 1).then_some(()) }).await;
    let id = shop.sql_text("SELECT id::text FROM jobs WHERE payload->>'key' = 'canceled 0'").await;
    let id = ironmonger::ids::JobId(id.parse().unwrap());
    let cancel = "mutation($id: ID!) { jobCancel(id: $id) { userErrors { message } } }";
    let answer = shop.as_owner().send(cancel, crate::support::json!({ "id": id.to_string() })).await;
    assert_eq!(answer["data"]["jobCancel"]["userErrors"], crate::support::json!([]), "{answer}");
    let canceled = "SELECT count(*) FROM jobs WHERE state = 'CANCELED'";
    shop.wait_until(|| async { (shop.sql_count(canceled).await == 1).then_some(()) }).await;
    shop.sql("DELETE FROM jobs WHERE state = 'CANCELED'").await;

    all_done(&shop, 8, 1).await;
    assert!(!worker.has_ended(), "{}", worker.log());
    let glutton =
        "SELECT concat_ws('; ', state, attempt, crashes, last_error) FROM jobs WHERE payload ? 'Eat'";
    assert_eq!(
        shop.sql_text(glutton).await,
        "DEAD; 2; 3; The worker died 3 times while it ran this job. The process that ran this job was killed by signal 6 (SIGABRT)."
    );
    let stubborn =
        "SELECT concat_ws('; ', state, attempt, crashes, last_error) FROM jobs WHERE payload ? 'Block'";
    assert_eq!(shop.sql_text(stubborn).await, "SUCCEEDED; 2; 1; The run took longer than 2 s.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_yields_costs_its_worker_and_nobody_else() {
    let mut rng = random();
    let shop = Shop::start().await;
    shop.record_effects().await;
    let mut worker = shop.spawn_test_worker(TestWorker::default()).await;
    // First in the worker, where nothing can end it; then apart, where it is killed.
    enqueue(&shop, &[Hazard::Block { key: "stubborn".into(), attempts: 2 }]).await;
    let begun = "SELECT count(*) FROM runs";
    shop.wait_until(|| async { (shop.sql_count(begun).await == 1).then_some(()) }).await;
    enqueue(&shop, &work("neighbor", 100, &mut rng, 50)).await;
    // One may wait for the connection that the handler was using when it began to hog its thread.
    let done = "SELECT count(*) FROM jobs WHERE kind = 'chaos.work' AND state = 'SUCCEEDED'";
    shop.wait_until(|| async { (shop.sql_count(done).await >= 99).then_some(()) }).await;
    assert_eq!(worker.wait_within(PATIENCE).await, Some(1), "{}", worker.log());
    let mut worker = shop.spawn_test_worker(TestWorker::default()).await;
    all_done(&shop, 101, 0).await;
    let stubborn =
        "SELECT concat_ws('; ', attempt, crashes, last_error) FROM jobs WHERE kind = 'chaos.hazard'";
    assert_eq!(shop.sql_text(stubborn).await, "3; 1; The run took longer than 2 s.");

    // Nor can such a handler keep a worker from stopping when it is told to.
    enqueue(&shop, &[Hazard::Block { key: "again".into(), attempts: 1 }]).await;
    shop.wait_until(|| async {
        (shop.sql_count("SELECT count(*) FROM runs WHERE key = 'again'").await == 1).then_some(())
    })
    .await;
    worker.terminate();
    assert_eq!(worker.wait_within(PATIENCE).await, Some(0), "{}", worker.log());
}
