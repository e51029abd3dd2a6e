//! Jobs under faults: Redis emptied or away, workers that lose their lease, workers that stop.

use std::time::{Duration, Instant};

use ironmonger::jobs::{self, EnqueueOptions, WorkerOptions};

use crate::jobs::{Act, enqueue, reaches, run_worker};
use crate::support::Shop;

async fn effects_table(shop: &Shop) {
    shop.sql("CREATE TABLE effects (name text)").await;
}

/// Forgets what this shop has in Redis, as FLUSHALL would; other shops share the server.
async fn empty_redis(shop: &Shop) {
    let mut conn = shop.app().redis.get_multiplexed_async_connection().await.unwrap();
    let pattern = format!("{{{}}}*", shop.app().config.redis_prefix);
    let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut conn).await.unwrap();
    assert!(!keys.is_empty(), "there is something to forget");
    let _: () = redis::cmd("DEL").arg(keys).query_async(&mut conn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_loses_nothing_and_is_noticed_at_once() {
    const JOBS: usize = 1_000;
    let shop = Shop::start().await;
    effects_table(&shop).await;
    let mut registry = jobs::registry::all();
    registry.add::<Act>();
    let (app, stop) = (shop.app().clone(), shop.stopping());
    let acts: Vec<_> =
        (0..JOBS).map(|n| Act { effect: Some(format!("job {n}")), ..Act::default() }).collect();
    jobs::enqueue_all(&mut app.db.get().await.unwrap(), &acts, EnqueueOptions::default()).await.unwrap();
    tokio::spawn(jobs::run_relay_with(app.clone(), registry, stop));
    let on_the_road = "SELECT count(*) FROM jobs WHERE dispatched_at IS NOT NULL";
    shop.wait_until(|| async { (shop.sql_count(on_the_road).await >= 500).then_some(()) }).await;

    empty_redis(&shop).await;
    let emptied = Instant::now();
    run_worker(&shop, 8);
    // Schedules add jobs of their own.
    let done = "SELECT count(*) FROM jobs WHERE state = 'SUCCEEDED' AND kind = 'test.act'";
    shop.wait_until(|| async { (shop.sql_count(done).await >= 1).then_some(()) }).await;
    assert!(emptied.elapsed() < Duration::from_secs(5), "the loss was noticed after {:?}", emptied.elapsed());
    // What was pushed in the very moment is found missing after 30 s.
    let all = || async { (shop.sql_count(done).await == JOBS as i64).then_some(()) };
    crate::support::wait_up_to(Duration::from_secs(90), all).await;
    assert_eq!(shop.sql_count("SELECT count(*) FROM effects").await, JOBS as i64);
    assert_eq!(shop.sql_count("SELECT count(DISTINCT name) FROM effects").await, JOBS as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_lost_its_lease_cannot_commit() {
    let shop = Shop::start().await;
    effects_table(&shop).await;
    run_worker(&shop, 4);
    let id = enqueue(&shop, Act { wait_ms: 6_000, effect: Some("once".into()), ..Act::default() }).await;
    reaches(&shop, id, "RUNNING").await;
    // As if the worker had hung until another one took the job and was done.
    let first_lease = shop.sql_text("SELECT lease_token::text FROM jobs WHERE state = 'RUNNING'").await;
    shop.sql("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE state = 'RUNNING'").await;
    let taken = format!("SELECT count(*) FROM jobs WHERE attempt = 2 AND lease_token <> '{first_lease}'");
    shop.wait_until(|| async { (shop.sql_count(&taken).await == 1).then_some(()) }).await;
    let job = reaches(&shop, id, "SUCCEEDED").await;
    assert_eq!(job["attempt"], 2);
    assert_eq!(job["result"]["attempt"], 2);
    // The first run was over before the second one.
    assert_eq!(shop.sql_count("SELECT count(*) FROM effects").await, 1);
    let error = job["attempts"][0]["error"].as_str().unwrap();
    assert!(error.contains("died or stopped answering"), "{job}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_takes_its_worker_down_three_times_is_dead() {
    let shop = Shop::start().await;
    run_worker(&shop, 1);
    let id = enqueue(&shop, Act { wait_ms: 25_000, ..Act::default() }).await;
    shop.sql("UPDATE jobs SET max_attempts = 10").await;
    for crash in 1..=3 {
        let running = format!("SELECT count(*) FROM jobs WHERE state = 'RUNNING' AND attempt = {crash}");
        shop.wait_until(|| async { (shop.sql_count(&running).await == 1).then_some(()) }).await;
        shop.sql("UPDATE jobs SET lease_until = now() - interval '1 second'").await;
        let reaped = format!("SELECT count(*) FROM jobs WHERE crashes = {crash}");
        shop.wait_until(|| async { (shop.sql_count(&reaped).await == 1).then_some(()) }).await;
    }
    let dead = reaches(&shop, id, "DEAD").await;
    assert_eq!(dead["lastError"], "The worker died 3 times while it ran this job.");
    assert_eq!(dead["attempts"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_gives_back_what_it_cannot_finish() {
    let shop = Shop::start().await;
    let mut registry = jobs::registry::all();
    registry.add::<Act>();
    let (app, stop) = (shop.app().clone(), shop.stopping());
    tokio::spawn(jobs::run_relay_with(app.clone(), registry.clone(), stop.clone()));
    let first_stop = stop.child_token();
    let options = WorkerOptions { concurrency: 2, registry, ..WorkerOptions::default() };
    let first = tokio::spawn(jobs::run_worker(app, options, first_stop.clone()));
    let long = enqueue(&shop, Act { wait_ms: 25_000, ..Act::default() }).await;
    let short = enqueue(&shop, Act { steps: 5, ..Act::default() }).await;
    reaches(&shop, long, "RUNNING").await;
    reaches(&shop, short, "RUNNING").await;
    first_stop.cancel();
    first.await.unwrap().unwrap();
    // The short one did not look at its token and was waited for; the long one did and is back, as if it had not run.
    let states =
        "SELECT string_agg(state || ' ' || attempt, ', ' ORDER BY id) FROM jobs WHERE kind = 'test.act'";
    assert_eq!(shop.sql_text(states).await, "READY 0, SUCCEEDED 1");
    assert_eq!(shop.sql_count("SELECT count(*) FROM job_attempts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_the_worker_does_not_know_is_left_for_one_that_does() {
    let shop = Shop::start().await;
    let (app, stop) = (shop.app().clone(), shop.stopping());
    let mut narrow = jobs::registry::Registry::default();
    narrow.add::<Older>();
    tokio::spawn(jobs::run_relay_with(app.clone(), narrow.clone(), stop.clone()));
    let options = WorkerOptions { registry: narrow, ..WorkerOptions::default() };
    tokio::spawn(jobs::run_worker(app, options, stop));
    let id = enqueue(&shop, Act::default()).await;
    let refused = "SELECT count(*) FROM jobs WHERE dispatch_no >= 1 AND attempt = 0 AND state = 'SCHEDULED'";
    shop.wait_until(|| async { (shop.sql_count(refused).await == 1).then_some(()) }).await;
    run_worker(&shop, 1);
    let job = reaches(&shop, id, "SUCCEEDED").await;
    assert_eq!(job["attempt"], 1);
}

/// Of the queue of [`Act`], in a version that does not have it yet.
#[derive(serde::Serialize, serde::Deserialize)]
struct Older {}

impl ironmonger::jobs::Job for Older {
    const KIND: &'static str = "test.older";
    const QUEUE: &'static str = "test";
    type Output = ();
    async fn run(self, _: ironmonger::jobs::JobContext) -> Result<(), ironmonger::jobs::JobError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_accepted_while_redis_is_away_and_run_when_it_is_back() {
    use tokio::io::copy_bidirectional;
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", proxy.local_addr().unwrap());
    let shop = Shop::start_with(&[("REDIS_URL", &url)]).await;
    run_worker(&shop, 2);
    let id = enqueue(&shop, Act::default()).await;
    // Connections are accepted by the system and nobody answers: the worst way to be away.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let target = crate::support::Servers::get().redis_url().trim_start_matches("redis://");
    let target = target.split('/').next().unwrap().to_owned();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = proxy.accept().await.unwrap();
            let target = target.clone();
            tokio::spawn(async move {
                let mut server = tokio::net::TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    reaches(&shop, id, "SUCCEEDED").await;
}
