//! Real processes are killed, and nothing is lost or doubled.

use std::time::Duration;

use crate::support::{Place, Shop, cart_of, json, place_at};

/// A product CSV of our own making: `count` products of three variants each.
fn csv(count: usize) -> Vec<u8> {
    let mut text = String::from(
        "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Inventory Policy,Variant Price\n",
    );
    for n in 0..count {
        for (row, size) in ["S", "M", "L"].iter().enumerate() {
            let (title, vendor) = if row == 0 { (format!("Hinge {n}"), "Hobb") } else { (String::new(), "") };
            text.push_str(&format!(
                "hinge-{n},{title},,{vendor},Hinges,steel,true,Size,{size},HNG-{n}-{size},5,deny,4.50\n"
            ));
        }
    }
    text.into_bytes()
}

const IMPORT: &str = "mutation($file: Upload!, $input: CatalogImportInput!) { catalogImport(file: $file, input: $input) { job { id } userErrors { message } } }";

#[tokio::test(flavor = "multi_thread")]
async fn an_import_survives_the_death_of_its_worker() {
    const PRODUCTS: usize = 6_000;
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let mut first = shop.spawn_worker(&[]).await;
    let variables = json!({ "file": null, "input": { "format": "SHOPIFY_CSV", "onConflict": "UPDATE" } });
    let answer = owner.upload(IMPORT, variables, "variables.file", "hinges.csv", csv(PRODUCTS)).await;
    let job = answer["data"]["catalogImport"]["job"]["id"].clone();
    assert!(job.is_string(), "{answer}");
    // Not before some batches are in, and not after all are.
    shop.wait_until(|| async { (shop.sql_count("SELECT count(*) FROM products").await > 400).then_some(()) })
        .await;
    first.kill9().await;
    let after_kill = shop.sql_count("SELECT count(*) FROM products").await;
    assert!(after_kill < PRODUCTS as i64, "the import was over before the kill");

    let _second = shop.spawn_worker(&[]).await;
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    loop {
        let state = owner
            .send("query($id: ID!) { job(id: $id) { state attempt result } }", json!({ "id": job }))
            .await;
        match state["data"]["job"]["state"].as_str() {
            Some("SUCCEEDED") => {
                assert_eq!(state["data"]["job"]["attempt"], 2, "{state}");
                break;
            }
            Some("DEAD" | "CANCELED") => panic!("{state}"),
            _ => assert!(std::time::Instant::now() < deadline, "{state}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(shop.sql_count("SELECT count(*) FROM products").await, PRODUCTS as i64);
    assert_eq!(shop.sql_count("SELECT count(*) FROM variants").await, 3 * PRODUCTS as i64);
    assert_eq!(shop.sql_count("SELECT sum(on_hand)::bigint FROM stock_levels").await, 15 * PRODUCTS as i64);
    assert_eq!(shop.sql_count("SELECT count(*) FROM stock_movements").await, 3 * PRODUCTS as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_survives_the_death_of_the_api_that_placed_it() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(10, "10.00").await;
    let mut api = shop.spawn_api().await;
    let client = shop.at(&api.url());
    let cart = cart_of(&client, &[(variant, 1)]).await;
    let placed = place_at(&client, Place { cart: &cart, key: "k", token: "ok" }).await;
    api.kill9().await;
    let token = &placed["order"]["accessToken"];
    assert_eq!(shop.order_by_token(token).await["id"], placed["order"]["id"]);
    let _worker = shop.spawn_worker(&[]).await;
    // The API may have died between marking the job as pushed and pushing it; then it is pushed again after 30 s.
    shop.order_reaches_within(token, "PAID", Duration::from_secs(90)).await;
}
