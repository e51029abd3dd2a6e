//! What operators steer in the job platform: limits of queues, schedules, and many jobs at once.

use std::process::{Command, Output};

use ironmonger::ids::JobId;
use ironmonger::jobs;

use crate::jobs::{Act, enqueue, reaches};
use crate::support::{Client, Shop, Value, binary, json};

const LIMIT: &str = "mutation($input: QueueLimitInput!) { queueLimit(input: $input) {
    queue { name maxRunning rateLimit { jobs periodSeconds } } userErrors { code field }
} }";
const ENABLE: &str = "mutation($name: String!) { scheduleEnable(name: $name) { schedule { name enabled nextRunAt } userErrors { code } } }";
const DISABLE: &str = "mutation($name: String!) { scheduleDisable(name: $name) { schedule { name enabled nextRunAt } userErrors { code } } }";
const RUN: &str = "mutation($name: String!) { scheduleRun(name: $name) { job { id kind queue state } userErrors { code } } }";
const RETRY: &str = "mutation($input: JobsRetryInput!) { jobsRetry(input: $input) {
    count skipped hasMore userErrors { code field }
} }";
const CANCEL: &str = "mutation($input: JobsCancelInput!) { jobsCancel(input: $input) {
    count skipped hasMore userErrors { code field }
} }";

/// The payload of the document's only root field.
async fn answer(client: &Client, document: &str, variables: Value) -> Value {
    let answer = client.send(document, variables).await;
    let data = answer["data"].as_object().unwrap_or_else(|| panic!("{answer}"));
    data.values().next().cloned().unwrap_or_else(|| panic!("{answer}"))
}

async fn dead(shop: &Shop, key: Option<&str>, error: &str) -> JobId {
    let id = enqueue(shop, Act { key: key.map(Into::into), ..Act::default() }).await;
    shop.sql(&format!(
        "UPDATE jobs SET state = 'DEAD', attempt = 3, finished_at = now(), last_error = '{error}' WHERE id = '{}'",
        id.0
    ))
    .await;
    id
}

/// Dead jobs of the queue `test`, older than all others.
async fn many_dead(shop: &Shop, count: usize) {
    shop.sql(&format!(
        "INSERT INTO jobs (id, kind, queue, payload, state, attempt, max_attempts, finished_at, last_error)
         SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'test.act', 'test', '{{}}', 'DEAD', 3, 3, now(),
             'gone' FROM generate_series(1, {count}) AS n"
    ))
    .await;
}

async fn states(shop: &Shop, ids: &[JobId]) -> Vec<String> {
    let mut states = Vec::new();
    for id in ids {
        states.push(shop.sql_text(&format!("SELECT state FROM jobs WHERE id = '{}'", id.0)).await);
    }
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_limits_a_queue_and_takes_the_limits_away() {
    let shop = Shop::start().await;
    shop.sql("INSERT INTO job_queues (name, rate_refilled_at) VALUES ('mail', now() - interval '1 day')")
        .await;
    let owner = shop.as_owner();
    let limit = async |input: Value| answer(&owner, LIMIT, json!({ "input": input })).await;

    let rate = json!({ "jobs": 100, "periodSeconds": 60.0 });
    let set = limit(json!({ "name": "mail", "maxRunning": 4, "rate": rate })).await;
    assert_eq!(set["queue"], json!({ "name": "mail", "maxRunning": 4, "rateLimit": rate }), "{set}");
    let full = "SELECT count(*) FROM job_queues WHERE rate_tokens = 100 AND rate_refilled_at > now() - interval '1 hour'";
    assert_eq!(shop.sql_count(full).await, 1, "the bucket is full from the present on");

    shop.sql("UPDATE job_queues SET rate_tokens = 7").await;
    let removed = limit(json!({ "name": "mail", "maxRunning": null })).await;
    assert_eq!(removed["queue"], json!({ "name": "mail", "maxRunning": null, "rateLimit": rate }));
    assert_eq!(
        shop.sql_count("SELECT rate_tokens::bigint FROM job_queues").await,
        7,
        "the rate was not named"
    );
    let kept = limit(json!({ "name": "mail", "maxRunning": 2, "rate": null })).await;
    assert_eq!(kept["queue"], json!({ "name": "mail", "maxRunning": 2, "rateLimit": null }));
    let nothing = limit(json!({ "name": "mail" })).await;
    assert_eq!(nothing["queue"], kept["queue"]);
    let board =
        answer(&owner, "{ queues { name maxRunning rateLimit { jobs periodSeconds } } }", json!({})).await;
    assert_eq!(board, json!([kept["queue"]]));

    let wrong = json!({ "name": "mail", "maxRunning": 0, "rate": { "jobs": 0, "periodSeconds": 0.0 } });
    let wrong = limit(wrong).await;
    let invalid = |path: &[&str]| json!({ "code": "INVALID", "field": path });
    let errors = [
        invalid(&["input", "maxRunning"]),
        invalid(&["input", "rate", "jobs"]),
        invalid(&["input", "rate", "periodSeconds"]),
    ];
    assert_eq!(wrong["userErrors"], json!(errors), "{wrong}");
    assert_eq!(wrong["queue"], Value::Null);
    let unknown = limit(json!({ "name": "nowhere", "maxRunning": 1 })).await;
    assert_eq!(unknown["userErrors"][0]["code"], "NOT_FOUND", "{unknown}");
    assert_eq!(shop.sql_count("SELECT max_running::bigint FROM job_queues").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_schedule_does_not_fire_and_an_enabled_one_does_not_catch_up() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let mut registry = jobs::registry::all();
    registry.add::<Act>();
    registry.schedule("test.often", "* * * * * *", &Act::default());
    registry.schedule("test.witness", "* * * * * *", &Act::default());
    registry.schedule("test.yearly", "0 0 0 1 1 *", &Act::default());
    tokio::spawn(jobs::run_relay_with(shop.app().clone(), registry, shop.stopping()));
    let fired = |name: &str| format!("SELECT count(*) FROM jobs WHERE unique_key = 'schedule:{name}'");
    shop.wait_until(|| async { (shop.sql_count(&fired("test.often")).await > 0).then_some(()) }).await;

    let disabled = answer(&owner, DISABLE, json!({ "name": "test.often" })).await;
    let schedule = json!({ "name": "test.often", "enabled": false, "nextRunAt": null });
    assert_eq!(disabled["schedule"], schedule, "{disabled}");
    shop.sql("DELETE FROM jobs; UPDATE job_schedules SET last_run_at = NULL").await;
    for _ in 0..2 {
        shop.wait_until(|| async { (shop.sql_count(&fired("test.witness")).await > 0).then_some(()) }).await;
        shop.sql("DELETE FROM jobs WHERE unique_key = 'schedule:test.witness'").await;
    }
    assert_eq!(shop.sql_count(&fired("test.often")).await, 0, "the clock went on without it");

    shop.sql(
        "UPDATE job_schedules SET enabled = false, next_run_at = now() - interval '1 day' WHERE name = 'test.yearly'",
    )
    .await;
    let enabled = answer(&owner, ENABLE, json!({ "name": "test.yearly" })).await;
    assert_eq!(enabled["schedule"]["enabled"], true, "{enabled}");
    let ahead = "SELECT count(*) FROM job_schedules WHERE name = 'test.yearly' AND next_run_at > now()";
    shop.wait_until(|| async { (shop.sql_count(ahead).await == 1).then_some(()) }).await;
    assert_eq!(shop.sql_count(&fired("test.yearly")).await, 0, "what it missed is not made up for");

    answer(&owner, ENABLE, json!({ "name": "test.often" })).await;
    shop.wait_until(|| async { (shop.sql_count(&fired("test.often")).await > 0).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enabling_an_enabled_schedule_leaves_its_time() {
    let shop = Shop::start().await;
    shop.sql(
        "INSERT INTO job_schedules (name, kind, queue, cron, next_run_at)
         VALUES ('test.soon', 'test.act', 'test', '* * * * * *', '2026-01-01T00:00:00Z')",
    )
    .await;
    let owner = shop.as_owner();
    let enabled = answer(&owner, ENABLE, json!({ "name": "test.soon" })).await;
    let time = enabled["schedule"]["nextRunAt"].as_str().unwrap_or_else(|| panic!("{enabled}"));
    assert!(time.starts_with("2026-01-01T00:00:00"), "{enabled}");
    for document in [ENABLE, DISABLE, RUN] {
        let unknown = answer(&owner, document, json!({ "name": "test.never" })).await;
        assert_eq!(unknown["userErrors"], json!([{ "code": "NOT_FOUND" }]), "{unknown}");
    }
    let unknown_kind = answer(&owner, RUN, json!({ "name": "test.soon" })).await;
    assert_eq!(unknown_kind["userErrors"], json!([{ "code": "INVALID_STATE" }]), "{unknown_kind}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_run_by_hand_once_at_a_time() {
    let shop = Shop::start().await;
    shop.sql(
        "INSERT INTO job_schedules (name, kind, queue, cron, enabled, next_run_at)
         VALUES ('maintenance.prune', 'maintenance.prune', 'maintenance', '0 17 * * * *', false, '2100-01-01T00:00:00Z')",
    )
    .await;
    let owner = shop.as_owner();
    let run = async || answer(&owner, RUN, json!({ "name": "maintenance.prune" })).await["job"].clone();
    let first = run().await;
    assert_eq!(first["kind"], "maintenance.prune", "{first}");
    assert_eq!(first["queue"], "maintenance");
    assert_eq!(first["state"], "READY");
    assert_eq!(run().await["id"], first["id"], "the last run is unfinished");
    let untouched = "SELECT count(*) FROM job_schedules
        WHERE NOT enabled AND next_run_at = '2100-01-01T00:00:00Z' AND last_run_at IS NULL";
    assert_eq!(shop.sql_count(untouched).await, 1);

    let id: JobId = first["id"].as_str().unwrap().parse().unwrap();
    shop.run_worker();
    reaches(&shop, id, "SUCCEEDED").await;
    assert_ne!(run().await["id"], first["id"], "the last run is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_of_many_touches_what_matches_and_nothing_else() {
    let shop = Shop::start().await;
    let wanted =
        [dead(&shop, None, "full at 100% of A_B").await, dead(&shop, None, "FULL AT 100% OF a_b").await];
    let others = [
        dead(&shop, None, "full at 1000 of A_B").await,
        dead(&shop, None, "full at 100% of AxB").await,
        dead(&shop, None, "full at 100% of A_B").await,
        dead(&shop, None, "full at 100% of A_B").await,
        dead(&shop, None, "full at 100% of A_B").await,
        dead(&shop, None, "full at 100% of A_B").await,
    ];
    for (id, change) in others[2..].iter().zip([
        "queue = 'other'",
        "kind = 'test.other'",
        "finished_at = now() - interval '2 days'",
        "created_at = now() - interval '2 days'",
    ]) {
        shop.sql(&format!("UPDATE jobs SET {change} WHERE id = '{}'", id.0)).await;
    }
    // Of a kind that this version knows: it gets as many attempts again as the kind has.
    shop.sql(&format!(
        "UPDATE jobs SET kind = 'maintenance.prune', attempt = 10, max_attempts = 10 WHERE id IN ('{}', '{}')",
        wanted[0].0, wanted[1].0
    ))
    .await;
    shop.sql("UPDATE jobs SET kind = 'maintenance.prune' WHERE kind = 'test.act'").await;
    let yesterday =
        shop.sql_text("SELECT to_char(now() - interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')").await;
    let tomorrow =
        shop.sql_text("SELECT to_char(now() + interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')").await;
    let filter = json!({
        "state": { "in": ["DEAD", "SUCCEEDED"] }, "queue": { "eq": "test" }, "kind": { "eq": "maintenance.prune" },
        "lastError": { "contains": "100% of a_b" },
        "createdAt": { "gte": yesterday, "lte": tomorrow }, "finishedAt": { "gte": yesterday },
    });
    let owner = shop.as_owner();
    const LIST: &str =
        "query($where: JobWhereInput) { jobs(first: 10, where: $where) { nodes { id } totalCount } }";
    let listed = answer(&owner, LIST, json!({ "where": filter })).await;
    assert_eq!(listed["totalCount"], 2, "{listed}");

    let done = answer(&owner, RETRY, json!({ "input": { "where": filter } })).await;
    assert_eq!(done, json!({ "count": 2, "skipped": 0, "hasMore": false, "userErrors": [] }));
    assert_eq!(states(&shop, &wanted).await, ["READY", "READY"]);
    assert_eq!(states(&shop, &others).await, ["DEAD"; 6]);
    let fresh =
        "SELECT count(*) FROM jobs WHERE state = 'READY' AND max_attempts = 20 AND finished_at IS NULL
        AND dispatched_at IS NULL AND run_at > now() - interval '1 hour'";
    assert_eq!(shop.sql_count(fresh).await, 2);
    let again = answer(&owner, RETRY, json!({ "input": { "where": filter } })).await;
    assert_eq!(again["count"], 0, "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_whose_work_another_one_does_are_skipped_and_counted() {
    let shop = Shop::start().await;
    let taken = dead(&shop, Some("taken"), "x").await;
    let holder = enqueue(&shop, Act { key: Some("taken".into()), ..Act::default() }).await;
    let older = dead(&shop, Some("twice"), "x").await;
    let newer = dead(&shop, Some("twice"), "x").await;
    let plain = dead(&shop, None, "x").await;
    let late = dead(&shop, None, "x").await;
    let owner = shop.as_owner();
    let retry = async |limit: i64| {
        let filter = json!({ "state": { "in": ["DEAD"] } });
        answer(&owner, RETRY, json!({ "input": { "where": filter, "limit": limit } })).await
    };
    let first = retry(2).await;
    assert_eq!(first, json!({ "count": 2, "skipped": 2, "hasMore": true, "userErrors": [] }));
    let all = [taken, holder, older, newer, plain, late];
    assert_eq!(states(&shop, &all).await, ["DEAD", "READY", "READY", "DEAD", "READY", "DEAD"]);
    let second = retry(2).await;
    assert_eq!(second, json!({ "count": 1, "skipped": 2, "hasMore": false, "userErrors": [] }));
    let third = retry(2).await;
    assert_eq!(third, json!({ "count": 0, "skipped": 2, "hasMore": false, "userErrors": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_are_changed_batch_by_batch_up_to_the_limit() {
    let shop = Shop::start().await;
    many_dead(&shop, 1_200).await;
    let newest = dead(&shop, None, "x").await;
    let owner = shop.as_owner();
    let filter = json!({ "queue": { "eq": "test" } });
    let first = answer(&owner, RETRY, json!({ "input": { "where": filter } })).await;
    assert_eq!(first, json!({ "count": 1000, "skipped": 0, "hasMore": true, "userErrors": [] }));
    assert_eq!(states(&shop, &[newest]).await, ["DEAD"], "the oldest come first");
    let rest = answer(&owner, RETRY, json!({ "input": { "where": filter, "limit": 201 } })).await;
    assert_eq!(rest, json!({ "count": 201, "skipped": 0, "hasMore": false, "userErrors": [] }));
    assert_eq!(shop.sql_count("SELECT count(*) FROM jobs WHERE state = 'READY'").await, 1_201);
    let canceled = answer(&owner, CANCEL, json!({ "input": { "where": filter, "limit": 10000 } })).await;
    assert_eq!(canceled, json!({ "count": 1201, "skipped": 0, "hasMore": false, "userErrors": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn canceling_many_ends_what_waits_and_asks_what_runs() {
    let shop = Shop::start().await;
    let mut ids = Vec::new();
    for change in [
        "state = 'READY', dispatched_at = now()",
        "state = 'SCHEDULED', run_at = now() + interval '1 day'",
        "state = 'RETRYING', run_at = now() + interval '1 day'",
        "state = 'RUNNING', lease_until = now() + interval '1 hour'",
        "state = 'SUCCEEDED', finished_at = now()",
        "state = 'DEAD', finished_at = now()",
        "queue = 'other'",
    ] {
        let id = enqueue(&shop, Act::default()).await;
        shop.sql(&format!("UPDATE jobs SET {change} WHERE id = '{}'", id.0)).await;
        ids.push(id);
    }
    let owner = shop.as_owner();
    let input = json!({ "where": { "queue": { "eq": "test" } } });
    let done = answer(&owner, CANCEL, json!({ "input": input })).await;
    assert_eq!(done, json!({ "count": 4, "skipped": 0, "hasMore": false, "userErrors": [] }));
    let expected = ["CANCELED", "CANCELED", "CANCELED", "RUNNING", "SUCCEEDED", "DEAD", "READY"];
    assert_eq!(states(&shop, &ids).await, expected);
    let asked = "SELECT count(*) FROM jobs WHERE cancel_requested AND state = 'RUNNING'";
    assert_eq!(shop.sql_count(asked).await, 1);
    let over = "SELECT count(*) FROM jobs WHERE state = 'CANCELED' AND finished_at IS NOT NULL AND dispatched_at IS NULL";
    assert_eq!(shop.sql_count(over).await, 3);
    let again = answer(&owner, CANCEL, json!({ "input": input })).await;
    assert_eq!(again["count"], 0, "what was asked to stop is not asked again: {again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_many_needs_a_condition_and_a_limit_in_range() {
    let shop = Shop::start().await;
    let job = dead(&shop, None, "x").await;
    let owner = shop.as_owner();
    for document in [RETRY, CANCEL] {
        let all = answer(&owner, document, json!({ "input": { "where": { "state": {} } } })).await;
        assert_eq!(all["userErrors"], json!([{ "code": "REQUIRED", "field": ["input", "where"] }]), "{all}");
        for limit in [0, 10_001] {
            let filter = json!({ "queue": { "eq": "test" } });
            let input = json!({ "where": filter, "limit": limit });
            let wrong = answer(&owner, document, json!({ "input": input })).await;
            assert_eq!(
                wrong["userErrors"],
                json!([{ "code": "INVALID", "field": ["input", "limit"] }]),
                "{wrong}"
            );
            assert_eq!(wrong["count"], Value::Null);
        }
        for filter in [json!({ "lastError": { "contains": "\0" } }), json!({ "state": { "in": [] } })] {
            let none = answer(&owner, document, json!({ "input": { "where": filter } })).await;
            assert_eq!(none["count"], 0, "{none}");
        }
    }
    assert_eq!(states(&shop, &[job]).await, ["DEAD"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_staff_with_the_permission_steer() {
    let shop = Shop::start().await;
    shop.sql(
        "INSERT INTO job_queues (name) VALUES ('test');
         INSERT INTO job_schedules (name, kind, queue, cron) VALUES ('maintenance.prune', 'maintenance.prune', 'maintenance',
             '0 17 * * * *')",
    )
    .await;
    let job = dead(&shop, None, "x").await;
    let waiting = enqueue(&shop, Act::default()).await;
    let many = json!({ "input": { "where": { "queue": { "eq": "test" } } } });
    let name = json!({ "name": "maintenance.prune" });
    for (document, variables) in [
        (LIMIT, json!({ "input": { "name": "test", "maxRunning": 1 } })),
        (ENABLE, name.clone()),
        (DISABLE, name.clone()),
        (RUN, name),
        (RETRY, many.clone()),
        (CANCEL, many),
    ] {
        let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
        let refused = shop.as_customer().send(document, variables.clone()).await;
        assert_eq!(code(&refused), "FORBIDDEN", "{document}: {refused}");
        let refused = shop.send(document, variables).await;
        assert_eq!(code(&refused), "UNAUTHENTICATED", "{document}: {refused}");
    }
    assert_eq!(states(&shop, &[job, waiting]).await, ["DEAD", "READY"]);
    assert_eq!(shop.sql_count("SELECT count(*) FROM jobs").await, 2);
    assert_eq!(shop.sql_count("SELECT count(*) FROM job_schedules WHERE enabled").await, 1);
    assert_eq!(shop.sql_count("SELECT count(*) FROM job_queues WHERE max_running IS NULL").await, 1);
}

fn command(shop: &Shop, args: &[&str]) -> Output {
    let mut command = Command::new(binary("ironmonger"));
    command.arg("jobs").args(args).envs(shop.env()).output().unwrap()
}

fn command_json(shop: &Shop, args: &[&str]) -> Value {
    let output = command(shop, &[args, &["--json"]].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_and_schedules_are_steered_from_the_command_line() {
    let shop = Shop::start().await;
    shop.sql(
        "INSERT INTO job_queues (name) VALUES ('mail');
         INSERT INTO job_schedules (name, kind, queue, cron) VALUES ('maintenance.prune', 'maintenance.prune', 'maintenance',
             '0 17 * * * *')",
    )
    .await;
    let queue = command_json(&shop, &["limit", "mail", "--max-running", "4", "--rate", "100/60"]);
    assert_eq!(queue[0]["maxRunning"], 4, "{queue}");
    assert_eq!(queue[0]["rateLimit"], json!({ "jobs": 100, "periodSeconds": 60.0 }));
    let table = String::from_utf8(command(&shop, &["stats"]).stdout).unwrap();
    assert!(table.contains("100/60 s"), "{table}");
    let queue = command_json(&shop, &["limit", "mail", "--rate", "none"]);
    assert_eq!(queue[0]["maxRunning"], 4, "{queue}");
    assert_eq!(queue[0]["rateLimit"], Value::Null);
    for wrong in [&["limit", "mail"][..], &["limit", "mail", "--rate", "often"]] {
        assert_eq!(command(&shop, wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(command(&shop, &["limit", "nowhere", "--max-running", "1"]).status.code(), Some(1));

    let schedules = command_json(&shop, &["schedules"]);
    assert_eq!(schedules[0]["name"], "maintenance.prune", "{schedules}");
    assert_eq!(schedules, command_json(&shop, &["schedules", "list"]));
    let disabled = command_json(&shop, &["schedules", "disable", "maintenance.prune"]);
    assert_eq!(disabled[0]["enabled"], false, "{disabled}");
    let run = command_json(&shop, &["schedules", "run", "maintenance.prune"]);
    assert_eq!(run[0]["kind"], "maintenance.prune", "{run}");
    let enabled = command_json(&shop, &["schedules", "enable", "maintenance.prune"]);
    assert_eq!(enabled[0]["enabled"], true, "{enabled}");
    assert_eq!(command(&shop, &["schedules", "run", "never"]).status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_are_retried_and_canceled_from_the_command_line() {
    let shop = Shop::start().await;
    let taken = dead(&shop, Some("taken"), "gone").await;
    enqueue(&shop, Act { key: Some("taken".into()), ..Act::default() }).await;
    many_dead(&shop, 1_100).await;
    let some = ["retry", "--state", "dead", "--queue", "test", "--error", "Gone", "--limit", "30"];
    assert_eq!(command_json(&shop, &some), json!({ "count": 30, "skipped": 0, "hasMore": true }));
    let rest = command_json(&shop, &["retry", "--state", "dead", "--kind", "test.act"]);
    assert_eq!(rest, json!({ "count": 1070, "skipped": 1, "hasMore": false }));
    let late = ["cancel", "--queue", "test", "--created-after", "2100-01-01T00:00:00Z"];
    assert_eq!(command_json(&shop, &late), json!({ "count": 0, "skipped": 0, "hasMore": false }));
    let canceled = command_json(&shop, &["cancel", "--queue", "test"]);
    assert_eq!(canceled, json!({ "count": 1101, "skipped": 0, "hasMore": false }));
    let taken = taken.to_string();
    let by_id = command_json(&shop, &["retry", &taken]);
    assert_eq!(by_id[0]["state"], "READY", "{by_id}");
    for wrong in
        [&["retry"][..], &["cancel"], &["retry", &taken, "--state", "dead"], &["cancel", "--limit", "3"]]
    {
        assert_eq!(command(&shop, wrong).status.code(), Some(2), "{wrong:?}");
    }
}
