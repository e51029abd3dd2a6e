//! Carts: lines, totals, versions.

use crate::support::{CART_FIELDS, Client, Shop, Value, json};

async fn change(client: &Client, mutation: &str, input: Value) -> Value {
    let name = format!("{}{}", mutation[..1].to_uppercase(), &mutation[1..]);
    let document = format!(
        "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ cart {{ {CART_FIELDS} }} \
         userErrors {{ __typename code message field ... on StaleVersionError {{ currentVersion }} }} }} }}"
    );
    let mut answer = client.send(&document, json!({ "input": input })).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"][mutation].take()
}

fn codes(payload: &Value) -> Vec<&str> {
    payload["userErrors"].as_array().unwrap().iter().map(|error| error["code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_follow_lines_shipping_tax_and_codes() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let hammer = shop.variant_with_stock(100, "24.50").await;
    let nail = shop.variant_with_stock(1000, "0.35").await;

    let lines = json!([{ "variantId": hammer, "quantity": 1 }, { "variantId": nail, "quantity": 10 }]);
    let created = change(&shop, "cartCreate", json!({ "lines": lines })).await;
    let cart = &created["cart"];
    assert_eq!(cart["subtotal"]["amount"], "28.00");
    assert_eq!(cart["taxTotal"]["amount"], "2.24");
    assert_eq!(cart["total"], json!({ "amount": "30.24", "currencyCode": "USD" }));
    let id = cart["id"].clone();

    let unknown = change(
        &shop,
        "cartShippingMethodSelect",
        json!({ "cartId": id, "shippingMethodId": "shipping_00000000000000000000000000" }),
    )
    .await;
    assert_eq!(codes(&unknown), ["NOT_FOUND"]);
    let offered = shop
        .send(
            "query($id: ID!) { cart(id: $id) { availableShippingMethods { id name price { amount } } } }",
            json!({ "id": id }),
        )
        .await;
    let methods = &offered["data"]["cart"]["availableShippingMethods"];
    assert_eq!(methods[0]["price"]["amount"], "6.50");
    let chosen = change(
        &shop,
        "cartShippingMethodSelect",
        json!({ "cartId": id, "shippingMethodId": methods[0]["id"] }),
    )
    .await;
    assert_eq!(chosen["cart"]["shippingTotal"]["amount"], "6.50");
    // 8 % of 28.00 and of 6.50, each rounded.
    assert_eq!(chosen["cart"]["taxTotal"]["amount"], "2.76");

    let coded = change(&shop, "cartPromotionCodeApply", json!({ "cartId": id, "code": "welcome10" })).await;
    assert_eq!(coded["cart"]["discountTotal"]["amount"], "2.80");
    assert_eq!(coded["cart"]["taxTotal"]["amount"], "2.54");
    assert_eq!(coded["cart"]["total"]["amount"], "34.24");

    let wrong = change(&shop, "cartPromotionCodeApply", json!({ "cartId": id, "code": "NOPE" })).await;
    assert_eq!(codes(&wrong), ["PROMOTION_NOT_APPLICABLE"]);
    let cleared = change(&shop, "cartPromotionCodeApply", json!({ "cartId": id, "code": "" })).await;
    assert_eq!(cleared["cart"]["discountTotal"]["amount"], "0.00");

    let more = change(
        &shop,
        "cartLinesAdd",
        json!({ "cartId": id, "lines": [{ "variantId": hammer, "quantity": 2 }] }),
    )
    .await;
    assert_eq!(more["cart"]["lines"].as_array().unwrap().len(), 2);
    assert_eq!(more["cart"]["lines"][0]["quantity"], 3);
    assert_eq!(more["cart"]["shippingTotal"]["amount"], "0.00", "free from 75.00 on");

    let line = more["cart"]["lines"][0]["id"].clone();
    let fewer = change(
        &shop,
        "cartLinesUpdate",
        json!({ "cartId": id, "lines": [{ "lineId": line, "quantity": 0 }] }),
    )
    .await;
    assert_eq!(fewer["cart"]["lines"].as_array().unwrap().len(), 1);
    assert_eq!(fewer["cart"]["subtotal"]["amount"], "3.50");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_lines_change_nothing_and_are_all_named() {
    let shop = Shop::start().await;
    let variant = shop.variant_with_stock(5, "1.00").await;
    let created = change(&shop, "cartCreate", json!({})).await;
    let id = &created["cart"]["id"];
    let lines = json!([{ "variantId": variant, "quantity": 0 }, { "variantId": variant, "quantity": 10001 }]);
    let refused = change(&shop, "cartLinesAdd", json!({ "cartId": id, "lines": lines })).await;
    assert_eq!(codes(&refused), ["INVALID", "INVALID"]);
    assert_eq!(refused["userErrors"][1]["field"], json!(["input", "lines", "1", "quantity"]));

    let lines = json!([{ "variantId": variant, "quantity": 1 }, { "variantId": "variant_00000000000000000000000000", "quantity": 1 }]);
    let refused = change(&shop, "cartLinesAdd", json!({ "cartId": id, "lines": lines })).await;
    assert_eq!(codes(&refused), ["NOT_PURCHASABLE"]);
    let cart =
        shop.send("query($id: ID!) { cart(id: $id) { version lines { id } } }", json!({ "id": id })).await;
    assert_eq!(cart["data"]["cart"], json!({ "version": 1, "lines": [] }));

    let email = change(&shop, "cartBuyerUpdate", json!({ "cartId": id, "email": "nobody" })).await;
    assert_eq!(email["userErrors"][0]["field"], json!(["input", "email"]));
    let unknown =
        change(&shop, "cartBuyerUpdate", json!({ "cartId": "cart_00000000000000000000000000" })).await;
    assert_eq!(codes(&unknown), ["NOT_FOUND"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_a_cart_lose_nothing() {
    let shop = Shop::start().await;
    let variant = shop.variant_with_stock(100, "1.00").await;
    let created =
        change(&shop, "cartCreate", json!({ "lines": [{ "variantId": variant, "quantity": 1 }] })).await;
    let id = created["cart"]["id"].clone();
    let adds = (0..20).map(|_| {
        let (client, id) = ((*shop).clone(), id.clone());
        tokio::spawn(async move {
            change(
                &client,
                "cartLinesAdd",
                json!({ "cartId": id, "lines": [{ "variantId": variant, "quantity": 1 }] }),
            )
            .await
        })
    });
    for add in adds.collect::<Vec<_>>() {
        assert_eq!(add.await.unwrap()["userErrors"], json!([]));
    }
    let cart = shop
        .send("query($id: ID!) { cart(id: $id) { version lines { quantity } } }", json!({ "id": id }))
        .await;
    assert_eq!(cart["data"]["cart"], json!({ "version": 21, "lines": [{ "quantity": 21 }] }));

    let stale =
        change(&shop, "cartLinesAdd", json!({ "cartId": id, "expectedVersion": 20, "lines": [] })).await;
    assert_eq!(codes(&stale), ["STALE_VERSION"]);
    assert_eq!(stale["userErrors"][0]["currentVersion"], 21);
}
