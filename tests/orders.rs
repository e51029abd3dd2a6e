//! Orders: placing, paying, calling off, sending, giving back.

use std::collections::HashSet;

use crate::support::{Place, Shop, Value, cart_of, json, place_at};

fn codes(payload: &Value) -> Vec<&str> {
    payload["userErrors"].as_array().unwrap().iter().map(|error| error["code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placed_order_is_paid_by_a_job_and_confirmed_by_mail() {
    let shop = Shop::with_worker().await;
    shop.stock_up().await;
    let (one, two) = (shop.variant_with_stock(10, "24.50").await, shop.variant_with_stock(10, "3.10").await);
    let order = shop.order(&[(one, 2), (two, 1)]).await;
    assert_eq!(order["status"], "PLACED");
    assert_eq!(order["paymentStatus"], "PENDING");
    assert_eq!(order["subtotal"]["amount"], "52.10");
    assert_eq!(order["total"]["amount"], "63.29");

    let mut news = shop
        .subscribe(
            "subscription($token: String!) { orderUpdated(token: $token) { paymentStatus } }",
            json!({ "token": order["accessToken"] }),
        )
        .await;
    loop {
        let state = news.next().await;
        if state["data"]["orderUpdated"]["paymentStatus"] == "PAID" {
            break;
        }
    }
    assert_eq!(shop.stock_of(one).await, (10, 2));
    let mail = shop
        .wait_until(|| async {
            let folder = std::fs::read_dir(shop.data_dir().join("mail")).ok()?;
            let path = folder
                .filter_map(Result::ok)
                .map(|entry| entry.path())
                .find(|path| path.extension().is_some_and(|e| e == "eml"))?;
            std::fs::read_to_string(path).ok()
        })
        .await;
    assert!(mail.contains("ada@example.com") && mail.contains(order["number"].as_str().unwrap()), "{mail}");
    assert!(mail.contains("63.29 USD"), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_cancels_the_order_and_releases_its_stock() {
    let shop = Shop::with_worker().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(5, "10.00").await;
    let cart = shop.cart(&[(variant, 3)]).await;
    let placed = shop.place(Place { cart: &cart, key: "k1", token: "declined" }).await;
    let order = shop.order_reaches(&placed["order"]["accessToken"], "FAILED").await;
    assert_eq!(order["status"], "CANCELED");
    assert_eq!(shop.stock_of(variant).await, (5, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_requires_action_waits_for_the_buyer() {
    let shop = Shop::with_worker().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(5, "10.00").await;
    let cart = shop.cart(&[(variant, 1)]).await;
    let placed = shop.place(Place { cart: &cart, key: "k1", token: "requires_action" }).await;
    let token = &placed["order"]["accessToken"];
    shop.order_reaches(token, "REQUIRES_ACTION").await;
    let confirm = "mutation($input: OrderPaymentConfirmInput!) { orderPaymentConfirm(input: $input) { order { paymentStatus } userErrors { code } } }";
    let answer = shop.send(confirm, json!({ "input": { "token": token } })).await;
    assert_eq!(answer["data"]["orderPaymentConfirm"]["userErrors"], json!([]), "{answer}");
    shop.order_reaches(token, "PAID").await;
    let again = shop.send(confirm, json!({ "input": { "token": token } })).await;
    assert_eq!(codes(&again["data"]["orderPaymentConfirm"]), ["INVALID_STATE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_that_lacks_something_is_not_placed() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let created = shop.send("mutation { cartCreate(input: {}) { cart { id } } }", json!({})).await;
    let empty = created["data"]["cartCreate"]["cart"]["id"].as_str().unwrap().to_owned();
    let refused = shop.place(Place { cart: &empty, key: "k", token: "ok" }).await;
    assert_eq!(codes(&refused), ["CART_EMPTY", "REQUIRED"]);

    let variant = shop.variant_with_stock(5, "10.00").await;
    let cart = shop.cart(&[(variant, 1)]).await;
    shop.place(Place { cart: &cart, key: "k2", token: "ok" }).await;
    let twice = shop.place(Place { cart: &cart, key: "k3", token: "ok" }).await;
    assert_eq!(codes(&twice), ["INVALID_STATE"]);
    let unknown = shop.place(Place { cart: "cart_00000000000000000000000000", key: "k4", token: "ok" }).await;
    assert_eq!(codes(&unknown), ["NOT_FOUND"]);
    assert_eq!(shop.sql_count("SELECT count(*) FROM orders").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_shoppers_cannot_buy_more_than_the_ten_there_are() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(10, "10.00").await;
    let shoppers: Vec<_> = (0..50)
        .map(|_| {
            let client = (*shop).clone();
            tokio::spawn(async move {
                let cart = cart_of(&client, &[(variant, 1)]).await;
                place_at(&client, Place { cart: &cart, key: &cart, token: "ok" }).await
            })
        })
        .collect();
    let (mut sold, mut short) = (0, 0);
    for shopper in shoppers {
        let payload = shopper.await.unwrap();
        if payload["order"].is_object() {
            sold += 1;
        } else {
            assert_eq!(payload["userErrors"][0]["__typename"], "InsufficientStockError", "{payload}");
            assert_eq!(payload["userErrors"][0]["variantId"], json!(variant));
            assert_eq!(payload["userErrors"][0]["quantityAvailable"], 0);
            short += 1;
        }
    }
    assert_eq!((sold, short), (10, 40));
    assert_eq!(shop.stock_of(variant).await, (10, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_from_twenty_connections_places_one_order() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(10, "10.00").await;
    let cart = shop.cart(&[(variant, 1)]).await;
    let clicks: Vec<_> = (0..20)
        .map(|_| {
            let (client, cart) = ((*shop).clone(), cart.clone());
            tokio::spawn(
                async move { place_at(&client, Place { cart: &cart, key: "click", token: "ok" }).await },
            )
        })
        .collect();
    let mut answers = HashSet::new();
    for click in clicks {
        answers.insert(click.await.unwrap().to_string());
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.contains("order_")));
    assert_eq!(shop.sql_count("SELECT count(*) FROM orders").await, 1);
    assert_eq!(shop.stock_of(variant).await, (10, 1));

    let other = shop.place(Place { cart: &cart, key: "click", token: "slow" }).await;
    assert_eq!(codes(&other), ["IDEMPOTENCY_MISMATCH"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_of_placing_do_not_grow_with_the_lines() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let mut variants = Vec::new();
    for _ in 0..30 {
        variants.push((shop.variant_with_stock(100, "10.00").await, 1));
    }
    let mut counts = Vec::new();
    for lines in [&variants[..1], &variants[..]] {
        let cart = shop.cart(lines).await;
        let code = "mutation($input: CartPromotionCodeApplyInput!) { cartPromotionCodeApply(input: $input) { userErrors { code } } }";
        shop.send(code, json!({ "input": { "cartId": cart, "code": "WELCOME10" } })).await;
        let before = shop.app().db.statement_count();
        let payload = shop.place(Place { cart: &cart, key: &cart, token: "ok" }).await;
        counts.push(shop.app().db.statement_count() - before);
        assert!(payload["order"].is_object(), "{payload}");
    }
    assert!(counts.iter().all(|&count| count <= 15), "{counts:?} statements");
    assert_eq!(counts[0], counts[1]);
}

const CANCEL: &str = "mutation($input: OrderCancelInput!) { orderCancel(input: $input) { order { id status } userErrors { code field } } }";
const FULFILL: &str = "mutation($input: FulfillmentCreateInput!) { fulfillmentCreate(input: $input) { fulfillment { id status trackingNumber } userErrors { code field } } }";
const REFUND: &str = "mutation($input: PaymentRefundInput!) { paymentRefund(input: $input) { refund { id status } userErrors { code message field } } }";
const PAGE: &str = "query($id: ID!) { order(id: $id) { status paymentStatus fulfillmentStatus \
    payments { id status amount { amount currencyCode } refundedAmount { amount } } \
    fulfillments { id status } events(first: 50) { nodes { sequence type actor } totalCount } } }";

#[tokio::test(flavor = "multi_thread")]
async fn canceling_an_order_releases_its_stock() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(10, "10.00").await;
    let order = shop.order(&[(variant, 4)]).await;
    assert_eq!(shop.stock_of(variant).await, (10, 4));
    let input = json!({ "input": { "orderId": order["id"], "reason": "changed my mind", "restock": true, "idempotencyKey": "c" } });
    for client in [&*shop, &shop.as_customer()] {
        let refused = client.send(CANCEL, input.clone()).await;
        let code = &refused["errors"][0]["extensions"]["code"];
        assert!(code == "UNAUTHENTICATED" || code == "FORBIDDEN", "{refused}");
    }
    let owner = shop.as_owner();
    for _ in 0..2 {
        let answer = owner.send(CANCEL, input.clone()).await;
        assert_eq!(answer["data"]["orderCancel"]["order"]["status"], "CANCELED", "{answer}");
        assert_eq!(shop.stock_of(variant).await, (10, 0));
    }
    let other = json!({ "input": { "orderId": order["id"], "reason": "again", "idempotencyKey": "c2" } });
    let again = owner.send(CANCEL, other).await;
    assert_eq!(codes(&again["data"]["orderCancel"]), ["INVALID_STATE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_canceled_before_its_payment_ran_is_not_charged() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(10, "10.00").await;
    let order = shop.order(&[(variant, 1)]).await;
    let owner = shop.as_owner();
    let input = json!({ "input": { "orderId": order["id"], "idempotencyKey": "c" } });
    owner.send(CANCEL, input).await;
    shop.run_worker();
    let page = shop
        .wait_until(|| async {
            let page = owner.send(PAGE, json!({ "id": order["id"] })).await;
            (page["data"]["order"]["payments"][0]["status"] == "VOIDED").then_some(page)
        })
        .await;
    assert_eq!(page["data"]["order"]["status"], "CANCELED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_is_sent_completed_and_refunded() {
    let shop = Shop::with_worker().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(10, "10.00").await;
    let order = shop.order(&[(variant, 3)]).await;
    let paid = shop.order_reaches(&order["accessToken"], "PAID").await;
    let owner = shop.as_owner();
    let line = &paid["lines"][0]["id"];
    let parcel = |quantity: i64| {
        json!({ "input": { "orderId": order["id"], "lines": [{ "lineId": line, "quantity": quantity }],
                           "trackingNumber": "1Z999", "notifyCustomer": true } })
    };
    let too_many = owner.send(FULFILL, parcel(4)).await;
    assert_eq!(codes(&too_many["data"]["fulfillmentCreate"]), ["INVALID"], "{too_many}");
    let first = owner.send(FULFILL, parcel(2)).await;
    assert_eq!(first["data"]["fulfillmentCreate"]["fulfillment"]["status"], "SHIPPED", "{first}");
    assert_eq!(shop.stock_of(variant).await, (8, 1));
    let page = owner.send(PAGE, json!({ "id": order["id"] })).await;
    assert_eq!(page["data"]["order"]["fulfillmentStatus"], "PARTIAL");
    owner.send(FULFILL, parcel(1)).await;
    assert_eq!(shop.stock_of(variant).await, (7, 0));

    let page = owner.send(PAGE, json!({ "id": order["id"] })).await;
    let detail = &page["data"]["order"];
    assert_eq!((&detail["status"], &detail["fulfillmentStatus"]), (&json!("COMPLETED"), &json!("FULFILLED")));
    let payment = &detail["payments"][0]["id"];
    let refund = |amount: &str, key: &str| {
        json!({ "input": { "paymentId": payment, "amount": { "amount": amount, "currencyCode": "USD" },
                           "reason": "bent", "idempotencyKey": key } })
    };
    let too_much = owner.send(REFUND, refund("1000.00", "r0")).await;
    assert_eq!(codes(&too_much["data"]["paymentRefund"]), ["INVALID"]);
    for _ in 0..2 {
        let part = owner.send(REFUND, refund("5.00", "r1")).await;
        assert_eq!(part["data"]["paymentRefund"]["userErrors"], json!([]), "{part}");
    }
    shop.order_reaches(&order["accessToken"], "PARTIALLY_REFUNDED").await;
    let page = owner.send(PAGE, json!({ "id": order["id"] })).await;
    assert_eq!(page["data"]["order"]["payments"][0]["refundedAmount"]["amount"], "5.00");
    let events = &page["data"]["order"]["events"];
    let sequences: Vec<i64> =
        events["nodes"].as_array().unwrap().iter().map(|event| event["sequence"].as_i64().unwrap()).collect();
    assert_eq!(sequences, (1..=events["totalCount"].as_i64().unwrap()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_desk_lists_newest_first_by_keyset() {
    let shop = Shop::start().await;
    shop.stock_up().await;
    let variant = shop.variant_with_stock(100, "10.00").await;
    let mut numbers = Vec::new();
    for _ in 0..5 {
        numbers.insert(0, shop.order(&[(variant, 1)]).await["number"].clone());
    }
    let list = "query($first: Int!, $after: String, $where: OrderWhereInput) { orders(first: $first, after: $after, where: $where) {
        nodes { number lines { sku } } totalCount pageInfo { hasNextPage endCursor } } }";
    let owner = shop.as_owner();
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = owner
            .send(list, json!({ "first": 2, "after": after, "where": { "status": { "in": ["PLACED"] } } }))
            .await;
        let orders = &page["data"]["orders"];
        assert_eq!(orders["totalCount"], 5, "{page}");
        seen.extend(orders["nodes"].as_array().unwrap().iter().map(|order| order["number"].clone()));
        after = orders["pageInfo"]["endCursor"].clone();
        if orders["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen, numbers);
    let refused = shop.send(list, json!({ "first": 2 })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}
