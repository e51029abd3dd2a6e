//! Redis and PostgreSQL are restarted, emptied, stopped.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::{Load, all_done, random};
use crate::support::{PrivateShop, Process, TestWorker, json};

async fn two_workers(shop: &PrivateShop) -> [Process; 2] {
    shop.record_effects().await;
    let options = |name| TestWorker { name, ..TestWorker::default() };
    [shop.spawn_test_worker(options("a")).await, shop.spawn_test_worker(options("b")).await]
}

async fn some_done(shop: &PrivateShop, more: i64) {
    let done = "SELECT count(*) FROM jobs WHERE state = 'SUCCEEDED'";
    let before = shop.sql_count(done).await;
    shop.wait_until(|| async { (shop.sql_count(done).await >= before + more).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_restarted_with_or_without_its_data_loses_nothing() {
    let mut shop = PrivateShop::start().await;
    let mut workers = two_workers(&shop).await;
    // More than the workers can do, so that envelopes wait in Redis.
    let load = Load::start(&shop, random(), 40, 60);
    some_done(&shop, 100).await;
    shop.redis().restart().await.unwrap();
    some_done(&shop, 100).await;
    shop.redis().signal(Signal::SIGKILL);
    while !shop.redis().has_ended() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    shop.forget_redis_files();
    shop.redis().restart().await.unwrap();
    some_done(&shop, 100).await;
    let enqueued = load.stop().await;
    all_done(&shop, enqueued, 0).await;
    // Nobody died, so nothing was begun twice.
    assert_eq!(shop.sql_count("SELECT count(*) FROM runs").await, enqueued);
    assert!(workers.iter_mut().all(|worker| !worker.has_ended()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_stands_still_for_a_minute_stops_no_enqueuing_and_loses_nothing() {
    const MINUTE: Duration = Duration::from_secs(60);
    let mut shop = PrivateShop::start().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(10, "10.00").await;
    let mut workers = two_workers(&shop).await;
    let load = Load::start(&shop, random(), 5, 60);
    some_done(&shop, 50).await;
    shop.redis().signal(Signal::SIGSTOP);
    let stopped_at = tokio::time::Instant::now();
    let before = load.so_far();
    let order = tokio::time::timeout(MINUTE / 2, shop.order(&[(variant, 1)])).await.expect("the API goes on");
    tokio::time::sleep_until(stopped_at + MINUTE).await;
    // As many as without the fault, give or take a slow machine.
    let meanwhile = load.so_far() - before;
    assert!(meanwhile > 300, "only {meanwhile} jobs were enqueued");
    shop.redis().signal(Signal::SIGCONT);
    some_done(&shop, 50).await;
    let enqueued = load.stop().await;
    all_done(&shop, enqueued, 0).await;
    assert_eq!(shop.sql_count("SELECT count(*) FROM runs").await, enqueued);
    assert!(workers.iter_mut().all(|worker| !worker.has_ended()));
    assert_eq!(shop.order_reaches(&order["accessToken"], "PAID").await["id"], json!(order["id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_restarted_or_killed_loses_nothing() {
    let mut shop = PrivateShop::start().await;
    let mut workers = two_workers(&shop).await;
    let load = Load::start(&shop, random(), 15, 60);
    some_done(&shop, 100).await;
    shop.postgres().restart().await.unwrap();
    some_done(&shop, 100).await;
    shop.postgres().signal(Signal::SIGKILL);
    while !shop.postgres().has_ended() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    shop.postgres().restart().await.unwrap();
    some_done(&shop, 100).await;
    let enqueued = load.stop().await;
    all_done(&shop, enqueued, 0).await;
    assert!(workers.iter_mut().all(|worker| !worker.has_ended()));
}
