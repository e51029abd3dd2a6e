//! Prices per channel, and sales.

use chrono::TimeDelta;
use ironmonger::catalog::turn_prices;
use ironmonger::ids::{ChannelId, VariantId};

use crate::support::{Client, Place, Product, ProductSpec, Shop, Value, VariantSpec, json};

fn usd(amount: &str) -> Value {
    json!({ "amount": amount, "currencyCode": "USD" })
}

const LOOK: &str = "query($id: ID!) { product(id: $id) { priceRange { min { amount currencyCode } max { amount } } \
    variants(first: 5) { nodes { price { amount } compareAtPrice { amount } } } } }";

/// Price and compare-at price of the first variant, and the lowest price of the range.
async fn look(client: &Client, product: &Product) -> (Value, Value, Value) {
    let data = client.read(LOOK, json!({ "id": product.id })).await;
    let variant = &data["product"]["variants"]["nodes"][0];
    let amount = |money: &Value| if money.is_null() { Value::Null } else { money["amount"].clone() };
    let range = &data["product"]["priceRange"];
    let least = if range.is_null() { Value::Null } else { range["min"]["amount"].clone() };
    (amount(&variant["price"]), amount(&variant["compareAtPrice"]), least)
}

async fn priced(shop: &Shop, slug: &str, price: &str) -> Product {
    let variants = vec![VariantSpec { price: price.into(), ..VariantSpec::default() }];
    shop.product(ProductSpec { slug: slug.into(), variants, ..ProductSpec::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_has_a_price_of_its_own_in_every_channel() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let new = json!({ "slug": "jp", "name": "Japan", "currencyCode": "JPY" });
    let jp = owner.mutate("channelCreate", "channel { id }", new).await["channel"]["id"].take();
    let product = priced(&shop, "hammer", "10.00").await;
    let yen = json!({ "amount": "1500", "currencyCode": "JPY" });
    let input = json!({ "variantId": product.variants[0], "expectedVersion": 1, "prices": [
        { "price": usd("12.34"), "compareAtPrice": usd("15.00") }, { "channelId": jp, "price": yen }] });
    let selection = "variant { version prices { channel { slug } currentPrice { amount currencyCode } compareAtPrice { amount } } }";
    let set = owner.mutate("variantPricesSet", selection, input).await;
    assert_eq!(
        set["variant"]["prices"],
        json!([
            { "channel": { "slug": "default" }, "currentPrice": usd("12.34"), "compareAtPrice": { "amount": "15.00" } },
            { "channel": { "slug": "jp" }, "currentPrice": { "amount": "1500", "currencyCode": "JPY" }, "compareAtPrice": null },
        ])
    );
    assert_eq!(set["variant"]["version"], 2);
    owner.mutate("productPublish", "product { id }", json!({ "id": product.id, "channelIds": [jp] })).await;
    let abroad = shop.header("Ironmonger-Channel", "jp");
    assert_eq!(look(&shop, &product).await, (json!("12.34"), json!("15.00"), json!("12.34")));
    assert_eq!(look(&abroad, &product).await, (json!("1500"), Value::Null, json!("1500")));

    let gone = json!({ "variantId": product.variants[0], "prices": [{ "channelId": jp }] });
    owner.mutate("variantPricesSet", "variant { id }", gone).await;
    assert_eq!(look(&abroad, &product).await, (Value::Null, Value::Null, Value::Null));
    assert_eq!(look(&shop, &product).await.0, json!("12.34"), "the other channel stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_begins_and_ends_to_the_moment() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let owner = shop.as_owner();
    let product = priced(&shop, "on-sale", "20.00").await;
    let other = priced(&shop, "other", "15.00").await;
    let clock = &shop.app().clock;
    let start = clock.now() + TimeDelta::hours(1);
    let end = start + TimeDelta::hours(1);
    let sale = json!({ "price": usd("10.00"), "startsAt": start, "endsAt": end });
    let input =
        json!({ "variantId": product.variants[0], "prices": [{ "price": usd("20.00"), "sale": sale }] });
    owner.mutate("variantPricesSet", "variant { id }", input).await;
    let cart = shop.cart(&[(product.variants[0], 1)]).await;
    let subtotal = async || {
        let data = shop
            .read("query($id: ID!) { cart(id: $id) { subtotal { amount } } }", json!({ "id": cart }))
            .await;
        data["cart"]["subtotal"]["amount"].clone()
    };
    let by_price = async || {
        let list = "{ products(first: 5, sort: [{ field: PRICE }]) { nodes { slug } } }";
        shop.read(list, json!({})).await["products"]["nodes"][0]["slug"].clone()
    };
    assert_eq!(look(&shop, &product).await, (json!("20.00"), Value::Null, json!("20.00")));
    assert_eq!(subtotal().await, "20.00");
    assert_eq!(by_price().await, "other");
    assert_eq!(shop.sql_count("SELECT count(*) FROM jobs WHERE kind = 'catalog.turn-prices'").await, 2);
    assert_eq!(turn_prices(shop.app(), clock.now()).await.unwrap(), 0, "its time has not come");

    clock.advance(TimeDelta::minutes(61));
    let (price, compare_at, _) = look(&shop, &product).await;
    assert_eq!((price, compare_at), (json!("10.00"), json!("20.00")), "at once, without a job");
    assert_eq!(subtotal().await, "10.00");
    assert_eq!(turn_prices(shop.app(), clock.now()).await.unwrap(), 1);
    assert_eq!(turn_prices(shop.app(), clock.now()).await.unwrap(), 0, "nothing is left to do");
    assert_eq!(look(&shop, &product).await.2, json!("10.00"));
    assert_eq!(by_price().await, "on-sale");
    let placed = shop.place(Place { cart: &cart, key: "k", token: "ok" }).await;
    assert_eq!(placed["order"]["lines"][0]["unitPrice"]["amount"], "10.00", "{placed}");

    clock.advance(TimeDelta::minutes(60));
    let (price, compare_at, _) = look(&shop, &product).await;
    assert_eq!((price, compare_at), (json!("20.00"), Value::Null));
    assert_eq!(turn_prices(shop.app(), clock.now()).await.unwrap(), 1);
    assert_eq!(look(&shop, &product).await.2, json!("20.00"));
    assert_eq!(look(&shop, &other).await.2, json!("15.00"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_turns_the_ranges_by_itself() {
    let shop = Shop::with_worker().await;
    let owner = shop.as_owner();
    let product = priced(&shop, "soon", "20.00").await;
    let start = shop.app().clock.now() + TimeDelta::milliseconds(400);
    let sale = json!({ "price": usd("10.00"), "startsAt": start });
    let input =
        json!({ "variantId": product.variants[0], "prices": [{ "price": usd("20.00"), "sale": sale }] });
    owner.mutate("variantPricesSet", "variant { id }", input).await;
    shop.wait_until(|| async { (look(&shop, &product).await.2 == json!("10.00")).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_keeps_a_sale_that_is_still_one() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let product = priced(&shop, "kept", "20.00").await;
    let sale = json!({ "price": usd("10.00") });
    let input =
        json!({ "variantId": product.variants[0], "prices": [{ "price": usd("20.00"), "sale": sale }] });
    owner.mutate("variantPricesSet", "variant { id }", input).await;
    shop.run_worker();
    let import = async |price: &str| {
        let line = format!("{{\"slug\":\"kept\",\"name\":\"At {price}\",\"variants\":[{{\"price\":\"{price}\"}}]}}");
        let document = "mutation($file: Upload!, $input: CatalogImportInput!) {
            catalogImport(file: $file, input: $input) { job { id } userErrors { message } } }";
        let variables = json!({ "file": null, "input": { "format": "JSONL" } });
        let answer = owner.upload(document, variables, "variables.file", "kept.jsonl", line).await;
        assert!(answer["data"]["catalogImport"]["job"]["id"].is_string(), "{answer}");
        let name = format!("At {price}");
        shop.wait_until(async || {
            (shop.sql_text("SELECT name FROM products WHERE slug = 'kept'").await == name).then_some(())
        })
        .await;
    };
    import("18.00").await;
    assert_eq!(look(&shop, &product).await, (json!("10.00"), json!("18.00"), json!("10.00")));
    import("9.00").await;
    assert_eq!(look(&shop, &product).await, (json!("9.00"), Value::Null, json!("9.00")));
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_that_cannot_be_are_refused() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let product = priced(&shop, "hammer", "10.00").await;
    let prices = |prices: Value| json!({ "variantId": product.variants[0], "prices": prices });
    let sale = |amount: &str| json!({ "price": usd(amount) });
    let now = shop.app().clock.now();
    let backwards = json!({ "price": usd("1.00"), "startsAt": now, "endsAt": now - TimeDelta::hours(1) });
    for (input, expected) in [
        (
            prices(json!([{ "price": { "amount": "1.00", "currencyCode": "EUR" } }])),
            "INVALID input.prices.0.price",
        ),
        (prices(json!([{ "price": usd("1.001") }])), "INVALID input.prices.0.price"),
        (prices(json!([{ "price": usd("-1") }])), "INVALID input.prices.0.price"),
        (
            prices(json!([{ "price": usd("1.00"), "sale": sale("1.01") }])),
            "INVALID input.prices.0.sale.price",
        ),
        (prices(json!([{ "sale": sale("1.00") }])), "INVALID input.prices.0.sale.price"),
        (prices(json!([{ "price": usd("1.00"), "sale": backwards }])), "INVALID input.prices.0.sale.endsAt"),
        (
            prices(json!([{ "price": usd("1.00") }, { "price": usd("1.00") }])),
            "TAKEN input.prices.1.channelId",
        ),
        (prices(json!([{ "channelId": ChannelId::new() }])), "NOT_FOUND input.prices.0.channelId"),
        (json!({ "variantId": VariantId::new(), "prices": [] }), "NOT_FOUND input.variantId"),
        (
            json!({ "variantId": product.variants[0], "expectedVersion": 2, "prices": [] }),
            "STALE_VERSION input.expectedVersion",
        ),
    ] {
        assert_eq!(owner.refused("variantPricesSet", input.clone()).await, [expected], "{input}");
    }
    assert_eq!(look(&shop, &product).await.0, json!("10.00"));
}
