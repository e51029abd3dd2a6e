//! A shop's day with the documents that clients send: import, search, cart, order, mail, desk.

use crate::support::{Shop, Value, contract, json};

fn document(file: &str, operation: &str) -> Option<String> {
    let found = contract(file, operation);
    if found.is_none() {
        eprintln!("skipped: ../shared/contract is not there");
    }
    found
}

fn clean(answer: Value, root: &str) -> Value {
    assert!(answer.get("errors").is_none(), "{answer}");
    let value = answer["data"][root].clone();
    assert!(value.get("userErrors").is_none_or(|errors| errors == &json!([])), "{value}");
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_exports_are_imported_found_bought_and_paid() {
    let Some(import) = document("staff", "CatalogImport") else { return };
    let get = |file: &str, operation: &str| contract(file, operation).expect("the folder is there");
    let shop = Shop::with_worker().await;
    shop.stock_up().await;
    let owner = shop.as_owner();
    for file in ["shopify-sneakers.csv", "shopify-apparel.csv", "shopify-home-and-garden.csv"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(file);
        let bytes = std::fs::read(path).expect("the data is beside the contract");
        let variables = json!({ "file": null, "input": { "format": "SHOPIFY_CSV", "onConflict": "UPDATE" } });
        let job =
            clean(owner.upload(&import, variables, "variables.file", file, bytes).await, "catalogImport");
        let id = job["job"]["id"].clone();
        let mut news = owner.subscribe(&get("jobs", "JobUpdated"), json!({ "id": id })).await;
        let mut last = Value::Null;
        while let Some(state) = news.next_or_end().await {
            last = clean(state, "jobUpdated");
        }
        assert_eq!(last["state"], "SUCCEEDED", "{file}: {last}");
    }

    let found = |query: &'static str| {
        let (shop, search, detail) =
            (&shop, get("storefront", "ProductSearch"), get("storefront", "ProductDetail"));
        async move {
            let hits =
                clean(shop.send(&search, json!({ "query": query, "first": 10 })).await, "productSearch");
            let slug = hits["nodes"][0]["slug"].clone();
            assert!(slug.is_string(), "nothing found for {query}: {hits}");
            let product = clean(shop.send(&detail, json!({ "slug": slug })).await, "product");
            let variants = product["variants"]["nodes"].as_array().unwrap().clone();
            variants
                .into_iter()
                .find(|variant| variant["availability"]["inStock"] == true)
                .expect("one is in stock")
        }
    };
    let (one, two) = (found("adidas backpack").await, found("leather jacket").await);
    let lines = json!([{ "variantId": one["id"], "quantity": 1 }]);
    let created = clean(
        shop.send(&get("storefront", "CartCreate"), json!({ "input": { "lines": lines } })).await,
        "cartCreate",
    );
    let id = &created["cart"]["id"];
    let lines = json!([{ "variantId": two["id"], "quantity": 1 }]);
    let input =
        json!({ "input": { "cartId": id, "lines": lines, "expectedVersion": created["cart"]["version"] } });
    clean(shop.send(&get("storefront", "CartLinesAdd"), input).await, "cartLinesAdd");
    let address = json!({ "firstName": "Ada", "lastName": "Smith", "company": null, "line1": "1 Forge Lane", "line2": null,
        "city": "Sheffield", "region": null, "postalCode": "S1", "countryCode": "US", "phone": null });
    let input = json!({ "input": { "cartId": id, "email": "ada@example.com", "shippingAddress": address, "billingAddress": address } });
    clean(shop.send(&get("storefront", "CartBuyerUpdate"), input).await, "cartBuyerUpdate");
    let cart = clean(shop.send(&get("storefront", "Cart"), json!({ "id": id })).await, "cart");
    let input =
        json!({ "input": { "cartId": id, "shippingMethodId": cart["availableShippingMethods"][0]["id"] } });
    let chosen = clean(
        shop.send(&get("storefront", "CartShippingMethodSelect"), input).await,
        "cartShippingMethodSelect",
    );
    let input = json!({ "input": { "cartId": id, "idempotencyKey": "day-1", "payment": { "gateway": "test", "token": "ok" } } });
    let placed = clean(shop.send(&get("storefront", "OrderPlace"), input).await, "orderPlace");
    let order = &placed["order"];
    assert_eq!(order["total"], chosen["cart"]["total"]);

    let mut news =
        shop.subscribe(&get("storefront", "OrderUpdated"), json!({ "token": order["accessToken"] })).await;
    while clean(news.next().await, "orderUpdated")["paymentStatus"] != "PAID" {}
    let read = clean(
        shop.send(&get("storefront", "OrderByToken"), json!({ "token": order["accessToken"] })).await,
        "orderByToken",
    );
    assert_eq!(read["paymentStatus"], "PAID");

    let desk = clean(owner.send(&get("staff", "OrderDesk"), json!({ "first": 10 })).await, "orders");
    assert_eq!(desk["nodes"][0]["number"], order["number"]);
    let page = clean(owner.send(&get("staff", "OrderPage"), json!({ "id": order["id"] })).await, "order");
    assert_eq!(page["payments"][0]["status"], "CAPTURED");
    let board = owner.send(&get("jobs", "QueueBoard"), json!({})).await;
    assert!(board.get("errors").is_none(), "{board}");
    assert!(!board["data"]["workers"].as_array().unwrap().is_empty());
}
