//! The catalog cache while PostgreSQL or Redis is away, with real processes.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Method, StatusCode};

use crate::support::{Client, PrivateShop, ProductSpec, Value, json, wait_until, wait_up_to};

const PRODUCT: &str = "{ product(slug: \"hammer\") { name } }";
const LIST: &str = "{ products(first: 5) { nodes { name } } }";
const CART: &str = "mutation { cartCreate(input: {}) { cart { id } userErrors { message } } }";

/// Nothing waits longer for a database that is away; the tests' machines may be slow.
const FAST: Duration = Duration::from_secs(4);

struct Answer {
    status: StatusCode,
    from: String,
    warning: String,
    retry_after: String,
    body: Value,
    took: Duration,
}

async fn ask(client: &Client, query: &str) -> Answer {
    let began = Instant::now();
    let request = client.request(Method::POST, "/graphql").await;
    let response = request.json(&json!({ "query": query })).send().await.unwrap();
    let header = |name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let (status, from, warning, retry_after) =
        (response.status(), header("ironmonger-cache"), header("warning"), header("retry-after"));
    let body = response.json().await.unwrap();
    Answer { status, from, warning, retry_after, body, took: began.elapsed() }
}

async fn warm(client: &Client, query: &str) {
    wait_until(|| async { (ask(client, query).await.from == "hit").then_some(()) }).await;
}

async fn expect_outage(client: &Client, order: &str) {
    for query in [PRODUCT, LIST] {
        // Until the process has noticed, the answer is vouched for by the last reading.
        let answer = wait_up_to(FAST, || async {
            let answer = ask(client, query).await;
            assert!(answer.took < FAST, "{:?}", answer.took);
            (answer.from == "stale").then_some(answer)
        })
        .await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body["extensions"]["stale"], true, "{}", answer.body);
        assert!(answer.warning.starts_with("110"), "{}", answer.warning);
        assert!(answer.body["data"].to_string().contains("hammer"), "{}", answer.body);
    }
    for query in [CART, order, "{ products(first: 7) { nodes { slug } } }"] {
        let answer = ask(client, query).await;
        assert!(answer.took < FAST, "{:?}", answer.took);
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
        assert_eq!(answer.body["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{}", answer.body);
        assert!(!answer.retry_after.is_empty());
    }
}

async fn expect_recovery(client: &Client) {
    wait_until(|| async {
        let cart = ask(client, CART).await;
        cart.body["data"]["cartCreate"]["cart"]["id"].is_string().then_some(())
    })
    .await;
    // No connection from before is left that would fail a request.
    for _ in 0..30 {
        let cart = ask(client, CART).await;
        assert!(cart.body["data"]["cartCreate"]["cart"]["id"].is_string(), "{}", cart.body);
    }
    warm(client, PRODUCT).await;
    warm(client, LIST).await;
}

/// PostgreSQL and all the processes that it has started.
fn signal_all(postmaster: u32, signal: Signal) {
    let parent = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()
    };
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut all: Vec<u32> = pids.filter(|&pid| parent(pid) == Some(postmaster)).collect();
    assert!(all.len() > 3, "PostgreSQL has processes");
    all.insert(0, postmaster);
    for pid in all {
        // One that has just ended needs no signal.
        let _ = kill(Pid::from_raw(pid.try_into().unwrap()), signal);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_is_read_while_postgresql_is_away() {
    let mut shop = PrivateShop::start().await;
    let spec = ProductSpec { slug: "hammer".into(), name: "A hammer".into(), ..ProductSpec::default() };
    let product = shop.product(spec).await;
    shop.stock_up().await;
    let api = shop.spawn_api().await;
    let client = shop.at(&api.url());
    let cart = shop.cart(&[(product.variants[0], 1)]).await;
    let order = format!(
        "mutation {{ orderPlace(input: {{ cartId: \"{cart}\", idempotencyKey: \"once\", \
         payment: {{ gateway: \"test\", token: \"ok\" }} }}) {{ order {{ id }} userErrors {{ message }} }} }}"
    );
    warm(&client, PRODUCT).await;
    warm(&client, LIST).await;
    warm(&client, CART_FREE).await;

    // Frozen: connections stay, and nothing answers.
    let pid = shop.postgres().pid();
    signal_all(pid, Signal::SIGSTOP);
    expect_outage(&client, &order).await;
    signal_all(pid, Signal::SIGCONT);
    expect_recovery(&client).await;

    // Killed, and started again.
    shop.postgres().signal(Signal::SIGQUIT);
    expect_outage(&client, &order).await;
    shop.postgres().restart().await.unwrap();
    expect_recovery(&client).await;

    // What could not be placed is placed, once.
    let placed = ask(&client, &order).await.body;
    assert!(placed["data"]["orderPlace"]["order"]["id"].is_string(), "{placed}");
    assert_eq!(ask(&client, &order).await.body, placed);
    assert_eq!(shop.sql_count("SELECT count(*) FROM orders").await, 1);
}

const CART_FREE: &str = "{ shop { name } }";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_level_is_right_while_redis_is_away() {
    let mut shop = PrivateShop::start().await;
    let spec = ProductSpec { slug: "hammer".into(), name: "A hammer".into(), ..ProductSpec::default() };
    let product = shop.product(spec).await;
    let api = shop.spawn_api().await;
    let client = shop.at(&api.url());
    warm(&client, PRODUCT).await;
    shop.redis().signal(Signal::SIGSTOP);
    for number in 0..5 {
        let name = format!("Hammer {number}");
        shop.sql(&format!("UPDATE products SET name = '{name}' WHERE id = '{}'", product.id.0)).await;
        wait_until(|| async {
            let answer = ask(&client, PRODUCT).await;
            (answer.body["data"]["product"]["name"] == json!(name)).then_some(())
        })
        .await;
        warm(&client, PRODUCT).await;
    }
    shop.redis().signal(Signal::SIGCONT);
}
