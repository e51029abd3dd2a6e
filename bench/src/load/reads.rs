//! Reads of the catalog, each beside its hand-written route.

use std::sync::Arc;

use serde_json::{Value, json};

use super::contest::{self, Contestant, Requests, Score};
use super::http::{Connection, Request};
use super::process::{self, Server};
use super::{LoadArgs, Scenario, documents, redis_rate, same};
use crate::report::Report;
use crate::servers::Servers;

/// Products whose pages are asked for in turn.
const PAGES: usize = 500;

/// What is searched for: what kind of words, which, and whether only likeness finds something.
const SEARCHES: [(&str, &[&str], bool); 3] = [
    ("frequent words", &["iron hook", "steel hammer", "brass"], false),
    ("rare words", &["velulwold", "wexyrvik", "halinmark"], false),
    ("misspelled words", &["hamer", "scerwdriver", "padlok"], true),
];

/// Runs those of the scenarios that are wanted.
pub async fn run(args: &LoadArgs, servers: &Servers, report: &mut Report) -> anyhow::Result<()> {
    let wanted = [Scenario::Redis, Scenario::List, Scenario::Detail, Scenario::Collection, Scenario::Search];
    if !wanted.into_iter().any(|scenario| args.wants(scenario)) {
        return Ok(());
    }
    let api = process::api_without_cache(args, servers).await?;
    let cached = process::api(args, servers).await?;
    let body = Connection::open(api.addr).await?.send(&list_request()).await?.1.to_vec();
    let static_body = servers.folder().join("list.json");
    std::fs::write(&static_body, &body)?;
    let baseline = process::baseline(servers, &static_body).await?;
    if args.wants(Scenario::Redis) {
        redis_rate::run(args, servers, &body, report).await?;
    }
    let uncached = Pair { args, api: &api, baseline: &baseline };
    let cached = Pair { api: &cached, ..uncached };
    if args.wants(Scenario::List) {
        let hand_written = || vec![Request::get("/sql/list")];
        uncached.measure("Product list of 20", vec![list_request()], hand_written(), report).await?;
        let fixed = vec![Request::get("/static")];
        let name = "Product list of 20, cached, beside fixed bytes";
        cached.measure(name, vec![list_request()], fixed, report).await?;
    }
    if args.wants(Scenario::Detail) {
        let slugs = slugs(&api, PAGES).await?;
        let ask = |slug: &String| Request::graphql(documents::PRODUCT_DETAIL, &json!({ "slug": slug }));
        let hand_written = |slug: &String| Request::get(&format!("/sql/detail?slug={}", escaped(slug)));
        for (pair, name) in [(&uncached, "Product detail"), (&cached, "Product detail, cached")] {
            let (asked, hand_written) =
                (slugs.iter().map(ask).collect(), slugs.iter().map(hand_written).collect());
            pair.measure(name, asked, hand_written, report).await?;
        }
    }
    if args.wants(Scenario::Collection) {
        let places = [1, 2, 5, 20, 55].map(|place| format!("collection-{place:02}"));
        let hand_written = |slug| Request::get(&format!("/sql/collection?slug={slug}"));
        for (pair, name) in [(&uncached, "Collection page of 20"), (&cached, "Collection page of 20, cached")]
        {
            let asked = places.iter().map(|slug| collection_request(slug)).collect();
            pair.measure(name, asked, places.iter().map(hand_written).collect(), report).await?;
        }
    }
    if args.wants(Scenario::Search) {
        for (kind, questions, alike) in SEARCHES {
            let asked = questions.iter().map(|question| search_request(question)).collect();
            let alike = if alike { "&alike" } else { "" };
            let hand_written =
                |question: &&str| Request::get(&format!("/sql/search?query={}{alike}", escaped(question)));
            let name = format!("Search, {kind}");
            uncached
                .measure_unchecked(&name, asked, questions.iter().map(hand_written).collect(), report)
                .await?;
        }
    }
    let peak = api.process.peak_memory_mib().unwrap_or(f64::NAN);
    report.add("API process, memory after the reads", peak, "MiB", "most that it had in use");
    Ok(())
}

/// The newest 20 products.
pub fn list_request() -> Request {
    Request::graphql(documents::PRODUCT_LIST, &json!({ "first": 20 }))
}

/// The first 20 products of a collection.
pub fn collection_request(slug: &str) -> Request {
    Request::graphql(documents::COLLECTION_PAGE, &json!({ "slug": slug, "first": 20 }))
}

/// The first 20 products that a question finds.
pub fn search_request(question: &str) -> Request {
    Request::graphql(documents::PRODUCT_SEARCH, &json!({ "query": question, "first": 20 }))
}

/// The slugs of the newest products.
pub async fn slugs(api: &Server, count: usize) -> anyhow::Result<Vec<String>> {
    let mut slugs = Vec::with_capacity(count);
    let mut after = Value::Null;
    while slugs.len() < count {
        let asked = Request::graphql(documents::SLUGS, &json!({ "first": 100, "after": after }));
        let answer = api.ask(&asked).await?;
        let page = &answer["data"]["products"];
        let nodes = page["nodes"].as_array().into_iter().flatten();
        slugs.extend(nodes.filter_map(|node| node["slug"].as_str()).map(str::to_owned));
        if page["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    slugs.truncate(count);
    Ok(slugs)
}

/// As a value in a query string.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// An API process and the bench server.
#[derive(Clone, Copy)]
struct Pair<'a> {
    args: &'a LoadArgs,
    api: &'a Server,
    baseline: &'a Server,
}

impl Pair<'_> {
    /// Checks that both answer the same, then measures both at every concurrency.
    async fn measure(
        &self,
        name: &str,
        asked: Vec<Request>,
        hand_written: Vec<Request>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        for (one, other) in asked.iter().zip(&hand_written).take(20) {
            same::check((self.api, one), (self.baseline, other)).await?;
        }
        self.measure_unchecked(name, asked, hand_written, report).await
    }

    async fn measure_unchecked(
        &self,
        name: &str,
        asked: Vec<Request>,
        hand_written: Vec<Request>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let contestant = |name: &str, server: &Server, requests: &Arc<Requests>| Contestant {
            name: name.to_owned(),
            addr: server.addr,
            requests: requests.clone(),
        };
        let (asked, hand_written) = (Requests::cycle(asked), Requests::cycle(hand_written));
        let contestants =
            [contestant(name, self.api, &asked), contestant("baseline", self.baseline, &hand_written)];
        for &concurrency in &self.args.concurrency {
            let scores = contest::hold(&contestants, self.args.rules(concurrency)).await?;
            tell(name, concurrency, scores, report);
        }
        Ok(())
    }
}

/// The ratio and both rates.
pub fn tell(name: &str, concurrency: usize, mut scores: Vec<Score>, report: &mut Report) {
    let (ratio, low, high) = scores[0].ratio_to(&scores[1]);
    let mut side = |place: usize| {
        let score = &mut scores[place];
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| score.latency_ms(share));
        format!("{:.0}/s (p50 {p50:.2}, p95 {p95:.2}, p99 {p99:.2} ms)", score.rate())
    };
    let note = format!("{low:.2}–{high:.2}; {} beside {}", side(0), side(1));
    report.add(format!("{name}, {concurrency} at a time"), ratio, "× baseline", note);
}
