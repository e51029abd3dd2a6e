//! The job platform through its GraphQL API, with jobs of the tests' own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ironmonger::ids::JobId;
use ironmonger::jobs::{self, EnqueueOptions, Job, JobContext, JobError, WorkerOptions};
use serde::{Deserialize, Serialize};

use crate::support::{Client, Shop, Value, json};

/// Does what its payload says.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Act {
    /// Fails this often before it succeeds.
    #[serde(default)]
    pub failures: i32,
    #[serde(default)]
    pub fatal: bool,
    #[serde(default)]
    pub panics: bool,
    /// Waits until it is canceled, or for so long.
    #[serde(default)]
    pub wait_ms: u64,
    #[serde(default)]
    pub steps: i64,
    #[serde(default)]
    pub key: Option<String>,
    /// Written into the table `effects`, under the fence.
    #[serde(default)]
    pub effect: Option<String>,
}

impl Job for Act {
    const KIND: &'static str = "test.act";
    const QUEUE: &'static str = "test";
    const MAX_ATTEMPTS: i32 = 3;
    type Output = Value;

    fn backoff(_: i32) -> Duration {
        Duration::from_millis(50)
    }

    fn unique_key(&self) -> Option<String> {
        self.key.clone()
    }

    async fn run(self, ctx: JobContext) -> Result<Value, JobError> {
        if self.panics {
            panic!("the handler broke");
        }
        if self.fatal {
            return Err(JobError::fail(anyhow("it can never work")));
        }
        if ctx.attempt <= self.failures {
            return Err(JobError::retry(anyhow("not yet")));
        }
        for step in 1..=self.steps {
            ctx.progress(step, Some(self.steps), "stepping").await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if self.wait_ms > 0 {
            let waited =
                tokio::time::timeout(Duration::from_millis(self.wait_ms), ctx.canceled().cancelled()).await;
            if waited.is_ok() {
                return Err(JobError::Canceled);
            }
        }
        if let Some(effect) = self.effect {
            effect_under_fence(&ctx, &effect).await?;
        }
        Ok(json!({ "attempt": ctx.attempt }))
    }
}

fn anyhow(text: &'static str) -> std::io::Error {
    std::io::Error::other(text)
}

/// What a handler of the product does: its effect and the proof that the job is still its own, in one transaction.
async fn effect_under_fence(ctx: &JobContext, effect: &str) -> Result<(), JobError> {
    use diesel_async::{AsyncConnection, RunQueryDsl};
    let mut conn = ctx.app.db.get().await?;
    conn.transaction(async |conn| {
        ctx.fence(conn).await?;
        diesel::sql_query("INSERT INTO effects (name) VALUES ($1)")
            .bind::<diesel::sql_types::Text, _>(effect)
            .execute(conn)
            .await?;
        Ok::<_, JobError>(())
    })
    .await
}

/// Runs a relay and a worker that know [`Act`].
pub fn run_worker(shop: &Shop, concurrency: usize) {
    let mut registry = jobs::registry::all();
    registry.add::<Act>();
    let (app, stop) = (shop.app().clone(), shop.stopping());
    tokio::spawn(jobs::run_relay_with(app.clone(), registry.clone(), stop.clone()));
    let options = WorkerOptions { concurrency, registry, ..WorkerOptions::default() };
    tokio::spawn(
        async move { jobs::run_worker(app, options, stop).await.expect("the worker runs until told") },
    );
}

pub async fn enqueue(shop: &Shop, act: Act) -> JobId {
    enqueue_with(shop, act, EnqueueOptions::default()).await
}

async fn enqueue_with(shop: &Shop, act: Act, options: EnqueueOptions) -> JobId {
    let mut conn = shop.app().db.get().await.unwrap();
    jobs::enqueue(&mut conn, &act, options).await.unwrap()
}

const JOB: &str = "query($id: ID!) { job(id: $id) {
    id kind queue state attempt maxAttempts progress { done total note } lastError createdAt runAt startedAt finishedAt
    result attempts { number worker startedAt finishedAt error }
} }";

pub async fn job(client: &Client, id: JobId) -> Value {
    let answer = client.send(JOB, json!({ "id": id.to_string() })).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["job"].clone()
}

pub async fn reaches(shop: &Shop, id: JobId, state: &str) -> Value {
    let owner = shop.as_owner();
    shop.wait_until(|| async {
        let job = job(&owner, id).await;
        (job["state"] == state).then_some(job)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_is_tried_again_and_every_attempt_is_on_record() {
    let shop = Shop::start().await;
    run_worker(&shop, 4);
    let id = enqueue(&shop, Act { failures: 2, ..Act::default() }).await;
    let job = reaches(&shop, id, "SUCCEEDED").await;
    assert_eq!(job["attempt"], 3);
    assert_eq!(job["result"], json!({ "attempt": 3 }));
    let attempts = job["attempts"].as_array().unwrap();
    let errors: Vec<_> = attempts.iter().map(|attempt| attempt["error"].as_str()).collect();
    assert_eq!(errors, [Some("not yet"), Some("not yet"), None]);
    assert_eq!(job["lastError"], "not yet");
    assert!(
        attempts.iter().all(|attempt| attempt["finishedAt"].is_string() && attempt["worker"].is_string())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_never_works_is_dead_until_an_operator_brings_it_back() {
    let shop = Shop::start().await;
    run_worker(&shop, 4);
    let id = enqueue(&shop, Act { failures: 3, ..Act::default() }).await;
    let dead = reaches(&shop, id, "DEAD").await;
    assert_eq!(dead["attempt"], 3);
    assert!(dead["finishedAt"].is_string());

    const RETRY: &str =
        "mutation($id: ID!) { jobRetry(id: $id) { job { state finishedAt } userErrors { code message } } }";
    let owner = shop.as_owner();
    let answer = owner.send(RETRY, json!({ "id": id.to_string() })).await;
    assert_eq!(answer["data"]["jobRetry"]["userErrors"], json!([]), "{answer}");
    let job = reaches(&shop, id, "SUCCEEDED").await;
    assert_eq!(job["attempt"], 4);
    assert_eq!(job["attempts"].as_array().unwrap().len(), 4);

    let answer = owner.send(RETRY, json!({ "id": id.to_string() })).await;
    assert_eq!(answer["data"]["jobRetry"]["userErrors"][0]["code"], "INVALID_STATE", "{answer}");
    let answer = owner.send(RETRY, json!({ "id": JobId::new().to_string() })).await;
    assert_eq!(answer["data"]["jobRetry"]["userErrors"][0]["code"], "NOT_FOUND", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_pass_and_what_panics_harms_only_itself() {
    let shop = Shop::start().await;
    run_worker(&shop, 1);
    let fatal = enqueue(&shop, Act { fatal: true, ..Act::default() }).await;
    let panics = enqueue(&shop, Act { panics: true, ..Act::default() }).await;
    let fine = enqueue(&shop, Act::default()).await;
    assert_eq!(reaches(&shop, fatal, "DEAD").await["attempt"], 1);
    let dead = reaches(&shop, panics, "DEAD").await;
    assert_eq!(dead["attempt"], 3);
    assert_eq!(dead["lastError"], "The handler panicked: the handler broke");
    reaches(&shop, fine, "SUCCEEDED").await;
}

const CANCEL: &str =
    "mutation($id: ID!) { jobCancel(id: $id) { job { state cancelRequested } userErrors { code } } }";

#[tokio::test(flavor = "multi_thread")]
async fn waiting_and_running_jobs_can_be_canceled() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let waiting = enqueue(&shop, Act::default()).await;
    let answer = owner.send(CANCEL, json!({ "id": waiting.to_string() })).await;
    assert_eq!(answer["data"]["jobCancel"]["job"]["state"], "CANCELED", "{answer}");

    run_worker(&shop, 1);
    let running = enqueue(&shop, Act { wait_ms: 25_000, ..Act::default() }).await;
    reaches(&shop, running, "RUNNING").await;
    let answer = owner.send(CANCEL, json!({ "id": running.to_string() })).await;
    assert_eq!(answer["data"]["jobCancel"]["userErrors"], json!([]), "{answer}");
    let canceled = reaches(&shop, running, "CANCELED").await;
    assert_eq!(canceled["attempt"], 1);
    assert_eq!(job(&owner, waiting).await["attempt"], 0, "what was canceled in time never ran");

    let answer = owner.send(CANCEL, json!({ "id": running.to_string() })).await;
    assert_eq!(answer["data"]["jobCancel"]["userErrors"][0]["code"], "INVALID_STATE", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_one_unfinished_job_has_a_key() {
    let shop = Shop::start().await;
    let act = Act { key: Some("only one".into()), ..Act::default() };
    let first = enqueue(&shop, act.clone()).await;
    assert_eq!(enqueue(&shop, act.clone()).await, first);
    run_worker(&shop, 1);
    reaches(&shop, first, "SUCCEEDED").await;
    let second = enqueue(&shop, act).await;
    assert_ne!(second, first);
    reaches(&shop, second, "SUCCEEDED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_transactions_with_one_key_the_second_gets_the_first_ones_job() {
    use diesel_async::AsyncConnection;
    let shop = Shop::start().await;
    let act = Act { key: Some("race".into()), ..Act::default() };
    let app = shop.app().clone();
    let mut conn = app.db.get().await.unwrap();
    let (first, waiting) = conn
        .transaction(async |conn| {
            let first = jobs::enqueue(conn, &act, EnqueueOptions::default()).await?;
            let (app, act) = (app.clone(), act.clone());
            let waiting = tokio::spawn(async move {
                let mut conn = app.db.get().await.unwrap();
                jobs::enqueue(&mut conn, &act, EnqueueOptions::default()).await.unwrap()
            });
            let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = \
                         (SELECT oid FROM pg_database WHERE datname = current_database()) OR NOT granted";
            shop.wait_until(|| async { (shop.sql_count(waits).await > 0).then_some(()) }).await;
            Ok::<_, ironmonger::Error>((first, waiting))
        })
        .await
        .unwrap();
    assert_eq!(waiting.await.unwrap(), first);
    assert_eq!(shop.sql_count("SELECT count(*) FROM jobs").await, 1);
}

static ORDER: AtomicI64 = AtomicI64::new(0);

/// Answers with its turn.
#[derive(Debug, Serialize, Deserialize)]
struct Turn {}

impl Job for Turn {
    const KIND: &'static str = "test.turn";
    const QUEUE: &'static str = "test";
    type Output = i64;
    async fn run(self, _: JobContext) -> Result<i64, JobError> {
        Ok(ORDER.fetch_add(1, Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_jobs_run_first_and_equals_in_their_order() {
    let shop = Shop::start().await;
    let mut ids = Vec::new();
    {
        let mut conn = shop.app().db.get().await.unwrap();
        for priority in [0, 0, 10, -5, 10, 0] {
            let options = EnqueueOptions { priority: Some(priority), ..EnqueueOptions::default() };
            ids.push(jobs::enqueue(&mut conn, &Turn {}, options).await.unwrap());
        }
    }
    let mut registry = jobs::registry::all();
    registry.add::<Turn>();
    let (app, stop) = (shop.app().clone(), shop.stopping());
    // All are on the road before the worker comes.
    tokio::spawn(jobs::run_relay_with(app.clone(), registry.clone(), stop.clone()));
    let waiting = "SELECT count(*) FROM jobs WHERE dispatched_at IS NULL AND kind = 'test.turn'";
    shop.wait_until(|| async { (shop.sql_count(waiting).await == 0).then_some(()) }).await;
    let options = WorkerOptions { concurrency: 1, registry, ..WorkerOptions::default() };
    tokio::spawn(jobs::run_worker(app, options, stop));
    let mut turns = Vec::new();
    for id in ids {
        turns.push(reaches(&shop, id, "SUCCEEDED").await["result"].as_i64().unwrap());
    }
    assert_eq!(turns, [2, 3, 0, 5, 1, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_for_later_waits_for_its_time() {
    let shop = Shop::start().await;
    run_worker(&shop, 1);
    let run_at = shop.app().clock.now() + chrono::TimeDelta::milliseconds(1_500);
    let id =
        enqueue_with(&shop, Act::default(), EnqueueOptions { run_at: Some(run_at), ..Default::default() })
            .await;
    assert_eq!(job(&shop.as_owner(), id).await["state"], "SCHEDULED");
    let done = reaches(&shop, id, "SUCCEEDED").await;
    let at = |field: &str| done[field].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert!(at("startedAt") >= run_at, "{done}");
    assert!(at("startedAt") - run_at < chrono::TimeDelta::seconds(1), "{done}");
}

const UPDATED: &str =
    "subscription($id: ID!) { jobUpdated(id: $id) { id state progress { done total note } } }";

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_see_progress_and_the_end() {
    let shop = Shop::start().await;
    let id = enqueue(&shop, Act { steps: 8, ..Act::default() }).await;
    let mut news = shop.as_owner().subscribe(UPDATED, json!({ "id": id.to_string() })).await;
    assert_eq!(news.next().await["data"]["jobUpdated"]["state"], "READY");
    run_worker(&shop, 1);
    let mut seen = Vec::new();
    let mut last = Value::Null;
    while let Some(update) = news.next_or_end().await {
        last = update["data"]["jobUpdated"].clone();
        seen.push(last["progress"]["done"].as_i64().unwrap());
    }
    assert_eq!(last["state"], "SUCCEEDED");
    assert_eq!(last["progress"], json!({ "done": 8, "total": 8, "note": "stepping" }));
    assert!(seen.is_sorted() && seen.iter().any(|&done| 0 < done && done < 8), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_queue_begins_nothing_until_it_is_resumed() {
    let shop = Shop::start().await;
    run_worker(&shop, 1);
    let first = enqueue(&shop, Act::default()).await;
    reaches(&shop, first, "SUCCEEDED").await;
    let owner = shop.as_owner();
    const PAUSE: &str =
        "mutation { queuePause(name: \"test\") { queue { name paused } userErrors { code } } }";
    let answer = owner.send(PAUSE, json!({})).await;
    assert_eq!(answer["data"]["queuePause"]["queue"], json!({ "name": "test", "paused": true }), "{answer}");
    let id = enqueue(&shop, Act::default()).await;
    // A job of another queue that is enqueued later runs: the relay has looked meanwhile.
    let mut conn = shop.app().db.get().await.unwrap();
    let other = jobs::enqueue(&mut conn, &jobs::Prune {}, EnqueueOptions::default()).await.unwrap();
    drop(conn);
    reaches(&shop, other, "SUCCEEDED").await;
    assert_eq!(job(&owner, id).await["state"], "READY");
    const BOARD: &str =
        "{ queues { name paused ready running scheduled retrying dead oldestReadyAgeSeconds } }";
    let board = owner.send(BOARD, json!({})).await;
    let queue =
        board["data"]["queues"].as_array().unwrap().iter().find(|queue| queue["name"] == "test").unwrap();
    assert_eq!((&queue["ready"], &queue["paused"]), (&json!(1), &json!(true)), "{board}");
    assert!(queue["oldestReadyAgeSeconds"].as_f64().unwrap() > 0.0, "{board}");

    const RESUME: &str =
        "mutation { queueResume(name: \"test\") { queue { name paused } userErrors { code } } }";
    let answer = owner.send(RESUME, json!({})).await;
    assert_eq!(answer["data"]["queueResume"]["queue"]["paused"], false, "{answer}");
    reaches(&shop, id, "SUCCEEDED").await;
    let answer =
        owner.send("mutation { queuePause(name: \"nowhere\") { userErrors { code } } }", json!({})).await;
    assert_eq!(answer["data"]["queuePause"]["userErrors"][0]["code"], "NOT_FOUND", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_staff_and_whoever_started_it_read_a_job() {
    let shop = Shop::start().await;
    let customer = shop.as_customer();
    let mine = customer.send("{ viewer { id } }", json!({})).await;
    let user = mine["data"]["viewer"]["id"].as_str().unwrap_or_else(|| panic!("{mine}")).parse().unwrap();
    let own = EnqueueOptions { created_by: Some(user), ..EnqueueOptions::default() };
    let own = enqueue_with(&shop, Act::default(), own).await;
    let other = enqueue(&shop, Act::default()).await;

    assert_eq!(job(&customer, own).await["state"], "READY");
    let mut news = customer.subscribe(UPDATED, json!({ "id": own.to_string() })).await;
    assert_eq!(news.next().await["data"]["jobUpdated"]["id"], own.to_string());
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    for id in [other, JobId::new()] {
        let answer = customer.send(JOB, json!({ "id": id.to_string() })).await;
        assert_eq!(code(&answer), "FORBIDDEN", "{answer}");
        let mut news = customer.subscribe(UPDATED, json!({ "id": id.to_string() })).await;
        assert_eq!(code(&news.next().await), "FORBIDDEN");
    }
    let answer = shop.send(JOB, json!({ "id": own.to_string() })).await;
    assert_eq!(code(&answer), "UNAUTHENTICATED", "{answer}");
    for document in [
        "{ jobs(first: 1) { nodes { id } } }",
        "{ queues { name } }",
        "{ workers { id } }",
        "{ schedules { name } }",
        "mutation { queuePause(name: \"mail\") { userErrors { code } } }",
        "mutation { queueResume(name: \"mail\") { userErrors { code } } }",
    ] {
        let answer = customer.send(document, json!({})).await;
        assert!(answer["errors"].is_array(), "{document}: {answer}");
    }
    for document in [CANCEL, "mutation($id: ID!) { jobRetry(id: $id) { userErrors { code } } }"] {
        let answer = customer.send(document, json!({ "id": own.to_string() })).await;
        assert!(answer["errors"].is_array(), "{document}: {answer}");
    }
    assert_eq!(shop.sql_count("SELECT count(*) FROM jobs WHERE state = 'READY'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_newest_first_page_by_page() {
    let shop = Shop::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(enqueue(&shop, Act::default()).await.to_string());
    }
    ids.reverse();
    let owner = shop.as_owner();
    owner.send(CANCEL, json!({ "id": ids[0] })).await;
    const LIST: &str = "query($after: String, $where: JobWhereInput) {
        jobs(first: 2, after: $after, where: $where) { nodes { id } pageInfo { hasNextPage endCursor } totalCount }
    }";
    let filter =
        json!({ "state": { "in": ["READY"] }, "queue": { "eq": "test" }, "kind": { "eq": "test.act" } });
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = owner.send(LIST, json!({ "after": after, "where": filter })).await;
        let jobs = &answer["data"]["jobs"];
        assert_eq!(jobs["totalCount"], 4, "{answer}");
        seen.extend(
            jobs["nodes"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()),
        );
        after = jobs["pageInfo"]["endCursor"].clone();
        if jobs["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen, ids[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_fire_once_and_workers_are_listed_while_they_live() {
    let shop = Shop::start().await;
    let mut registry = jobs::registry::all();
    registry.add::<Act>();
    registry.schedule("test.often", "* * * * * *", &Act { effect: Some("tick".into()), ..Act::default() });
    shop.sql("CREATE TABLE effects (name text, at timestamptz DEFAULT now())").await;
    let (app, stop) = (shop.app().clone(), shop.stopping());
    for _ in 0..3 {
        tokio::spawn(jobs::run_relay_with(app.clone(), registry.clone(), stop.clone()));
    }
    let worker_stop = stop.child_token();
    let options = WorkerOptions { name: Some("clockwork".into()), registry, ..WorkerOptions::default() };
    let worker = tokio::spawn(jobs::run_worker(app, options, worker_stop.clone()));
    let ticks = "SELECT count(*) FROM effects";
    shop.wait_until(|| async { (shop.sql_count(ticks).await >= 4).then_some(()) }).await;
    let span = "SELECT ceil(extract(epoch FROM max(at) - min(at)))::bigint + 1 FROM effects";
    let most = shop.sql_count(span).await;
    assert!(shop.sql_count(ticks).await <= most, "three relays fire as often as one");

    let owner = shop.as_owner();
    const BOARD: &str = "{ schedules { name kind cron lastRunAt nextRunAt enabled } workers { id host pid queues concurrency startedAt lastSeenAt running } }";
    let board = owner.send(BOARD, json!({})).await;
    let schedules = board["data"]["schedules"].as_array().unwrap();
    let often = schedules.iter().find(|schedule| schedule["name"] == "test.often").unwrap();
    assert!(often["lastRunAt"].is_string() && often["nextRunAt"].is_string(), "{board}");
    let worker_row = &board["data"]["workers"][0];
    assert!(worker_row["id"].as_str().unwrap().starts_with("clockwork-"), "{board}");
    assert_eq!(worker_row["concurrency"], 16);

    worker_stop.cancel();
    worker.await.unwrap().unwrap();
    let board = owner.send("{ workers { id } }", json!({})).await;
    assert_eq!(board["data"]["workers"], json!([]), "a worker that stops says goodbye");
}

async fn at_work(shop: &Shop) -> i64 {
    shop.sql_count("SELECT count(*) FROM jobs WHERE state = 'RUNNING' AND queue = 'test'").await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_jobs_of_a_queue_run_than_its_limit_allows_however_many_workers_there_are() {
    let shop = Shop::start().await;
    shop.sql("INSERT INTO job_queues (name, max_running) VALUES ('test', 3)").await;
    let acts: Vec<_> = (0..60).map(|_| Act { wait_ms: 50, ..Act::default() }).collect();
    let mut conn = shop.app().db.get().await.unwrap();
    jobs::enqueue_all(&mut conn, &acts, EnqueueOptions::default()).await.unwrap();
    drop(conn);
    for _ in 0..3 {
        run_worker(&shop, 8);
    }
    let (mut most, mut done) = (0, 0);
    while done < 60 {
        most = most.max(at_work(&shop).await);
        done = shop.sql_count("SELECT count(*) FROM jobs WHERE state = 'SUCCEEDED' AND queue = 'test'").await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(most, 3, "three at a time, neither more nor fewer");
    // What overlapped, from the records: the sampling above may have missed it.
    let overlapping = "SELECT max(n) FROM (SELECT count(*) AS n FROM jobs a JOIN jobs b \
        ON b.started_at <= a.started_at AND b.finished_at > a.started_at WHERE a.queue = 'test' AND b.queue = 'test' GROUP BY a.id) AS counted";
    assert_eq!(shop.sql_count(overlapping).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_a_rate_begins_no_more_jobs_than_it_allows() {
    let shop = Shop::start().await;
    // A burst of 5, then one every 200 ms.
    shop.sql(
        "INSERT INTO job_queues (name, rate_limit, rate_period_seconds, rate_tokens) VALUES ('test', 5, 1, 5)",
    )
    .await;
    let acts = vec![Act::default(); 15];
    let mut conn = shop.app().db.get().await.unwrap();
    jobs::enqueue_all(&mut conn, &acts, EnqueueOptions::default()).await.unwrap();
    drop(conn);
    run_worker(&shop, 8);
    run_worker(&shop, 8);
    shop.wait_until(|| async {
        (shop.sql_count("SELECT count(*) FROM jobs WHERE state = 'SUCCEEDED' AND queue = 'test'").await == 15)
            .then_some(())
    })
    .await;
    // Within any second there are at most the burst and what flowed in meanwhile.
    let most = "SELECT max(n) FROM (SELECT count(*) AS n FROM jobs a JOIN jobs b \
        ON b.started_at BETWEEN a.started_at AND a.started_at + interval '1 second' WHERE a.queue = 'test' AND b.queue = 'test' GROUP BY a.id) AS counted";
    let most = shop.sql_count(most).await;
    assert!((5..=10).contains(&most), "{most} jobs began within a second");
    let span = "SELECT extract(epoch FROM max(started_at) - min(started_at))::float8 >= 1.9 FROM jobs";
    assert_eq!(shop.sql_text(&format!("SELECT ({span})::text")).await, "true", "ten tokens take two seconds");
}
