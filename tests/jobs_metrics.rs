//! What the job platform tells: metrics, the view for an autoscaler, traces.

use ironmonger::jobs;
use tokio::net::TcpListener;

use crate::jobs::{Act, enqueue, reaches, run_worker};
use crate::support::{Shop, cart_of, json};

/// Serves the shop's metrics as a worker process does; the address.
async fn metrics_of(shop: &Shop) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = ironmonger::http::ops_router(shop.app().clone(), shop.stopping());
    let stopped = shop.stopping().cancelled_owned();
    tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
    format!("http://{addr}/metrics")
}

async fn scrape(url: &str) -> String {
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_jobs_by_queue_and_kind() {
    let shop = Shop::start().await;
    let url = metrics_of(&shop).await;
    run_worker(&shop, 4);
    let done = enqueue(&shop, Act::default()).await;
    let dead = enqueue(&shop, Act { fatal: true, ..Act::default() }).await;
    reaches(&shop, done, "SUCCEEDED").await;
    reaches(&shop, dead, "DEAD").await;
    // The ledger is counted every ten seconds.
    let text = shop
        .wait_until(|| async {
            let text = scrape(&url).await;
            text.contains(r#"ironmonger_jobs{queue="test",kind="test.act",state="dead"} 1"#).then_some(text)
        })
        .await;
    for line in [
        r#"ironmonger_job_backlog{queue="test"} 0"#,
        r#"ironmonger_job_queue_latency_seconds{queue="test"} 0"#,
        r#"ironmonger_job_queue_paused{queue="test"} 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    for beginning in [
        r#"ironmonger_jobs_started_total{queue="test",kind="test.act"}"#,
        r#"ironmonger_jobs_finished_total{queue="test",kind="test.act",outcome="succeeded"}"#,
        r#"ironmonger_jobs_finished_total{queue="test",kind="test.act",outcome="dead"}"#,
        r#"ironmonger_job_wait_seconds_bucket{queue="test",kind="test.act",le="3600"}"#,
        r#"ironmonger_job_run_seconds_count{queue="test",kind="test.act"}"#,
        "ironmonger_worker_concurrency",
    ] {
        assert!(text.lines().any(|found| found.starts_with(beginning)), "{beginning} is missing in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_does_not_lead_does_not_report_the_ledger() {
    let shop = Shop::start().await;
    let url = metrics_of(&shop).await;
    assert!(!scrape(&url).await.contains("ironmonger_job_backlog"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backlog_is_what_wants_a_worker_now() {
    let shop = Shop::start().await;
    shop.sql("INSERT INTO job_queues (name) VALUES ('test')").await;
    for _ in 0..5 {
        enqueue(&shop, Act::default()).await;
    }
    let later = Act { wait_ms: 1, ..Act::default() };
    let mut conn = shop.app().db.get().await.unwrap();
    let options = jobs::EnqueueOptions {
        run_at: Some(shop.app().clock.now() + chrono::TimeDelta::hours(1)),
        ..Default::default()
    };
    jobs::enqueue(&mut conn, &later, options).await.unwrap();
    drop(conn);
    let row = "SELECT concat_ws(' ', ready, running, backlog, oldest_ready_age_seconds >= 0) \
               FROM job_backlog WHERE queue = 'test'";
    assert_eq!(shop.sql_text(row).await, "5 0 5 t", "a job for later wants no worker yet");
    shop.sql("UPDATE job_queues SET max_running = 2 WHERE name = 'test'").await;
    assert_eq!(shop.sql_text(row).await, "5 0 2 t", "more workers than the limit would stand idle");
    shop.sql("UPDATE job_queues SET paused = true WHERE name = 'test'").await;
    assert_eq!(shop.sql_text(row).await, "5 0 0 t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_from_the_request_through_its_jobs() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let shop = Shop::with_worker().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(10, "10.00").await;
    let cart = cart_of(&shop, &[(variant, 1)]).await;
    let place = "mutation($input: OrderPlaceInput!) { orderPlace(input: $input) {
        order { accessToken } userErrors { message } } }";
    let payment = json!({ "gateway": "test", "token": "ok" });
    let input = json!({ "cartId": cart, "idempotencyKey": "traced", "payment": payment });
    let request = shop.request(reqwest::Method::POST, "/graphql").await;
    let answer: crate::support::Value = request
        .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .json(&json!({ "query": place, "variables": { "input": input } }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = &answer["data"]["orderPlace"]["order"]["accessToken"];
    assert!(token.is_string(), "{answer}");
    shop.order_reaches(token, "PAID").await;
    // The settling of the payment enqueued the mail.
    let kinds = format!(
        "SELECT string_agg(kind, ' ' ORDER BY kind) FROM jobs WHERE traceparent LIKE '00-{TRACE}-%-01' \
         AND traceparent NOT LIKE '%00f067aa0ba902b7%'"
    );
    assert_eq!(shop.sql_text(&kinds).await, "orders.send-confirmation payments.settle");
    let owner = shop.as_owner();
    let jobs = owner.send("{ jobs(first: 10) { nodes { kind traceparent } } }", json!({})).await;
    let nodes = jobs["data"]["jobs"]["nodes"].as_array().unwrap();
    let settle = nodes.iter().find(|job| job["kind"] == "payments.settle").unwrap();
    assert!(settle["traceparent"].as_str().unwrap().starts_with(&format!("00-{TRACE}-")), "{settle}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_finished_is_forgotten_after_its_time_and_nothing_else() {
    let shop = Shop::with_worker().await;
    let insert = "INSERT INTO jobs (id, kind, queue, payload, state, max_attempts, attempt, run_at, finished_at, last_error) \
                  SELECT gen_random_uuid(), 'test.act', 'test', '{}', state, 3, 1, at, \
                      CASE WHEN state NOT IN ('SCHEDULED') THEN at END, name \
                  FROM (VALUES ('SUCCEEDED', 8, 'old'), ('SUCCEEDED', 6, 'recent'), ('CANCELED', 8, 'old canceled'), \
                      ('DEAD', 8, 'dead'), ('DEAD', 91, 'long dead')) AS given(state, days, name), \
                  LATERAL (SELECT now() - make_interval(days => days) AS at) AS stamped";
    shop.sql(insert).await;
    // More than one batch.
    let many =
        insert.replace("FROM (VALUES", "FROM generate_series(1, 6000), (VALUES").replace("'old'", "'many'");
    shop.sql(&many.replace(", ('SUCCEEDED', 6, 'recent')", "").replace("('DEAD', 8, 'dead'), ", "")).await;
    shop.sql(
        "INSERT INTO job_attempts (job_id, number, worker, started_at, error) \
         SELECT id, 1, 'w', run_at, 'no' FROM jobs WHERE last_error IN ('dead', 'long dead')",
    )
    .await;
    let mut conn = shop.app().db.get().await.unwrap();
    let id = jobs::enqueue(&mut conn, &jobs::Prune {}, jobs::EnqueueOptions::default()).await.unwrap();
    drop(conn);
    let job = reaches(&shop, id, "SUCCEEDED").await;
    assert_eq!(job["result"]["jobs"], 3 + 3 * 6000, "{job}");
    let left = "SELECT string_agg(last_error, ', ' ORDER BY last_error) FROM jobs WHERE kind = 'test.act'";
    assert_eq!(shop.sql_text(left).await, "dead, recent");
    assert_eq!(shop.sql_count("SELECT count(*) FROM job_attempts").await, 1);
}
