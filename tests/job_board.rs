//! Following all queues at once.

use ironmonger::ids::JobId;

use crate::jobs::{Act, enqueue};
use crate::support::{Shop, Subscription, Value, json};

const BOARD: &str = "subscription { jobBoardUpdated {
    queues { name ready running dead paused oldestReadyAt oldestReadyAgeSeconds maxRunning } workers { id running } schedules { name enabled }
    lastEnqueuedAt lastFinishedAt
} }";

/// How many jobs of the queue `test` are ready.
fn ready(message: &Value) -> i64 {
    let queues =
        message["data"]["jobBoardUpdated"]["queues"].as_array().unwrap_or_else(|| panic!("{message}"));
    queues.iter().find(|queue| queue["name"] == "test").map_or(0, |queue| queue["ready"].as_i64().unwrap())
}

async fn reaches(board: &mut Subscription, wanted: i64) -> Value {
    loop {
        let message = board.next().await;
        if message.get("errors").is_none() && ready(&message) == wanted {
            return message;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_sees_the_queues_at_once_and_then_as_they_move() {
    let shop = Shop::start().await;
    shop.sql("INSERT INTO job_queues (name) VALUES ('test')").await;
    shop.sql(
        "INSERT INTO job_schedules (name, kind, queue, cron) VALUES ('s', 'test.act', 'test', '0 0 0 1 1 *')",
    )
    .await;
    let owner = shop.as_owner();
    let mut board = owner.subscribe(BOARD, json!({})).await;
    let first = board.next().await;
    let first = &first["data"]["jobBoardUpdated"];
    let empty = json!({
        "name": "test", "ready": 0, "running": 0, "dead": 0, "paused": false, "oldestReadyAt": null,
        "oldestReadyAgeSeconds": null, "maxRunning": null,
    });
    assert_eq!(first["queues"], json!([empty]), "{first}");
    assert_eq!(first["workers"], json!([]));
    assert_eq!(first["schedules"], json!([{ "name": "s", "enabled": true }]));
    assert_eq!(first["lastEnqueuedAt"], Value::Null);

    let id = enqueue(&shop, Act::default()).await;
    let enqueued = reaches(&mut board, 1).await;
    assert!(enqueued["data"]["jobBoardUpdated"]["queues"][0]["oldestReadyAt"].is_string(), "{enqueued}");
    assert!(enqueued["data"]["jobBoardUpdated"]["lastEnqueuedAt"].is_string());

    // Nobody announces this, as nobody announces most successes.
    let over = "UPDATE jobs SET state = 'SUCCEEDED', finished_at = now() WHERE id";
    shop.sql(&format!("{over} = '{}'", id.0)).await;
    let finished = reaches(&mut board, 0).await;
    assert!(finished["data"]["jobBoardUpdated"]["lastFinishedAt"].is_string(), "{finished}");

    let pause = "mutation { queuePause(name: \"test\") { userErrors { message } } }";
    assert!(owner.send(pause, json!({})).await.get("errors").is_none());
    assert_eq!(board.next().await["data"]["jobBoardUpdated"]["queues"][0]["paused"], true);
    shop.sql("UPDATE job_schedules SET enabled = false").await;
    assert_eq!(board.next().await["data"]["jobBoardUpdated"]["schedules"][0]["enabled"], false);
    shop.sql("INSERT INTO job_workers (id, host, pid, version, queues, concurrency) VALUES ('w', 'h', 1, '1', '{test}', 4)").await;
    assert_eq!(
        board.next().await["data"]["jobBoardUpdated"]["workers"],
        json!([{ "id": "w", "running": 0 }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_moves_nothing_is_sent() {
    let shop = Shop::start().await;
    // One job waits: that it gets older is no news.
    enqueue(&shop, Act::default()).await;
    let mut board = shop.as_owner().subscribe(BOARD, json!({})).await;
    assert_eq!(ready(&board.next().await), 1);
    let readings = shop.app().board.readings();
    shop.wait_until(|| async { (shop.app().board.readings() >= readings + 3).then_some(()) }).await;
    enqueue(&shop, Act::default()).await;
    let next = board.next().await;
    assert_eq!(ready(&next), 2, "there was a message in between: {next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rush_of_jobs_is_told_in_a_few_messages() {
    let shop = Shop::start().await;
    let mut board = shop.as_owner().subscribe(BOARD, json!({})).await;
    assert_eq!(ready(&board.next().await), 0);
    let readings = shop.app().board.readings();
    for _ in 0..200 {
        enqueue(&shop, Act::default()).await;
    }
    let mut messages = 1;
    while ready(&board.next().await) < 200 {
        messages += 1;
    }
    // A reading for each would be 200: between two of them there is a quarter of a second, and an enqueue takes a few milliseconds.
    assert!(messages < 100, "{messages} messages");
    assert!(messages <= shop.app().board.readings() - readings);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_watch_cost_as_much_as_one_and_nobody_costs_nothing() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    owner.token().await;
    assert!(!shop.app().board.is_reading());
    let before = shop.app().db.statement_count();
    let mut boards = Vec::new();
    for _ in 0..20 {
        boards.push(owner.subscribe(BOARD, json!({})).await);
    }
    for board in &mut boards {
        assert_eq!(ready(&board.next().await), 0);
    }
    enqueue(&shop, Act::default()).await;
    for board in &mut boards {
        reaches(board, 1).await;
    }
    assert!(shop.app().board.is_reading());
    drop(boards);
    shop.wait_until(|| async { (!shop.app().board.is_reading()).then_some(()) }).await;

    let (readings, statements) = (shop.app().board.readings(), shop.app().db.statement_count() - before);
    // A reading is four statements in a transaction; besides, each of the 20 was asked who it is, one of the channels was looked up, and the
    // job was enqueued.
    let besides = statements - readings * 6;
    assert!(besides < 20 + 10, "{statements} statements for {readings} readings");

    let mut again = owner.subscribe(BOARD, json!({})).await;
    assert_eq!(ready(&again.next().await), 1, "what was read before is not shown again");
    assert!(shop.app().board.readings() > readings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_outlives_its_connections_to_the_database() {
    let shop = Shop::start().await;
    let mut board = shop.as_owner().subscribe(BOARD, json!({})).await;
    assert_eq!(ready(&board.next().await), 0);
    for wanted in 1..=3 {
        shop.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
        shop.sql(&format!(
            "INSERT INTO jobs (id, kind, queue, payload, state, max_attempts)
             VALUES ('{}', 'test.act', 'test', '{{}}', 'READY', 1)",
            JobId::new().0
        ))
        .await;
        reaches(&mut board, wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_staff_with_the_permission_may_watch() {
    let shop = Shop::start().await;
    for (client, code) in [(shop.as_customer(), "FORBIDDEN"), ((*shop).clone(), "UNAUTHENTICATED")] {
        let mut board = client.subscribe(BOARD, json!({})).await;
        let answer = board.next().await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
        assert_eq!(answer["data"]["jobBoardUpdated"], Value::Null);
    }
    assert!(!shop.app().board.is_reading(), "nothing is read for who may not see it");
}
