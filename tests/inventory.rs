//! Stock: adjusting it, and what orders and imports may do to it.

use ironmonger::ids::{OrderId, OrderLineId, VariantId};
use ironmonger::inventory::{self, Allocation, ReservationLine};

use crate::support::{Client, Shop, Value, json};

const ADJUST: &str = "mutation($input: StockAdjustInput!) { stockAdjust(input: $input) { stockLevel { onHand reserved available \
    variant { id } location { name } } userErrors { __typename code field ... on InsufficientStockError { variantId \
    quantityAvailable } } } }";

async fn adjust(client: &Client, variant: VariantId, delta: i64, key: &str) -> Value {
    let input = json!({ "variantId": variant, "delta": delta, "reason": "counted", "idempotencyKey": key });
    let mut answer = client.send(ADJUST, json!({ "input": input })).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["stockAdjust"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adjustment_takes_effect_once() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let variant = shop.variant_with_stock(10, "1.00").await;
    let expected = json!({ "onHand": 7, "reserved": 0, "available": 7, "variant": { "id": variant },
        "location": { "name": "Main warehouse" } });
    for _ in 0..2 {
        let payload = adjust(&owner, variant, -3, "first").await;
        assert_eq!(payload["stockLevel"], expected);
    }
    let mismatch = adjust(&owner, variant, -4, "first").await;
    assert_eq!(mismatch["userErrors"][0]["code"], "IDEMPOTENCY_MISMATCH");
    let book = format!(
        "SELECT string_agg(kind || ' ' || on_hand_delta || ' ' || reason, ', ' ORDER BY created_at, id) FROM stock_movements \
         WHERE variant_id = '{}' AND kind = 'ADJUSTED'",
        variant.0
    );
    assert_eq!(shop.sql_text(&book).await, "ADJUSTED -3 counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reserved_cannot_be_taken_away() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let variant = shop.variant_with_stock(10, "1.00").await;
    shop.sql("UPDATE stock_levels SET reserved = 8").await;
    let payload = adjust(&owner, variant, -3, "k").await;
    assert_eq!(payload["stockLevel"], Value::Null);
    assert_eq!(
        payload["userErrors"],
        json!([{ "__typename": "InsufficientStockError", "code": "INSUFFICIENT_STOCK", "field": ["input", "delta"],
            "variantId": variant, "quantityAvailable": 2 }])
    );
    // A refusal leaves the key free.
    assert_eq!(adjust(&owner, variant, -2, "k").await["stockLevel"]["available"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_adjustment_is_said() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let variant = shop.variant_with_stock(10, "1.00").await;
    let cases = [
        (adjust(&owner, variant, 0, "k").await, "INVALID", json!(["input", "delta"])),
        (adjust(&owner, variant, 2_000_000_000, "k").await, "INVALID", json!(["input", "delta"])),
        (adjust(&owner, variant, 1, "").await, "INVALID", json!(["input", "idempotencyKey"])),
        (adjust(&owner, variant, 1, "a\u{0}b").await, "INVALID", json!(["input", "idempotencyKey"])),
        (adjust(&owner, VariantId::new(), 1, "k").await, "NOT_FOUND", Value::Null),
    ];
    for (payload, code, field) in cases {
        assert_eq!(payload["userErrors"][0]["code"], code, "{payload}");
        assert_eq!(payload["userErrors"][0]["field"], field, "{payload}");
    }
    let input = json!({ "variantId": variant, "delta": 1, "idempotencyKey": "k" });
    for (client, code) in [(&*shop, "UNAUTHENTICATED"), (&shop.as_customer(), "FORBIDDEN")] {
        let answer = client.send(ADJUST, json!({ "input": input })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn adjustments_at_the_same_time_all_count() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    owner.token().await;
    let variant = shop.variant_with_stock(5, "1.00").await;
    let adjustments = (0..12).map(|i| {
        let owner = owner.clone();
        async move { adjust(&owner, variant, -1, &format!("key-{i}")).await["stockLevel"].is_object() }
    });
    let done = futures_util::future::join_all(adjustments).await.into_iter().filter(|done| *done).count();
    assert_eq!(done, 5);
    assert_eq!(shop.sql_count("SELECT on_hand FROM stock_levels").await, 0);
}

/// Reserves as an order does: its own transaction.
async fn reserve(
    shop: &Shop,
    lines: &[ReservationLine],
) -> Result<Vec<Allocation>, Vec<inventory::Shortage>> {
    use diesel_async::AsyncConnection;
    let (app, now) = (shop.app(), shop.app().clock.now());
    let mut conn = app.db.get().await.unwrap();
    conn.transaction(async |conn| inventory::reserve(conn, lines, OrderId::new(), "shopper", now).await)
        .await
        .unwrap()
}

fn line(variant_id: VariantId, quantity: i64) -> ReservationLine {
    ReservationLine { order_line_id: OrderLineId::new(), variant_id, quantity }
}

#[tokio::test(flavor = "multi_thread")]
async fn scarce_stock_is_never_promised_twice() {
    let shop = Shop::start().await;
    let a = shop.variant_with_stock(9, "1.00").await;
    let b = shop.variant_with_stock(9, "1.00").await;
    // Half of them name the variants the other way round: they must not deadlock.
    let orders = (0..20).map(|i| {
        let lines = if i % 2 == 0 { [line(a, 2), line(b, 1)] } else { [line(b, 1), line(a, 2)] };
        let shop = &shop;
        async move { reserve(shop, &lines).await.is_ok() }
    });
    let placed = futures_util::future::join_all(orders).await.into_iter().filter(|placed| *placed).count();
    assert_eq!(placed, 4);
    let reserved = |variant: VariantId| {
        let query = format!("SELECT reserved FROM stock_levels WHERE variant_id = '{}'", variant.0);
        let shop = &shop;
        async move { shop.sql_count(&query).await }
    };
    assert_eq!((reserved(a).await, reserved(b).await), (8, 4));
    let book = "SELECT sum(reserved_delta)::bigint FROM stock_movements WHERE kind = 'RESERVED'";
    assert_eq!(shop.sql_count(book).await, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_of_a_reservation_do_not_grow_with_its_lines() {
    let shop = Shop::start().await;
    let mut variants = Vec::new();
    for _ in 0..12 {
        variants.push(shop.variant_with_stock(5, "1.00").await);
    }
    let lines: Vec<ReservationLine> = variants.iter().map(|&variant| line(variant, 1)).collect();
    reserve(&shop, &lines[..1]).await.unwrap();
    let before = shop.app().db.statement_count();
    reserve(&shop, &lines).await.unwrap();
    // BEGIN, lock, change, COMMIT.
    assert_eq!(shop.app().db.statement_count() - before, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn shipped_and_released_units_leave_the_reservation() {
    use diesel_async::AsyncConnection;
    let shop = Shop::start().await;
    let variant = shop.variant_with_stock(5, "1.00").await;
    let allocations = reserve(&shop, &[line(variant, 3)]).await.unwrap();
    let part = |quantity| vec![Allocation { quantity, ..allocations[0] }];
    let (order, now) = (OrderId::new(), shop.app().clock.now());
    let mut conn = shop.app().db.get().await.unwrap();
    conn.transaction(async |conn| {
        inventory::ship(conn, &part(2), order, "system", now).await?.expect("the goods are there");
        inventory::release(conn, &part(1), order, "system", now).await?;
        inventory::restock(conn, &part(1), order, "system", now).await
    })
    .await
    .unwrap();
    let level = "SELECT on_hand || '/' || reserved FROM stock_levels";
    assert_eq!(shop.sql_text(level).await, "4/0");
    let book = "SELECT string_agg(kind || ' ' || on_hand_delta || ' ' || reserved_delta, ', ' ORDER BY id) FROM stock_movements";
    assert_eq!(
        shop.sql_text(book).await,
        "RECEIVED 5 0, RESERVED 0 3, SHIPPED -2 -2, RELEASED 0 -1, RESTOCKED 1 0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backorder_is_not_shipped_before_it_came_in() {
    use diesel_async::AsyncConnection;
    let shop = Shop::start().await;
    let variant = shop.variant_with_stock(1, "1.00").await;
    shop.sql("UPDATE stock_levels SET backorderable = true").await;
    let allocations = reserve(&shop, &[line(variant, 3)]).await.unwrap();
    let (order, now) = (OrderId::new(), shop.app().clock.now());
    let mut conn = shop.app().db.get().await.unwrap();
    let shortages = conn
        .transaction(async |conn| inventory::ship(conn, &allocations, order, "system", now).await)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(shortages[0].available, 1);
    assert_eq!(shop.sql_text("SELECT on_hand || '/' || reserved FROM stock_levels").await, "1/3");
}
