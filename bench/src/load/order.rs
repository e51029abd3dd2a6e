//! Carts, and carts that become orders.
//!
//! `orderPlace` is held against `pgbench/order.sql`: the statements that it sends, written by hand for pgbench, over the
//! same database. Both place carts of two lines that were prepared for them. The job that an order enqueues stays in the
//! ledger: no worker runs.

use std::process::Command;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use anyhow::{Context, ensure};
use ironmonger::ids::{CartId, VariantId};
use serde_json::json;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::contest::{self, Contestant, Requests, Score};
use super::http::Request;
use super::process::{self, Server};
use super::{LoadArgs, documents};
use crate::report::Report;
use crate::servers::Servers;

/// Variants that are sold: a prime number, so that carts of neighboring numbers hold different ones.
const VARIANTS: i64 = 1_999;
/// More than a client places in a turn.
const CARTS_PER_CLIENT: i64 = 5_000;
/// Each scenario of a run numbers its carts from another place on, so far apart.
const APART: i64 = 1 << 22;

/// The statements of an order, for pgbench.
const SCRIPT: &str = include_str!("../../pgbench/order.sql");

/// Where the numbers of a run's carts begin: a kept shop has those of earlier runs.
fn first_number() -> i64 {
    let seconds = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs() as i64);
    // 12 hexadecimal digits of an id are the number.
    (seconds & 0xff_ffff) << 24
}

/// `cartCreate` with two lines and `cartLinesAdd` with one more. Without a baseline: the figures are for comparing versions.
pub async fn carts(args: &LoadArgs, servers: &Servers, report: &mut Report) -> anyhow::Result<()> {
    let client = connect(servers).await?;
    let variants = stocked(&client).await?;
    let api = process::api(args, servers).await?;
    let create = |pair: &[VariantId]| {
        let lines: Vec<_> =
            pair.iter().map(|variant| json!({ "variantId": variant, "quantity": 1 })).collect();
        let input = json!({ "input": { "lines": lines, "email": "bench@example.com" } });
        Request::graphql(documents::CART_CREATE, &input)
    };
    let created = Requests::cycle(variants.chunks(2).map(create).collect());
    let ids = prepare(&client, first_number(), VARIANTS).await?;
    let add = |(id, variant): (&CartId, &VariantId)| {
        let lines = json!([{ "variantId": variant, "quantity": 1 }]);
        Request::graphql(documents::CART_LINES_ADD, &json!({ "input": { "cartId": id, "lines": lines } }))
    };
    let added = Requests::cycle(ids.iter().zip(&variants).map(add).collect());
    for &concurrency in &args.concurrency {
        for (name, requests) in [("cartCreate", &created), ("cartLinesAdd", &added)] {
            let contestant = Contestant { name: name.into(), addr: api.addr, requests: Arc::clone(requests) };
            let mut scores = contest::hold(&[contestant], args.rules(concurrency)).await?;
            let score = &mut scores[0];
            let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| score.latency_ms(share));
            let note = format!("p50 {p50:.2}, p95 {p95:.2}, p99 {p99:.2} ms");
            report.add(format!("{name}, {concurrency} at a time"), score.rate(), "requests/s", note);
        }
    }
    Ok(())
}

/// `orderPlace`, turn by turn with pgbench.
pub async fn place(args: &LoadArgs, servers: &Servers, report: &mut Report) -> anyhow::Result<()> {
    let client = connect(servers).await?;
    stocked(&client).await?;
    let api = process::api(args, servers).await?;
    let script = servers.folder().join("order.sql");
    std::fs::write(&script, SCRIPT)?;
    let mut pgbench =
        Pgbench { servers, script, first_cart: first_number() + APART, seconds: args.seconds.ceil() as u64 };
    let mut next_api_cart = first_number() + 2 * APART;
    for &concurrency in &args.concurrency {
        let turns = i64::try_from(args.rounds)? + 1;
        let carts = turns * i64::try_from(concurrency)?.min(8) * CARTS_PER_CLIENT;
        let ids = prepare(&client, next_api_cart, carts).await?;
        next_api_cart += carts;
        let contestant = Contestant {
            name: "orderPlace".into(),
            addr: api.addr,
            requests: Requests::once(ids.iter().map(place_request).collect()),
        };
        let mut scores = [Score::default(), Score::default()];
        let rules = args.rules(concurrency);
        contest::turn(&contestant, concurrency, rules.warm_up).await?;
        for _ in 0..args.rounds {
            let (latencies_ms, rate) = contest::turn(&contestant, concurrency, rules.turn).await?;
            scores[0].latencies_ms.extend(latencies_ms);
            scores[0].rates.push(rate);
            let (average_ms, rate) = pgbench.turn(&client, concurrency).await?;
            scores[1].latencies_ms.push(average_ms);
            scores[1].rates.push(rate);
        }
        let (ratio, low, high) = scores[0].ratio_to(&scores[1]);
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| scores[0].latency_ms(share));
        let note = format!(
            "{low:.2}–{high:.2}; {:.0}/s (p50 {p50:.2}, p95 {p95:.2}, p99 {p99:.2} ms) beside {:.0}/s (average {:.2} ms)",
            scores[0].rate(),
            scores[1].rate(),
            scores[1].latency_ms(0.5)
        );
        report.add(format!("orderPlace, {concurrency} at a time"), ratio, "× pgbench", note);
    }
    tell_memory(&api, report);
    Ok(())
}

fn tell_memory(api: &Server, report: &mut Report) {
    let peak = api.process.peak_memory_mib().unwrap_or(f64::NAN);
    report.add("API process, memory after the orders", peak, "MiB", "most that it had in use");
}

async fn connect(servers: &Servers) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(&servers.database_url(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Variants that are on sale, with stock for every order of a run.
async fn stocked(client: &Client) -> anyhow::Result<Vec<VariantId>> {
    client
        .batch_execute(&format!(
            "DROP TABLE IF EXISTS bench_variants; \
             CREATE TABLE bench_variants AS SELECT row_number() OVER () - 1 AS number, id FROM ( \
                 SELECT v.id FROM variants AS v JOIN products AS p ON p.id = v.product_id WHERE p.status = 'ACTIVE' \
                 ORDER BY v.id LIMIT {VARIANTS}) AS v; \
             ALTER TABLE bench_variants ADD PRIMARY KEY (number); \
             UPDATE stock_levels SET on_hand = 1000000000 WHERE variant_id IN (SELECT id FROM bench_variants)"
        ))
        .await?;
    let rows = client.query("SELECT id FROM bench_variants ORDER BY number", &[]).await?;
    ensure!(rows.len() as i64 == VARIANTS, "the shop has too few variants: generate 1,000 products or more");
    Ok(rows.iter().map(|row| VariantId(row.get(0))).collect())
}

/// Open carts that can be placed, with two lines each. The id of a cart is its number, so that pgbench needs no list.
async fn prepare(client: &Client, first: i64, count: i64) -> anyhow::Result<Vec<CartId>> {
    let last = first + count - 1;
    client
        .batch_execute(&format!(
            "INSERT INTO carts (id, channel_id, status, email, shipping_address, shipping_method_id, created_at, updated_at) \
             SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, channels.id, 'OPEN', 'bench@example.com', \
                 '{{\"first_name\": \"Ada\", \"last_name\": \"Smith\", \"company\": \"\", \"line1\": \"1 Forge Lane\", \"line2\": \"\", \
                    \"city\": \"Ironbridge\", \"region\": \"\", \"postal_code\": \"12345\", \"country_code\": \"US\", \"phone\": \"\"}}', \
                 shipping_methods.id, now(), now() \
             FROM generate_series({first}::bigint, {last}::bigint) AS n, channels, shipping_methods \
             WHERE channels.is_default AND shipping_methods.name = 'Standard' ON CONFLICT DO NOTHING; \
             INSERT INTO cart_lines (id, cart_id, variant_id, quantity) \
             SELECT gen_random_uuid(), ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, v.id, 1 \
             FROM generate_series({first}::bigint, {last}::bigint) AS n CROSS JOIN generate_series(0, 1) AS line \
             JOIN bench_variants AS v ON v.number = (n * 2 + line) % {VARIANTS} ON CONFLICT DO NOTHING"
        ))
        .await?;
    Ok((first..=last).map(cart_id).collect())
}

fn cart_id(number: i64) -> CartId {
    CartId(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 | number as u128))
}

fn place_request(id: &CartId) -> Request {
    let payment = json!({ "gateway": "test", "token": "ok" });
    let input = json!({ "cartId": id, "idempotencyKey": id, "payment": payment });
    Request::graphql(documents::ORDER_PLACE, &json!({ "input": input }))
}

/// pgbench with the script of an order.
struct Pgbench<'a> {
    servers: &'a Servers,
    script: std::path::PathBuf,
    first_cart: i64,
    seconds: u64,
}

impl Pgbench<'_> {
    /// One turn: the average latency in milliseconds, and orders per second.
    async fn turn(&mut self, client: &Client, clients: usize) -> anyhow::Result<(f64, f64)> {
        let carts = i64::try_from(clients)? * CARTS_PER_CLIENT;
        prepare(client, self.first_cart, carts).await?;
        let threads = clients.min(std::thread::available_parallelism()?.get());
        let mut command = Command::new(program()?);
        command
            .args(["--no-vacuum", "--protocol", "prepared", "--file"])
            .arg(&self.script)
            .args(["--client", &clients.to_string(), "--jobs", &threads.to_string()])
            .args(["--time", &self.seconds.to_string()])
            .args(["--define", &format!("first={}", self.first_cart)])
            .args(["--define", &format!("each={CARTS_PER_CLIENT}"), "--define", "n=-1"])
            .arg(self.servers.database_url());
        self.first_cart += carts;
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && !errors.contains("ERROR"), "pgbench failed: {said}{errors}");
        let figure = |name: &str| {
            let line = said.lines().find(|line| line.starts_with(name));
            let number =
                line.and_then(|line| line.split('=').nth(1)?.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("pgbench says nothing of {name}: {said}"))
        };
        Ok((figure("latency average")?, figure("tps")?))
    }
}

/// pgbench of the search path, or where Debian keeps it.
fn program() -> anyhow::Result<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("pgbench"));
    let of_debian = (13..20).rev().map(|n| format!("/usr/lib/postgresql/{n}/bin/pgbench").into());
    on_path
        .chain(of_debian)
        .find(|path| path.exists())
        .context("there is no pgbench: install PostgreSQL's programs")
}
