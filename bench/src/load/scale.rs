//! The same reads of a small and of a large shop.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::contest::{self, Contestant, Requests, Rules};
use super::http::{Connection, Request};
use super::process::{self, Server};
use super::{LoadArgs, documents, reads};
use crate::report::Report;
use crate::shop::{self, Shop};

/// How deep in the list the page lies that is read by its cursor: half-way down in a smaller shop.
const DEPTH: u64 = 100_000;

/// Reads one after the other from two API processes, and compares what half of the answers kept.
pub async fn run(args: &LoadArgs, report: &mut Report) -> anyhow::Result<()> {
    let large_folder = args.large.as_ref().context("the scenario `scale` needs --large DIR")?;
    let small_servers = args.shop().await?;
    let large_servers = shop::open(large_folder, &Shop::new(args.large_products, 1)).await?;
    let small = process::api_without_cache(args, &small_servers).await?;
    let large = process::api_without_cache(args, &large_servers).await?;
    let rules = Rules {
        concurrency: 1,
        rounds: args.rounds,
        turn: Duration::from_secs_f64(args.seconds),
        warm_up: Duration::from_secs(1),
    };
    let deep = [
        page_at(&small, DEPTH.min(args.products / 2)).await?,
        page_at(&large, DEPTH.min(args.large_products / 2)).await?,
    ];
    let mut reads: Vec<(&str, [Vec<Request>; 2])> = vec![
        ("List of 20", [vec![reads::list_request()], vec![reads::list_request()]]),
        ("Page of 20 at depth", deep.map(|page| vec![page])),
        ("Detail", [details(&small).await?, details(&large).await?]),
        ("Collection page", [collections(), collections()]),
    ];
    for (name, question) in [
        ("Search, frequent words", "iron hook"),
        ("Search, the number of one product's SKU", "0001234"),
        ("Search, a word of every 670th product", "velulwold"),
        ("Search, a misspelled word", "scerwdriver"),
    ] {
        let ask = || vec![reads::search_request(question)];
        reads.push((name, [ask(), ask()]));
    }
    for (name, [of_small, of_large]) in reads {
        let contestants = [(&small, of_small), (&large, of_large)].map(|(server, requests)| Contestant {
            name: name.to_owned(),
            addr: server.addr,
            requests: Requests::cycle(requests),
        });
        let mut scores = contest::hold(&contestants, rules).await?;
        let [small_ms, large_ms] = [0, 1].map(|place: usize| scores[place].latency_ms(0.5));
        let note = format!(
            "p50 {large_ms:.2} ms at {} products, {small_ms:.2} ms at {}",
            args.large_products, args.products
        );
        report.add(format!("{name}, large beside small"), large_ms / small_ms, "× p50", note);
    }
    Ok(())
}

fn collections() -> Vec<Request> {
    [1, 5, 20].map(|place| reads::collection_request(&format!("collection-{place:02}"))).to_vec()
}

async fn details(api: &Server) -> anyhow::Result<Vec<Request>> {
    let ask = |slug: &String| Request::graphql(documents::PRODUCT_DETAIL, &json!({ "slug": slug }));
    Ok(reads::slugs(api, 300).await?.iter().map(ask).collect())
}

/// The request for the page of 20 after the first `depth` products.
async fn page_at(api: &Server, depth: u64) -> anyhow::Result<Request> {
    let mut connection = Connection::open(api.addr).await?;
    let mut after = Value::Null;
    for _ in 0..depth / 100 {
        let asked = Request::graphql(documents::SLUGS, &json!({ "first": 100, "after": after }));
        after = connection.json(&asked).await?["data"]["products"]["pageInfo"]["endCursor"].take();
    }
    Ok(Request::graphql(documents::PRODUCT_LIST, &json!({ "first": 20, "after": after })))
}
