//! Workers that die, stop, or differ.

use std::time::Duration;

use ironmonger::jobs::{self, EnqueueOptions};
use nix::sys::signal::Signal;
use rand::Rng;

use super::{Load, PATIENCE, all_done, enqueue, random, work};
use crate::support::{Client, Newer, Shop, TestWorker, Value, Work, cart_of, json, wait_up_to};

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_twenty_times_under_load_lose_and_double_nothing() {
    let mut rng = random();
    let shop = Shop::start().await;
    shop.record_effects().await;
    let options = |name| TestWorker { name, ..TestWorker::default() };
    let mut workers =
        [shop.spawn_test_worker(options("a")).await, shop.spawn_test_worker(options("b")).await];
    let load = Load::start(&shop, rng.clone(), 15, 60);
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..700))).await;
        let victim = rng.random_range(0..2);
        workers[victim].kill9().await;
        workers[victim] = shop.spawn_test_worker(options(["a", "b"][victim])).await;
    }
    let enqueued = load.stop().await;
    all_done(&shop, enqueued, 0).await;
    assert!(shop.sql_count("SELECT count(*) FROM jobs WHERE crashes > 0").await > 0, "no kill hit a job");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_killed_under_load_forgets_no_order_that_it_confirmed() {
    const CLIENTS: usize = 4;
    let mut rng = random();
    let shop = Shop::start().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(1_000_000, "10.00").await;
    let mut api = shop.spawn_api().await;
    let _worker = shop.spawn_worker(&[]).await;
    let (url, urls) = tokio::sync::watch::channel(api.url());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (urls, stopped) = (urls.clone(), stopped.clone());
            // Carts are made by the API of the test, which lives; placing them is what the killed one does.
            let living = shop.at(&shop.url(""));
            tokio::spawn(async move {
                let mut confirmed = Vec::new();
                while !*stopped.borrow() {
                    let cart = cart_of(&living, &[(variant, 1)]).await;
                    let key = format!("{client}-{}", confirmed.len());
                    confirmed.push(place_until_answered(&living, &urls, &cart, &key).await);
                }
                confirmed
            })
        })
        .collect();
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(rng.random_range(300..1_500))).await;
        api.kill9().await;
        api = shop.spawn_api().await;
        url.send(api.url()).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.send(true).unwrap();
    let mut confirmed = Vec::new();
    for client in clients {
        confirmed.extend(client.await.unwrap());
    }
    let count = confirmed.len() as i64;
    assert!(count > 20, "only {count} orders were placed");
    // The keys make one order of what was sent twice; each has its jobs, and each job is done.
    assert_eq!(shop.sql_count("SELECT count(*) FROM orders").await, count);
    let paid = "SELECT count(*) FROM jobs WHERE kind = 'payments.settle' AND state = 'SUCCEEDED'";
    wait_up_to(PATIENCE, || async { (shop.sql_count(paid).await == count).then_some(()) }).await;
    let left = "SELECT count(*) FROM jobs WHERE finished_at IS NULL AND kind NOT LIKE '%.expire%'";
    wait_up_to(PATIENCE, || async { (shop.sql_count(left).await == 0).then_some(()) }).await;
    assert_eq!(shop.sql_count("SELECT count(*) FROM jobs WHERE state = 'DEAD'").await, 0);
    for token in confirmed {
        assert_eq!(shop.order_by_token(&token).await["paymentStatus"], "PAID");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_of_a_newer_version_runs_on_newer_workers_only() {
    const EACH: usize = 150;
    let mut rng = random();
    let shop = Shop::start().await;
    shop.record_effects().await;
    let _old =
        shop.spawn_test_worker(TestWorker { version: "v1", name: "v1", ..TestWorker::default() }).await;
    enqueue(&shop, &work("old", EACH, &mut rng, 30)).await;
    let newer: Vec<_> = (0..EACH).map(|n| Newer { key: format!("new {n}") }).collect();
    enqueue(&shop, &newer).await;
    // The old one alone does what it knows.
    let old_done = "SELECT count(*) FROM jobs WHERE kind = 'chaos.work' AND state = 'SUCCEEDED'";
    wait_up_to(PATIENCE, || async { (shop.sql_count(old_done).await == EACH as i64).then_some(()) }).await;
    let _new =
        shop.spawn_test_worker(TestWorker { version: "v2", name: "v2", ..TestWorker::default() }).await;
    enqueue(&shop, &work("later", EACH, &mut rng, 30)).await;
    all_done(&shop, 3 * EACH as i64, 0).await;
    let strangers = "SELECT count(*) FROM runs WHERE kind = 'chaos.newer' AND worker <> 'v2'";
    assert_eq!(shop.sql_count(strangers).await, 0);
    assert_eq!(
        shop.sql_count("SELECT max(attempt)::bigint FROM jobs").await,
        1,
        "to be passed on is no attempt"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_gives_its_jobs_back_at_once() {
    let shop = Shop::start().await;
    shop.record_effects().await;
    let mut worker = shop.spawn_test_worker(TestWorker { name: "first", ..TestWorker::default() }).await;
    let long: Vec<_> =
        (0..4).map(|n| Work { key: format!("long {n}"), wait_ms: 60_000, failures: 0 }).collect();
    enqueue(&shop, &long).await;
    let begun = "SELECT count(*) FROM runs";
    shop.wait_until(|| async { (shop.sql_count(begun).await == 4).then_some(()) }).await;
    worker.terminate();
    assert_eq!(worker.wait().await, Some(0), "{}", worker.log());
    // Nobody waited for a lease: the process is gone and the jobs are free, as if they had not run.
    let given_back = "SELECT count(*) FROM jobs WHERE kind = 'chaos.work' AND state = 'READY' AND attempt = 0 \
                      AND lease_token IS NULL AND crashes = 0";
    assert_eq!(shop.sql_count(given_back).await, 4);
    assert_eq!(shop.sql_count("SELECT count(*) FROM job_workers").await, 0, "it said goodbye");

    // Another one takes them over; a second signal ends it without ceremony.
    let mut worker = shop.spawn_test_worker(TestWorker { name: "second", ..TestWorker::default() }).await;
    shop.wait_until(|| async { (shop.sql_count(begun).await == 8).then_some(()) }).await;
    // Stopped, it gets both signals at once.
    worker.signal(Signal::SIGSTOP);
    worker.signal(Signal::SIGTERM);
    worker.signal(Signal::SIGINT);
    worker.signal(Signal::SIGCONT);
    assert_eq!(worker.wait().await, Some(130), "{}", worker.log());
    let mut conn = shop.app().db.get().await.unwrap();
    let last = Work { key: "last".into(), ..Work::default() };
    jobs::enqueue(&mut conn, &last, EnqueueOptions::default()).await.unwrap();
    drop(conn);
    shop.sql("UPDATE jobs SET payload = payload || '{\"wait_ms\": 10}' WHERE kind = 'chaos.work'").await;
    let _third = shop.spawn_test_worker(TestWorker { name: "third", ..TestWorker::default() }).await;
    let done = "SELECT count(*) FROM jobs WHERE kind = 'chaos.work' AND state = 'SUCCEEDED'";
    wait_up_to(PATIENCE, || async { (shop.sql_count(done).await == 5).then_some(()) }).await;
    assert_eq!(shop.sql_count("SELECT count(*) FROM effects").await, 5);
}

/// Sends the same request until an API answers; the order's token.
async fn place_until_answered(
    client: &Client,
    urls: &tokio::sync::watch::Receiver<String>,
    cart: &str,
    key: &str,
) -> Value {
    let place = "mutation($input: OrderPlaceInput!) { orderPlace(input: $input) {
        order { accessToken } userErrors { message } } }";
    let input =
        json!({ "cartId": cart, "idempotencyKey": key, "payment": { "gateway": "test", "token": "ok" } });
    let body = json!({ "query": place, "variables": { "input": input } });
    loop {
        let client = client.at(&urls.borrow().clone());
        let request = client.request(reqwest::Method::POST, "/graphql").await;
        let answer = async { request.json(&body).send().await?.json::<Value>().await }.await;
        match answer {
            Ok(answer) => {
                let token = &answer["data"]["orderPlace"]["order"]["accessToken"];
                assert!(token.is_string(), "{answer}");
                return token.clone();
            }
            // It was killed before it had answered: whether the order is placed, only the next one can tell.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
