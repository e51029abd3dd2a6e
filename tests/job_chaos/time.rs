//! Clocks that are wrong, schedules, and queues that pause.

use std::path::Path;
use std::time::Duration;

use ironmonger::jobs::{self, EnqueueOptions};

use super::{all_done, counts, enqueue, random, work};
use crate::support::{Shop, TestWorker, Work, json};

/// Where packages put it: Debian (by machine), Fedora.
const LIBFAKETIME: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn workers_with_wrong_clocks_keep_the_times_of_the_database() {
    let library = LIBFAKETIME.iter().find(|path| Path::new(path).exists());
    let library = library.expect("libfaketime is installed; scripts/test does it");
    let mut rng = random();
    let shop = Shop::start().await;
    shop.record_effects().await;
    let off_by = |offset| [("LD_PRELOAD", *library), ("FAKETIME", offset), ("DONT_FAKE_MONOTONIC", "1")];
    let ticks = "*/2 * * * * *";
    let options = |name, variables| TestWorker { name, ticks, variables, ..TestWorker::default() };
    let (ahead, behind) = (off_by("+1h"), off_by("-1h"));
    let _ahead = shop.spawn_test_worker(options("ahead", &ahead)).await;
    let _behind = shop.spawn_test_worker(options("behind", &behind)).await;
    let database_now = || async {
        let now = shop
            .sql_text("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
            .await;
        now.parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    };

    let mut first = work("now", 100, &mut rng, 50);
    // Longer than a lease, and some that fail first.
    first.extend((0..2).map(|n| Work { key: format!("long {n}"), wait_ms: 35_000, failures: 0 }));
    first.extend((0..10).map(|n| Work { key: format!("failing {n}"), wait_ms: 0, failures: 2 }));
    enqueue(&shop, &first).await;
    let start = database_now().await;
    let mut delayed = Vec::new();
    for (name, seconds) in [("soon", 4), ("later", 8)] {
        let run_at = start + Duration::from_secs(seconds);
        delayed.push((format!("{name} 0"), run_at));
        let options = EnqueueOptions { run_at: Some(run_at), ..EnqueueOptions::default() };
        let mut conn = shop.app().db.get().await.unwrap();
        jobs::enqueue_all(&mut conn, &work(name, 10, &mut rng, 50), options).await.unwrap();
    }
    let next_hour =
        EnqueueOptions { run_at: Some(start + Duration::from_secs(1_800)), ..EnqueueOptions::default() };
    let far = Work { key: "next hour".into(), ..Work::default() };
    let mut conn = shop.app().db.get().await.unwrap();
    jobs::enqueue(&mut conn, &far, next_hour).await.unwrap();
    drop(conn);

    // All but the one for the next hour.
    let due = 100 + 2 + 10 + 20;
    let done = "SELECT count(*) FROM jobs WHERE kind = 'chaos.work' AND state = 'SUCCEEDED'";
    crate::support::wait_up_to(super::PATIENCE, || async {
        (shop.sql_count(done).await == due).then_some(())
    })
    .await;
    let found = counts(&shop).await;
    assert_eq!((found.unfinished, found.effects, found.dead), (1, due, 0), "{found:?}");
    assert_eq!(
        shop.sql_text("SELECT state FROM jobs WHERE payload->>'key' = 'next hour'").await,
        "SCHEDULED"
    );
    for (key, run_at) in delayed {
        let late_s = format!(
            "SELECT floor(extract(epoch FROM at) - {})::bigint FROM runs WHERE key = '{key}'",
            run_at.timestamp_micros() as f64 / 1e6
        );
        let late_s = shop.sql_count(&late_s).await;
        assert!((0..20).contains(&late_s), "{key} ran {late_s} s after its time");
    }
    let attempts = "SELECT string_agg(DISTINCT attempt::text, ' ') FROM jobs WHERE payload->>'key' LIKE ";
    assert_eq!(shop.sql_text(&format!("{attempts} 'long %'")).await, "1", "leases hold");
    assert_eq!(shop.sql_text(&format!("{attempts} 'failing %'")).await, "3");
    let workers = "SELECT count(DISTINCT worker) FROM runs WHERE kind = 'chaos.work'";
    assert_eq!(shop.sql_count(workers).await, 2, "both took part");
    let listed =
        "SELECT count(*) FROM job_workers WHERE last_seen_at BETWEEN now() - interval '30 seconds' AND now()";
    assert_eq!(shop.sql_count(listed).await, 2);
    // Half a minute has passed, in which a tick was due every other second.
    let ticks = "SELECT count(*) FROM runs WHERE kind = 'chaos.tick'";
    let passed_s = (database_now().await - start).num_seconds();
    let ticks = shop.sql_count(ticks).await;
    assert!(ticks >= 5 && ticks <= passed_s / 2 + 5, "{ticks} ticks in {passed_s} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_fires_once_per_tick_however_many_workers_run() {
    let shop = Shop::start().await;
    shop.record_effects().await;
    let options = |name| TestWorker { name, ticks: "* * * * * *", ..TestWorker::default() };
    let _workers = [
        shop.spawn_test_worker(options("a")).await,
        shop.spawn_test_worker(options("b")).await,
        shop.spawn_test_worker(options("c")).await,
    ];
    let ticks = "SELECT count(*) FROM jobs WHERE kind = 'chaos.tick' AND state = 'SUCCEEDED'";
    shop.wait_until(|| async { (shop.sql_count(ticks).await >= 10).then_some(()) }).await;
    // What is due is enqueued within the second, so each second has one at most; a late one falls into the next second.
    let twice = "SELECT count(*) FROM (SELECT date_trunc('second', created_at) FROM jobs WHERE kind = 'chaos.tick' \
                 GROUP BY 1 HAVING count(*) > 1) AS doubled";
    assert_eq!(shop.sql_count(twice).await, 0);
    let runs =
        "SELECT count(*) - (SELECT count(*) FROM jobs WHERE kind = 'chaos.tick' AND attempt > 0) FROM runs";
    shop.wait_until(|| async { (shop.sql_count(runs).await == 0).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_queue_begins_nothing_until_it_is_resumed() {
    const JOBS: usize = 100;
    let mut rng = random();
    let shop = Shop::start().await;
    shop.record_effects().await;
    let _workers = [
        shop.spawn_test_worker(TestWorker::default()).await,
        shop.spawn_test_worker(TestWorker::default()).await,
    ];
    enqueue(&shop, &work("before", 20, &mut rng, 20)).await;
    all_done(&shop, 20, 0).await;
    let owner = shop.as_owner();
    let set = async |name: &str| {
        let mutation = format!("mutation {{ {name}(name: \"chaos\") {{ userErrors {{ message }} }} }}");
        let answer = owner.send(&mutation, json!({})).await;
        assert_eq!(answer["data"][name]["userErrors"], json!([]), "{answer}");
    };
    set("queuePause").await;
    enqueue(&shop, &work("paused", JOBS, &mut rng, 20)).await;
    // There is nothing to wait for but time.
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(shop.sql_count("SELECT count(*) FROM runs WHERE key LIKE 'paused %'").await, 0);
    }
    set("queueResume").await;
    all_done(&shop, 20 + JOBS as i64, 0).await;
}
