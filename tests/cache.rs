//! The catalog cache: what is kept, what touches it, and that nobody sees what is not theirs.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ironmonger::App;
use ironmonger::cache::Cache;
use ironmonger::config::Config;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use reqwest::{Method, Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{Client, Product, ProductSpec, Shop, Value, VariantSpec, json, wait_until};

const ON: (&str, &str) = ("IRONMONGER_CACHE_BYTES", "16777216");

const PRODUCT: &str =
    "query($slug: String!) { product(slug: $slug) { id name priceRange { min { amount } } } }";
const STOCK: &str = "query($slug: String!) { product(slug: $slug) { variants(first: 5) { nodes { availability { quantityAvailable } } } } }";
const LIST: &str = "{ products(first: 20) { nodes { name slug } totalCount } }";

async fn post(client: &Client, query: &str, variables: Value) -> Response {
    let request = client.request(Method::POST, "/graphql").await;
    request.json(&json!({ "query": query, "variables": variables })).send().await.unwrap()
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// Where the answer came from, and the answer.
async fn ask(client: &Client, query: &str, variables: Value) -> (String, Value) {
    let response = post(client, query, variables).await;
    (header(&response, "ironmonger-cache"), response.json().await.unwrap())
}

/// Asks until the answer comes from the cache.
async fn warm(client: &Client, query: &str, variables: Value) -> Value {
    wait_until(|| async {
        let (from, answer) = ask(client, query, variables.clone()).await;
        (from == "hit").then_some(answer)
    })
    .await
}

/// Another API process of the same shop, in this process.
struct Peer {
    client: Client,
    app: App,
    _stop: DropGuard,
}

async fn peer(shop: &Shop, variables: &[(&str, &str)]) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let env = shop.env();
    let config = Config::from_lookup(|name| {
        let given = variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
        given.or_else(|| env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()))
    });
    let app = App::new(config.unwrap()).unwrap();
    let stop = CancellationToken::new();
    let router = ironmonger::http::router(app.clone(), stop.clone());
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap() });
    tokio::spawn(Cache::run(app.clone(), stop.clone()));
    Peer { client: shop.at(&base), app, _stop: stop.drop_guard() }
}

async fn hammer(shop: &Shop) -> Product {
    shop.product(ProductSpec { slug: "hammer".into(), ..ProductSpec::default() }).await
}

fn slug(slug: &str) -> Value {
    json!({ "slug": slug })
}

async fn rename(shop: &Shop, product: &Product, name: &str) {
    let update =
        "mutation($input: ProductUpdateInput!) { productUpdate(input: $input) { userErrors { message } } }";
    let input = json!({ "input": { "id": product.id.to_string(), "name": name } });
    let answer = shop.as_owner().send(update, input).await;
    assert_eq!(answer["data"]["productUpdate"]["userErrors"], json!([]), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_until_its_product_changes() {
    let shop = Shop::start_with(&[ON]).await;
    let (hammer, saw) =
        (hammer(&shop).await, shop.product(ProductSpec { slug: "saw".into(), ..Default::default() }).await);
    let first = warm(&shop, PRODUCT, slug("hammer")).await;
    assert_eq!(first["data"]["product"]["name"], "Claw hammer");
    assert!(first["data"]["product"].get("_cacheId").is_none());
    // An edit of another product that leaves the lists alone.
    shop.sql(&format!("UPDATE products SET description = 'x' WHERE id = '{}'", saw.id.0)).await;
    rename(&shop, &saw, "Tenon saw").await;
    assert_eq!(ask(&shop, PRODUCT, slug("hammer")).await.0, "hit");
    // Whoever has written sees it at once.
    rename(&shop, &hammer, "Ball hammer").await;
    let (from, answer) = ask(&shop, PRODUCT, slug("hammer")).await;
    assert_eq!((from.as_str(), &answer["data"]["product"]["name"]), ("miss", &json!("Ball hammer")));
    assert_eq!(ask(&shop, PRODUCT, slug("hammer")).await.0, "hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_touches_only_answers_that_show_it() {
    let shop = Shop::start_with(&[ON]).await;
    let hammer = hammer(&shop).await;
    warm(&shop, PRODUCT, slug("hammer")).await;
    warm(&shop, STOCK, slug("hammer")).await;
    warm(&shop, LIST, json!({})).await;
    shop.sql(&format!("UPDATE stock_levels SET on_hand = 7 WHERE variant_id = '{}'", hammer.variants[0].0))
        .await;
    shop.wait_until(|| async {
        let (_, answer) = ask(&shop, STOCK, slug("hammer")).await;
        let shown = &answer["data"]["product"]["variants"]["nodes"][0]["availability"]["quantityAvailable"];
        (*shown == json!(7)).then_some(())
    })
    .await;
    assert_eq!(ask(&shop, PRODUCT, slug("hammer")).await.0, "hit");
    assert_eq!(ask(&shop, LIST, json!({})).await.0, "hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_there_is_found_when_it_comes() {
    let shop = Shop::start_with(&[ON]).await;
    assert_eq!(warm(&shop, PRODUCT, slug("hammer")).await["data"]["product"], Value::Null);
    assert_eq!(warm(&shop, LIST, json!({})).await["data"]["products"]["totalCount"], 0);
    hammer(&shop).await;
    shop.wait_until(|| async {
        let product = ask(&shop, PRODUCT, slug("hammer")).await.1;
        let list = ask(&shop, LIST, json!({})).await.1;
        (product["data"]["product"]["name"] == "Claw hammer" && list["data"]["products"]["totalCount"] == 1)
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_effect_by_itself_is_seen_in_time() {
    let shop = Shop::start_with(&[ON]).await;
    hammer(&shop).await;
    shop.sql("UPDATE product_channels SET published_at = now() + interval '1 hour'").await;
    shop.wait_until(|| async {
        let (from, answer) = ask(&shop, PRODUCT, slug("hammer")).await;
        (from == "hit" && answer["data"]["product"].is_null()).then_some(())
    })
    .await;
    shop.app().clock.advance(chrono::TimeDelta::minutes(61));
    shop.wait_until(|| async {
        let (_, answer) = ask(&shop, PRODUCT, slug("hammer")).await;
        (answer["data"]["product"]["name"] == "Claw hammer").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_miss_fills_for_all() {
    let shop = Shop::start_with(&[ON]).await;
    hammer(&shop).await;
    shop.product(ProductSpec { slug: "saw".into(), ..ProductSpec::default() }).await;
    warm(&shop, LIST, json!({})).await;
    let count = || shop.app().db.statement_count();
    let before = count();
    ask(&shop, PRODUCT, slug("hammer")).await;
    let one = count() - before;
    let before = count();
    let answers = join_all((0..200).map(|_| ask(&shop, PRODUCT, slug("saw")))).await;
    assert!(answers.iter().all(|(_, answer)| *answer == answers[0].1), "{:?}", answers[0]);
    // The channels and languages may have been read anew.
    let most = one + 3;
    assert!(count() - before <= most, "{} statements where one answer takes {one}", count() - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_what_is_not_theirs() {
    let shop = Shop::start_with(&[ON]).await;
    let product = hammer(&shop).await;
    shop.sql(&format!("UPDATE products SET status = 'DRAFT' WHERE id = '{}'", product.id.0)).await;
    let owner = shop.as_owner();
    for _ in 0..3 {
        let (from, answer) = ask(&owner, PRODUCT, slug("hammer")).await;
        assert_eq!((from.as_str(), &answer["data"]["product"]["name"]), ("bypass", &json!("Claw hammer")));
    }
    assert_eq!(warm(&shop, PRODUCT, slug("hammer")).await["data"]["product"], Value::Null);
    let (from, answer) = ask(&owner, PRODUCT, slug("hammer")).await;
    assert_eq!((from.as_str(), &answer["data"]["product"]["name"]), ("bypass", &json!("Claw hammer")));
    assert_eq!(ask(&shop.as_customer(), PRODUCT, slug("hammer")).await.0, "bypass");
    for query in ["{ viewer { id } }", "{ shop { name } viewer { id } }", "{ cart(id: \"x\") { id } }"] {
        for _ in 0..2 {
            let response = post(&shop, query, json!({})).await;
            assert_ne!(header(&response, "ironmonger-cache"), "hit", "{query}");
            assert_eq!(header(&response, "cache-control"), "no-store", "{query}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_process_is_used_while_it_is_fresh() {
    let shop = Shop::start_with(&[ON]).await;
    let product = hammer(&shop).await;
    let other = peer(&shop, &[ON]).await;
    warm(&other.client, LIST, json!({})).await;
    warm(&shop, PRODUCT, slug("hammer")).await;
    let redis = shop.app().redis.get_multiplexed_async_connection().await.unwrap();
    let pattern = format!("{}:cache:*", shop.app().config.redis_prefix);
    shop.wait_until(|| async {
        let mut keys = redis::cmd("KEYS");
        let keys: Vec<String> = keys.arg(&pattern).query_async(&mut redis.clone()).await.unwrap();
        (keys.len() >= 2).then_some(())
    })
    .await;
    assert_eq!(ask(&other.client, PRODUCT, slug("hammer")).await.0, "hit");
    // What is touched in Redis is not taken.
    warm(&shop, STOCK, slug("hammer")).await;
    rename(&shop, &product, "Ball hammer").await;
    shop.wait_until(|| async {
        (ask(&other.client, PRODUCT, slug("hammer")).await.1["data"]["product"]["name"] == "Ball hammer")
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_get_carry_tags_and_say_what_they_depend_on() {
    let shop = Shop::start_with(&[ON]).await;
    shop.products((0..20).map(|_| ProductSpec::default()).collect()).await;
    let path = "/graphql?query=%7Bproducts(first%3A20)%7Bnodes%7Bname%20slug%20description%7D%7D%7D";
    let get = async |name: &'static str, value: String| {
        let request = shop.request(Method::GET, path).await;
        request.header(name, value).send().await.unwrap()
    };
    let first = wait_until(|| async {
        let response = get("accept", "application/json".into()).await;
        (header(&response, "ironmonger-cache") == "hit").then_some(response)
    })
    .await;
    assert_eq!(header(&first, "cache-control"), "public, max-age=0, stale-if-error=3600");
    for name in ["accept-language", "ironmonger-channel", "authorization", "accept-encoding"] {
        assert!(header(&first, "vary").contains(name), "{}", header(&first, "vary"));
    }
    let etag = header(&first, "etag");
    assert!(etag.starts_with('"'), "{etag}");
    let body = first.bytes().await.unwrap();
    let again = get("if-none-match", format!("\"other\", {etag}")).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&again, "etag"), etag);
    assert!(again.bytes().await.unwrap().is_empty());
    let packed = get("accept-encoding", "gzip".into()).await;
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert_ne!(header(&packed, "etag"), etag);
    assert!(packed.bytes().await.unwrap().len() < body.len());
    // Others are nobody's to keep.
    let signed_in = shop.as_owner().request(Method::GET, path).await.send().await.unwrap();
    assert_eq!(header(&signed_in, "cache-control"), "no-store");
    assert_eq!(header(&post(&shop, LIST, json!({})).await, "cache-control"), "no-store");
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_sent_once_and_then_named() {
    let shop = Shop::start().await;
    let query = "{ shop { name } }";
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": sha256(query) } });
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    let unknown = shop.post(json!({ "extensions": extensions })).await;
    assert_eq!(code(&unknown), "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(unknown["errors"][0]["message"], "PersistedQueryNotFound");
    let wrong = shop.post(json!({ "query": "{ __typename }", "extensions": extensions })).await;
    assert_eq!(code(&wrong), "PERSISTED_QUERY_MISMATCH");
    assert_eq!(code(&shop.post(json!({ "extensions": extensions })).await), "PERSISTED_QUERY_NOT_FOUND");
    let sent = shop.post(json!({ "query": query, "extensions": extensions })).await;
    assert_eq!(sent["data"]["shop"]["name"], "Ironmonger");
    assert_eq!(shop.post(json!({ "extensions": extensions })).await, sent);
    let path = format!(
        "/graphql?extensions={}",
        extensions.to_string().replace('"', "%22").replace('{', "%7B").replace('}', "%7D")
    );
    let got: Value = shop.request(Method::GET, &path).await.send().await.unwrap().json().await.unwrap();
    assert_eq!(got, sent);
    // Another process finds it in Redis.
    let other = peer(&shop, &[]).await;
    shop.wait_until(|| async {
        (other.client.post(json!({ "extensions": extensions })).await == sent).then_some(())
    })
    .await;
    assert!(!other.app.db.is_away());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_manifest_only_its_documents_are_served_to_shoppers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifest.json");
    let query = "query Shop { shop { name } }";
    std::fs::write(&file, json!({ "shop-1": query }).to_string()).unwrap();
    let open = Shop::start().await;
    let strict =
        [("IRONMONGER_DOCUMENTS_FILE", file.to_str().unwrap()), ("IRONMONGER_DOCUMENTS_ONLY", "true")];
    let Peer { client: shop, app: _app, _stop } = peer(&open, &strict).await;
    let name = |answer: Value| answer["data"]["shop"]["name"].clone();
    assert_eq!(name(shop.post(json!({ "documentId": "shop-1" })).await), "Ironmonger");
    let by_hash = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "shop-1" } } });
    assert_eq!(name(shop.post(by_hash).await), "Ironmonger");
    assert_eq!(name(shop.post(json!({ "query": query })).await), "Ironmonger");
    for other in [json!({ "query": "{ shop { name } }" }), json!({ "documentId": "shop-2" })] {
        let answer = shop.post(other).await;
        let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap().to_owned();
        assert!(["DOCUMENT_NOT_TRUSTED", "PERSISTED_QUERY_NOT_FOUND"].contains(&code.as_str()), "{answer}");
    }
    let owner = open.as_owner().at(&shop.url(""));
    assert_eq!(name(owner.post(json!({ "query": "{ shop { name } }" })).await), "Ironmonger");
}

/// The columns of `products` as the trigger function sees them: those that decide about lists are named in it.
#[tokio::test]
async fn every_column_of_a_product_is_known_to_the_log() {
    let shop = Shop::start().await;
    let columns = shop
        .sql_text("SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns WHERE table_name = 'products'")
        .await;
    let in_lists =
        ["attributes", "created_at", "name", "product_type", "slug", "status", "tags", "vendor", "search"];
    let not_in_lists = [
        "description",
        "id",
        "import_fingerprint",
        "import_id",
        "metadata",
        "private_metadata",
        "updated_at",
        "version",
    ];
    let mut known: Vec<&str> = in_lists.into_iter().chain(not_in_lists).collect();
    known.sort_unstable();
    assert_eq!(
        columns,
        known.join(" "),
        "does a new column decide which products a list has? Then catalog_products_changed has to look at it"
    );
}

/// Anything that changes the catalog, as SQL over products, variants and collections that exist.
const CHANGES: &[&str] = &[
    "UPDATE products SET name = 'Name {n}' WHERE slug = 'p{p}'",
    "UPDATE products SET description = 'Description {n}' WHERE slug = 'p{p}'",
    "UPDATE products SET vendor = CASE vendor WHEN 'A' THEN 'B' ELSE 'A' END WHERE slug = 'p{p}'",
    "UPDATE products SET status = CASE status WHEN 'ACTIVE' THEN 'DRAFT' ELSE 'ACTIVE' END WHERE slug = 'p{p}'",
    "UPDATE product_channels SET published_at = CASE WHEN published_at IS NULL THEN now() END WHERE product_id = (SELECT id FROM products WHERE slug = 'p{p}')",
    "UPDATE product_channels SET min_price = {n}, max_price = {n} WHERE product_id = (SELECT id FROM products WHERE slug = 'p{p}')",
    "UPDATE variant_prices SET amount = {n} WHERE variant_id IN (SELECT v.id FROM variants v JOIN products p ON p.id = v.product_id WHERE p.slug = 'p{p}')",
    "UPDATE stock_levels SET on_hand = {n} % 3 WHERE variant_id IN (SELECT v.id FROM variants v JOIN products p ON p.id = v.product_id WHERE p.slug = 'p{p}')",
    "INSERT INTO product_images (id, product_id, url, position) SELECT gen_random_uuid(), id, 'https://x/{n}', 0 FROM products WHERE slug = 'p{p}' ON CONFLICT DO NOTHING",
    "DELETE FROM product_images WHERE product_id = (SELECT id FROM products WHERE slug = 'p{p}')",
    "INSERT INTO collection_products SELECT c.id, p.id, {n} FROM collections c, products p WHERE c.slug = 'c' AND p.slug = 'p{p}' ON CONFLICT (collection_id, product_id) DO UPDATE SET position = excluded.position",
    "DELETE FROM collection_products WHERE product_id = (SELECT id FROM products WHERE slug = 'p{p}')",
    "UPDATE collections SET name = 'Collection {n}'",
    "UPDATE shop_settings SET name = 'Shop {n}'",
    "BEGIN; UPDATE products SET name = 'Rolled {n}' WHERE slug = 'p{p}'; ROLLBACK",
    "DELETE FROM products WHERE slug = 'extra'",
    "INSERT INTO products (id, slug, name, status, created_at, updated_at) VALUES (gen_random_uuid(), 'extra', 'Extra {n}', 'ACTIVE', now(), now()) ON CONFLICT (slug) DO NOTHING; \
     INSERT INTO product_channels SELECT p.id, c.id, now(), {n}, {n} FROM products p, channels c WHERE p.slug = 'extra' ON CONFLICT DO NOTHING",
];

const QUERIES: &[&str] = &[
    "{ shop { name } }",
    "{ products(first: 10) { nodes { id name } totalCount } }",
    "{ products(first: 4, sort: [{ field: PRICE, direction: ASC }]) { nodes { slug priceRange { min { amount } } } } }",
    "{ products(first: 10, where: { available: true }) { nodes { slug } } }",
    "{ products(first: 10, where: { vendor: { eq: \"A\" } }) { totalCount edges { node { slug description } } } }",
    "{ product(slug: \"p0\") { name description featuredImage { url } variants(first: 3) { nodes { price { amount } availability { inStock quantityAvailable } } } collections(first: 3) { nodes { name } } } }",
    "{ product(slug: \"p1\") { name vendor priceRange { max { amount } } images { url } } }",
    "{ product(slug: \"extra\") { name } }",
    "{ collection(slug: \"c\") { name products(first: 10) { totalCount nodes { slug name } } } }",
    "{ collections(first: 5) { nodes { name slug } } }",
    "{ productSearch(query: \"name\", first: 5) { totalCount nodes { slug } facets { name values { value count } } } }",
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_is_seen_within_a_second_everywhere() {
    let shop = Shop::start_with(&[ON]).await;
    let variant = || VariantSpec { stock: 2, ..VariantSpec::default() };
    let specs = (0..6).map(|n| ProductSpec {
        slug: format!("p{n}"),
        name: format!("Name of {n}"),
        vendor: "A".into(),
        variants: vec![variant()],
        ..ProductSpec::default()
    });
    shop.products(specs.collect()).await;
    shop.sql("INSERT INTO collections (id, slug, name, created_at, updated_at) VALUES (gen_random_uuid(), 'c', 'C', now(), now())").await;
    let other = peer(&shop, &[ON]).await;
    let plain = peer(&shop, &[("IRONMONGER_CACHE_BYTES", "off")]).await;
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut hits, mut asked) = (0, 0);
    for round in 0..60 {
        let change = CHANGES.choose(&mut random).unwrap();
        let (n, p) = (random.random_range(1_000..9_000).to_string(), random.random_range(0..4).to_string());
        let change = change.replace("{n}", &n).replace("{p}", &p);
        shop.sql(&change).await;
        let committed = Instant::now();
        for query in QUERIES {
            for cached in [&*shop, &other.client] {
                loop {
                    let began = Instant::now();
                    let (from, answer) = ask(cached, query, json!({})).await;
                    asked += 1;
                    hits += u32::from(from == "hit");
                    let truth = ask(&plain.client, query, json!({})).await.1;
                    if answer == truth {
                        break;
                    }
                    let late = began.saturating_duration_since(committed) > Duration::from_secs(1);
                    assert!(!late, "seed {seed}, round {round}: {change}\n{query}\n{answer}\n{truth}");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }
    assert!(hits > asked / 3, "{hits} of {asked} answers came from the cache");
    assert!(other.app.cache.is_on());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_prices_are_seen_by_another_process() {
    let shop = Shop::start_with(&[ON]).await;
    let product = hammer(&shop).await;
    let api = shop.spawn_api().await;
    let shopper = shop.at(&api.url());
    let query = "query($slug: String!) { product(slug: $slug) { variants(first: 1) { nodes { price { amount } } } } }";
    warm(&shopper, query, slug("hammer")).await;
    let owner = shop.as_owner();
    let set = "mutation($input: VariantPricesSetInput!) { variantPricesSet(input: $input) { userErrors { message } } }";
    let mut hits = 0;
    for number in 0..1_000 {
        let amount = format!("{}.{:02}", 10 + number / 100, number % 100);
        let price = json!({ "price": { "amount": amount, "currencyCode": "USD" } });
        let input = json!({ "input": { "variantId": product.variants[0].to_string(), "prices": [price] } });
        let answer = owner.send(set, input).await;
        assert_eq!(answer["data"]["variantPricesSet"]["userErrors"], json!([]), "{answer}");
        let committed = Instant::now();
        loop {
            let began = Instant::now();
            let (from, answer) = ask(&shopper, query, slug("hammer")).await;
            hits += u32::from(from == "hit");
            if answer["data"]["product"]["variants"]["nodes"][0]["price"]["amount"] == json!(amount) {
                break;
            }
            let late = began.saturating_duration_since(committed) > Duration::from_secs(1);
            assert!(!late, "the price {amount} is not seen: {answer}");
        }
        // The next change finds the answer kept.
        hits += u32::from(ask(&shopper, query, slug("hammer")).await.0 == "hit");
    }
    assert!(hits > 500, "only {hits} answers came from the cache");
}
